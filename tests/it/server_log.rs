//! The event log of a server: a line for everything that happens, and no secret in any.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use ws_core::{LoggingSettings, handshake::ClientRequest};
use ws_server::{Auth, Config};
use ws_tests::{
    echo::{EchoServer, TestCertificate},
    raw::{RawConnection, Shared, Transport},
    wait::{self, TIMEOUT},
};

fn lines(server: &EchoServer) -> Vec<String> {
    server.running.log().lines(1000).unwrap().0
}

/// Waits for a line that contains all of these.
fn expect(server: &EchoServer, parts: &[&str]) {
    let found = wait::until(TIMEOUT, || {
        let mut lines = lines(server).into_iter();
        lines.any(|line| parts.iter().all(|part| line.contains(part)))
    });
    assert!(found, "no line with {parts:?} in {:#?}", lines(server));
}

fn connect(server: &EchoServer) -> Transport {
    Transport::connect(&server.address().to_string()).unwrap()
}

fn open(server: &EchoServer, target: &str) -> std::io::Result<RawConnection> {
    RawConnection::open_over(connect(server), &server.host(), target)
}

#[test]
fn every_event_has_its_line() {
    let config = Config::default()
        .logging(LoggingSettings::default())
        .paths(["/chat"])
        .max_connections(1)
        .handshake_timeout(Duration::from_millis(300));
    let mut server = EchoServer::start(config);
    let mut shared = Shared::default();
    expect(
        &server,
        &["started at 127.0.0.1:", "no TLS, 1 connections on 1 loops"],
    );

    let mut first = open(&server, "/chat?room=1").unwrap();
    let peer = first.transport().socket().local_addr().unwrap().to_string();
    expect(
        &server,
        &[
            "handshake of",
            &peer,
            "accepted: connection",
            "added, path /chat",
        ],
    );
    assert!(open(&server, "/chat").is_err());
    expect(&server, &["refused: 503 all 1 connections"]);
    first.close(&mut shared).unwrap();
    expect(
        &server,
        &["closed: code 1000, reason \"\", closed by the peer"],
    );

    assert!(open(&server, "/other").is_err());
    expect(&server, &["refused: 404"]);
    let silent = connect(&server);
    expect(&server, &["refused: 408"]);
    drop(silent);
    connect(&server).shutdown().unwrap();
    expect(&server, &["broken off"]);

    let mut lost = open(&server, "/chat").unwrap();
    lost.transport().socket().shutdown(Shutdown::Both).unwrap();
    expect(
        &server,
        &["dropped: the TCP connection ended without a Close frame"],
    );

    let mut rude = open(&server, "/chat").unwrap();
    // A frame that is not masked.
    rude.transport().write_all(&[0x81, 0]).unwrap();
    expect(&server, &["closed: code 1002", "mask"]);
    drop(rude);

    let address = server.address();
    server.running.stop(Duration::from_secs(5)).unwrap();
    expect(&server, &["stopping"]);
    assert!(
        lines(&server).last().unwrap().ends_with("] stopped"),
        "{:#?}",
        lines(&server)
    );
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn tls_errors_have_their_lines() {
    let certificate = TestCertificate::new(&["localhost"]);
    let config = Config::default()
        .tls(certificate.server())
        .logging(LoggingSettings::default())
        .handshake_timeout(Duration::from_secs(2));
    let server = EchoServer::start(config);
    expect(&server, &["started at", ": TLS, "]);
    let mut plain = connect(&server);
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    expect(
        &server,
        &["TLS handshake", "failed: the peer does not speak TLS"],
    );
    expect(&server, &["refused: 400"]);
    let mut silent = connect(&server);
    silent.socket().write_all(&[22]).unwrap();
    expect(
        &server,
        &["the TLS handshake of", "was not finished in time"],
    );
    let with_tls = || {
        let mut transport = connect(&server);
        transport
            .start_tls(&certificate.client(), "localhost")
            .unwrap();
        RawConnection::open_over(transport, &server.host(), "/").unwrap()
    };
    let mut cut = with_tls();
    cut.transport().socket().shutdown(Shutdown::Both).unwrap();
    expect(
        &server,
        &["dropped: the TLS connection was cut off without close_notify"],
    );
    let mut broken = with_tls();
    broken
        .transport()
        .socket()
        .write_all(&[
            23, 3, 3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ])
        .unwrap();
    expect(&server, &["TLS failed: "]);
    expect(&server, &["dropped: TLS failed"]);
    server.running.set_tls(certificate.server()).unwrap();
    expect(&server, &["the certificates were replaced"]);
}

/// What controls a line or turns the direction of writing: U+0000 to U+001F, U+007F to U+009F, and the rest of R-33.
fn controls() -> Vec<char> {
    let all = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
    let turning = "\u{61c}\u{200e}\u{200f}\u{2066}\u{2067}\u{2068}\u{2069}".chars();
    all.chain('\u{2028}'..='\u{202e}').chain(turning).collect()
}

/// in whatever a peer says, each of these characters leaves one event one line, in memory and in the file.
#[test]
fn what_a_peer_says_is_one_line_whatever_it_says() {
    // More refusals in a second would be counted and not written.
    const AT_ONCE: usize = 10;
    let folder = tempfile::tempdir().unwrap();
    let mut events = 0;
    for place in ["path", "Origin", "header", "reason"] {
        for some in controls().chunks(AT_ONCE) {
            let path = folder.path().join(format!("{events}.log"));
            let settings = LoggingSettings::default().file_path(&path);
            let mut server = EchoServer::start(Config::default().logging(settings));
            let peers: Vec<_> = some
                .iter()
                .zip(4000..)
                .map(|(control, code)| say(&server, place, code, &format!("begin{control}end")))
                .collect();
            server.running.stop(Duration::from_secs(5)).unwrap();
            let (memory, file) = (lines(&server), fs::read_to_string(&path).unwrap());
            // Only the end of a line is one.
            assert_eq!(
                file.split('\n').collect::<Vec<_>>(),
                [&memory[..], &[String::new()]].concat()
            );
            for line in &memory {
                assert!(!line.contains(controls().as_slice()), "{place}: {line:?}");
            }
            for peer in peers {
                let count = memory.iter().filter(|line| line.contains(&peer)).count();
                assert_eq!(count, 1, "lines that say {peer:?} of {place}: {memory:#?}");
                events += 1;
            }
        }
    }
    println!("{events} events of a peer's text are a line each");
    assert_eq!(events, 4 * controls().len());
}

/// Says it to the server, at that place, the reason with that code; returns what the line of this event contains.
fn say(server: &EchoServer, place: &str, code: u16, text: &str) -> String {
    if place == "reason" {
        let mut connection = open(server, "/").unwrap();
        let frame = [&code.to_be_bytes(), text.as_bytes()].concat();
        let head = [0x88, 0x80 | u8::try_from(frame.len()).unwrap(), 0, 0, 0, 0];
        let transport = connection.transport();
        transport.write_all(&[&head, &frame[..]].concat()).unwrap();
        transport.read_exact(&mut [0]).unwrap();
        return format!("closed: code {code}, reason \"begin");
    }
    let (path, line) = match place {
        "path" => (text, String::new()),
        name => ("", format!("{name}: {text}\r\n")),
    };
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{line}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.host()
    );
    let mut transport = connect(server);
    let peer = transport.socket().local_addr().unwrap();
    transport.write_all(request.as_bytes()).unwrap();
    // The line is written before the answer.
    transport.read_exact(&mut [0]).unwrap();
    format!("handshake of {peer} ")
}

/// Ten thousand refusals are not ten thousand lines.
#[test]
fn a_flood_is_counted_and_not_written_out() {
    let config = Config::default().logging(LoggingSettings::default().max_entries(10_000));
    let server = EchoServer::start(config.paths(["/chat"]));
    for _ in 0..200 {
        assert!(open(&server, "/other").is_err());
    }
    let refused = |server: &EchoServer| {
        let lines = lines(server).into_iter();
        lines.filter(|line| line.contains("refused: 404")).count()
    };
    let seconds = 1 + TIMEOUT.as_secs();
    assert!(refused(&server) as u64 <= 10 * seconds && refused(&server) < 200);
}

#[test]
fn no_secret_gets_into_the_log_its_file_or_an_answer() {
    const CANARY: &str = "canary7f3a";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let auth = Auth::new()
        .user("ada", CANARY)
        .token(CANARY)
        .query_parameter("token");
    let config = Config::default()
        .logging(LoggingSettings::default().file_path(&path))
        .auth(auth);
    let shown = format!("{config:?}");
    let mut server = EchoServer::start(config);
    let host = server.host();
    let target = format!("/?token={CANARY}");
    let wrong = format!("/?token={CANARY}x");
    let requests = [
        ClientRequest::new(&host, &target),
        ClientRequest::new(&host, "/").header("Authorization", &format!("Bearer {CANARY}")),
        ClientRequest::new(&host, &target).header("Cookie", &format!("sid={CANARY}")),
    ];
    let mut shared = Shared::default();
    for request in requests {
        let mut connection = RawConnection::open_with(connect(&server), &request).unwrap();
        connection.echo(CANARY, &mut shared).unwrap();
        connection.close(&mut shared).unwrap();
    }
    let refused = [
        ClientRequest::new(&host, &wrong),
        ClientRequest::new(&host, "/").header("Authorization", &format!("Bearer {CANARY}x")),
    ];
    for request in refused {
        let error = RawConnection::open_with(connect(&server), &request).unwrap_err();
        assert!(error.to_string().contains("401") && !error.to_string().contains(CANARY));
    }
    let mut transport = connect(&server);
    write!(
        transport,
        "GET /?token={CANARY} HTTP/1.1\r\nHost: x\r\nCookie: {CANARY}\r\nBroken\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    transport.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    server.running.stop(Duration::from_secs(5)).unwrap();
    let memory = lines(&server).join("\n");
    let file = fs::read_to_string(&path).unwrap();
    assert!(
        memory.contains("refused: 401") && memory.contains("refused: 400"),
        "{memory}"
    );
    assert_eq!(memory.lines().count(), file.lines().count());
    for text in [&shown, &memory, &file, &answer] {
        assert!(!text.contains(CANARY), "{text}");
        assert!(!text.contains("Y2FuYXJ5N2YzY"), "in base64: {text}");
    }
}

//! A server with TLS, and what comes to its port: clients that we did not write, honest ones byte by byte, and every
//! way to begin, cut or misuse TLS.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    process::Command,
    time::{Duration, Instant},
};

use ws_core::tls::{ClientCertificates, ClientTls, ServerTls};
use ws_server::{ClosedBy, Config};
use ws_tests::{
    echo::{EchoServer, TestCertificate},
    raw::{RawConnection, Shared, Transport},
    wait::{self, TIMEOUT},
};

use crate::support::{peer::Peer, process::Process};

fn connect(server: &EchoServer, client: &ClientTls) -> Transport {
    connect_to(server, client, "localhost")
}

fn connect_to(server: &EchoServer, client: &ClientTls, name: &str) -> Transport {
    let mut transport = Transport::connect(&server.address().to_string()).unwrap();
    transport.start_tls(client, name).unwrap();
    transport
}

fn open(server: &EchoServer, transport: Transport) -> RawConnection {
    RawConnection::open_over(transport, &server.host(), "/").unwrap()
}

fn request(server: &EchoServer) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.host()
    )
}

fn start() -> (TestCertificate, EchoServer) {
    let certificate = TestCertificate::new(&["localhost"]);
    let server = EchoServer::start(Config::default().tls(certificate.server()));
    (certificate, server)
}

/// The certificate as a file, for programs that take it so.
fn file(pem: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

fn check_all(client: Peer) {
    let (certificate, server) = start();
    let authority = file(&certificate.chain);
    let url = format!("wss://{}/", server.host());
    for mode in ["sizes", "fragments", "pings"] {
        client.check_echo_trusting(authority.path(), &url, &[mode]);
        assert_eq!(server.next_end(), ClosedBy::Peer);
    }
}

#[test]
fn python_gets_every_echo_over_tls() {
    check_all(Peer::Python);
}

#[test]
fn node_gets_every_echo_over_tls() {
    check_all(Peer::Node);
}

/// Runs `openssl s_client`, gives it a request, and returns what it printed.
fn s_client(server: &EchoServer, authority: &TestCertificate, arguments: &[&str]) -> String {
    let file = file(&authority.chain);
    let mut process = Process::spawn(
        Command::new("openssl")
            .args(["s_client", "-connect", &server.address().to_string()])
            .arg("-CAfile")
            .arg(file.path())
            .args(["-verify_return_error", "-ign_eof"])
            .args(arguments),
    );
    let head = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    assert!(process.write(head.as_bytes()));
    let finished = process.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stdout_text().to_owned()
}

#[test]
fn openssl_agrees_on_both_versions() {
    let (certificate, server) = start();
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let text = s_client(&server, &certificate, &[flag, "-servername", "localhost"]);
        assert!(text.contains("HTTP/1.1 200 OK"), "{text}");
        assert!(text.contains(version), "{text}");
        assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
        // It prints this for an end without close_notify.
        assert!(!text.contains("unexpected eof"), "{text}");
    }
}

#[test]
fn openssl_is_shown_the_certificate_of_the_name_it_asks_for() {
    let [one, other] = ["one.example", "other.example"].map(|name| TestCertificate::new(&[name]));
    let both = [one.identity(), other.identity()];
    let tls = ServerTls::new(&both, &ClientCertificates::Ignored).unwrap();
    let server = EchoServer::start(Config::default().tls(tls));
    for (name, certificate) in [("one.example", &one), ("other.example", &other)] {
        let text = s_client(
            &server,
            certificate,
            &["-servername", name, "-verify_hostname", name],
        );
        assert!(text.contains("HTTP/1.1 200 OK"), "{name}: {text}");
    }
}

#[test]
fn an_old_version_is_refused_and_the_port_goes_on() {
    let (certificate, server) = start();
    let failed = Process::spawn(
        Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &server.address().to_string(),
                "-tls1_1",
            ])
            .args(["-cipher", "ALL:@SECLEVEL=0"]),
    );
    let finished = failed.finish();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let mut connection = open(&server, connect(&server, &certificate.client()));
    connection
        .echo("still there", &mut Shared::default())
        .unwrap();
}

#[test]
fn one_byte_at_a_time_is_enough() {
    let (certificate, server) = start();
    let mut shared = Shared::default();
    let mut transport = connect(&server, &certificate.client());
    // Each byte of the hello in a segment of its own, each byte after it in a record of its own.
    transport.in_pieces(1);
    let mut connection = open(&server, transport);
    for text in ["", "x", "a message of several frames' worth of bytes"] {
        connection.echo(text, &mut shared).unwrap();
    }
    connection.close(&mut shared).unwrap();
    assert_eq!(server.next_end(), ClosedBy::Peer);
}

#[test]
fn a_large_message_passes_in_both_directions() {
    let (certificate, server) = start();
    let mut shared = Shared::default();
    let mut connection = open(&server, connect(&server, &certificate.client()));
    // Above the high-water mark, but not so much that two blocking ends could wait for each other.
    connection
        .echo(&"large ".repeat(50_000), &mut shared)
        .unwrap();
    connection.close(&mut shared).unwrap();
}

#[test]
fn close_notify_in_the_middle_of_the_handshake_ends_it() {
    let (certificate, server) = start();
    let mut transport = connect(&server, &certificate.client());
    transport.tls().unwrap().close(&mut Vec::new());
    let mut hello = Vec::new();
    let mut again = ws_core::tls::Tls::client(&certificate.client(), "localhost").unwrap();
    again.send(b"", &mut hello).unwrap();
    let socket = transport.socket();
    socket.write_all(&hello).unwrap();
    // A warning alert in the clear: close_notify.
    socket.write_all(&[21, 3, 3, 0, 2, 1, 0]).unwrap();
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = socket.read_to_end(&mut rest);
    connection_still_works(&server, &certificate);
}

fn connection_still_works(server: &EchoServer, certificate: &TestCertificate) {
    let mut shared = Shared::default();
    let mut connection = open(server, connect(server, &certificate.client()));
    connection.echo("still there", &mut shared).unwrap();
    connection.close(&mut shared).unwrap();
}

/// a stream that is cut after any of its records is told apart from one that was ended.
#[test]
fn a_stream_cut_after_any_record_is_reported() {
    let (certificate, server) = start();
    let mut shared = Shared::default();
    for records in 0..4 {
        let mut connection = open(&server, connect(&server, &certificate.client()));
        for _ in 0..records {
            connection.echo("one record", &mut shared).unwrap();
        }
        // The end of TCP, without close_notify.
        connection
            .transport()
            .socket()
            .shutdown(std::net::Shutdown::Write)
            .unwrap();
        assert_eq!(
            server.next_end(),
            ClosedBy::Truncated,
            "after {records} records"
        );
    }
    // With close_notify it is an end, though no Close frame came.
    let mut connection = open(&server, connect(&server, &certificate.client()));
    connection.transport().shutdown().unwrap();
    assert_eq!(server.next_end(), ClosedBy::Lost);
    // In the middle of a record.
    let mut connection = open(&server, connect(&server, &certificate.client()));
    let mut record = Vec::new();
    connection
        .transport()
        .tls()
        .unwrap()
        .send(b"cut here", &mut record)
        .unwrap();
    let socket = connection.transport().socket();
    socket.write_all(&record[..record.len() - 1]).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.next_end(), ClosedBy::Truncated);
}

/// when both Close frames have passed, nothing can have been cut off.
#[test]
fn a_cut_after_both_close_frames_is_no_truncation() {
    let (certificate, server) = start();
    let connection = open(&server, connect(&server, &certificate.client()));
    // It drops the socket without close_notify of its own, and wants the server's.
    connection.close(&mut Shared::default()).unwrap();
    assert_eq!(server.next_end(), ClosedBy::Peer);
}

#[test]
fn the_middle_of_the_stream_garbled_is_a_failure_of_tls() {
    let (certificate, server) = start();
    let mut connection = open(&server, connect(&server, &certificate.client()));
    let socket = connection.transport().socket();
    socket
        .write_all(&[
            23, 3, 3, 0, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
        ])
        .unwrap();
    assert_eq!(server.next_end(), ClosedBy::Tls);
    // It is told why.
    let error = connection.echo("?", &mut Shared::default()).unwrap_err();
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
}

#[test]
fn plain_http_is_told_that_the_port_speaks_tls() {
    let (certificate, server) = start();
    let mut transport = Transport::connect(&server.address().to_string()).unwrap();
    transport.write_all(request(&server).as_bytes()).unwrap();
    let mut answer = String::new();
    transport.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.ends_with("this port speaks TLS: use wss:// or https://"),
        "{answer}"
    );
    connection_still_works(&server, &certificate);
}

/// neither a hello that never ends nor a request that never ends holds a slot.
#[test]
fn slow_handshakes_end_at_one_deadline_and_keep_nobody_out() {
    let certificate = TestCertificate::new(&["localhost"]);
    let config = Config::default()
        .tls(certificate.server())
        .max_connections(4)
        .handshake_timeout(Duration::from_secs(2));
    let server = EchoServer::start(config);
    let begin = Instant::now();
    let mut slow: Vec<_> = (0..50)
        .map(|number| {
            let mut transport = connect(&server, &certificate.client());
            if number % 2 == 0 {
                transport.socket().write_all(&[22, 3, 1, 2]).unwrap();
            } else {
                transport.finish_handshake().unwrap();
                transport.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
            }
            transport
        })
        .collect();
    connection_still_works(&server, &certificate);
    for (number, transport) in slow.iter_mut().enumerate() {
        if number % 2 == 0 {
            // Nothing can be said before the handshake is done.
            let mut rest = Vec::new();
            match transport.socket().read_to_end(&mut rest) {
                Ok(_) => assert_eq!(rest, b""),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        } else {
            let mut answer = String::new();
            transport.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
    }
    assert!(begin.elapsed() < TIMEOUT, "{:?}", begin.elapsed());
    assert_eq!(server.next_end(), ClosedBy::Peer);
    assert!(server.no_end());
}

#[test]
fn a_client_certificate_is_optional_or_required_as_configured() {
    let certificate = TestCertificate::new(&["localhost"]);
    let [known, unknown] = ["known", "unknown"].map(|name| TestCertificate::new(&[name]));
    let roots = certificate.roots();
    let without = certificate.client();
    let with = |shown: &TestCertificate| ClientTls::new(&roots, Some(&shown.identity())).unwrap();
    let may_echo = |server: &EchoServer, client: &ClientTls| {
        let opened = RawConnection::open_over(connect(server, client), &server.host(), "/");
        opened.and_then(|mut connection| connection.echo("let in", &mut Shared::default()))
    };
    for (clients, expected) in [
        (ClientCertificates::Ignored, [true, true, true]),
        (
            ClientCertificates::Optional(known.roots()),
            [true, true, false],
        ),
        (
            ClientCertificates::Required(known.roots()),
            [false, true, false],
        ),
    ] {
        let tls = ServerTls::new(&[certificate.identity()], &clients).unwrap();
        let server = EchoServer::start(Config::default().tls(tls));
        let seen = [&without, &with(&known), &with(&unknown)]
            .map(|client| may_echo(&server, client).is_ok());
        assert_eq!(seen, expected, "{clients:?}");
    }
}

#[test]
fn certificates_are_replaced_without_dropping_anybody() {
    let (old, server) = start();
    let new = TestCertificate::new(&["localhost"]);
    let mut shared = Shared::default();
    let mut before = open(&server, connect(&server, &old.client()));
    before.echo("before", &mut shared).unwrap();
    server.running.set_tls(new.server()).unwrap();
    let mut after = open(&server, connect(&server, &new.client()));
    after.echo("after", &mut shared).unwrap();
    before.echo("the old one goes on", &mut shared).unwrap();
    let refused = RawConnection::open_over(connect(&server, &old.client()), "localhost", "/");
    assert!(refused.is_err(), "the old certificate is still shown");
    assert!(server.no_end());
}

#[test]
fn a_server_without_tls_takes_none_later() {
    let server = EchoServer::start(Config::default());
    let error = server
        .running
        .set_tls(TestCertificate::new(&["localhost"]).server())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unusable configuration: the server was started without TLS"
    );
}

#[test]
fn a_stop_says_1001_over_tls_and_frees_the_port() {
    let (certificate, mut server) = start();
    let address = server.address();
    let mut connection = open(&server, connect(&server, &certificate.client()));
    connection.echo("hello", &mut Shared::default()).unwrap();
    let unfinished = connect(&server, &certificate.client());
    let waiting = std::thread::spawn(move || {
        let mut shared = Shared::default();
        loop {
            if let Err(error) = connection.echo("?", &mut shared) {
                break error.to_string();
            }
        }
    });
    server.running.stop(Duration::from_secs(5)).unwrap();
    assert!(waiting.join().unwrap().contains("1001"));
    assert!(wait::until(TIMEOUT, || std::net::TcpStream::connect(
        address
    )
    .is_err()));
    drop(unfinished);
}

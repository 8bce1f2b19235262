//! no secret in an error, a log line or `Debug`, whatever fails and whatever the server echoes.

use std::io::{Read, Write};

use ws_client::{
    Alert, BackgroundClient, BackgroundConfig, Client, Config, ConnectRequest, Error, ErrorKind,
    Hook, LoggingSettings, ProxyKind, ProxySettings, Reconnect, Stage, TlsSettings,
};

use crate::support::*;

const CANARY: &str = "canary-7f3a";

fn request(url: &str) -> ConnectRequest {
    let url = url.replace("ws://", &format!("ws://{CANARY}:{CANARY}@"));
    ConnectRequest::new(&format!("{url}/?token={CANARY}&{CANARY}"))
        .unwrap()
        .header("Authorization", format!("Bearer {CANARY}"))
        .header("Cookie", format!("session={CANARY}"))
        .header("X-Api-Key", CANARY)
}

fn check(error: &Error) {
    let shown = format!(
        "{error} {error:?} {:?} {} {:?}",
        error.hint(),
        error.target(),
        error.io_error()
    );
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn nothing_shows_a_secret() {
    let log = log_of_this_process();

    // Refused by a server that echoes the whole request, in reason, header and body.
    let server = serve_raw(|mut stream| {
        let head = read_head(&mut stream);
        assert!(head.contains(CANARY));
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let answer = format!(
            "HTTP/1.1 404 No {target}\r\nSet-Cookie: {CANARY}\r\nConnection: close\r\n\r\nCannot GET {target} {CANARY}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let error = Client::connect_with(&request(&server.url)).unwrap_err();
    server.join();
    assert_eq!(error.status(), Some(404));
    check(&error);

    // Refused, resolved to nothing, without TLS, and with what may not be written.
    for url in ["ws://127.0.0.1:1", "ws://nothing.invalid"] {
        check(&Client::connect_with(&request(url)).unwrap_err());
    }
    let bad_header = request("ws://127.0.0.1:1").header("X", format!("{CANARY}\r\n"));
    check(&Client::connect_with(&bad_header).unwrap_err());
    let bad_name = request("ws://127.0.0.1:1").subprotocol(format!("{CANARY} {CANARY}"));
    check(&Client::connect_with(&bad_name).unwrap_err());
    let secure = format!("wss://{CANARY}@127.0.0.1/?{CANARY}");
    check(&Client::connect(&secure).unwrap_err());

    // What is in the files of TLS. Their names are no secrets: an error says which file is at fault.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\n{CANARY}\n-----END {kind}-----\n");
    for text in [CANARY.to_owned(), pem("CERTIFICATE"), pem("PRIVATE KEY")] {
        std::fs::write(&file, text).unwrap();
        for tls in [
            TlsSettings::new().ca_file(&file),
            TlsSettings::new().client_certificate(&file, &file),
        ] {
            let request = request("ws://127.0.0.1:1").tls(tls);
            let error = Client::connect_with(&request).unwrap_err();
            assert!(error.to_string().contains("key.pem"), "{error}");
            check(&error);
        }
    }

    // Through proxies that refuse, echo the login, are none or are not there.
    let proxies: [(ProxyKind, &'static [u8]); 7] = [
        (ProxyKind::Http, b"HTTP/1.1 407 no\r\nProxy-Authenticate: canary-7f3a\r\n\r\n"),
        (ProxyKind::Http, b"HTTP/1.1 407 canary-7f3a\r\nProxy-Authenticate: Basic realm=\"canary-7f3a\"\r\n\r\n"),
        (ProxyKind::Http, b"HTTP/1.1 403 no canary-7f3a Y2FuYXJ5LTdmM2E6Y2FuYXJ5LTdmM2E=\r\nX: canary-7f3a\r\n\r\n"),
        (ProxyKind::Https, b"HTTP/1.1 400 canary-7f3a\r\n\r\n"),
        (ProxyKind::Socks5, b"\x05\x02\x01\x01"),
        (ProxyKind::Socks5, b"canary-7f3a"),
        (ProxyKind::Socks4, b"\x00\x5d\x00\x00\x00\x00\x00\x00"),
    ];
    for (kind, answer) in proxies {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            // A SOCKS dial connects once before, to see whether anybody listens.
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(answer);
                    read_to_end(stream);
                    break;
                }
            }
        });
        let proxy = ProxySettings::new(kind, "127.0.0.1", port).login(CANARY, CANARY);
        let through = request("ws://127.0.0.1:1").proxy(proxy.clone());
        let error = Client::connect_with(&through).unwrap_err();
        thread.join().unwrap();
        assert_eq!(error.stage(), Stage::Proxy, "{error}");
        check(&error);
        let printed = format!("{proxy} {proxy:?} {through:?}");
        assert!(!printed.contains(CANARY), "{printed}");
    }
    let bad = format!("socks5://{CANARY}:{CANARY}@host:{CANARY}");
    check(&ProxySettings::parse(&bad).unwrap_err());

    // Time runs out, and an open connection is lost.
    let server = serve_raw(read_to_end);
    let short = Config::default().connect_timeout(std::time::Duration::from_millis(50));
    check(&Client::connect_with(&request(&server.url).config(short)).unwrap_err());
    server.join();
    let server = serve_frames(|_| {});
    let request = request(&server.url);
    let mut client = Client::connect_with(&request).unwrap();
    check(&client.receive(LONG).unwrap_err());
    check(&client.send_text(CANARY).unwrap_err());
    server.join();

    background();

    let printed = format!("{request:?} {client:?} {:?}", client.interrupter());
    assert!(!printed.contains(CANARY), "{printed}");
    assert!(log.count("connected to") > 0, "the log was not kept");
    assert_eq!(log.count(CANARY), 0, "{log:?}");
}

/// Dials a server that refuses with this `reason` and `body`, and gives the error's text.
fn refused(query: &str, reason: &str, body: &str) -> String {
    let answer = format!(
        "HTTP/1.1 403 {reason}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = serve_raw(move |mut stream| {
        read_head(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let url = server.url.replace("ws://", "ws://admin:admin-canary@");
    let error = Client::connect(&format!("{url}/?{query}")).unwrap_err();
    server.join();
    error.to_string()
}

#[test]
fn a_secret_that_begins_as_another_is_hidden_whole() {
    for said in [
        "admin-canary",
        "YWRtaW46YWRtaW4tY2FuYXJ5",
        "abcd-canary",
        "abcd canary",
        "ab/canary",
        "ab%2Fcanary",
    ] {
        let query = "user=abcd&token=abcd-canary&form=abcd+canary&path=ab/canary";
        let text = refused(query, &format!("no {said}"), &format!("no {said} !"));
        assert!(text.contains("403 no ***, saying \"no *** !\""), "{text}");
    }
}

#[test]
fn a_secret_that_a_limit_cuts_shows_none_of_it() {
    let token = "canary-0123456789-abcdefghij";
    let query = format!("token={token}");
    // Around where reason and words are cut, and where no more of a body is kept.
    for filler in (220..=260).step_by(4) {
        let said = format!("{}{token}", "x".repeat(filler));
        let text = refused(&query, &said, "");
        assert!(!text.contains("cana"), "{text}");
        let text = refused(&query, "", &said);
        assert!(!text.contains("cana"), "{text}");
    }
    for filler in (990..=1030).step_by(4) {
        let body = format!("<p class=\"{}\">No {token}", "x".repeat(filler - 15));
        let text = refused(&query, "", &body);
        assert!(!text.contains("cana"), "{text}");
    }
}

/// The same with the client that keeps an event log, in memory and in a file.
fn background() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let reconnect = Reconnect::default()
        .first_delay(std::time::Duration::from_millis(1))
        .max_attempts(1)
        .repeat_text(CANARY);
    let background = BackgroundConfig::default()
        .reconnect(Some(reconnect))
        .logging(LoggingSettings::default().file_path(&path));
    let mut kept = Vec::new();

    // A server that closes with what it was told; and then only a refusal that echoes everything.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        stream.write_all(accept(&head).as_bytes()).unwrap();
        let reason = [&1012_u16.to_be_bytes(), CANARY.as_bytes()].concat();
        stream.write_all(&frame(CLOSE, &reason)).unwrap();
        read_to_end(stream);
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        assert!(head.contains(CANARY));
        let answer = format!(
            "HTTP/1.1 503 No {CANARY}\r\nSet-Cookie: {CANARY}\r\nConnection: close\r\n\r\n{head}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let request_with_token = request(&url).subprotocol(format!("{CANARY}-{}", "x".repeat(40)));
    let client = BackgroundClient::connect_with(&request_with_token, &background).unwrap();
    let error = client.receive(LONG).unwrap_err();
    server.join().unwrap();
    check(&error);
    check(&client.send_text(CANARY, LONG).unwrap_err());
    while let Some(event) = client.next_event(LONG) {
        kept.push(format!("{event:?}"));
    }
    kept.push(format!(
        "{client:?} {background:?} {:?}",
        client.statistics()
    ));
    client.destroy();
    let (lines, total) = client.log(1000).unwrap();
    assert!(total > 4, "{lines:#?}");
    kept.extend(lines);

    // Its thread panics.
    let server = serve_frames(|mut stream| {
        stream.write_all(&frame(TEXT, CANARY.as_bytes())).unwrap();
        read_to_end(stream);
    });
    let hook = Hook::new(|alert| assert_ne!(alert, Alert::Message, "a test of a panic"));
    let panics = background.clone().hook(Some(hook));
    let client = BackgroundClient::connect_with(&request(&server.url), &panics).unwrap();
    let error = loop {
        // The message itself may have come before the panic.
        if let Err(error) = client.receive(LONG) {
            break error;
        }
    };
    server.join();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    check(&error);
    check(&client.send_text(CANARY, LONG).unwrap_err());
    kept.push(format!("{client:?}"));

    // The first connection is refused, or cannot be made.
    for url in ["ws://127.0.0.1:1", "ws://nothing.invalid"] {
        check(&BackgroundClient::connect_with(&request(url), &background).unwrap_err());
    }
    let file = std::fs::read_to_string(&path).unwrap();
    assert!(file.contains("cannot connect to"), "{file}");
    kept.push(file);
    for text in kept {
        assert!(!text.contains(CANARY), "{text}");
    }
}

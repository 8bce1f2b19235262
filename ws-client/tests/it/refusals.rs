//! Servers that refuse, or are no WebSocket servers.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ws_client::{Client, Config, ConnectRequest, ErrorKind, Stage};

use crate::support::*;

/// The error of connecting to a server that answers `answer` and closes.
fn refused_by(answer: impl Into<Vec<u8>>) -> ws_client::Error {
    let answer = answer.into();
    let server = serve_raw(move |mut stream| {
        read_head(&mut stream);
        stream.write_all(&answer).unwrap();
    });
    let error = Client::connect(&server.url).unwrap_err();
    let shown = error.to_string();
    assert!(
        shown.starts_with(&format!("cannot connect to {}: ", server.url)),
        "{shown}"
    );
    assert!(!shown.contains(['\r', '\n', '\u{1b}']), "{shown}");
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Handshake, Stage::Handshake),
        "{error}"
    );
    assert_eq!(error.error_code(), "handshake");
    server.join();
    error
}

fn reason(error: &ws_client::Error) -> String {
    let text = error.to_string();
    let (_, reason) = text.split_once(&format!("{}: ", error.target())).unwrap();
    match error.hint() {
        Some(hint) => format!("{reason} [{hint}]\n"),
        None => format!("{reason}\n"),
    }
}

#[test]
fn a_refusal_carries_status_headers_and_the_first_part_of_the_body() {
    let body = "no such page\nsecond line".to_owned() + &"x".repeat(5000);
    let error = refused_by(format!(
        "HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\nX-Reason: test\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(error.status(), Some(404));
    let response = error.response().unwrap();
    assert_eq!(response.header("x-reason"), Some("test"));
    assert_eq!(response.body(), &body.as_bytes()[..1024]);
    assert_eq!(error.close_code(), None);
}

#[test]
fn every_common_refusal_is_one_clear_line() {
    let lines: String = [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\nno such page",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html>\r\n<body",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 \r\nConnection: close\r\n\r\nwho are you?",
        "HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: https://u:p@elsewhere/login?token=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\n\u{1b}[31m\u{7}x\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut sho",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm90IHRoZSByaWdodCBrZXkgYXQ=\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{46}",
        "HTTP/1.1 101 Swit",
        "",
    ]
    .into_iter()
    .map(|answer| reason(&refused_by(answer)))
    .collect();
    expect_test::expect![[r#"
        server refused the opening handshake: 404 Not Found, saying "no such page" [check the path]
        server refused the opening handshake: 404 Not Found [check the path]
        server refused the opening handshake: 403 Forbidden [the server may not allow this origin, host or user]
        server refused the opening handshake: 401, saying "who are you?" [send credentials: an Authorization header, or user:password@ in the address]
        server refused the opening handshake: 426 Upgrade Required, saying "hello"
        server refused the opening handshake: 302 Found (a redirect, not followed, to https://elsewhere/login?token=***)
        server refused the opening handshake: 503 Service Unavailable, saying "\u{1b}[31m\u{7}x" [try again later]
        server refused the opening handshake: 200 OK, saying "cut sho"
        server refused the opening handshake: 200 OK
        not a WebSocket server: 101 answer must have "Upgrade: websocket" and no other protocol in it
        not a WebSocket server: Sec-WebSocket-Accept does not match the key that was sent
        not a WebSocket server: what it sent is not even HTTP
        server speaks TLS on this port (try wss:// instead of ws://)
        server closed the connection after 17 bytes of its answer
        server closed the connection without an answer to the opening handshake
    "#]].assert_eq(&lines);
}

/// A refusal that was cut at any byte is still an error of the handshake, never a panic or a hang.
/// RFC 6455 §4.1, §7.2.1
#[test]
fn a_bad_answer_ends_the_connection_without_a_frame() {
    let server = serve_raw(|mut stream| {
        let answer = accept(&read_head(&mut stream)).replace("websocket", "websocket, h2c");
        stream.write_all(answer.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap()
    });
    let error = Client::connect(&server.url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake);
    assert_eq!(server.join(), 0);
}

#[test]
fn a_refusal_may_be_cut_at_every_byte() {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nA: b\r\n\r\nno!";
    for cut in 0..answer.len() {
        let error = refused_by(&answer[..cut]);
        let head_is_whole = cut >= answer.len() - 3;
        assert_eq!(
            error.status(),
            head_is_whole.then_some(404),
            "cut at {cut}: {error}"
        );
    }
}

#[test]
fn a_refusal_whose_body_never_ends_is_told_when_the_time_is_up() {
    let server = serve_raw(|mut stream| {
        read_head(&mut stream);
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot you")
            .unwrap();
        read_to_end(stream);
    });
    let config = Config::default().connect_timeout(Duration::from_millis(200));
    let request = ConnectRequest::new(&server.url).unwrap().config(config);
    let error = Client::connect_with(&request).unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert!(error.to_string().contains("not you"), "{error}");
    server.join();
}

/// R-31: a server that never stops sending gets no more time than one that says nothing.
#[test]
fn a_refusal_whose_chunk_marks_never_end_is_told_at_once() {
    let server = serve_raw(move |mut stream| {
        read_head(&mut stream);
        let head = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1;";
        stream.write_all(head).unwrap();
        let piece = [b'x'; 64 << 10];
        // Until the client hangs up.
        while stream.write_all(&piece).is_ok() {}
    });
    let timeout = Duration::from_secs(20);
    let request = ConnectRequest::new(&server.url).unwrap();
    let request = request.config(Config::default().connect_timeout(timeout));
    let started = Instant::now();
    let error = Client::connect_with(&request).unwrap_err();
    let took = started.elapsed();
    assert_eq!(error.status(), Some(404), "{error}");
    assert!(took < timeout, "told after {took:?}, when the time was up");
    server.join();
}

#[test]
fn an_endless_head_ends_at_its_limit() {
    let server = serve_raw(|mut stream| {
        read_head(&mut stream);
        let mut result = stream.write_all(b"HTTP/1.1 101 OK\r\n");
        while result.is_ok() {
            result = stream.write_all(b"X: y\r\n");
        }
    });
    let error = Client::connect(&server.url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
    assert_eq!(error.status(), None);
    server.join();
}

#[test]
fn a_reset_during_the_handshake_is_told_as_such() {
    let server = serve_raw(|mut stream| {
        // An earlier reset may reach the client while it still connects.
        read_head(&mut stream);
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    });
    let error = Client::connect(&server.url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
    server.join();
}

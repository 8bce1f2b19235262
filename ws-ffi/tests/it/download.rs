//! SendBinaryMessage of a URL, against an HTTP server that is a script.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ws_ffi::dispatch::Value;

use crate::support::*;

/// Answers one request after the other, each on a connection of its own, and gives their first lines.
fn serve_http(answers: Vec<Vec<u8>>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |bytes: Vec<u8>| {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        // The client may have gone.
        let _ = stream.write_all(&bytes);
        head.lines().next().unwrap_or_default().to_owned()
    };
    let thread = thread::spawn(move || answers.into_iter().map(answer).collect());
    (port, thread)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    bytes
}

#[test]
fn what_is_at_a_url_is_sent_after_redirects() {
    let (client, server, _) = pair();
    let (port, http) = serve_http(vec![
        answer("302 Found\r\nLocation: /other", b""),
        answer("200 OK", &[0, 255, 7]),
    ]);
    client.ok(
        "SendBinaryMessage",
        &[format!("HTTP://127.0.0.1:{port}/file?a=b").into()],
    );
    let got = next(&server);
    assert_eq!(text(&got, "type"), "binary");
    assert_eq!(got.get("message"), Some(&vec![0, 255, 7].into()));
    assert_eq!(
        http.join().unwrap(),
        ["GET /file?a=b HTTP/1.1", "GET /other HTTP/1.1"]
    );
}

#[test]
fn a_text_that_is_no_url_and_a_text_message_download_nothing() {
    let (client, server, _) = pair();
    let url = format!("http://127.0.0.1:{}/", free_port());
    client.ok("SendTextMessage", &[url.as_str().into()]);
    assert_eq!(
        next(&server).get("message"),
        Some(&Value::Binary(url.into_bytes()))
    );
    client.ok("SendBinaryMessage", &["ftp://x/".into()]);
    assert_eq!(
        next(&server).get("message"),
        Some(&Value::Binary("ftp://x/".into()))
    );
}

#[test]
fn a_download_that_fails_says_why_without_the_path() {
    let (client, server, _) = pair();
    let fails = |url: String, word: &str| {
        let answer = client.fails("SendBinaryMessage", &[url.into()], word);
        assert!(!text(&answer, "error").contains("canary"), "{answer:?}");
        answer
    };
    let (port, http) = serve_http(vec![answer("404 Not Found", b"canary")]);
    let missing = fails(
        format!("http://me:canary@127.0.0.1:{port}/canary?canary"),
        "usage",
    );
    assert_eq!(number(&missing, "status"), 404.0);
    http.join().unwrap();
    let (port, http) = serve_http(vec![b"SSH-2.0-canary\r\n\r\n".to_vec()]);
    fails(format!("http://127.0.0.1:{port}/canary"), "protocol");
    http.join().unwrap();
    let claims = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec();
    let (port, http) = serve_http(vec![claims]);
    fails(format!("http://127.0.0.1:{port}/canary"), "too_big");
    http.join().unwrap();
    let (port, http) = serve_http(vec![answer("302 Found\r\nLocation: /canary", b""); 6]);
    fails(format!("http://127.0.0.1:{port}/canary"), "usage");
    http.join().unwrap();
    let (_secure, port, _) = serve_self_signed();
    fails(format!("https://127.0.0.1:{port}/canary"), "certificate");
    let (_plain, port) = serve();
    fails(format!("https://127.0.0.1:{port}/canary"), "tls");
    for url in ["http://", "http://[/canary", "https:///canary"] {
        fails(url.to_owned(), "usage");
    }
    fails(
        format!("http://127.0.0.1:{}/canary", free_port()),
        "refused",
    );
    server.fails("GetNextConnectionData", &[0.into()], "timeout");
}

#[test]
fn an_abort_does_not_wait_for_a_download() {
    let (client, _server, _) = pair();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    thread::scope(|scope| {
        let call = scope.spawn(|| client.ask("SendBinaryMessage", &[url.into()]));
        let (stream, _) = silent.accept().unwrap();
        let begun = Instant::now();
        client.abort();
        check_failure("SendBinaryMessage", &call.join().unwrap());
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
        drop(stream);
    });
}

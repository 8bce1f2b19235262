//! Bad input: one clear line on stderr, its twin with `--json`, and the exit code of the table.

use std::io::{Read, Write};
use std::net::TcpListener;

use ws_tests::process::Finished;

use crate::support::cli::{Checked, ws};
use crate::support::schema::{types, valid_lines};
use crate::support::scripted::scripted;

/// Fails with this code, one line that has all of `words`, and an error line of JSON with this word.
#[track_caller]
fn fails(arguments: &[&str], code: i32, error_code: &str, words: &[&str]) -> Finished {
    let ended = ws(arguments)
        .args(&["--json"])
        .stdin("")
        .run()
        .expect_code(code);
    let line = ended.error_line();
    for word in words {
        assert!(line.contains(word), "{word:?} in {line}");
    }
    assert_eq!(
        ended.stderr.lines().count(),
        1,
        "one line only: {}",
        ended.stderr
    );
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(types(&lines), ["error"]);
    assert_eq!(lines[0]["errorCode"], error_code, "{lines:?}");
    assert_eq!(
        format!("ws: {}", lines[0]["reason"].as_str().unwrap()),
        line
    );
    ended
}

/// A server that writes `answer` to whoever connects and closes after the request.
fn answering(answer: &'static [u8]) -> String {
    scripted(move |mut stream| {
        stream.write_all(answer).unwrap();
        let _ = stream.read(&mut [0; 4096]);
    })
    .url
}

#[test]
fn not_a_url_is_3() {
    fails(&["connect", "not a url"], 3, "usage", &["ws://"]);
    fails(&["connect", "127.0.0.1:9894"], 3, "usage", &["ws://"]);
    fails(&["connect", "ws://"], 3, "usage", &["host"]);
    fails(&["connect", "ws://host:99999/"], 3, "usage", &["port"]);
    fails(
        &["send", "http://127.0.0.1:9894/", "x"],
        3,
        "usage",
        &["ws://"],
    );
    fails(&["connect", "ftp://127.0.0.1/"], 3, "usage", &["ws://"]);
}

#[test]
fn a_url_error_does_not_show_the_password() {
    let ended = fails(
        &["connect", "http://user:hunter2@host/?token=hunter2"],
        3,
        "usage",
        &[],
    );
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn a_refused_connection_is_7() {
    // Bound and dropped: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    fails(
        &["connect", &format!("ws://{address}/")],
        7,
        "refused",
        &[&address, "refused"],
    );
}

#[test]
fn an_unknown_host_is_6() {
    fails(
        &["connect", "ws://no-such-host.invalid/"],
        6,
        "resolve",
        &["no-such-host.invalid"],
    );
}

#[test]
fn an_http_refusal_is_22_with_status_and_body() {
    let url = answering(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\nno such room\x1b[2J\r\nhere.",
    );
    let ended = fails(
        &["connect", &url],
        22,
        "handshake",
        &["404", "Not Found", "no such room"],
    );
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
    assert_eq!(valid_lines(ended.stdout_text())[0]["code"], 404);
}

#[test]
fn of_a_page_only_the_words_are_shown() {
    let url = answering(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
          <!DOCTYPE HTML>\n<html><style>a { b: c }</style><body>\n<p>No <b>room</b>\nhere",
    );
    let ended = fails(
        &["connect", &url],
        22,
        "handshake",
        &["404", "No room here"],
    );
    assert!(!ended.stderr.contains(['<', '{']), "{}", ended.stderr);
}

#[test]
fn a_redirect_is_22_and_not_followed() {
    let url = answering(
        b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/other\r\nContent-Length: 0\r\n\r\n",
    );
    fails(&["connect", &url], 22, "handshake", &["302", "/other"]);
}

#[test]
fn what_is_not_websocket_is_52() {
    fails(
        &["connect", &answering(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")],
        52,
        "handshake",
        &["WebSocket"],
    );
    fails(
        &["connect", &answering(b"\x16\x03\x01\x00\x05hello")],
        52,
        "handshake",
        &[],
    );
    fails(&["connect", &answering(b"")], 52, "handshake", &[]);
    fails(
        &["connect", &answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")],
        52,
        "handshake",
        &["Sec-WebSocket-Accept"],
    );
}

#[test]
fn a_header_with_a_line_break_is_2_and_its_value_is_not_shown() {
    for header in [
        "X-Test: secret\r\nInjected: 1",
        "X-Test: secret\n",
        "X-Test\r\n: secret",
    ] {
        let ended = fails(
            &["connect", "ws://127.0.0.1:1/", "-H", header],
            2,
            "usage",
            &["line break"],
        );
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
    fails(
        &["connect", "ws://127.0.0.1:1/", "-H", "no colon"],
        2,
        "usage",
        &["Name: value"],
    );
    fails(
        &["connect", "ws://127.0.0.1:1/", "-H", "bad name: x"],
        2,
        "usage",
        &[],
    );
    fails(
        &["connect", "ws://127.0.0.1:1/", "-H", "Sec-WebSocket-Key: x"],
        2,
        "usage",
        &["Sec-WebSocket-Key"],
    );
    fails(
        &["connect", "ws://127.0.0.1:1/", "--origin", "a\r\nb"],
        2,
        "usage",
        &[],
    );
    fails(
        &["connect", "ws://127.0.0.1:1/", "--subprotocol", "a b"],
        2,
        "usage",
        &[],
    );
}

#[test]
fn wrong_usage_is_2_and_names_the_help() {
    fails(&["connect"], 2, "usage", &["URL", "ws connect --help"]);
    fails(&["conect", "ws://h/"], 2, "usage", &["'connect'"]);
    fails(
        &["connect", "ws://h/", "--cuont", "1"],
        2,
        "usage",
        &["'--count'"],
    );
    fails(
        &["connect", "ws://h/", "--wait", "1h"],
        2,
        "usage",
        &["250ms"],
    );
    fails(
        &["connect", "ws://h/", "--no-stdin", "--wait", "1"],
        2,
        "usage",
        &["--no-stdin", "--wait"],
    );
    fails(&["serve", "somewhere:port"], 2, "usage", &["ADDR:PORT"]);
    fails(&["serve", ""], 2, "usage", &["ADDR:PORT"]);
}

#[test]
fn a_server_without_tls_is_35() {
    let url = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").replace("ws://", "wss://");
    fails(&["connect", &url], 35, "tls", &["does not speak TLS"]);
}

#[test]
fn help_has_examples_and_the_exit_codes() {
    for command in ["connect", "send", "serve"] {
        let help = ws(&[command, "--help"]).run().expect_code(0);
        let text = help.stdout_text();
        assert!(
            text.contains("Examples:\n  ") && text.contains("\n  130  Ctrl-C"),
            "{text}"
        );
        assert_eq!(help.stderr, "");
    }
    let nothing = ws(&[]).run().expect_code(2);
    assert!(
        nothing.stderr.contains("ws connect ws://"),
        "{}",
        nothing.stderr
    );
    assert!(
        ws(&["--version"])
            .run()
            .expect_code(0)
            .stdout_text()
            .starts_with("ws ")
    );
}

//! `ws connect`: stdin out, messages in, byte for byte.

use std::io::Write;
use std::process::Command;

use ws_tests::process::{Process, ws_binary};

use crate::support::cli::{Checked, numbered_lines, serve, ws};
use crate::support::schema::{types, valid_lines};
use crate::support::scripted::{close_frame, frame, read_frame, scripted, upgrade};

/// The commands are taken from the README; only the address and where `ws` lies differ.
#[cfg(unix)]
#[test]
fn the_readmes_commands_print_what_they_send() {
    let server = serve(&["--echo"]);
    let readme = include_str!("../../README.md");
    let commands: Vec<&str> = readme
        .lines()
        .filter(|line| {
            line.contains("ws connect ws://127.0.0.1:9894 --count 1")
                || line.starts_with("ws send ")
        })
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for (command, printed) in commands.into_iter().zip(["hello\n", "one message\n"]) {
        let command = command
            .replace("ws://127.0.0.1:9894", &server.url)
            .replace("ws connect", &format!("{} connect", ws_binary().display()))
            .replace("ws send", &format!("{} send", ws_binary().display()));
        let ended = Process::spawn(Command::new("sh").args(["-c", &command])).finish();
        assert_eq!(ended.expect_code(0).stdout_text(), printed, "{command}");
    }
}

#[test]
fn every_line_is_one_message_in_order() {
    let server = serve(&["--echo"]);
    let lines = numbered_lines(20_000, 1_000);
    let ended = ws(&["connect", &server.url, "--count", "20000"])
        .stdin(lines.clone())
        .run()
        .expect_code(0);
    assert!(
        ended.stdout_text() == lines,
        "{} bytes came back of {}",
        ended.stdout.len(),
        lines.len()
    );
}

#[test]
fn lines_lose_only_their_ends_and_the_last_needs_none() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--count", "4"])
        .stdin(" a \n\nb\r\nlast")
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), " a \n\nb\nlast\n");
}

#[test]
fn binary_messages_come_out_raw_with_nothing_appended() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--binary", "--count", "3"])
        .stdin(b"\x00\xFF\x1b\nb\n\nx".as_slice())
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout, b"\x00\xFF\x1bb");
}

#[test]
fn text_in_a_pipe_is_passed_on_byte_for_byte() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        stream
            .write_all(&frame(0x1, "a\u{1b}[2J\u{9b}\u{202e}\r\n".as_bytes()))
            .unwrap();
        stream.write_all(&close_frame(1000, "")).unwrap();
        read_frame(&mut stream)
    });
    let ended = ws(&["connect", &peer.url, "--no-stdin"])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "a\u{1b}[2J\u{9b}\u{202e}\r\n\n");
}

#[cfg(target_os = "linux")]
#[test]
fn text_on_a_terminal_is_escaped() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        stream
            .write_all(&frame(
                0x1,
                "title\u{1b}]0;x\u{7}\u{9b}2J\u{202e}end".as_bytes(),
            ))
            .unwrap();
        stream
            .write_all(&close_frame(1000, "bye\u{1b}[2J"))
            .unwrap();
        read_frame(&mut stream)
    });
    let command = format!("{} connect {} --no-stdin", ws_binary().display(), peer.url);
    let script = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        // What would colour it is a control character as well.
        .env("NO_COLOR", "1")
        .output()
        .expect("script runs");
    let shown = String::from_utf8(script.stdout).unwrap();
    assert!(
        shown.contains("title\\u{1b}]0;x\\u{7}\\u{9b}2J\\u{202e}end"),
        "{shown:?}"
    );
    assert!(shown.contains("bye\\u{1b}[2J"), "{shown:?}");
    assert!(
        !shown.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']),
        "{shown:?}"
    );
}

#[test]
fn a_fast_writer_waits_for_a_peer_that_does_not_read() {
    let (done, wait_for_done) = std::sync::mpsc::channel::<()>();
    let peer = scripted(move |mut stream| {
        upgrade(&mut stream, None);
        // Ends when the test has what it wants; nothing is read until then.
        let _ = wait_for_done.recv();
    });
    let mut client = ws(&["connect", &peer.url, "--max-time", "3"]).start();
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let mut written = 0_usize;
    while written < 1 << 30 && client.write(&line) {
        written += line.len();
    }
    client.finish().expect_code(28);
    drop(done);
    peer.join();
    assert!(
        written < 64 << 20,
        "{written} bytes were taken from stdin for a peer that reads nothing"
    );
}

#[test]
fn headers_origin_and_subprotocols_are_sent() {
    let peer = scripted(|mut stream| {
        let head = upgrade(&mut stream, Some("chat.v2"));
        stream.write_all(&close_frame(1000, "")).unwrap();
        read_frame(&mut stream);
        head
    });
    let url = format!("{}path?query=1", peer.url);
    let ended = ws(&[
        "connect",
        &url,
        "--no-stdin",
        "-H",
        "X-One: 1:2",
        "--header",
        "X-Two:",
    ])
    .args(&[
        "--origin",
        "https://example.com",
        "--subprotocol",
        "chat.v2",
        "--subprotocol",
        "chat.v1",
    ])
    .run()
    .expect_code(0);
    assert!(
        ended.stderr.contains("subprotocol chat.v2"),
        "{}",
        ended.stderr
    );
    assert!(
        !ended.stderr.contains("query=1"),
        "query values are not shown: {}",
        ended.stderr
    );
    let head = peer.join();
    assert!(head.starts_with("GET /path?query=1 HTTP/1.1\r\n"), "{head}");
    for line in [
        "X-One: 1:2",
        "X-Two:",
        "Origin: https://example.com",
        "Sec-WebSocket-Protocol: chat.v2, chat.v1",
    ] {
        assert!(
            head.lines().any(|sent| sent.trim_end() == line),
            "{line:?} in {head}"
        );
    }
}

#[test]
fn json_tells_both_directions_and_every_line_fits_the_schema() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        let message = read_frame(&mut stream);
        stream.write_all(&frame(0x9, b"ping")).unwrap();
        assert_eq!(read_frame(&mut stream), Some((0xA, b"ping".to_vec())));
        stream.write_all(&frame(0xA, b"pong")).unwrap();
        stream.write_all(&frame(0x2, &[0, 255])).unwrap();
        stream
            .write_all(&frame(0x1, "ж\u{1b}\"".as_bytes()))
            .unwrap();
        stream.write_all(&close_frame(1001, "going")).unwrap();
        (message, read_frame(&mut stream))
    });
    let url = format!("{}feed?token=secret", peer.url);
    let ended = ws(&["connect", &url, "--json", "--wait", "forever"])
        .stdin("out\n")
        .run()
        .expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(
        types(&lines),
        ["open", "text", "ping", "pong", "binary", "text", "close"]
    );
    let directions: Vec<&str> = lines
        .iter()
        .map(|line| line["dir"].as_str().unwrap())
        .collect();
    assert_eq!(directions, ["out", "out", "in", "in", "in", "in", "in"]);
    assert!(
        lines.iter().all(|line| line["path"] == "/feed"),
        "{lines:?}"
    );
    assert_eq!(
        (&lines[1]["data"], &lines[1]["size"]),
        (&"out".into(), &3.into())
    );
    assert_eq!(lines[4]["base64"], "AP8=");
    assert_eq!(lines[5]["data"], "ж\u{1b}\"");
    assert_eq!(
        (&lines[6]["code"], &lines[6]["reason"]),
        (&1001.into(), &"going".into())
    );
    let (message, close) = peer.join();
    assert_eq!(message, Some((0x1, b"out".to_vec())));
    assert!(close.is_some());
}

#[test]
fn quiet_says_nothing_and_verbose_logs() {
    let server = serve(&["--echo"]);
    let quiet = ws(&["connect", &server.url, "--quiet", "--count", "1"])
        .stdin("x\n")
        .run()
        .expect_code(0);
    assert_eq!((quiet.stdout_text(), quiet.stderr.as_str()), ("x\n", ""));
    let verbose = ws(&["connect", &server.url, "-v", "--count", "1"])
        .stdin("x\n")
        .run()
        .expect_code(0);
    assert_eq!(verbose.stdout_text(), "x\n");
    assert!(verbose.stderr.contains("ws_client"), "{}", verbose.stderr);
}

//! Ways to the server: redirects, Unix sockets, connecting again; and where passwords come from.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::cli::{Checked, serve, ws};
use crate::support::schema::{types, valid_lines};
use crate::support::scripted::{close_frame, frame, read_frame, scripted, upgrade, upgrade_with};

/// A server of one answer: reads a head, answers, and gives the head.
fn answering(answer: &str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}/start", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        head
    });
    (url, thread)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn redirect(status: &str, location: &str) -> String {
    format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn redirects_are_followed_only_if_asked_and_secrets_stay_behind() {
    let peer = scripted(|mut stream| {
        let head = upgrade(&mut stream, None);
        read_frame(&mut stream);
        read_frame(&mut stream);
        stream.write_all(&close_frame(1000, "")).unwrap();
        head
    });
    let there = format!("{}there?x=1", peer.url.replace("ws://", "http://"));
    let (url, first) = answering(&redirect("302 Found", &there));
    let refused = ws(&["send", &url, "x"]).run().expect_code(22);
    let line = refused.error_line();
    assert!(
        line.contains("302") && line.contains("--location"),
        "{line}"
    );
    first.join().unwrap();

    let (url, first) = answering(&redirect("307 Temporary Redirect", &there));
    ws(&["send", &url, "x", "--location", "-u", "me:canary"])
        .args(&["-H", "X-Key: canary", "--origin", "https://page"])
        .run()
        .expect_code(0);
    assert!(first.join().unwrap().contains("X-Key: canary"));
    let head = peer.join();
    assert!(head.starts_with("GET /there?x=1 HTTP/1.1\r\n"), "{head}");
    // Another port is another server.
    assert!(
        !head.contains("canary") && !head.contains("Authorization"),
        "{head}"
    );
    assert!(head.contains("Origin: https://page"), "{head}");
}

#[test]
fn a_redirect_on_the_same_server_keeps_the_login() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}/start", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        let answer = redirect("308 Permanent Redirect", "next");
        stream.write_all(answer.as_bytes()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let head = upgrade(&mut stream, None);
        read_frame(&mut stream);
        read_frame(&mut stream);
        stream.write_all(&close_frame(1000, "")).unwrap();
        head
    });
    ws(&["send", &url, "x", "-L", "-u", "me:secret"])
        .run()
        .expect_code(0);
    let head = server.join().unwrap();
    assert!(head.starts_with("GET /next HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Authorization: Basic bWU6c2VjcmV0"), "{head}");
}

#[test]
fn a_circle_of_redirects_and_a_bad_one_end_with_22() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..=10 {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            let answer = redirect("301 Moved", "/again");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let ended = ws(&["send", &url, "x", "-L", "-v"]).run().expect_code(22);
    assert!(
        ended.stderr.contains("more than 10 redirects"),
        "{}",
        ended.stderr
    );
    let line = ended.error_line();
    assert!(line.contains("at most ten in a row"), "{line}");
    server.join().unwrap();
    let (url, _server) = answering(&redirect("302 Found", "ftp://example.com/"));
    let bad = ws(&["send", &url, "x", "-L"]).run().expect_code(22);
    assert!(bad.error_line().contains("redirect"), "{}", bad.stderr);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_takes_the_place_of_host_and_port() {
    use ws_server::{Config, Server};
    use ws_tests::echo::EchoServer;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ws.sock");
    let shown = path.to_str().unwrap();
    let refused = ws(&["send", "ws://h/", "x", "--unix-socket", shown])
        .run()
        .expect_code(7);
    assert!(
        refused.error_line().contains("ws.sock"),
        "{}",
        refused.stderr
    );
    let _server = EchoServer::run(Server::bind_unix(&path, Config::default()).unwrap());
    let text = "x".repeat(300_000);
    let ended = ws(&["send", "ws://any.example/path", "-d", "@-", "--count", "1"])
        .args(&["--unix-socket", shown, "--json"])
        .stdin(text.clone())
        .run()
        .expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(types(&lines), ["open", "text", "text", "close", "close"]);
    assert_eq!(lines[0]["address"], "unix");
    assert!(lines[2]["data"] == text);
}

#[test]
fn a_login_comes_from_the_environment() {
    let server = serve(&["--echo", "--token", "s3cret"]);
    let send = || ws(&["send", &server.url, "x", "--bearer", "@env:MY_TOKEN"]);
    send().env("MY_TOKEN", "s3cret").run().expect_code(0);
    send().env("MY_TOKEN", "wrong").run().expect_code(22);
    let missing = send().run().expect_code(2);
    assert!(
        missing.error_line().contains("MY_TOKEN"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_lost_connection_is_replaced_and_begins_with_its_greeting() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut connections = Vec::new();
        // Lost, closed with a code that means "come back", refused for the moment, and closed for good.
        for ending in 0..4 {
            let (mut stream, _) = listener.accept().unwrap();
            if ending == 2 {
                read_head(&mut stream);
                stream
                    .write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                continue;
            }
            upgrade(&mut stream, None);
            let login = read_frame(&mut stream);
            let subscribe = read_frame(&mut stream);
            connections.push((login, subscribe));
            let number = format!("news {ending}");
            stream.write_all(&frame(0x1, number.as_bytes())).unwrap();
            if ending > 0 {
                let code = if ending == 1 { 1012 } else { 1000 };
                stream.write_all(&close_frame(code, "")).unwrap();
                read_frame(&mut stream);
            }
        }
        connections
    });
    let mut greeting = tempfile::NamedTempFile::new().unwrap();
    greeting.write_all(b"login\nsubscribe\n").unwrap();
    let path = greeting.path().to_str().unwrap();
    let ended = ws(&["connect", &url, "--no-stdin", "--reconnect=0.05"])
        .args(&["--on-open", path])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "news 0\nnews 1\nnews 3\n");
    assert_eq!(ended.stderr.matches("connecting again in ").count(), 3);
    let expected = (
        Some((0x1, b"login".to_vec())),
        Some((0x1, b"subscribe".to_vec())),
    );
    assert_eq!(server.join().unwrap(), vec![expected; 3]);
}

#[test]
fn what_was_not_sent_is_sent_after_connecting_again() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (lost, wait_for_loss) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        upgrade(&mut stream, None);
        assert_eq!(read_frame(&mut stream), Some((0x1, b"one".to_vec())));
        drop((stream, listener));
        lost.send(()).unwrap();
    });
    let mut client = ws(&["connect", &url, "--reconnect=0.2", "--count", "1", "--json"]).start();
    client.write(b"one\n");
    wait_for_loss.recv().unwrap();
    server.join().unwrap();
    client.wait_for_stderr(|line| line.contains("connecting again").then_some(()));
    // Typed while there is no connection; then the server is back.
    client.write(b"two\n");
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let listener = TcpListener::bind(address).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    upgrade(&mut stream, None);
    assert_eq!(read_frame(&mut stream), Some((0x1, b"two".to_vec())));
    stream.write_all(&frame(0x1, b"done")).unwrap();
    let close = read_frame(&mut stream);
    assert_eq!(close.map(|(opcode, _)| opcode), Some(0x8));
    stream.write_all(&close_frame(1000, "")).unwrap();
    let ended = client.finish().expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    let opened = types(&lines).iter().filter(|kind| **kind == "open").count();
    assert_eq!(opened, 2, "{lines:?}");
    assert!(types(&lines).contains(&"error"), "{lines:?}");
}

#[test]
fn a_message_that_a_farewell_has_overtaken_is_no_success() {
    for options in [&[][..], &["--reconnect"]] {
        // The Close comes with the answer to the opening handshake, so it is there before anything can be sent.
        let peer = scripted(|mut stream| {
            upgrade_with(&mut stream, None, &close_frame(1000, "full"));
            read_frame(&mut stream)
        });
        let ended = ws(&["send", &peer.url, "too late"])
            .args(options)
            .run()
            .expect_code(56);
        let line = ended.error_line();
        assert!(
            line.contains("the message was not sent") && line.contains("1000 (full)"),
            "{line}"
        );
        assert_eq!(peer.join().map(|(opcode, _)| opcode), Some(0x8));
    }
}

#[test]
fn connecting_again_ends_by_ctrl_c_by_time_and_where_it_is_of_no_use() {
    // Port 1 refuses.
    let url = "ws://127.0.0.1:1/";
    let mut waiting = ws(&["connect", url, "--reconnect"]).start();
    waiting.wait_for_stderr(|line| line.contains("connecting again").then_some(()));
    waiting.signal("INT");
    waiting.finish().expect_code(130);
    ws(&["connect", url, "--reconnect", "-m", "0.3"])
        .run()
        .expect_code(28);
    let server = serve(&["--echo", "--token", "right"]);
    let wrong = ws(&["connect", &server.url, "--reconnect", "--bearer", "wrong"])
        .run()
        .expect_code(22);
    assert!(!wrong.stderr.contains("again"), "{}", wrong.stderr);
}

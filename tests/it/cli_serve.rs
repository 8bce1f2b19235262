//! `ws serve`: what it prints, where it listens, how it stops.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::cli::{Checked, line_with, piped_into_head, serve, serve_from, ws};
use crate::support::schema::{types, valid_line, valid_lines};

#[test]
fn messages_of_all_connections_are_printed() {
    let mut server = serve(&[]);
    ws(&["send", &server.url, "text"]).run().expect_code(0);
    ws(&["send", &server.url, "--binary", "raw"])
        .run()
        .expect_code(0);
    ws(&["connect", &server.url, "--wait", "0"])
        .stdin("1\n2\n")
        .run()
        .expect_code(0);
    for line in ["text", "raw1", "2"] {
        assert_eq!(
            server
                .process
                .wait_for_stdout(|printed| Some(printed.to_owned())),
            line
        );
    }
}

#[test]
fn json_tells_who_said_what_and_every_line_fits_the_schema() {
    let mut server = serve(&["--json", "--echo"]);
    for name in ["a", "b"] {
        let url = format!("{}room/{name}?token=secret", server.url);
        ws(&["send", &url, name, "--count", "1"])
            .run()
            .expect_code(0);
        server
            .process
            .wait_for_stdout(line_with(&format!(r#""path":"/room/{name}","code":1000"#)));
    }
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(
        types(&lines),
        [
            "listening",
            "open",
            "text",
            "text",
            "close",
            "open",
            "text",
            "text",
            "close"
        ]
    );
    assert_eq!(lines[0]["address"], server.address.as_str());
    let ids: HashSet<&str> = lines[1..]
        .iter()
        .map(|line| line["connectionId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(
        (&lines[2]["dir"], &lines[3]["dir"]),
        (&"in".into(), &"out".into())
    );
    assert!(
        !ended.stdout_text().contains("secret"),
        "the query is not shown: {}",
        ended.stdout_text()
    );
}

#[test]
fn json_tells_of_every_kind_of_message() {
    let mut server = serve(&["--json"]);
    let mut client = ws_client::Client::connect(&server.url).unwrap();
    client.send_ping(b"are you there?").unwrap();
    client.send_pong(b"I am").unwrap();
    client.send_text("\u{9b}ж\"\\\n").unwrap();
    client.send_binary(&[0, 255]).unwrap();
    client
        .close(ws_client::CloseCode::new(4000), "why \u{202e}not")
        .unwrap();
    server
        .process
        .wait_for_stdout(line_with(r#""type":"close""#));
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(
        types(&lines),
        [
            "listening",
            "open",
            "ping",
            "pong",
            "text",
            "binary",
            "close"
        ]
    );
    assert!(lines[1..].iter().all(|line| line["dir"] == "in"));
    assert_eq!(lines[2]["base64"], "YXJlIHlvdSB0aGVyZT8=");
    assert_eq!(lines[4]["data"], "\u{9b}ж\"\\\n");
    assert_eq!(
        (&lines[5]["base64"], &lines[5]["size"]),
        (&"AP8=".into(), &2.into())
    );
    assert_eq!(
        (&lines[6]["code"], &lines[6]["reason"]),
        (&4000.into(), &"why \u{202e}not".into())
    );
    assert!(
        !ended.stdout_text().contains(['\u{9b}', '\u{202e}']),
        "raw control characters"
    );
}

#[test]
fn port_zero_shows_the_real_port_in_both_forms() {
    let mut server = serve(&["--json"]);
    let line = valid_line(&server.process.wait_for_stdout(line_with("listening")));
    assert_eq!(line["address"], server.address.as_str());
    assert!(!server.address.ends_with(":0"));
    TcpStream::connect(&server.address).expect("it listens there");
}

#[test]
fn part_of_an_address_is_enough() {
    let local = serve_from(ws(&["serve", "0", "--echo"]).start());
    assert!(
        local.address.starts_with("127.0.0.1:"),
        "a port alone stays on this machine: {}",
        local.address
    );
    let all = serve_from(ws(&["serve", ":0", "--echo"]).start());
    let port = all.address.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("ws://{host}:{port}/");
        let ended = ws(&["send", &url, "hello", "--count", "1"])
            .run()
            .expect_code(0);
        assert_eq!(ended.stdout_text(), "hello\n");
    }
}

#[test]
fn ipv6_works_where_the_system_has_it() {
    // A machine without IPv6 cannot bind; then the error must be clear instead.
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        let server = serve_from(ws(&["serve", "[::1]:0", "--echo"]).start());
        assert!(server.url.starts_with("ws://[::1]:"), "{}", server.url);
        ws(&["send", &server.url, "hello", "--count", "1"])
            .run()
            .expect_code(0);
    } else {
        let ended = ws(&["serve", "[::1]:0"]).run();
        assert!(ended.error_line().contains("[::1]:0"), "{}", ended.stderr);
    }
}

#[test]
fn a_port_in_use_is_1_and_says_so() {
    let server = serve(&[]);
    let second = ws(&["serve", &server.address, "--json"])
        .run()
        .expect_code(1);
    let line = second.error_line();
    assert!(
        line.contains(&server.address) && line.contains("in use"),
        "{line}"
    );
    let lines = valid_lines(second.stdout_text());
    assert_eq!(types(&lines), ["error"]);
    assert_eq!(lines[0]["errorCode"], "port_in_use");
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_130_sigterm_is_0_and_both_close_with_1001() {
    for (signal, code) in [("INT", 130), ("TERM", 0)] {
        let server = serve(&["--echo"]);
        let mut client = ws(&["connect", &server.url, "--no-stdin", "--json"]).start();
        client.wait_for_stderr(line_with("connected to"));
        server.process.signal(signal);
        let ended = client.finish().expect_code(0);
        let lines = valid_lines(ended.stdout_text());
        assert_eq!(
            (types(&lines).last(), &lines.last().unwrap()["code"]),
            (Some(&"close"), &1001.into())
        );
        server.process.finish().expect_code(code);
        std::net::TcpListener::bind(&server.address).expect("the port is free");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_went_away_stops_it_with_0() {
    let mut server = serve_from(piped_into_head("serve 127.0.0.1:0"));
    let mut client = ws(&["connect", &server.url, "--wait", "forever"]).start();
    client.write(b"one\n");
    // head has it and ends; the next line finds nobody.
    server.process.wait_for_stdout(line_with("one"));
    let end = loop {
        client.write(b"two\n");
        if !client.is_running() {
            break server.process.wait_for_stderr(line_with("exit "));
        }
        std::thread::yield_now();
    };
    assert_eq!(end, "exit 0");
    client.finish().expect_code(0);
}

#[test]
fn a_full_pool_refuses_with_503() {
    let server = serve(&["--pool-size", "1"]);
    let mut first = ws(&["connect", &server.url]).start();
    first.wait_for_stderr(line_with("connected to"));
    let ended = ws(&["connect", &server.url, "--no-stdin"])
        .run()
        .expect_code(22);
    assert!(ended.error_line().contains("503"), "{}", ended.stderr);
}

#[test]
fn plain_http_is_answered() {
    let server = serve(&["--no-page"]);
    let answer = |path: &str| {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let host = &server.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(answer("/").starts_with("HTTP/1.1 426 "), "{}", answer("/"));
    assert!(
        answer("/health").starts_with("HTTP/1.1 200 "),
        "{}",
        answer("/health")
    );
}

#[test]
fn pages_of_other_sites_are_kept_out() {
    let server = serve(&["--echo"]);
    ws(&[
        "connect",
        &server.url,
        "--no-stdin",
        "--origin",
        "https://example.com",
    ])
    .run()
    .expect_code(22);
    let own = format!("http://{}", server.address);
    ws(&["send", &server.url, "x", "--origin", &own, "--count", "1"])
        .run()
        .expect_code(0);
}

#[test]
fn status_tells_of_connections_unless_quiet() {
    let mut server = serve(&["--echo"]);
    ws(&[
        "send",
        &format!("{}chat", server.url),
        "x",
        "--close-reason",
        "bye\u{1b}",
    ])
    .run()
    .expect_code(0);
    server.process.wait_for_stderr(line_with(" /chat"));
    let line = server
        .process
        .wait_for_stderr(line_with("close 127.0.0.1:"));
    assert!(line.contains("1000 (bye\\u{1b})"), "{line}");
}

//! How `ws connect` ends: silence, a count, time, a signal, a closed pipe, or the peer.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::cli::{Checked, line_with, piped_into_head, serve, ws};
use crate::support::schema::{types, valid_lines};
use crate::support::scripted::{
    close_frame, frame, read_frame, read_frame_within, scripted, upgrade, upgrade_with,
};

#[test]
fn silence_after_the_end_of_stdin_closes_with_1000() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        let message = read_frame(&mut stream);
        let close = read_frame(&mut stream);
        stream.write_all(&close_frame(1000, "")).unwrap();
        (message, close)
    });
    let start = Instant::now();
    ws(&["connect", &peer.url])
        .stdin("one\n")
        .run()
        .expect_code(0);
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "it waits a second by default"
    );
    let (message, close) = peer.join();
    assert_eq!(message, Some((0x1, b"one".to_vec())));
    assert_eq!(close, Some((0x8, 1000_u16.to_be_bytes().to_vec())));
}

#[test]
fn a_message_makes_silence_begin_anew() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        for text in ["1", "2"] {
            let closed = read_frame_within(&mut stream, Duration::from_millis(1700));
            assert_eq!(closed, None, "3 s of silence are not over");
            stream.write_all(&frame(0x1, text.as_bytes())).unwrap();
        }
        let close = read_frame_within(&mut stream, Duration::from_secs(60));
        stream.write_all(&close_frame(1000, "")).unwrap();
        close
    });
    let ended = ws(&["connect", &peer.url, "--wait", "3s"])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "1\n2\n");
    assert!(peer.join().is_some());
}

#[test]
fn no_wait_still_prints_what_comes_before_the_peers_close() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--wait", "0"])
        .stdin("a\nb\n")
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "a\nb\n");
}

#[test]
fn waiting_for_ever_ends_when_the_peer_closes() {
    for (payload, code) in [
        (close_frame(1000, "done"), 0),
        (close_frame(1001, ""), 0),
        (frame(0x8, b""), 0),
    ] {
        let peer = scripted(move |mut stream| {
            upgrade(&mut stream, None);
            assert_eq!(read_frame(&mut stream), Some((0x1, b"go".to_vec())));
            // Longer than the default silence.
            let closed = read_frame_within(&mut stream, Duration::from_millis(1500));
            assert_eq!(closed, None);
            stream.write_all(&frame(0x1, b"late")).unwrap();
            stream.write_all(&payload).unwrap();
            read_frame(&mut stream)
        });
        let ended = ws(&["connect", &peer.url, "--wait", "forever"])
            .stdin("go\n")
            .run()
            .expect_code(code);
        assert_eq!(ended.stdout_text(), "late\n");
        assert!(peer.join().is_some(), "the Close is answered");
    }
}

#[test]
fn what_arrived_is_printed_before_and_beside_a_message_that_does_not_leave() {
    // After 64 messages it is looked at what came.
    for lines in [0, 64] {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let peer = scripted(move |mut stream| {
            let news = frame(0x1, b"news");
            upgrade_with(&mut stream, None, &[&news[..], &news].concat());
            // It reads nothing until the command has ended.
            let _ = wait.recv();
        });
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all("x\n".repeat(lines).as_bytes()).unwrap();
        file.write_all(&vec![b'x'; 32 << 20]).unwrap();
        let path = file.path().to_str().unwrap();
        let limit = if lines == 0 { "2" } else { "30" };
        let arguments = ["connect", &peer.url, "--on-open", path, "--max-time", limit];
        if lines == 0 {
            let ended = ws(&arguments).args(&["--count", "1"]).run().expect_code(28);
            assert_eq!(ended.stdout_text(), "news\n");
        } else {
            let start = Instant::now();
            let mut client = ws(&arguments).start();
            client.wait_for_stdout(|line| (line == "news").then_some(()));
            assert!(start.elapsed() < Duration::from_secs(20));
        }
        drop(done);
    }
}

/// Best of three: a busy machine starts a process late.
#[test]
fn max_time_holds_for_the_closing_handshake_too() {
    let took = (0..3).map(|_| {
        let peer = scripted(|mut stream| {
            upgrade(&mut stream, None);
            // It answers no Close.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let start = Instant::now();
        ws(&["connect", &peer.url, "--max-time", "2", "--wait", "1500ms"])
            .stdin("")
            .run()
            .expect_code(28);
        start.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took < Duration::from_millis(2900), "{took:?}");
}

#[test]
fn another_close_code_is_56_and_shown() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        stream
            .write_all(&close_frame(1011, "out of\nmemory"))
            .unwrap();
        read_frame(&mut stream)
    });
    let ended = ws(&["connect", &peer.url, "--no-stdin", "--json"])
        .run()
        .expect_code(56);
    let line = ended.error_line();
    assert!(
        line.contains("1011") && line.contains("out of\\nmemory"),
        "{line}"
    );
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(types(&lines), ["open", "close", "error"]);
    assert_eq!(
        (&lines[1]["code"], &lines[2]["code"]),
        (&1011.into(), &1011.into())
    );
    assert_eq!(lines[2]["errorCode"], "closed");
}

#[test]
fn an_end_without_a_close_frame_is_56() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        stream.write_all(&frame(0x1, b"last words")).unwrap();
    });
    let ended = ws(&["connect", &peer.url, "--no-stdin", "--json"])
        .run()
        .expect_code(56);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(types(&lines), ["open", "text", "error"]);
    assert_eq!(lines[2]["errorCode"], "closed");
    ended.error_line();
}

#[test]
fn a_peer_that_breaks_the_protocol_is_56() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        stream.write_all(&frame(0x1, b"\xFF")).unwrap();
        read_frame(&mut stream)
    });
    let ended = ws(&["connect", &peer.url, "--no-stdin", "--json"])
        .run()
        .expect_code(56);
    assert_eq!(
        valid_lines(ended.stdout_text()).last().unwrap()["errorCode"],
        "protocol"
    );
    let (opcode, payload) = peer.join().expect("a Close frame");
    assert_eq!((opcode, &payload[..2]), (0x8, &1007_u16.to_be_bytes()[..]));
}

#[test]
fn no_stdin_reads_nothing_and_counts() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        for text in ["1", "2", "3", "4"] {
            stream.write_all(&frame(0x1, text.as_bytes())).unwrap();
        }
        let close = read_frame(&mut stream);
        stream.write_all(&close_frame(1000, "")).unwrap();
        close
    });
    let ended = ws(&["connect", &peer.url, "--no-stdin", "--count", "3"])
        .stdin("never sent\n")
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "1\n2\n3\n");
    assert_eq!(peer.join(), Some((0x8, 1000_u16.to_be_bytes().to_vec())));
}

#[test]
fn too_few_messages_before_silence_are_28() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--count", "2", "--wait", "200ms"])
        .stdin("only one\n")
        .run()
        .expect_code(28);
    assert_eq!(ended.stdout_text(), "only one\n");
    assert!(
        ended.error_line().contains("1 of 2 messages"),
        "{}",
        ended.stderr
    );
}

#[test]
fn max_time_ends_it_with_28() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--max-time", "300ms", "--json"])
        .run()
        .expect_code(28);
    assert_eq!(
        valid_lines(ended.stdout_text()).last().unwrap()["errorCode"],
        "timeout"
    );
    assert!(
        ended.error_line().contains("--max-time"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_silent_server_is_28_after_the_connect_timeout() {
    let peer = scripted(|mut stream| {
        let mut request = Vec::new();
        stream.read_to_end(&mut request)
    });
    let start = Instant::now();
    let ended = ws(&["connect", &peer.url, "--connect-timeout", "300ms", "--json"])
        .run()
        .expect_code(28);
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(types(&valid_lines(ended.stdout_text())), ["error"]);
    ended.error_line();
}

#[cfg(unix)]
#[test]
fn a_reader_that_went_away_is_success() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        // Until the client has noticed that nobody reads any more.
        while stream.write_all(&frame(0x1, b"line")).is_ok() {
            if let Some(close) = read_frame_within(&mut stream, Duration::from_millis(10)) {
                stream.write_all(&close_frame(1000, "")).unwrap();
                return Some(close);
            }
        }
        None
    });
    let ended = piped_into_head(&format!("connect {} --no-stdin --quiet", peer.url)).finish();
    assert_eq!(
        (ended.stdout_text(), ended.stderr.as_str()),
        ("line\n", "exit 0\n")
    );
    assert_eq!(
        peer.join(),
        Some((0x8, 1000_u16.to_be_bytes().to_vec())),
        "the peer is told"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_closes_with_1000_and_is_130() {
    let mut server = serve(&["--json"]);
    let mut client = ws(&["connect", &server.url, "--no-stdin"]).start();
    client.wait_for_stderr(line_with("connected to"));
    client.signal("INT");
    client.finish().expect_code(130);
    let line = server
        .process
        .wait_for_stdout(line_with(r#""type":"close""#));
    assert!(
        line.contains(r#""code":1000"#) && line.contains(r#""dir":"in""#),
        "{line}"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_connecting_is_130_at_once() {
    let (accepted, wait_for_accept) = std::sync::mpsc::channel();
    let peer = scripted(move |mut stream| {
        accepted.send(()).unwrap();
        stream.read_to_end(&mut Vec::new())
    });
    let client = ws(&["connect", &peer.url]).start();
    wait_for_accept.recv().unwrap();
    client.signal("INT");
    client.finish().expect_code(130);
}

#[test]
fn the_close_code_and_reason_can_be_chosen() {
    let mut server = serve(&["--json"]);
    ws(&[
        "connect",
        &server.url,
        "--wait",
        "0",
        "--close-code",
        "4001",
        "--close-reason",
        "enough",
    ])
    .stdin("")
    .run()
    .expect_code(0);
    let line = server
        .process
        .wait_for_stdout(line_with(r#""type":"close""#));
    assert!(line.contains(r#""code":4001,"reason":"enough""#), "{line}");
}

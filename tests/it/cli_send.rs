//! `ws send`: one message, whole and unchanged.

use std::io::Write;

use crate::support::cli::{Checked, line_with, serve, ws};
use crate::support::schema::{types, valid_lines};
use crate::support::scripted::{close_frame, read_frame, scripted, upgrade};

#[test]
fn text_arrives_as_one_text_message() {
    let mut server = serve(&[]);
    ws(&["send", &server.url, "two\nlines"])
        .run()
        .expect_code(0);
    ws(&["send", &server.url, "-1"]).run().expect_code(0);
    for line in ["two", "lines", "-1"] {
        server
            .process
            .wait_for_stdout(|printed| (printed == line).then_some(()));
    }
}

#[test]
fn the_answer_is_printed() {
    let server = serve(&["--echo"]);
    let ended = ws(&["send", &server.url, "question", "--count", "1"])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "question\n");
}

#[test]
fn a_file_is_one_binary_message_byte_for_byte() {
    let server = serve(&["--echo"]);
    let content: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&content).unwrap();
    let path = file.path().to_str().unwrap();
    let ended = ws(&[
        "send",
        &server.url,
        "--file",
        path,
        "--binary",
        "--count",
        "1",
    ])
    .run()
    .expect_code(0);
    assert!(
        ended.stdout == content,
        "{} bytes came back",
        ended.stdout.len()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_1_and_the_file_is_named() {
    let server = serve(&["--echo"]);
    let arguments = ["send", &server.url, "x", "--count", "1", "-o", "/dev/full"];
    let ended = ws(&arguments).run().expect_code(1);
    let line = ended.error_line();
    assert!(
        line.contains("cannot write to /dev/full for -o: "),
        "{line}"
    );
}

#[test]
fn a_message_above_the_servers_limit_is_56_with_its_reason() {
    let server = serve(&["--echo"]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; (16 << 20) + 1]).unwrap();
    let path = file.path().to_str().unwrap();
    let ended = ws(&["send", &server.url, "--file", path, "--binary"])
        .run()
        .expect_code(56);
    let line = ended.error_line();
    assert!(line.contains("1009") && line.contains("16777216"), "{line}");
}

#[test]
fn a_text_file_keeps_its_line_ends() {
    let mut server = serve(&["--json"]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all("a\r\nж\n".as_bytes()).unwrap();
    ws(&["send", &server.url, "--file", file.path().to_str().unwrap()])
        .run()
        .expect_code(0);
    let line = server
        .process
        .wait_for_stdout(line_with(r#""type":"text""#));
    assert!(line.contains(r#""size":6,"data":"a\r\nж\n""#), "{line}");
}

#[test]
fn stdin_can_be_the_file() {
    let server = serve(&["--echo"]);
    let ended = ws(&["send", &server.url, "--file", "-", "--count", "1"])
        .stdin("a\nb")
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "a\nb\n");
}

#[test]
fn what_cannot_be_sent_fails_before_dialling() {
    // Port 1 refuses; what fails here has not come so far.
    let url = "ws://127.0.0.1:1/";
    let missing = ws(&["send", url, "--file", "no/such/file"])
        .run()
        .expect_code(1);
    assert!(
        missing.error_line().contains("no/such/file"),
        "{}",
        missing.stderr
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"ok\xFF").unwrap();
    let binary = ws(&["send", url, "--file", file.path().to_str().unwrap()])
        .run()
        .expect_code(2);
    assert!(
        binary.error_line().contains("--binary"),
        "{}",
        binary.stderr
    );
    let nothing = ws(&["send", url]).run().expect_code(2);
    assert!(
        nothing.error_line().contains("--file"),
        "{}",
        nothing.stderr
    );
    let code = ws(&["send", url, "x", "--close-code", "1006"])
        .run()
        .expect_code(2);
    assert!(code.error_line().contains("1006"), "{}", code.stderr);
    let reason = ws(&["send", url, "x", "--close-reason", &"r".repeat(124)])
        .run()
        .expect_code(2);
    assert!(reason.error_line().contains("124"), "{}", reason.stderr);
}

#[test]
fn success_means_that_the_peer_answered_the_close() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        let message = read_frame(&mut stream);
        // Goes away without a Close frame of its own.
        (message, read_frame(&mut stream))
    });
    let ended = ws(&["send", &peer.url, "x", "--json"])
        .run()
        .expect_code(56);
    assert_eq!(
        types(&valid_lines(ended.stdout_text())),
        ["open", "text", "close", "error"]
    );
    ended.error_line();
    let (message, close) = peer.join();
    assert_eq!(message, Some((0x1, b"x".to_vec())));
    assert!(close.is_some());
}

#[test]
fn a_peer_that_answers_with_another_code_is_56() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        read_frame(&mut stream);
        read_frame(&mut stream);
        stream.write_all(&close_frame(1008, "not allowed")).unwrap();
    });
    let ended = ws(&["send", &peer.url, "x"]).run().expect_code(56);
    let line = ended.error_line();
    assert!(
        line.contains("1008") && line.contains("not allowed"),
        "{line}"
    );
}

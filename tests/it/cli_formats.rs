//! How messages are cut out of stdin and printed on stdout: delimiters, JSON, times, colours, bytes on a terminal.

use std::io::Write;

use crate::support::cli::{Checked, serve, ws};
use crate::support::peer::Peer;
use crate::support::scripted::{close_frame, frame, read_frame, scripted, upgrade};

#[test]
fn a_nul_between_messages_lets_them_have_lines() {
    let (_server, url) = Peer::Python.echo_server();
    let messages = "two\nlines\0\0last\r\n\0";
    let ended = ws(&["connect", &url, "--delimiter", "nul", "--count", "3"])
        .stdin(messages)
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), messages);
}

#[test]
fn a_length_before_each_message_keeps_any_bytes_apart() {
    let (_server, url) = Peer::Node.echo_server();
    let mut stream = Vec::new();
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for message in [&b""[..], b"\n\0\n", &all, b"x"] {
        stream.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        stream.extend_from_slice(message);
    }
    let arguments = ["connect", &url, "--delimiter", "length", "-b"];
    let ended = ws(&arguments)
        .args(&["--count", "4"])
        .stdin(stream.clone())
        .run()
        .expect_code(0);
    assert!(ended.stdout == stream, "{} bytes", ended.stdout.len());
    let cut = ws(&arguments)
        .stdin(&b"\0\0\0\x05ab"[..])
        .run()
        .expect_code(1);
    assert!(
        cut.error_line()
            .contains("message 1 of stdin: it is cut short: 2 of 5 bytes"),
        "{}",
        cut.stderr
    );
}

#[test]
fn all_of_stdin_can_be_one_message() {
    let (_server, url) = Peer::Python.echo_server();
    let text = "a\n\nb\0c\r\n";
    let ended = ws(&["connect", &url, "--delimiter", "none", "--count", "1"])
        .stdin(text)
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), text);
}

#[test]
fn a_delimiter_that_is_asked_for_ends_binary_messages_too() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "-b", "--delimiter", "newline"])
        .args(&["--count", "2"])
        .stdin(&b"\xFF\na\n"[..])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout, b"\xFF\na\n");
}

#[test]
fn pretty_lays_json_out_and_leaves_the_rest_alone() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--pretty", "--count", "3"])
        .stdin("{\"b\":1.10,\"a\":[1,{}]}\n{no json\nplain\n")
        .run()
        .expect_code(0);
    assert_eq!(
        ended.stdout_text(),
        "{\n  \"b\": 1.10,\n  \"a\": [\n    1,\n    {}\n  ]\n}\n{no json\nplain\n"
    );
    let both = ws(&["connect", &server.url, "--pretty", "--json"])
        .run()
        .expect_code(2);
    assert!(both.error_line().contains("--pretty"), "{}", both.stderr);
}

#[test]
fn times_stand_before_messages() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--timestamps", "--count", "1"])
        .stdin("hello there\n")
        .run()
        .expect_code(0);
    let (time, message) = ended.stdout_text().split_once(' ').unwrap();
    assert_eq!(message, "hello there\n");
    assert!(
        time.len() == "2026-05-02T11:07:56.936Z".len() && time.ends_with('Z'),
        "{time}"
    );
    let delimiter = ["--delimiter", "length"];
    let unreadable = ws(&["connect", &server.url, "--timestamps"])
        .args(&delimiter)
        .run()
        .expect_code(2);
    assert!(
        unreadable.error_line().contains("--delimiter length"),
        "{}",
        unreadable.stderr
    );
}

#[test]
fn output_goes_to_a_file_and_no_status_to_stderr() {
    let server = serve(&["--echo"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer");
    let path = path.to_str().unwrap();
    let ended = ws(&["send", &server.url, "-d", "question", "-s", "-m", "50"])
        .args(&["--count", "1", "-o", path])
        .run()
        .expect_code(0);
    assert_eq!((ended.stdout.as_slice(), &*ended.stderr), (&b""[..], ""));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "question\n");
    let missing = ws(&["send", &server.url, "x", "-o", "no/such/folder/file"])
        .run()
        .expect_code(1);
    assert!(
        missing.error_line().contains("no/such/folder"),
        "{}",
        missing.stderr
    );
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let server = serve(&["--echo"]);
    let run = |options: &[&str]| {
        let ended = ws(&["connect", &server.url, "--count", "1"])
            .args(options)
            .stdin("x\n")
            .run()
            .expect_code(0);
        (ended.stdout_text().to_owned(), ended.stderr)
    };
    let (plain, status) = run(&[]);
    assert_eq!(plain, "x\n");
    assert!(!status.contains('\u{1b}'), "{status:?}");
    let (coloured, status) = run(&["--color", "always"]);
    assert_eq!(coloured, "\u{1b}[36mx\u{1b}[0m\n");
    assert!(status.contains("\u{1b}["), "{status:?}");
}

#[cfg(unix)]
#[test]
fn a_terminal_shows_binary_messages_as_a_dump() {
    use crate::support::terminal::on_terminal;

    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        stream.write_all(&frame(0x2, b"\x1b[2Jbytes")).unwrap();
        stream.write_all(&close_frame(1000, "")).unwrap();
        read_frame(&mut stream)
    });
    let mut terminal = on_terminal(&["connect", &peer.url, "--no-stdin"], &[]);
    assert_eq!(terminal.finish(), Some(0));
    let lines = terminal.lines();
    let dump = "00000000  1b 5b 32 4a 62 79 74 65  73                       |.[2Jbytes|";
    assert!(
        lines.iter().any(|line| line == "[binary, 9 bytes]")
            && lines.iter().any(|line| line == dump),
        "{lines:#?}"
    );
    assert!(
        terminal.raw.contains("\u{1b}[35m[binary"),
        "in colour: {:?}",
        terminal.raw
    );
    // Where no colours are wanted there are none.
    let server = serve(&["--echo"]);
    let mut plain = on_terminal(
        &["send", &server.url, "x", "--count", "1"],
        &[("NO_COLOR", "1")],
    );
    assert_eq!(plain.finish(), Some(0));
    assert!(!plain.raw.contains('\u{1b}'), "{:?}", plain.raw);
}

//! The prompt of `ws connect` on a terminal: editing, history, messages above the line, commands, and how it ends.

use std::io::Write;
use std::net::Shutdown;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::cli::{Checked, serve, ws};
use crate::support::scripted::{close_frame, frame, read_frame, scripted, upgrade};
use crate::support::terminal::{Terminal, on_terminal};

/// A terminal on which the prompt is shown.
fn prompt(url: &str, options: &[&str], environment: &[(&str, &str)]) -> Terminal {
    let mut terminal = on_terminal(&[&["connect", url], options].concat(), environment);
    terminal.wait_for(|lines| lines.last().is_some_and(|line| line == ">"));
    terminal
}

fn last(lines: &[String]) -> &str {
    lines.last().map_or("", String::as_str)
}

#[test]
fn a_line_is_edited_sent_and_answered() {
    let server = serve(&["--echo"]);
    let mut terminal = prompt(&server.url, &[], &[]);
    // "helo", back one, "l": the cursor keys work.
    terminal.press("helo\u{1b}[Dl\r");
    terminal.wait_for_line("< hello");
    assert!(terminal.lines().contains(&String::from("> hello")));
    // Up brings it back; Ctrl-A and Ctrl-K empty it.
    terminal.press("\u{1b}[A");
    terminal.wait_for(|lines| last(lines) == "> hello");
    terminal.press("\u{1}\u{b}ж 世\r");
    terminal.wait_for_line("< ж 世");
    terminal.press("\u{4}");
    assert_eq!(terminal.finish(), Some(0));
    assert!(
        terminal.raw.contains("\u{1b}[36m< hello"),
        "{:?}",
        terminal.raw
    );
    assert!(terminal.is_as_found());
}

/// Else a Ctrl-D pressed when the answer appears, which may be before the next prompt does, would not be one.
#[test]
fn keys_pressed_between_two_lines_reach_the_editor_as_they_are() {
    let server = serve(&["--echo"]);
    let mut terminal = prompt(&server.url, &[], &[]);
    let has_collected = terminal.watch_collecting();
    for number in 0..100 {
        terminal.press(&format!("{number}\r"));
        terminal.wait_for_line(&format!("< {number}"));
    }
    assert!(!has_collected());
    terminal.press("\u{4}");
    assert_eq!(terminal.finish(), Some(0));
    assert!(terminal.is_as_found());
}

#[test]
fn what_arrives_appears_above_the_line_being_typed() {
    let (more, wait_for_more) = channel();
    let peer = scripted(move |mut stream| {
        upgrade(&mut stream, None);
        for text in wait_for_more {
            stream.write_all(&frame(0x1, str::as_bytes(text))).unwrap();
        }
        stream.write_all(&close_frame(1000, "bye")).unwrap();
        read_frame(&mut stream)
    });
    let mut terminal = prompt(&peer.url, &[], &[]);
    terminal.press("half a li");
    terminal.wait_for(|lines| last(lines) == "> half a li");
    for text in ["one", "two\nlines", "three"] {
        more.send(text).unwrap();
    }
    terminal.wait_for(|lines| {
        lines.ends_with(&["< one", "< two", "lines", "< three", "> half a li"].map(String::from))
    });
    // The line can be typed on.
    terminal.press("ne");
    terminal.wait_for(|lines| last(lines) == "> half a line");
    // The peer closes while it is being typed: nothing of it stays behind, and the shell finds its terminal.
    drop(more);
    assert_eq!(terminal.finish(), Some(0));
    assert_eq!(
        last(&terminal.lines()),
        "closed by the peer with close code 1000 (bye)"
    );
    assert!(terminal.lines().contains(&String::from("< three")));
    assert!(terminal.is_as_found());
    assert_eq!(peer.join().map(|(opcode, _)| opcode), Some(0x8));
}

#[test]
fn commands_do_what_they_say_and_wrong_ones_are_explained() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        let mut frames = Vec::new();
        while let Some((opcode, payload)) = read_frame(&mut stream) {
            if opcode == 0x9 {
                stream.write_all(&frame(0xA, &payload)).unwrap();
            }
            if opcode == 0x8 {
                stream.write_all(&close_frame(4000, "so long")).unwrap();
            }
            frames.push((opcode, payload));
        }
        frames
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all("in a file\n".as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let mut terminal = prompt(&peer.url, &[], &[]);
    terminal.press("/pnig\r");
    terminal.wait_for(|lines| lines.iter().any(|line| line.contains("no command /pnig")));
    terminal.press("/help\r");
    terminal.wait_for(|lines| lines.iter().any(|line| line.starts_with("/close [CODE")));
    terminal.press("/ping abc\r");
    terminal.wait_for(|lines| {
        let pong = |line: &String| line.contains("pong from ") && line.ends_with(" ms");
        lines.iter().any(pong)
    });
    terminal.press("/pong p\r/binary 00ff 1b\r//etc\r\r");
    terminal.press(&format!("/file {path}\r/text\r"));
    terminal.press("/close 4000 so long\r");
    assert_eq!(terminal.finish(), Some(0), "{:#?}", terminal.lines());
    let close = [&4000_u16.to_be_bytes()[..], b"so long"].concat();
    let expected: [(u8, Vec<u8>); 7] = [
        (0x9, b"abc".to_vec()),
        (0xA, b"p".to_vec()),
        (0x2, vec![0, 255, 27]),
        (0x1, b"/etc".to_vec()),
        (0x1, b"in a file\n".to_vec()),
        (0x1, Vec::new()),
        (0x8, close),
    ];
    assert_eq!(peer.join(), expected);
}

#[test]
fn a_command_is_answered_while_messages_pour_in() {
    let (late, is_late) = channel();
    let peer = scripted(move |mut stream| {
        upgrade(&mut stream, None);
        let mut pouring = stream.try_clone().unwrap();
        let pour = std::thread::spawn(move || {
            // Long ones: then showing them takes the time, and who prints waits for who edits.
            let length = 60_000_u16;
            let text = vec![b'x'; length.into()];
            let message = [&[0x81, 126][..], &length.to_be_bytes(), &text].concat();
            for count in 0.. {
                if pouring.write_all(&message).is_err() {
                    break;
                }
                if count == 400 {
                    late.send(()).unwrap();
                }
            }
        });
        let message = read_frame(&mut stream);
        stream.shutdown(Shutdown::Both).unwrap();
        pour.join().unwrap();
        message
    });
    let mut terminal = on_terminal(&["connect", &peer.url], &[]);
    is_late.recv_timeout(Duration::from_secs(60)).unwrap();
    // What has come is not waited for: it is much to show.
    terminal.press("/help\rdone\r");
    assert_eq!(peer.join(), Some((0x1, b"done".to_vec())));
}

#[test]
fn the_history_is_kept_on_disk_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let server = serve(&["--echo"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/history");
    let environment = [("WS_HISTORY", path.to_str().unwrap())];
    let mut first = prompt(&server.url, &[], &environment);
    first.press("kept line\r");
    first.wait_for_line("< kept line");
    first.press(" secret line\r");
    first.wait_for_line("<  secret line");
    first.press("\u{4}");
    assert_eq!(first.finish(), Some(0));
    let mut second = prompt(&server.url, &[], &environment);
    second.press("\u{1b}[A");
    second.wait_for(|lines| last(lines) == "> kept line");
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept.contains("kept line") && !kept.contains("secret"),
        "{kept}"
    );
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn ctrl_c_at_the_prompt_is_130_and_closes_well() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        let close = read_frame(&mut stream);
        stream.write_all(&close_frame(1000, "")).unwrap();
        close
    });
    let mut terminal = prompt(&peer.url, &[], &[]);
    terminal.press("half\u{3}");
    assert_eq!(terminal.finish(), Some(130));
    assert!(terminal.is_as_found());
    assert_eq!(peer.join(), Some((0x8, 1000_u16.to_be_bytes().to_vec())));
}

#[test]
fn a_lost_connection_at_the_prompt_gives_the_terminal_back() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        // Gone at the first message, without a Close.
        read_frame(&mut stream)
    });
    let mut terminal = prompt(&peer.url, &[], &[]);
    terminal.press("x\rhalf");
    assert_eq!(terminal.finish(), Some(56));
    assert!(
        last(&terminal.lines()).starts_with("ws: "),
        "{:#?}",
        terminal.lines()
    );
    assert!(terminal.is_as_found());
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    let server = serve(&["--echo"]);
    let mut terminal = on_terminal(&["connect", &server.url], &[("TERM", "dumb")]);
    terminal.wait_for(|lines| last(lines).starts_with("each line is sent"));
    terminal.press("hello\r");
    terminal.wait_for(|lines| lines.iter().filter(|line| *line == "hello").count() == 2);
    terminal.press("\u{4}");
    assert_eq!(terminal.finish(), Some(0));
    assert!(!terminal.raw.contains('\u{1b}'), "{:?}", terminal.raw);
}

#[test]
fn commands_are_taken_from_a_pipe_where_asked_for() {
    let server = serve(&["--echo"]);
    let ended = ws(&["connect", &server.url, "--commands", "--json"])
        .stdin("/ping a\n//b\n/close 4001 done\nnever sent\n")
        .run()
        .expect_code(0);
    let text = ended.stdout_text();
    assert!(
        text.contains(r#""data":"/b""#) && !text.contains("never"),
        "{text}"
    );
    assert!(text.contains(r#""code":4001,"reason":"done""#), "{text}");
    let wrong = ws(&["connect", &server.url, "--commands"])
        .stdin("/nonsense\n")
        .run()
        .expect_code(2);
    assert!(
        wrong
            .error_line()
            .contains("line 1 of stdin: no command /nonsense"),
        "{}",
        wrong.stderr
    );
    let helped = ws(&["connect", &server.url, "--commands", "--count", "1"])
        .stdin("/help\nhello\n")
        .run()
        .expect_code(0);
    assert_eq!(helped.stdout_text(), "hello\n");
    let help = "/close [CODE [REASON]]";
    assert!(
        helped.stderr.lines().any(|line| line.starts_with(help)),
        "{}",
        helped.stderr
    );
    // Without the option a line is a message whatever it begins with.
    let plain = ws(&["connect", &server.url, "--count", "1"])
        .stdin("/ping a\n")
        .run()
        .expect_code(0);
    assert_eq!(plain.stdout_text(), "/ping a\n");
}

#[test]
fn ctrl_c_ends_it_while_the_connection_is_lost_too() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        read_frame(&mut stream)
    });
    let mut terminal = prompt(&peer.url, &["--reconnect"], &[]);
    terminal.press("x\r");
    peer.join();
    // Nobody listens there any more.
    terminal.wait_for(|lines| {
        lines
            .iter()
            .any(|line| line.starts_with("cannot connect to"))
    });
    terminal.press("\u{3}");
    assert_eq!(terminal.finish(), Some(130));
    assert!(terminal.is_as_found());
}

#[test]
fn the_log_appears_above_the_line_too() {
    let server = serve(&["--echo"]);
    let mut terminal = prompt(&server.url, &["-vvv"], &[]);
    terminal.press("hello\r");
    terminal.wait_for_line("< hello");
    terminal.press("half");
    terminal.wait_for(|lines| {
        lines
            .iter()
            .any(|line| line == "< text frame of 5 bytes, final")
            && last(lines) == "> half"
    });
    terminal.press("\u{3}");
    assert_eq!(terminal.finish(), Some(130));
}

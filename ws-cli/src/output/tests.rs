use std::sync::{Arc, Mutex};

use super::*;
use crate::framing::Delimiter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PIPE: Medium = Medium {
    is_terminal: false,
    coloured: false,
};
const TERMINAL: Medium = Medium {
    is_terminal: true,
    coloured: false,
};

fn printed(medium: Medium, layout: Layout, events: &[(Direction, Event<'_>)]) -> Vec<u8> {
    let captured = Captured::default();
    let mut output = Output::with_stdout(Box::new(captured.clone()), false, medium);
    output.set_layout(layout);
    tell(&mut output, events);
    drop(output);
    std::mem::take(&mut captured.0.lock().unwrap())
}

fn tell(output: &mut Output, events: &[(Direction, Event<'_>)]) {
    for &(direction, event) in events {
        output
            .event(&Line {
                direction: Some(direction),
                peer: None,
                event,
            })
            .unwrap();
    }
    output.flush().unwrap();
}

#[test]
fn a_pipe_gets_text_lines_and_raw_binary() {
    let events = [
        (Direction::In, Event::Text("a\u{1b}[2J")),
        (Direction::In, Event::Binary(&[0, 10, 255])),
        (Direction::In, Event::Text("")),
        (Direction::In, Event::Ping(b"p")),
        (Direction::Out, Event::Text("sent")),
        (
            Direction::In,
            Event::Close {
                code: 1000,
                reason: "bye",
            },
        ),
    ];
    assert_eq!(
        printed(PIPE, Layout::default(), &events),
        b"a\x1b[2J\n\x00\x0a\xff\n"
    );
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let events = [
        (Direction::In, Event::Text("a\u{1b}[2J\u{9b}m")),
        (Direction::In, Event::Binary(&[0x1b, 0x0a])),
    ];
    let shown = String::from_utf8(printed(TERMINAL, Layout::default(), &events)).unwrap();
    assert_eq!(
        shown,
        "a\\u{1b}[2J\\u{9b}m\n[binary, 2 bytes]\n\
         00000000  1b 0a                                             |..|\n"
    );
}

#[test]
fn a_delimiter_that_is_asked_for_ends_binary_messages_too() {
    let events = [
        (Direction::In, Event::Text("a\nb")),
        (Direction::In, Event::Binary(&[255])),
    ];
    for (delimiter, expected) in [
        (Delimiter::Newline, &b"a\nb\n\xff\n"[..]),
        (Delimiter::Nul, b"a\nb\0\xff\0"),
        (Delimiter::Length, b"\0\0\0\x03a\nb\0\0\0\x01\xff"),
        (Delimiter::None, b"a\nb\xff"),
    ] {
        let layout = Layout {
            delimiter: Some(delimiter),
            ..Layout::default()
        };
        assert_eq!(printed(PIPE, layout, &events), expected, "{delimiter:?}");
    }
}

#[test]
fn pretty_changes_json_only_and_times_stand_before_each_message() {
    let events = [
        (Direction::In, Event::Text("{\"a\":1}")),
        (Direction::In, Event::Text("{no")),
    ];
    let layout = Layout {
        pretty: true,
        timestamps: true,
        ..Layout::default()
    };
    let text = String::from_utf8(printed(PIPE, layout, &events)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    for (line, message) in [(0, "{"), (3, "{no")] {
        let (stamp, rest) = lines[line].split_once(' ').unwrap();
        assert!(stamp.ends_with('Z') && rest == message, "{text}");
    }
    assert_eq!(lines[1..3], ["  \"a\": 1", "}"]);
}

#[test]
fn colours_surround_what_is_escaped() {
    let coloured = Medium {
        coloured: true,
        ..TERMINAL
    };
    let events = [(Direction::In, Event::Text("a\u{1b}b"))];
    assert_eq!(
        String::from_utf8(printed(coloured, Layout::default(), &events)).unwrap(),
        "\u{1b}[36ma\\u{1b}b\u{1b}[0m\n"
    );
}

#[test]
fn json_prints_both_directions() {
    let events = [
        (Direction::In, Event::Ping(b"p")),
        (Direction::Out, Event::Text("x")),
    ];
    let captured = Captured::default();
    let mut output = Output::with_stdout(Box::new(captured.clone()), true, PIPE);
    tell(&mut output, &events);
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let types: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(types, ["ping", "text"]);
}

#[test]
fn a_reader_that_went_away_is_told_apart_from_a_failure() {
    let mut output = Output::with_stdout(Box::new(Broken), false, PIPE);
    output
        .event(&Line {
            direction: Some(Direction::In),
            peer: None,
            event: Event::Text("x"),
        })
        .unwrap();
    assert!(matches!(output.flush(), Err(Stop::BrokenPipe)));
    assert!(
        output.flush().is_ok(),
        "what could not be written is not tried again"
    );
}

use std::sync::{Arc, Mutex};

use super::*;

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

fn printed(format: Format, events: &[(Direction, Event<'_>)]) -> Vec<u8> {
    let captured = Captured::default();
    let mut output = Output::with_stdout(Box::new(captured.clone()), format, true);
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
    drop(output);
    std::mem::take(&mut captured.0.lock().unwrap())
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
    assert_eq!(printed(Format::Raw, &events), b"a\x1b[2J\n\x00\x0a\xff\n");
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let events = [
        (Direction::In, Event::Text("a\u{1b}[2J\u{9b}m")),
        (Direction::In, Event::Binary(&[0x1b, 0x0a])),
    ];
    let shown = String::from_utf8(printed(Format::Terminal, &events)).unwrap();
    assert_eq!(shown, "a\\u{1b}[2J\\u{9b}m\n[binary, 2 bytes] 1b 0a\n");
}

#[test]
fn a_long_binary_message_is_cut_on_a_terminal() {
    let shown = hexadecimal(&[7; 1000]);
    assert!(shown.starts_with("[binary, 1000 bytes] 07 07"));
    assert!(shown.ends_with(" …\n") && shown.len() < 200);
}

#[test]
fn json_prints_both_directions() {
    let events = [
        (Direction::In, Event::Ping(b"p")),
        (Direction::Out, Event::Text("x")),
    ];
    let text = String::from_utf8(printed(Format::Json, &events)).unwrap();
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
    let mut output = Output::with_stdout(Box::new(Broken), Format::Raw, true);
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

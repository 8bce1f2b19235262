//! One event as one line of JSON; the schema is in the README.
//!
//! Invariant: a line holds only the fields of the schema, in one order, and no character that could act on a terminal.

use std::fmt::Write as _;
use std::time::SystemTime;

use data_encoding::BASE64;

use super::escape::is_harmful;
use super::time::rfc3339;
use super::{Event, Line};

/// Appends `line` and a line feed to `output`.
pub(super) fn encode(line: &Line<'_>, time: SystemTime, output: &mut String) {
    let mut object = Object {
        output,
        empty: true,
    };
    object.string("type", line.event.name());
    if let Some(direction) = line.direction {
        object.string("dir", direction.name());
    }
    object.string("time", &rfc3339(time));
    if let Some(peer) = line.peer {
        if let Some(id) = &peer.connection_id {
            object.string("connectionId", id);
        }
        object.string("address", &peer.address);
        object.string("path", &peer.path);
    }
    match line.event {
        Event::Listening { address } => object.string("address", address),
        Event::Open => {}
        Event::Text(text) => {
            object.number("size", text.len());
            object.string("data", text);
        }
        Event::Binary(payload) | Event::Ping(payload) | Event::Pong(payload) => {
            object.number("size", payload.len());
            object.string("base64", &BASE64.encode(payload));
        }
        Event::Close { code, reason } => {
            object.number("code", code.into());
            object.string("reason", reason);
        }
        Event::Error(failure) => {
            if let Some(code) = failure.code {
                object.number("code", code.into());
            }
            object.string("reason", &failure.text);
            object.string("errorCode", failure.error_code);
        }
    }
    object.end();
}

struct Object<'a> {
    output: &'a mut String,
    empty: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        self.output.push(if self.empty { '{' } else { ',' });
        self.empty = false;
        push_string(name, self.output);
        self.output.push(':');
    }

    fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        push_string(value, self.output);
    }

    fn number(&mut self, name: &str, value: usize) {
        self.name(name);
        // Writing to a String cannot fail.
        let _ = write!(self.output, "{value}");
    }

    fn end(self) {
        self.output.push_str("}\n");
    }
}

/// Appends `value` as a string of JSON.
pub(crate) fn push_string(value: &str, output: &mut String) {
    output.push('"');
    // What needs nothing is appended in whole pieces: a message may have megabytes.
    let mut start = 0;
    for (place, c) in value.char_indices() {
        if c >= ' ' && !matches!(c, '"' | '\\') && !is_harmful(c) {
            continue;
        }
        output.push_str(&value[start..place]);
        start = place + c.len_utf8();
        match c {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            // All of them are below U+10000: one escape each. Writing to a String cannot fail.
            c => {
                let _ = write!(output, "\\u{:04x}", u32::from(c));
            }
        }
    }
    output.push_str(&value[start..]);
    output.push('"');
}

/// Appends `json`, which is valid, as it is but on one line and harmless for a terminal.
pub(crate) fn push_json(json: &str, output: &mut String) {
    for c in json.chars() {
        match c {
            // Valid JSON has these only between its parts, where nothing has to be.
            '\u{0}'..='\u{1F}' => {}
            // And these only in strings. Writing to a String cannot fail.
            c if is_harmful(c) => {
                let _ = write!(output, "\\u{:04x}", u32::from(c));
            }
            c => output.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::exit::Exit;
    use crate::failure::Failure;
    use crate::output::{Direction, Peer};

    fn encoded(line: &Line<'_>) -> String {
        let mut output = String::new();
        encode(line, UNIX_EPOCH, &mut output);
        output
    }

    #[test]
    fn a_message_has_its_fields_in_one_order() {
        let peer = Peer {
            connection_id: Some(String::from("6f1c")),
            address: String::from("127.0.0.1:5"),
            path: String::from("/chat"),
        };
        let line = Line {
            direction: Some(Direction::In),
            peer: Some(&peer),
            event: Event::Text("ж\"\\\n"),
        };
        assert_eq!(
            encoded(&line),
            concat!(
                r#"{"type":"text","dir":"in","time":"1970-01-01T00:00:00.000Z","connectionId":"6f1c","#,
                r#""address":"127.0.0.1:5","path":"/chat","size":5,"data":"ж\"\\\n"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_binary_message_is_base64() {
        let line = Line {
            direction: Some(Direction::Out),
            peer: None,
            event: Event::Binary(&[0, 255]),
        };
        assert!(encoded(&line).ends_with("\"size\":2,\"base64\":\"AP8=\"}\n"));
    }

    #[test]
    fn an_error_has_its_word_and_code() {
        let failure = Failure::new(Exit::Refused, "handshake", "no").with_code(Some(404));
        let line = Line {
            direction: None,
            peer: None,
            event: Event::Error(&failure),
        };
        assert!(
            encoded(&line)
                .ends_with("\"code\":404,\"reason\":\"no\",\"errorCode\":\"handshake\"}\n")
        );
    }

    #[test]
    fn any_string_is_one_harmless_line_and_reads_back() {
        let all: String = ('\u{0}'..='\u{FF}')
            .chain('\u{2000}'..='\u{206F}')
            .chain(['😀', '\u{FFFF}'])
            .collect();
        let line = encoded(&Line {
            direction: None,
            peer: None,
            event: Event::Text(&all),
        });
        assert_eq!(line.lines().count(), 1);
        assert!(!line.trim_end().chars().any(is_harmful));
        let value: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        assert_eq!(value["data"], all);
    }
}

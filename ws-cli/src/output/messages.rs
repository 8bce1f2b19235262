//! How a message that came in is printed where nobody asked for JSON lines.
//!
//! Invariant: in a pipe and in a file the bytes of a message are not changed unless `--pretty` or `--color always` asks
//! for it; what stands around them is the delimiter's and the time's.

use std::time::SystemTime;

use super::colour::Ink;
use super::escape::{self, Lines};
use super::event::Event;
use super::{hex, pretty, time};
use crate::framing::Delimiter;

/// What the messages are printed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Medium {
    /// A person reads it: control characters are escaped, binary messages dumped.
    pub(super) is_terminal: bool,
    pub(super) coloured: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// What ends a message in a pipe; by default a line feed, and nothing after a binary one.
    pub(crate) delimiter: Option<Delimiter>,
    /// JSON gets line breaks and indentation.
    pub(crate) pretty: bool,
    /// The time stands before each message.
    pub(crate) timestamps: bool,
    /// `< ` stands before each message.
    pub(crate) marked: bool,
}

impl Layout {
    /// Appends `event` if it is a message.
    pub(super) fn push(
        &self,
        event: &Event<'_>,
        medium: Medium,
        now: SystemTime,
        output: &mut Vec<u8>,
    ) {
        let (ink, payload) = match event {
            Event::Text(text) => (Ink::Text, text.as_bytes()),
            Event::Binary(payload) => (Ink::Binary, *payload),
            _ => return,
        };
        if self.timestamps {
            let stamp = Ink::Dim.paint(&time::rfc3339(now), medium.coloured);
            output.extend_from_slice(stamp.as_bytes());
            output.push(b' ');
        }
        let laid_out = match event {
            Event::Text(text) if self.pretty => pretty::pretty(text),
            _ => None,
        };
        if medium.is_terminal {
            let mut text = String::from(if self.marked { "< " } else { "" });
            match event {
                Event::Text(original) => {
                    let shown = laid_out.as_deref().unwrap_or(original);
                    escape::push_escaped(shown, Lines::Keep, &mut text);
                    text.push('\n');
                }
                _ => text.push_str(&hex::dump(payload)),
            }
            output.extend_from_slice(ink.paint(&text, medium.coloured).as_bytes());
            return;
        }
        let is_text = matches!(event, Event::Text(_));
        let painted = match event {
            Event::Text(text) if medium.coloured => {
                Some(ink.paint(laid_out.as_deref().unwrap_or(text), true))
            }
            _ => laid_out,
        };
        let bytes = painted.as_deref().map_or(payload, str::as_bytes);
        let default = if is_text {
            Delimiter::Newline
        } else {
            Delimiter::None
        };
        self.delimiter.unwrap_or(default).push(bytes, output);
    }
}

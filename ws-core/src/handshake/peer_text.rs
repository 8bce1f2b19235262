//! Text that a peer chose, made fit for one line of a log.

use std::fmt::{self, Write};

/// Shows a peer's text on one line: control and bidirectional characters escaped, at most 256 characters.
///
/// Escaped are C0, DEL, C1, the line separators U+2028 and U+2029, and every character that turns the direction of
/// writing. Nothing else is changed.
#[derive(Clone, Copy, Debug)]
pub struct PeerText<'a> {
    text: &'a str,
    max_chars: usize,
}

impl<'a> PeerText<'a> {
    /// Wraps `text`.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            max_chars: 256,
        }
    }

    /// Sets how many characters of the text are shown before `…`.
    #[must_use]
    pub fn max_chars(mut self, chars: usize) -> Self {
        self.max_chars = chars;
        self
    }
}

impl fmt::Display for PeerText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.text.chars().enumerate() {
            if index == self.max_chars {
                return f.write_char('…');
            }
            if is_unsafe(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// one event stays one line, and a terminal is told nothing.
    #[test]
    fn escapes_every_character_that_controls_a_line() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        let separators = ['\u{2028}', '\u{2029}'];
        // All of Unicode's that turn the direction of text (Bidi_Control).
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
        let marks = marks.into_iter().chain('\u{202a}'..='\u{202e}');
        let marks = marks.chain('\u{2066}'..='\u{2069}');
        let mut looked_at = 0;
        for character in controls.chain(separators).chain(marks) {
            let text = character.to_string();
            let shown = PeerText::new(&text).to_string();
            assert_eq!(shown, format!("\\u{{{:x}}}", u32::from(character)));
            looked_at += 1;
        }
        assert_eq!(looked_at, 65 + 2 + 12, "controls, separators and marks");
    }

    #[test]
    fn leaves_other_text_alone() {
        let text = "GET /привет?x=\"1\" 漢字 \u{1f600}";
        assert_eq!(PeerText::new(text).to_string(), text);
    }

    #[test]
    fn cuts_long_text_and_shows_it() {
        let exact = "ж".repeat(256);
        assert_eq!(PeerText::new(&exact).to_string(), exact);
        assert_eq!(
            PeerText::new(&format!("{exact}x")).to_string(),
            format!("{exact}…")
        );
        assert_eq!(PeerText::new("abc").max_chars(2).to_string(), "ab…");
    }
}

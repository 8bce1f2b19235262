//! Text from a peer, made harmless for a terminal: no control character, no direction override.

use std::fmt::Write as _;

/// Which line breaks survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Tab and line feed stay: a message on a terminal.
    Keep,
    /// Everything becomes one line: status, errors, close reasons.
    One,
}

/// Appends `text` with C0, DEL, C1, line and paragraph separators and bidirectional controls written as `\u{..}`.
pub(crate) fn push_escaped(text: &str, lines: Lines, output: &mut String) {
    for c in text.chars() {
        let kept = lines == Lines::Keep && matches!(c, '\n' | '\t');
        if is_harmful(c) && !kept {
            // Writing to a String cannot fail.
            let _ = write!(output, "{}", c.escape_default());
        } else {
            output.push(c);
        }
    }
}

/// `text` on one line.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    push_escaped(text, Lines::One, &mut line);
    line
}

/// Can this character move the cursor, change what is shown elsewhere or reorder the line?
pub(super) const fn is_harmful(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1F}' | '\u{7F}'..='\u{9F}'
        | '\u{2028}' | '\u{2029}'
        | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_and_bidi_character_stays_on_one_harmless_line() {
        let all: String = ('\u{0}'..='\u{9F}')
            .chain('\u{2000}'..='\u{206F}')
            .chain(['\u{61C}'])
            .collect();
        let line = one_line(&all);
        assert!(!line.chars().any(is_harmful));
        assert!(line.contains("\\u{1b}"), "escape must be shown: {line}");
        assert!(line.contains("\\u{202e}"));
        assert!(line.contains("~"), "printable characters stay");
    }

    #[test]
    fn a_message_keeps_its_lines_and_tabs_but_no_escape_sequence() {
        let mut shown = String::new();
        push_escaped("a\tb\nc\r\u{1b}[2Jd ж😀", Lines::Keep, &mut shown);
        assert_eq!(shown, "a\tb\nc\\r\\u{1b}[2Jd ж😀");
    }
}

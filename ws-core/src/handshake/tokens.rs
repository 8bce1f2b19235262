//! Tokens and comma-separated lists of header values, read in one pass.

/// Says whether `byte` may stand in a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Says whether `text` is a token: one character or more, all of them token characters.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Says whether `character` is optional white space (RFC 9110 §5.6.3).
pub(crate) fn is_ows(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Yields the elements of a list that may go over several header lines; empty elements are skipped.
///
/// RFC 9110 §5.6.1.2
pub(crate) fn list_elements<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    lines
        .flat_map(|line| line.split(','))
        .map(|element| element.trim_matches(is_ows))
        .filter(|element| !element.is_empty())
}

/// Says whether a list names `wanted`, in any case.
pub(crate) fn list_contains<'a>(lines: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    list_elements(lines).any(|element| element.eq_ignore_ascii_case(wanted))
}

/// Says whether a list names `wanted`, in any case, and nothing else.
pub(crate) fn list_is_only<'a>(lines: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    let mut elements = list_elements(lines).peekable();
    elements.peek().is_some() && elements.all(|element| element.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110 §5.6.2: the fifteen marks, the digits and the letters; nothing else.
    #[test]
    fn knows_the_77_token_bytes() {
        assert_eq!((0..=255).filter(|&byte| is_token_byte(byte)).count(), 77);
        for byte in b"\"(),/:;<=>?@[\\]{} \t\x7f\x00\x80\xff" {
            assert!(!is_token_byte(*byte), "{byte}");
        }
        assert!(!is_token(""));
        assert!(is_token("graphql-transport-ws"));
    }

    #[test]
    fn reads_lists_over_several_lines_and_skips_empty_elements() {
        let lines = [" a ,\tb", "", ",,c,", "d e"];
        let elements: Vec<_> = list_elements(lines.into_iter()).collect();
        assert_eq!(elements, ["a", "b", "c", "d e"]);
    }

    #[test]
    fn compares_whole_elements_in_any_case() {
        assert!(list_contains(
            ["keep-alive, UpGrade"].into_iter(),
            "upgrade"
        ));
        assert!(!list_contains(
            ["keep-alive upgrade"].into_iter(),
            "upgrade"
        ));
        assert!(!list_contains(["upgraded"].into_iter(), "upgrade"));
        assert!(!list_contains([].into_iter(), "upgrade"));
    }
}

//! JSON with line breaks and indentation, for people.
//!
//! Invariant: only white space between the parts changes; numbers, strings and the order of members stay as they came.

use serde_json::value::RawValue;

use crate::framing::MESSAGE_BYTES;

/// `text` laid out, if it is an object or an array of JSON.
pub(super) fn pretty(text: &str) -> Option<String> {
    let json = text.trim();
    if !json.starts_with(['{', '[']) || serde_json::from_str::<&RawValue>(json).is_err() {
        return None;
    }
    laid_out(json)
}

/// `json` must be valid. `None` if it becomes too long: indentation alone can make gigabytes of what is nested deeply.
fn laid_out(json: &str) -> Option<String> {
    let mut output = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if output.len() > MESSAGE_BYTES {
            return None;
        }
        match c {
            '"' => {
                output.push(c);
                // Up to the closing quote, escapes as they are.
                while let Some(c) = rest.next() {
                    output.push(c);
                    match c {
                        '\\' => output.extend(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                output.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    output.push(end);
                } else {
                    depth += 1;
                    break_line(depth, &mut output);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(depth, &mut output);
                output.push(c);
            }
            ',' => {
                output.push(c);
                break_line(depth, &mut output);
            }
            ':' => output.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => output.push(c),
        }
    }
    Some(output)
}

fn break_line(depth: usize, output: &mut String) {
    output.push('\n');
    output.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_get_lines_of_their_own_and_keep_their_order_and_digits() {
        let json = r#" {"b":1.0000000000000000001,"a":[ ],"c":[{"d":"x, \"y\": {","e":{}},null]} "#;
        let expected = "{\n  \"b\": 1.0000000000000000001,\n  \"a\": [],\n  \"c\": [\n    {\n      \
            \"d\": \"x, \\\"y\\\": {\",\n      \"e\": {}\n    },\n    null\n  ]\n}";
        assert_eq!(pretty(json).as_deref(), Some(expected));
        let (before, after): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(json).unwrap(),
            serde_json::from_str(expected).unwrap(),
        );
        assert_eq!(before, after);
    }

    #[test]
    fn deep_nesting_makes_no_gigabytes() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(
            pretty(&nested(3)).as_deref(),
            Some("[\n  [\n    []\n  ]\n]")
        );
        assert_eq!(pretty(&nested(100_000)), None);
    }

    #[test]
    fn what_is_no_object_or_array_stays_as_it_is() {
        for text in ["", "hello", "1", "\"{}\"", "{", "[1,]", "{} x", "null"] {
            assert_eq!(pretty(text), None, "{text}");
        }
    }
}

//! Whether a text is wholly one JSON object or array.
//!
//! The platforms' own readers take comments, a second value behind the first and other things that RFC 8259 does not
//! know, so the modules ask here before they turn a text into a Map or an Array.
//!
//! Invariant: neither recursion nor an allocation that grows with the text; what is nested deeper than 1C reads is no.

/// Tells whether `text` begins with `{` or `[` and is valid JSON to its end.
pub(super) fn is_object_or_array(text: &str) -> bool {
    let mut reader = Reader {
        rest: text.as_bytes(),
    };
    matches!(reader.rest.first(), Some(b'{' | b'[')) && reader.read_whole().is_some()
}

/// What is left of the text; every method gives `None` where it is not JSON.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn read_whole(&mut self) -> Option<()> {
        // What is open, outermost first: true is an object.
        let mut open: Vec<bool> = Vec::new();
        loop {
            // A value is due here, and in an object its name before it.
            if open.last() == Some(&true) {
                self.string()?;
                self.expect(b':')?;
            }
            let mut is_empty = false;
            match self.peek()? {
                opening @ (b'{' | b'[') => {
                    self.rest = &self.rest[1..];
                    if open.len() == MAX_DEPTH {
                        return None;
                    }
                    open.push(opening == b'{');
                    is_empty = self.peek()? == closing(opening == b'{');
                    if !is_empty {
                        continue;
                    }
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            }
            // A value has ended, or an empty object or array is about to.
            loop {
                let Some(&is_object) = open.last() else {
                    return self.blank().is_none().then_some(());
                };
                if !is_empty && self.take(b',') {
                    break;
                }
                self.expect(closing(is_object))?;
                open.pop();
                is_empty = false;
            }
        }
    }

    /// Skips white space; the byte behind it, if there is one.
    fn blank(&mut self) -> Option<u8> {
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\n' | b'\r');
        let count = self.rest.iter().take_while(blank).count();
        self.rest = &self.rest[count..];
        self.rest.first().copied()
    }

    fn peek(&mut self) -> Option<u8> {
        self.blank()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            let end = |byte: &u8| matches!(*byte, b'"' | b'\\') || *byte < 0x20;
            let at = self.rest.iter().position(end)?;
            let (found, rest) = self.rest[at..].split_first()?;
            self.rest = rest;
            match found {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let (kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
            b'u' => {
                let (digits, rest) = self.rest.split_at_checked(4)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.rest = rest;
            }
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        self.skip(b"-");
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        Some(())
    }

    /// Skips one byte if it is one of these.
    fn skip(&mut self, any: &[u8]) -> bool {
        let is_there = self.rest.first().is_some_and(|byte| any.contains(byte));
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    fn digits(&mut self) -> Option<()> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.rest = &self.rest[count..];
        (count > 0).then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        let rest = words
            .iter()
            .find_map(|word| self.rest.strip_prefix(*word))?;
        self.rest = rest;
        Some(())
    }
}

const fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// As deep as 1C reads unless told otherwise.
const MAX_DEPTH: usize = 500;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn takes_objects_and_arrays_also_empty_ones() {
        for text in [
            "{}",
            "[]",
            "[ ]",
            "{ }",
            "[[],{}]",
            r#"{"a":1,"b":[true,false,null,"x\n\u00e9\"",-0.5e+10]} "#,
            "[0,1,10,-1,1E5]",
            "[\"привет\"]\r\n\t",
        ] {
            assert!(is_object_or_array(text), "{text}");
        }
    }

    #[test]
    fn takes_nothing_that_is_not_wholly_json() {
        for text in [
            "",
            " {}",
            "\u{feff}{}",
            "{",
            "[",
            "{}x",
            "[1] [2]",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "[1 2]",
            "[01]",
            "[1.]",
            "[.5]",
            "[+1]",
            "[1e]",
            "[NaN]",
            "[tru]",
            "[/* no */]",
            "[\"\t\"]",
            "[\"\\x\"]",
            "[\"\\u12g4\"]",
            "[\"",
            "[\"\\",
            "]",
            "[}",
            "{]",
            "1",
            "\"x\"",
            "true",
        ] {
            assert!(!is_object_or_array(text), "{text}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_object_or_array(&nested(MAX_DEPTH)));
        assert!(!is_object_or_array(&nested(MAX_DEPTH + 1)));
        assert!(!is_object_or_array(&nested(1_000_000)));
    }

    /// The same verdict as serde_json's, on texts a few random bytes away from valid ones.
    #[test]
    fn agrees_with_serde_json() {
        let seeds = [
            r#"{"a":[1,2.5e-3,{"b":null}],"c":"x\u0041\\"}"#,
            r#"[true,false,null,"",-1,{},[]]"#,
            "[ 1 , 2 ]",
        ];
        let alphabet = b"{}[]\",:0123456789.eE+-\\utfn \t\x01ax";
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mut valid = 0;
        for round in 0..60_000 {
            let mut text = seeds[round % seeds.len()].as_bytes().to_vec();
            for _ in 0..=random(3) {
                let at = random(text.len());
                match random(3) {
                    0 => drop(text.remove(at)),
                    1 => text[at] = alphabet[random(alphabet.len())],
                    _ => text.insert(at, alphabet[random(alphabet.len())]),
                }
            }
            let text = String::from_utf8(text).unwrap();
            let theirs =
                text.starts_with(['{', '[']) && serde_json::from_str::<Value>(&text).is_ok();
            // Of lone surrogates and numbers beyond f64 it says no, and those are valid by the grammar.
            if text.contains("\\u") || text.contains(['e', 'E']) && !theirs {
                continue;
            }
            assert_eq!(is_object_or_array(&text), theirs, "{text:?}");
            valid += usize::from(theirs);
        }
        assert!(valid > 1_000, "only {valid} texts were valid");
    }
}

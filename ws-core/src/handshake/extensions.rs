//! `Sec-WebSocket-Extensions`: offers and their parameters, read in one pass.

use std::borrow::Cow;

use super::tokens::{is_token, is_token_byte};

/// The most offers in one head; more are refused.
pub(crate) const MAX_OFFERS: usize = 16;
/// The most parameters of one offer.
pub(crate) const MAX_PARAMS: usize = 16;

/// One extension that a client offers, or that a server selects.
///
/// RFC 6455 [§9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionOffer<'a> {
    name: &'a str,
    params: Vec<ExtensionParam<'a>>,
}

impl<'a> ExtensionOffer<'a> {
    /// Returns the name as it came, such as `permessage-deflate`.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Returns the parameters in their order; the same name may come twice.
    pub fn params(&self) -> &[ExtensionParam<'a>] {
        &self.params
    }
}

/// One parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionParam<'a> {
    name: &'a str,
    value: Option<Cow<'a, str>>,
}

impl<'a> ExtensionParam<'a> {
    /// Returns the name as it came, such as `client_max_window_bits`.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Returns the value without its quotes; `None` if the parameter has none.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

/// A list that breaks the grammar of §9.1, or has too many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedExtensions;

/// Reads the list over all its header lines.
pub(crate) fn parse_extensions<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> Result<Vec<ExtensionOffer<'a>>, MalformedExtensions> {
    let mut offers = Vec::new();
    let mut is_there = false;
    for line in lines {
        is_there = true;
        let mut cursor = Cursor { line, position: 0 };
        loop {
            // Empty list elements are allowed (RFC 9110 §5.6.1.2).
            cursor.skip_ows();
            while cursor.take(b',') {
                cursor.skip_ows();
            }
            if cursor.is_at_end() {
                break;
            }
            if offers.len() == MAX_OFFERS {
                return Err(MalformedExtensions);
            }
            offers.push(cursor.offer()?);
            cursor.skip_ows();
            if !cursor.is_at_end() && cursor.peek() != Some(b',') {
                return Err(MalformedExtensions);
            }
        }
    }
    // Of a header that is there, the grammar wants one element at least.
    if is_there && offers.is_empty() {
        return Err(MalformedExtensions);
    }
    Ok(offers)
}

/// A position in one line that only ever moves forward.
struct Cursor<'a> {
    line: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.position).copied()
    }

    fn is_at_end(&self) -> bool {
        self.position == self.line.len()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.position += 1;
        }
        is_there
    }

    fn skip_ows(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.position += 1;
        }
    }

    fn offer(&mut self) -> Result<ExtensionOffer<'a>, MalformedExtensions> {
        let name = self.token()?;
        let mut params = Vec::new();
        loop {
            self.skip_ows();
            if !self.take(b';') {
                return Ok(ExtensionOffer { name, params });
            }
            if params.len() == MAX_PARAMS {
                return Err(MalformedExtensions);
            }
            self.skip_ows();
            params.push(self.param()?);
        }
    }

    fn param(&mut self) -> Result<ExtensionParam<'a>, MalformedExtensions> {
        let name = self.token()?;
        self.skip_ows();
        if !self.take(b'=') {
            return Ok(ExtensionParam { name, value: None });
        }
        self.skip_ows();
        let value = if self.take(b'"') {
            self.quoted()?
        } else {
            Cow::Borrowed(self.token()?)
        };
        Ok(ExtensionParam {
            name,
            value: Some(value),
        })
    }

    fn token(&mut self) -> Result<&'a str, MalformedExtensions> {
        let start = self.position;
        while self.peek().is_some_and(is_token_byte) {
            self.position += 1;
        }
        if start == self.position {
            Err(MalformedExtensions)
        } else {
            Ok(&self.line[start..self.position])
        }
    }

    /// Reads up to the closing quote; what it holds must be a token (§9.1).
    fn quoted(&mut self) -> Result<Cow<'a, str>, MalformedExtensions> {
        let start = self.position;
        let mut unescaped: Option<String> = None;
        loop {
            let byte = self.peek().ok_or(MalformedExtensions)?;
            match byte {
                b'"' => {
                    let value = match unescaped {
                        Some(text) => Cow::Owned(text),
                        None => Cow::Borrowed(&self.line[start..self.position]),
                    };
                    self.position += 1;
                    return if is_token(&value) {
                        Ok(value)
                    } else {
                        Err(MalformedExtensions)
                    };
                }
                b'\\' => {
                    let so_far = &self.line[start..self.position];
                    let text = unescaped.get_or_insert_with(|| so_far.to_owned());
                    let escaped = self.line.as_bytes().get(self.position + 1).copied();
                    let escaped = escaped
                        .filter(|&byte| is_token_byte(byte))
                        .ok_or(MalformedExtensions)?;
                    text.push(char::from(escaped));
                    self.position += 2;
                }
                _ if is_token_byte(byte) => {
                    if let Some(text) = &mut unescaped {
                        text.push(char::from(byte));
                    }
                    self.position += 1;
                }
                _ => return Err(MalformedExtensions),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Vec<(String, Vec<String>)>> {
        let offers = parse_extensions([line].into_iter()).ok()?;
        let param = |param: &ExtensionParam<'_>| match param.value() {
            Some(value) => format!("{}={value}", param.name()),
            None => param.name().to_owned(),
        };
        Some(
            offers
                .iter()
                .map(|offer| {
                    (
                        offer.name().to_owned(),
                        offer.params().iter().map(param).collect(),
                    )
                })
                .collect(),
        )
    }

    /// RFC 6455 §9.1, RFC 7692 §7.1
    #[test]
    fn reads_offers_and_parameters() {
        let offers = parse(
            "permessage-deflate; client_max_window_bits ;server_max_window_bits = \"1\\0\",, foo",
        )
        .unwrap();
        assert_eq!(offers[0].0, "permessage-deflate");
        assert_eq!(
            offers[0].1,
            ["client_max_window_bits", "server_max_window_bits=10"]
        );
        assert_eq!(offers[1], ("foo".to_owned(), vec![]));
        assert_eq!(offers.len(), 2);
    }

    #[test]
    fn reads_several_lines_as_one_list() {
        let offers = parse_extensions(["a", "b;c", ""].into_iter()).unwrap();
        assert_eq!(
            offers.iter().map(ExtensionOffer::name).collect::<Vec<_>>(),
            ["a", "b"]
        );
    }

    #[test]
    fn refuses_what_breaks_the_grammar() {
        for line in [
            "",
            " ,",
            ";",
            "a;",
            "a;;b",
            "a b",
            "a;b=",
            "a;b=\"",
            "a;b=\"c",
            "a;b=\"\"",
            "a;b=\"c d\"",
            "a;b=\"c\\",
            "a;b=\"c\\\"\"",
            "a;b=\"c\"d",
            "=",
            "a=b",
            "a;=b",
            "\"a\"",
            "a;b=c=d",
            "a\u{f6}",
            "a;b=\"\u{f6}\"",
            "a;b=\"\\\u{f6}\"",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    /// 16 of each
    #[test]
    fn refuses_too_many_offers_and_parameters() {
        assert_eq!(
            parse(&vec!["a"; MAX_OFFERS].join(",")).map(|offers| offers.len()),
            Some(MAX_OFFERS)
        );
        assert_eq!(parse(&vec!["a"; MAX_OFFERS + 1].join(",")), None);
        assert!(parse(&format!("a{}", ";b".repeat(MAX_PARAMS))).is_some());
        assert_eq!(parse(&format!("a{}", ";b".repeat(MAX_PARAMS + 1))), None);
    }
}

//! The header lines of one received head, owned.

use std::fmt;
use std::ops::Range;

/// Header lines in the order they came, names in the case they had.
///
/// Values that are not UTF-8 are read as Latin-1, which every byte string is.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    text: String,
    spans: Vec<(Range<usize>, Range<usize>)>,
}

impl Fields {
    /// Copies what the parser found.
    pub(crate) fn copy_from(headers: &[httparse::Header<'_>]) -> Self {
        let bytes = headers
            .iter()
            .map(|header| header.name.len() + header.value.len())
            .sum();
        let mut fields = Self {
            text: String::with_capacity(bytes),
            spans: Vec::with_capacity(headers.len()),
        };
        for header in headers {
            fields.push(header.name, header.value);
        }
        fields
    }

    fn push(&mut self, name: &str, value: &[u8]) {
        let name_start = self.text.len();
        self.text.push_str(name);
        let value_start = self.text.len();
        match str::from_utf8(value) {
            Ok(text) => self.text.push_str(text.trim_matches(super::tokens::is_ows)),
            Err(_) => self
                .text
                .extend(value.trim_ascii().iter().map(|&byte| char::from(byte))),
        }
        self.spans
            .push((name_start..value_start, value_start..self.text.len()));
    }

    /// Yields all lines.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.spans
            .iter()
            .map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }

    /// Yields the values of all lines of that name, in any case.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns the first value of that name.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns the value of that name if exactly one line has it.
    pub(crate) fn only(&self, name: &str) -> Option<&str> {
        let mut values = self
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        let first = values.next()?;
        if values.next().is_some() {
            None
        } else {
            Some(first)
        }
    }

    /// Says whether a line has that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Returns the one `Content-Length`, if it is a number: digits only, no sign.
    pub(crate) fn content_length(&self) -> Option<u64> {
        let text = self.only("content-length")?;
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().ok()
        } else {
            None
        }
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

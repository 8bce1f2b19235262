//! What SendBinaryMessage and SendTextMessage send: bytes, or what a text stands for.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use ws_core::handshake::PeerText;

/// What is to be sent as a binary message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are bytes and texts")]
pub enum BinaryData<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// What the text stands for: see [`BinarySource::of`].
    Text(&'a str),
}

/// What a text stands for as a binary message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinarySource<'a> {
    /// The content of the file at this path.
    File(&'a Path),
    /// What there is to download from this `http://` or `https://` URL.
    Url(&'a str),
    /// What was in Base64.
    Base64(Vec<u8>),
    /// The text itself, as UTF-8.
    Utf8(&'a str),
}

impl<'a> BinarySource<'a> {
    /// Finds out what `text` stands for, in the order of the contract: the path of a file that exists, a URL, Base64
    /// (RFC 4648 §4, line breaks ignored), else its UTF-8.
    ///
    /// # Examples
    ///
    /// ```
    /// use ws_client::contract::BinarySource;
    ///
    /// assert_eq!(BinarySource::of("AAEC"), BinarySource::Base64(vec![0, 1, 2]));
    /// assert_eq!(BinarySource::of("AAE"), BinarySource::Utf8("AAE"));
    /// ```
    pub fn of(text: &'a str) -> Self {
        let path = Path::new(text);
        if path.is_file() {
            return Self::File(path);
        }
        let has_scheme = |scheme: &str| {
            let start = text.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if has_scheme("http://") || has_scheme("https://") {
            return Self::Url(text);
        }
        match decode(text) {
            Some(bytes) => Self::Base64(bytes),
            None => Self::Utf8(text),
        }
    }

    /// Returns the bytes, or says why there are none.
    pub(super) fn read(&self) -> Result<Cow<'_, [u8]>, String> {
        match self {
            Self::File(path) => read_file(path).map(Cow::Owned),
            Self::Url(_) => Err(String::from(
                "a URL is not downloaded here: download it and send the bytes",
            )),
            Self::Base64(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Utf8(text) => Ok(Cow::Borrowed(text.as_bytes())),
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes: Cow<'_, [u8]> = if text.as_bytes().iter().any(is_break) {
        text.bytes().filter(|byte| !is_break(byte)).collect()
    } else {
        Cow::Borrowed(text.as_bytes())
    };
    BASE64.decode(&bytes).ok().filter(|bytes| !bytes.is_empty())
}

fn is_break(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Reads a file of UTF-8 text.
pub(super) fn read_text(path: &str) -> Result<String, String> {
    String::from_utf8(read_file(Path::new(path))?).map_err(|error| {
        format!(
            "file {} is not UTF-8 text at byte {}: send it as binary",
            PeerText::new(path),
            error.utf8_error().valid_up_to()
        )
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        format!(
            "cannot read file {}: {error}",
            PeerText::new(&path.to_string_lossy())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_file_a_url_base64_or_itself_in_this_order() {
        let folder = tempfile::tempdir().unwrap();
        // Its name is valid Base64.
        let file = folder.path().join("AAEC");
        fs::write(&file, [9]).unwrap();
        let file = file.to_str().unwrap();
        let read = |text: &str| BinarySource::of(text).read().map(Cow::into_owned);
        assert_eq!(BinarySource::of(file), BinarySource::File(Path::new(file)));
        assert_eq!(read(file).unwrap(), [9]);
        for url in ["http://x", "HTTPS://example.com/a?b"] {
            assert_eq!(BinarySource::of(url), BinarySource::Url(url));
            assert!(read(url).unwrap_err().contains("download"));
        }
        assert_eq!(read("AAEC").unwrap(), [0, 1, 2]);
        assert_eq!(read("AA\r\nEC\n").unwrap(), [0, 1, 2]);
        for text in ["", "AAE", "AA EC", "привет", "http:/", "a\0b"] {
            assert_eq!(BinarySource::of(text), BinarySource::Utf8(text));
            assert_eq!(read(text).unwrap(), text.as_bytes());
        }
        // Longer than any path.
        let long = "я".repeat(1 << 20);
        assert_eq!(read(&long).unwrap(), long.as_bytes());
        let folder = folder.path().to_str().unwrap();
        assert_eq!(BinarySource::of(folder), BinarySource::Utf8(folder));
    }
}

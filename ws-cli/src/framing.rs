//! Where one message ends and the next begins in a stream of bytes: stdin and stdout.
//!
//! Invariant: what [`Delimiter::push`] writes, [`Delimiter::read`] reads back as the same messages, as long as no message
//! contains the delimiter.

use std::io::{self, BufRead, Read as _};

use clap::ValueEnum;

/// The longest message taken, without its delimiter: what the crates take as one message by default.
pub(crate) const MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// What stands between messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Delimiter {
    /// A line each; \r\n ends one too
    Newline,
    /// A zero byte after each, as find -print0 and xargs -0 have it
    Nul,
    /// Four bytes before each: its length, the highest byte first
    Length,
    /// Nothing: all of stdin is one message, and what arrives is printed without a gap
    None,
}

impl Delimiter {
    /// Reads the next message; `None` at the end of the stream. The last one needs no delimiter.
    ///
    /// # Errors
    /// A message longer than `limit`, and one that is cut short.
    pub(crate) fn read(
        self,
        reader: &mut impl BufRead,
        limit: usize,
    ) -> io::Result<Option<Vec<u8>>> {
        let message = match self {
            Self::Newline => read_until(reader, b'\n', limit)?.map(|mut line| {
                if line.pop_if(|byte| *byte == b'\n').is_some() {
                    line.pop_if(|byte| *byte == b'\r');
                }
                line
            }),
            Self::Nul => read_until(reader, 0, limit)?.map(|mut message| {
                message.pop_if(|byte| *byte == 0);
                message
            }),
            Self::Length => read_counted(reader, limit)?,
            Self::None => {
                let mut all = Vec::new();
                reader.take(limit as u64 + 1).read_to_end(&mut all)?;
                (!all.is_empty()).then_some(all)
            }
        };
        match message {
            Some(message) if message.len() > limit => {
                let text =
                    format!("longer than {limit} bytes; send a file with 'ws send --file' instead");
                Err(io::Error::new(io::ErrorKind::InvalidData, text))
            }
            message => Ok(message),
        }
    }

    /// Appends `message` and its delimiter.
    pub(crate) fn push(self, message: &[u8], output: &mut Vec<u8>) {
        if self == Self::Length {
            // A message has at most 64 MiB.
            let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
            output.extend_from_slice(&length.to_be_bytes());
        }
        output.extend_from_slice(message);
        match self {
            Self::Newline => output.push(b'\n'),
            Self::Nul => output.push(0),
            Self::Length | Self::None => {}
        }
    }

    /// A message's place in stdin, for errors.
    pub(crate) fn place(self, number: u64) -> String {
        match self {
            Self::Newline => format!("line {number} of stdin"),
            Self::Nul | Self::Length => format!("message {number} of stdin"),
            Self::None => String::from("stdin"),
        }
    }
}

/// Up to and with `end`; what is longer than `limit` comes cut, but longer than it.
fn read_until(reader: &mut impl BufRead, end: u8, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    // Room for the end (\r\n at most), and one byte more to see that the limit is passed.
    let read = reader
        .by_ref()
        .take(limit as u64 + 3)
        .read_until(end, &mut message)?;
    Ok((read > 0).then_some(message))
}

fn read_counted(reader: &mut impl BufRead, limit: usize) -> io::Result<Option<Vec<u8>>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut length = [0; 4];
    reader
        .read_exact(&mut length)
        .map_err(|error| cut_short(error, "the four bytes of its length are cut short"))?;
    let length = u32::from_be_bytes(length);
    if u64::from(length) > limit as u64 {
        let text = format!("its length of {length} bytes exceeds the limit of {limit}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut message = Vec::new();
    let read = reader
        .by_ref()
        .take(length.into())
        .read_to_end(&mut message)?;
    if read as u64 != u64::from(length) {
        let text = format!("it is cut short: {read} of {length} bytes");
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(Some(message))
}

fn cut_short(error: io::Error, text: &str) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), text),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(delimiter: Delimiter, bytes: &[u8], limit: usize) -> Vec<io::Result<Vec<u8>>> {
        let mut reader = bytes;
        std::iter::from_fn(|| delimiter.read(&mut reader, limit).transpose())
            .take(16)
            .collect()
    }

    fn good(delimiter: Delimiter, bytes: &[u8]) -> Vec<Vec<u8>> {
        messages(delimiter, bytes, 100)
            .into_iter()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_line_loses_its_end_only() {
        let read = good(Delimiter::Newline, b"a\n\n b \r\nc\r\r\n\xFF\0last");
        let expected: [&[u8]; 5] = [b"a", b"", b" b ", b"c\r", b"\xFF\0last"];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_zero_byte_ends_a_message_with_lines() {
        let read = good(Delimiter::Nul, b"a\nb\n\0\0last\r\n");
        let expected: [&[u8]; 3] = [b"a\nb\n", b"", b"last\r\n"];
        assert_eq!(read, expected);
    }

    #[test]
    fn everything_can_be_one_message() {
        assert_eq!(good(Delimiter::None, b"a\n\0b\n"), [b"a\n\0b\n".to_vec()]);
        assert!(good(Delimiter::None, b"").is_empty());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written: [&[u8]; 4] = [b"", b"a", &[7; 99], b"\xFF "];
        for delimiter in [Delimiter::Newline, Delimiter::Nul, Delimiter::Length] {
            let mut bytes = Vec::new();
            for message in written {
                delimiter.push(message, &mut bytes);
            }
            assert_eq!(good(delimiter, &bytes), written, "{delimiter:?}");
        }
        let mut bytes = Vec::new();
        Delimiter::Length.push(b"\n\0", &mut bytes);
        assert_eq!(bytes, b"\0\0\0\x02\n\0");
    }

    #[test]
    fn a_message_at_the_limit_passes_and_one_above_does_not() {
        let first = |delimiter, bytes: &[u8]| messages(delimiter, bytes, 4).remove(0);
        assert_eq!(first(Delimiter::Newline, b"1234\r\nx").unwrap(), b"1234");
        assert_eq!(first(Delimiter::Newline, b"1234").unwrap(), b"1234");
        assert!(first(Delimiter::Newline, b"12345\n").is_err());
        assert!(first(Delimiter::Newline, b"1234567890").is_err());
        assert_eq!(first(Delimiter::Nul, b"1234\0").unwrap(), b"1234");
        assert!(first(Delimiter::Nul, b"12345\0").is_err());
        assert_eq!(first(Delimiter::None, b"1234").unwrap(), b"1234");
        assert!(first(Delimiter::None, b"12345").is_err());
        assert!(first(Delimiter::Length, b"\xFF\xFF\xFF\xFF").is_err());
    }

    #[test]
    fn a_counted_message_that_is_cut_short_is_an_error() {
        for bytes in [&b"\0\0"[..], b"\0\0\0\x02a", b"\0\0\0\x01"] {
            let error = messages(Delimiter::Length, bytes, 100)
                .remove(0)
                .unwrap_err();
            assert!(error.to_string().contains("cut short"), "{error}");
        }
    }
}

//! The beginning of a refusal's body, to be shown to a person.
//!
//! Invariant: holds at most [`Response::MAX_BODY_BYTES`]; what a wrong chunk mark leaves unclear ends the body, and so do
//! marks without end.

use super::response::Response;
use super::tokens::list_elements;

/// Collects a body in pieces of any size.
#[derive(Clone, Debug)]
pub(crate) struct BodyReader {
    body: Vec<u8>,
    framing: Framing,
    mark_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// This many bytes are still to come.
    Length(u64),
    Chunked(Chunk),
    UntilEof,
    Done,
}

/// RFC 9112 §7.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
}

impl BodyReader {
    /// Finds out how the body of `response` ends.
    ///
    /// RFC 9112 §6.3
    pub(crate) fn new(response: &Response) -> Self {
        let fields = response.fields();
        let framing = if matches!(response.status(), 204 | 304) {
            Framing::Done
        } else if fields.has("transfer-encoding") {
            match list_elements(fields.all("transfer-encoding")).last() {
                Some(last) if last.eq_ignore_ascii_case("chunked") => {
                    Framing::Chunked(Chunk::Size(0))
                }
                _ => Framing::UntilEof,
            }
        } else {
            match fields.content_length() {
                Some(0) => Framing::Done,
                Some(length) => Framing::Length(length),
                None => Framing::UntilEof,
            }
        };
        Self {
            body: Vec::new(),
            framing,
            mark_bytes: 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn receive(&mut self, mut input: &[u8]) {
        while !self.is_done() && !input.is_empty() {
            input = self.step(input);
        }
    }

    /// Says whether the whole body, or as much as is kept, is there.
    pub(crate) fn is_done(&self) -> bool {
        self.framing == Framing::Done || self.body.len() >= Response::MAX_BODY_BYTES
    }

    /// Returns what was collected.
    pub(crate) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Takes one run of data or one byte of a chunk mark, and returns the rest.
    fn step<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        match self.framing {
            Framing::Done => &[],
            Framing::UntilEof => self.take(input, u64::MAX).0,
            Framing::Length(left) => {
                let (rest, left) = self.take(input, left);
                self.framing = if left == 0 {
                    Framing::Done
                } else {
                    Framing::Length(left)
                };
                rest
            }
            Framing::Chunked(Chunk::Data(left)) => {
                let (rest, left) = self.take(input, left);
                self.framing = Framing::Chunked(if left == 0 {
                    Chunk::DataCr
                } else {
                    Chunk::Data(left)
                });
                rest
            }
            Framing::Chunked(chunk) => {
                let (byte, rest) = (input[0], &input[1..]);
                self.mark_bytes += 1;
                let next = chunk
                    .next(byte)
                    .filter(|_| self.mark_bytes < MAX_MARK_BYTES);
                self.framing = next.map_or(Framing::Done, Framing::Chunked);
                rest
            }
        }
    }

    /// Keeps up to `left` bytes; returns the rest of the input and what is then left.
    fn take<'a>(&mut self, input: &'a [u8], left: u64) -> (&'a [u8], u64) {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let room = Response::MAX_BODY_BYTES - self.body.len();
        self.body.extend_from_slice(&input[..taken.min(room)]);
        (&input[taken..], left - taken as u64)
    }
}

impl Chunk {
    /// Returns the state after one byte of a chunk mark; `None` after the last chunk, or when the mark is wrong.
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size(size), b'\r') => Some(Self::SizeLf(size)),
            (Self::Size(size), b';' | b' ' | b'\t') => Some(Self::Extension(size)),
            (Self::Size(size), _) => {
                let digit = char::from(byte).to_digit(16)?;
                Some(Self::Size(
                    size.checked_mul(16)?.checked_add(u64::from(digit))?,
                ))
            }
            (Self::Extension(size), b'\r') => Some(Self::SizeLf(size)),
            (Self::Extension(size), _) => Some(Self::Extension(size)),
            (Self::SizeLf(size), b'\n') if size > 0 => Some(Self::Data(size)),
            (Self::DataCr, b'\r') => Some(Self::DataLf),
            (Self::DataLf, b'\n') => Some(Self::Size(0)),
            _ => None,
        }
    }
}

/// Of all chunk marks of a body; each of a thousand chunks of one byte has some six.
const MAX_MARK_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::super::head::{HeadLimits, HeadReader};
    use super::*;

    fn reader(head: &str) -> BodyReader {
        let mut reader = HeadReader::new();
        reader
            .receive(head.as_bytes(), &HeadLimits::default())
            .unwrap();
        BodyReader::new(&Response::parse(&reader).unwrap())
    }

    /// Feeds `body` in pieces of each size; all must give the same.
    fn collect(head: &str, body: &[u8]) -> (Vec<u8>, bool) {
        let whole = collect_in(head, body, body.len().max(1));
        for size in 1..8 {
            assert_eq!(collect_in(head, body, size), whole, "in pieces of {size}");
        }
        whole
    }

    fn collect_in(head: &str, body: &[u8], size: usize) -> (Vec<u8>, bool) {
        let mut reader = reader(head);
        body.chunks(size).for_each(|piece| reader.receive(piece));
        let is_done = reader.is_done();
        (reader.into_body(), is_done)
    }

    const LENGTH_5: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n";
    const CHUNKED: &str = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n";
    const UNTIL_EOF: &str = "HTTP/1.0 404 Not Found\r\n\r\n";

    #[test]
    fn ends_at_the_length() {
        assert_eq!(collect(LENGTH_5, b"hel"), (b"hel".to_vec(), false));
        assert_eq!(
            collect(LENGTH_5, b"hello, world"),
            (b"hello".to_vec(), true)
        );
    }

    #[test]
    fn is_done_at_once_without_a_body() {
        assert!(reader("HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n").is_done());
        assert!(reader("HTTP/1.1 204 x\r\nContent-Length: 7\r\n\r\n").is_done());
        assert!(!reader(UNTIL_EOF).is_done());
    }

    /// RFC 9112 §7.1
    #[test]
    fn takes_the_chunk_marks_out() {
        let body = b"3\r\nhel\r\n0002;name=\"v\"\r\nlo\r\n0\r\n\r\nmore";
        assert_eq!(collect(CHUNKED, body), (b"hello".to_vec(), true));
        assert_eq!(collect(CHUNKED, b"5\r\nhe"), (b"he".to_vec(), false));
    }

    #[test]
    fn ends_at_a_wrong_chunk_mark() {
        for body in [
            &b"x"[..],
            b"-1\r\nab",
            b"3\rhel",
            b"fffffffffffffffff\r\n",
            b"0\r\n",
        ] {
            assert_eq!(collect(CHUNKED, body), (Vec::new(), true), "{body:?}");
        }
        assert_eq!(collect(CHUNKED, b"2\r\nabc\r\n"), (b"ab".to_vec(), true));
    }

    #[test]
    fn ends_at_chunk_marks_without_end() {
        for (begin, endless) in [("1;", b'x'), ("", b'0')] {
            let body = [begin.as_bytes(), &vec![endless; MAX_MARK_BYTES]].concat();
            let almost = &body[..MAX_MARK_BYTES - 1];
            assert_eq!(collect(CHUNKED, almost), (Vec::new(), false));
            assert_eq!(collect(CHUNKED, &body), (Vec::new(), true));
        }
        let single = b"1;a=b\r\nx\r\n".repeat(Response::MAX_BODY_BYTES);
        assert_eq!(
            collect(CHUNKED, &single),
            (vec![b'x'; Response::MAX_BODY_BYTES], true)
        );
    }

    #[test]
    fn keeps_one_kibibyte() {
        let long = vec![b'x'; 5000];
        assert_eq!(
            collect(UNTIL_EOF, &long),
            (vec![b'x'; Response::MAX_BODY_BYTES], true)
        );
        assert_eq!(collect(UNTIL_EOF, &long[..1023]), (vec![b'x'; 1023], false));
        let endless = "HTTP/1.1 500 x\r\nContent-Length: 18446744073709551615\r\n\r\n";
        assert_eq!(
            collect(endless, &long),
            (vec![b'x'; Response::MAX_BODY_BYTES], true)
        );
        let mut chunked = b"ffffffffffffffff\r\n".to_vec();
        chunked.extend_from_slice(&long);
        assert_eq!(
            collect(CHUNKED, &chunked),
            (vec![b'x'; Response::MAX_BODY_BYTES], true)
        );
    }
}

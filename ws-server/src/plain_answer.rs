//! What a handler answers to a request that is no WebSocket.

use std::{
    fmt,
    io::{self, Read},
};

use ws_core::handshake::HttpAnswer;

/// A plain HTTP answer: a whole one, or a head whose body is read while it is sent.
///
/// The connection is closed after it. [`HttpAnswer`] turns into one; above 64 KiB of text it is sent as one whose body is
/// read while it is sent, within the limits of [`PlainAnswer::streamed`].
///
/// # Examples
///
/// What [`Handler::on_request`](crate::Handler::on_request) may return:
///
/// ```
/// use std::fs::File;
/// use ws_core::handshake::{HttpAnswer, Request};
/// use ws_server::PlainAnswer;
///
/// fn answer(request: &Request) -> Option<PlainAnswer> {
///     match request.path() {
///         "/version" => Some(HttpAnswer::new(200, "1.0\n").into()),
///         "/app.log" => {
///             let file = File::open("app.log").ok()?;
///             let length = file.metadata().ok()?.len();
///             Some(PlainAnswer::streamed(HttpAnswer::new(200, ""), length, file))
///         }
///         _ => None, // 426
///     }
/// }
/// ```
pub struct PlainAnswer {
    pub(crate) head: HttpAnswer,
    pub(crate) body: Option<Body>,
}

impl PlainAnswer {
    /// Answers with the status and headers of `head` and a body of `length` bytes, read from `source` piece by piece.
    ///
    /// At most 64 KiB of the body are held in memory; the next piece is read when the socket has taken the one before.
    /// Such an answer counts as one of [`Config::max_connections`](crate::Config::max_connections) until the socket
    /// has taken it; if there are that many, the peer gets 503. It may take as long as the peer reads:
    /// [`Config::write_stall_timeout`](crate::Config::write_stall_timeout) holds. If `source` fails or ends early, the
    /// connection is cut off, so that the peer cannot take the part for the whole.
    ///
    /// `source` is read on the loop's thread and must not wait for anything but a disk.
    pub fn streamed(head: HttpAnswer, length: u64, source: impl Read + Send + 'static) -> Self {
        Self {
            head,
            body: Some(Body {
                source: Box::new(source),
                unread: length,
                held_bytes: 0,
            }),
        }
    }

    /// Tells whether the text is one that a slow peer may need more time for than for a refusal.
    pub(crate) fn has_long_text(&self) -> bool {
        // RFC 9110 §15.3.5, §15.4.5: those have no body.
        !matches!(self.head.status(), 204 | 304) && self.head.text().len() > PIECE_BYTES
    }

    /// Returns the length of the body, or of the text if that is the body.
    pub(crate) fn length(&self) -> u64 {
        let text = self.head.text().len() as u64;
        self.body.as_ref().map_or(text, |body| body.unread)
    }

    /// Returns what is sent behind the head.
    pub(crate) fn into_body(self) -> Body {
        let length = self.head.text().len();
        self.body.unwrap_or_else(|| Body {
            source: Box::new(Text {
                answer: self.head,
                at: 0,
            }),
            unread: length as u64,
            held_bytes: length,
        })
    }
}

impl From<HttpAnswer> for PlainAnswer {
    fn from(answer: HttpAnswer) -> Self {
        Self {
            head: answer,
            body: None,
        }
    }
}

impl fmt::Debug for PlainAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainAnswer")
            .field("head", &self.head)
            .field("body", &self.body)
            .finish()
    }
}

/// The part of a body that was not read yet.
pub(crate) struct Body {
    source: Box<dyn Read + Send>,
    pub(crate) unread: u64,
    /// Bytes of memory that the source holds until all is read.
    pub(crate) held_bytes: usize,
}

impl Body {
    /// Appends the next piece to `output`; there is none after the last.
    pub(crate) fn read_piece(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        let start = output.len();
        let wanted = usize::try_from(self.unread).unwrap_or(usize::MAX);
        output.resize(start + wanted.min(PIECE_BYTES), 0);
        let result = self.source.read_exact(&mut output[start..]);
        match result {
            Ok(()) => self.unread -= (output.len() - start) as u64,
            Err(_) => output.truncate(start),
        }
        result
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("unread", &self.unread)
            .finish_non_exhaustive()
    }
}

/// The text of an answer, read where it lies.
struct Text {
    answer: HttpAnswer,
    at: usize,
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.answer.text().as_bytes()[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

/// What is read at once, and so the most that is held of a body.
const PIECE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_in_pieces_and_a_short_source_is_an_error() {
        let answer = PlainAnswer::streamed(HttpAnswer::new(200, ""), 70_000, io::repeat(7));
        let mut body = answer.body.unwrap();
        let mut output = b"before".to_vec();
        body.read_piece(&mut output).unwrap();
        assert_eq!(
            (output.len(), body.unread),
            (6 + PIECE_BYTES, 70_000 - 65_536)
        );
        body.read_piece(&mut output).unwrap();
        assert_eq!((output.len(), body.unread), (6 + 70_000, 0));

        let answer = PlainAnswer::streamed(HttpAnswer::new(200, ""), 10, &b"short"[..]);
        let mut body = answer.body.unwrap();
        assert!(body.read_piece(&mut output).is_err());
        assert_eq!(
            output.len(),
            6 + 70_000,
            "nothing of a broken piece is sent"
        );
    }
}

//! HTTP/1.1 heads as they arrive: where one ends, whether its lines are well-formed, whether it is too big.
//!
//! Invariant: every byte is looked at once, so that the work is linear over any cut of the stream, and the first
//! byte that breaks a rule decides the error, so that the result is the same over any cut.

use super::error::HeadError;
use super::tokens::is_token_byte;

/// The limits of one request or response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadLimits {
    /// The most bytes of a whole head, its last empty line included. Default: 16 KiB. Above it: 431.
    pub max_bytes: usize,
    /// The most bytes of one line, without CR LF. Default: 8 KiB. Above it: 414 (first line) or 431 (header line).
    pub max_line_bytes: usize,
    /// The most header lines. Default: 100. Above it: 431.
    pub max_headers: usize,
}

impl HeadLimits {
    /// Sets the most bytes of a whole head.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the most bytes of one line.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// Sets the most header lines.
    #[must_use]
    pub fn max_headers(mut self, headers: usize) -> Self {
        self.max_headers = headers;
        self
    }
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024,
            max_line_bytes: 8 * 1024,
            max_headers: 100,
        }
    }
}

/// How far a [`HeadReader`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadProgress {
    /// All input was taken; the head is not whole yet.
    NeedMore,
    /// The head is whole.
    Complete {
        /// The bytes of this input that belong to the head; the rest is what follows it.
        consumed: usize,
    },
}

/// Reads one head of a request or a response, in pieces of any size.
///
/// Refuses what is not strictly HTTP/1.1: a bare CR or LF, a folded line, a control character, white space before
/// the colon, a name that is not a token. The first line is checked when the head is parsed. An error is final:
/// every further call repeats it.
///
/// RFC 9112 [§2.2](https://www.rfc-editor.org/rfc/rfc9112#section-2.2)
#[derive(Clone, Default)]
pub struct HeadReader {
    bytes: Vec<u8>,
    state: State,
    line_start: usize,
    headers: usize,
    #[cfg(test)]
    pub(crate) work: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    StartLine,
    StartLineCr,
    LineStart,
    Name,
    Value,
    ValueCr,
    LastCr,
    Complete,
    Failed(HeadError),
}

impl HeadReader {
    /// Creates a reader that owns no memory until the first byte comes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, up to the end of the head.
    ///
    /// Once the head is whole, further calls take nothing and say so again.
    ///
    /// # Errors
    /// [`HeadError`] at the first byte that breaks a rule or passes a limit; at most
    /// [`HeadLimits::max_bytes`] are ever kept.
    pub fn receive(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<HeadProgress, HeadError> {
        match self.state {
            State::Failed(error) => return Err(error),
            State::Complete => return Ok(HeadProgress::Complete { consumed: 0 }),
            _ => {}
        }
        for (index, &byte) in input.iter().enumerate() {
            #[cfg(test)]
            {
                self.work += 1;
            }
            let position = self.bytes.len() + index;
            match self.step(byte, position, limits) {
                Ok(State::Complete) => {
                    self.state = State::Complete;
                    self.keep(&input[..=index]);
                    return Ok(HeadProgress::Complete {
                        consumed: index + 1,
                    });
                }
                Ok(state) => self.state = state,
                Err(error) => {
                    self.state = State::Failed(error);
                    self.bytes = Vec::new();
                    return Err(error);
                }
            }
        }
        self.keep(input);
        Ok(HeadProgress::NeedMore)
    }

    /// Returns the bytes of the head received so far; empty after an error.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Says whether the head is whole.
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Forgets the head, so that the next one can be read.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.state = State::StartLine;
        self.line_start = 0;
        self.headers = 0;
    }

    /// Returns the number of header lines begun so far.
    pub(crate) fn header_count(&self) -> usize {
        self.headers
    }

    fn keep(&mut self, input: &[u8]) {
        #[cfg(test)]
        {
            self.work += input.len();
        }
        self.bytes.extend_from_slice(input);
    }

    fn step(&mut self, byte: u8, position: usize, limits: &HeadLimits) -> Result<State, HeadError> {
        if position >= limits.max_bytes {
            return Err(HeadError::HeadTooLong {
                limit: limits.max_bytes,
            });
        }
        let in_first_line = self.line_start == 0;
        if position - self.line_start >= limits.max_line_bytes && !matches!(byte, b'\r' | b'\n') {
            let limit = limits.max_line_bytes;
            return Err(if in_first_line {
                HeadError::StartLineTooLong { limit }
            } else {
                HeadError::HeaderLineTooLong { limit }
            });
        }
        match (self.state, byte) {
            (State::StartLine, b'\r') if position == 0 => Err(HeadError::InvalidStartLine),
            (State::StartLine, b'\r') => Ok(State::StartLineCr),
            (State::Value, b'\r') => Ok(State::ValueCr),
            (State::LineStart, b'\r') => Ok(State::LastCr),
            (State::StartLineCr | State::ValueCr, b'\n') => {
                self.line_start = position + 1;
                Ok(State::LineStart)
            }
            (State::LastCr, b'\n') => Ok(State::Complete),
            (State::StartLineCr | State::ValueCr | State::LastCr, _) => Err(HeadError::BareCr),
            (State::StartLine | State::LineStart | State::Value, b'\n') => Err(HeadError::BareLf),
            (State::StartLine, 0x20..=0x7e | 0x80..) => Ok(State::StartLine),
            (State::Value, b'\t' | 0x20..=0x7e | 0x80..) => Ok(State::Value),
            (State::StartLine | State::Value, _) => Err(HeadError::ControlCharacter),
            (State::LineStart, b' ' | b'\t') => Err(HeadError::FoldedHeader),
            (State::LineStart, _) if is_token_byte(byte) => {
                self.headers += 1;
                if self.headers > limits.max_headers {
                    return Err(HeadError::TooManyHeaders {
                        limit: limits.max_headers,
                    });
                }
                Ok(State::Name)
            }
            (State::Name, b':') => Ok(State::Value),
            (State::Name, b' ' | b'\t') => Err(HeadError::SpaceBeforeColon),
            (State::Name, _) if is_token_byte(byte) => Ok(State::Name),
            (State::LineStart | State::Name, _) => Err(HeadError::InvalidHeaderName),
            (State::Complete, _) => Ok(State::Complete),
            (State::Failed(error), _) => Err(error),
        }
    }
}

impl std::fmt::Debug for HeadReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeadReader")
            .field("bytes", &self.bytes.len())
            .field("state", &self.state)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

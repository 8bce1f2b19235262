//! Decompression of whole messages, RFC 7692 [§7.2.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2).
//!
//! A message is inflated when its last byte is here: what waits is compressed, so a connection between two reads
//! holds the smaller form, and one inflater and one output serve all connections of a loop. Between two messages the
//! context of a connection is no more than its [`History`](super::history::History).
//!
//! Invariant: the output never grows beyond the limit and one byte, whatever the input says.

use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::{error::ReceiveError, extension::deflate::WindowBits};

/// Inflates one message after the other, of any connections. One for each loop.
pub(crate) struct Inflater {
    stream: Inflate,
    /// Initialized as far as it ever was used, so that it needs no clearing again.
    output: Vec<u8>,
    /// How much of `output` is the last message.
    length: usize,
}

/// What §7.2.1 took off the message, then a final empty block: a message that was cut inside a block does not end there.
const TAIL: [u8; 9] = [0, 0, 0xFF, 0xFF, 1, 0, 0, 0xFF, 0xFF];
/// The first and the smallest output.
const FIRST_BYTES: usize = 16 << 10;
/// The most memory kept for the next message.
const KEPT_BYTES: usize = 1 << 20;
/// zlib-rs allocates this much for any window, and the struct.
const STREAM_BYTES: usize = 48 << 10;
/// Final blocks inside a message (§7.2.3.4) that need no excuse; each costs as much as a window to copy.
const FREE_FINAL_BLOCKS: usize = 16;
/// Beyond those, one for so many compressed bytes.
const BYTES_PER_FINAL_BLOCK: usize = 256;

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            stream: Inflate::new(false, WindowBits::MAX.get()),
            output: Vec::new(),
            length: 0,
        }
    }

    /// Inflates a message after `history`, into [`Inflater::message`].
    ///
    /// # Errors
    /// [`ReceiveError::MessageTooBig`] as soon as there is one byte more than `limit`;
    /// [`ReceiveError::InvalidDeflate`] if the data is broken or cut.
    pub(crate) fn inflate(
        &mut self,
        compressed: &[u8],
        history: &[u8],
        limit: usize,
    ) -> Result<(), ReceiveError> {
        self.length = 0;
        // Some senders leave even the one byte of §7.2.3.6 out of an empty message.
        if compressed.is_empty() {
            return Ok(());
        }
        self.begin(history)?;
        let mut final_blocks = FREE_FINAL_BLOCKS + compressed.len() / BYTES_PER_FINAL_BLOCK;
        let (mut input, mut tail) = (compressed, &TAIL[..]);
        loop {
            if input.is_empty() {
                input = std::mem::take(&mut tail);
            }
            if self.length == self.output.len() {
                self.grow(limit)?;
            }
            let (taken, status) = self.step(input)?;
            input = &input[taken.bytes_in..];
            if status == Status::StreamEnd {
                // The block that ended was ours, or with the sender's last byte (§7.2.3.4): nothing of the tail is used,
                // which is the input already where the output had to grow once more.
                let is_untouched = tail.is_empty() && input.len() == TAIL.len();
                if input.is_empty() || is_untouched {
                    break;
                }
                final_blocks = final_blocks
                    .checked_sub(1)
                    .ok_or(ReceiveError::InvalidDeflate)?;
                self.go_on(history)?;
            } else if input.is_empty() && tail.is_empty() && self.length < self.output.len()
                || taken.is_nothing()
            {
                return Err(ReceiveError::InvalidDeflate);
            }
        }
        if self.length > limit {
            return Err(too_big(self.length, limit));
        }
        Ok(())
    }

    /// The message that was inflated last.
    pub(crate) fn message(&self) -> &[u8] {
        &self.output[..self.length]
    }

    /// Gives back what only a large message needed.
    pub(crate) fn trim(&mut self) {
        self.length = 0;
        if self.output.len() > KEPT_BYTES {
            self.output = Vec::new();
        }
    }

    /// Bytes of heap memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        STREAM_BYTES + self.output.capacity()
    }

    fn begin(&mut self, history: &[u8]) -> Result<(), ReceiveError> {
        self.stream.reset(false);
        if history.is_empty() {
            return Ok(());
        }
        self.stream
            .set_dictionary(history)
            .map(drop)
            .map_err(|_| ReceiveError::InvalidDeflate)
    }

    /// Goes on behind a final block: a new stream for zlib, the same context for the message.
    fn go_on(&mut self, history: &[u8]) -> Result<(), ReceiveError> {
        let window = WindowBits::MAX.bytes();
        let output = &self.output[..self.length];
        if let Some(start) = output.len().checked_sub(window) {
            self.stream.reset(false);
            let set = self.stream.set_dictionary(&output[start..]);
            return set.map(drop).map_err(|_| ReceiveError::InvalidDeflate);
        }
        let from_history = history.len().min(window - output.len());
        let context = [&history[history.len() - from_history..], output].concat();
        self.begin(&context)
    }

    fn grow(&mut self, limit: usize) -> Result<(), ReceiveError> {
        if self.length > limit {
            return Err(too_big(self.length, limit));
        }
        // One byte more than allowed tells a message that is too big from one that just fits.
        let doubled = (self.output.len() * 2).max(FIRST_BYTES);
        let length = doubled.min(limit.saturating_add(1));
        self.output
            .try_reserve_exact(length - self.output.len())
            .map_err(|_| ReceiveError::OutOfMemory(length as u64))?;
        self.output.resize(length, 0);
        Ok(())
    }

    fn step(&mut self, input: &[u8]) -> Result<(Taken, Status), ReceiveError> {
        let (bytes_in, bytes_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self
            .stream
            .decompress(
                input,
                &mut self.output[self.length..],
                InflateFlush::NoFlush,
            )
            .map_err(|_| ReceiveError::InvalidDeflate)?;
        let taken = Taken {
            bytes_in: difference(self.stream.total_in(), bytes_in),
            bytes_out: difference(self.stream.total_out(), bytes_out),
        };
        self.length += taken.bytes_out;
        Ok((taken, status))
    }
}

struct Taken {
    bytes_in: usize,
    bytes_out: usize,
}

impl Taken {
    fn is_nothing(&self) -> bool {
        self.bytes_in == 0 && self.bytes_out == 0
    }
}

/// Never more than the slices of one call hold.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

fn too_big(length: usize, limit: usize) -> ReceiveError {
    ReceiveError::MessageTooBig {
        length: length as u64,
        limit: limit as u64,
    }
}

#[cfg(test)]
mod tests;

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

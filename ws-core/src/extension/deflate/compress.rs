//! Compression of whole messages and of fragments, RFC 7692
//! [§7.2.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1).
//!
//! Each fragment ends in a flush, so that it can be sent at once and nothing of it stays in a shared compressor.
//!
//! Invariant: what is given out is a run of whole, byte-aligned DEFLATE blocks, and after the last fragment the four
//! bytes `00 00 FF FF` are taken off (§7.2.1).

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig as StreamConfig, DeflateError, DeflateFlush};

use super::params::WindowBits;

/// What a compressor is made of; connections with the same share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) window: WindowBits,
    pub(crate) level: u8,
    pub(crate) memory_level: u8,
}

/// A DEFLATE stream of its own, for as long as its context lives.
pub(crate) struct Compressor {
    stream: Deflate,
    shape: Shape,
}

impl Compressor {
    pub(crate) fn new(shape: Shape) -> Self {
        let stream = Deflate::new_with_config(StreamConfig {
            level: shape.level.clamp(1, 9).into(),
            window_bits: -i32::from(shape.window.max(WindowBits::MIN_COMPRESS).get()),
            mem_level: shape.memory_level.clamp(1, 9).into(),
            ..StreamConfig::default()
        });
        Self { stream, shape }
    }

    /// Forgets everything before: what follows refers to nothing earlier.
    pub(crate) fn reset(&mut self) {
        self.stream.reset();
    }

    /// Bytes of heap memory that a stream of this shape holds; the window, its chains, the hash table and the pending
    /// block.
    pub(crate) fn stream_bytes(shape: Shape) -> usize {
        let hash_table = 128 << 10;
        let pending = (7 << 6) << shape.memory_level.clamp(1, 9);
        let state = 3200;
        4 * shape.window.max(WindowBits::MIN_COMPRESS).bytes() + hash_table + pending + state
    }

    fn run(&mut self, payload: &[u8], output: &mut Output) -> Result<(), DeflateError> {
        let mut rest = payload;
        loop {
            output.grow(rest.len());
            let (bytes_in, bytes_out) = (self.stream.total_in(), self.stream.total_out());
            let space = &mut output.bytes[output.length..];
            self.stream.compress(rest, space, DeflateFlush::SyncFlush)?;
            let taken = usize::try_from(self.stream.total_in() - bytes_in).unwrap_or(usize::MAX);
            let written =
                usize::try_from(self.stream.total_out() - bytes_out).unwrap_or(usize::MAX);
            output.length += written;
            rest = &rest[taken..];
            // A flush that found no end of the space is complete.
            if output.length < output.bytes.len() || taken == 0 && written == 0 {
                return Ok(());
            }
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compressor").field(&self.shape).finish()
    }
}

/// Where compressed fragments are put, before their length can be written into a header.
#[derive(Debug, Default)]
struct Output {
    /// Initialized as far as it ever was used, so that it needs no clearing again.
    bytes: Vec<u8>,
    length: usize,
}

/// The most memory kept for the next message.
const KEPT_BYTES: usize = 1 << 20;

impl Output {
    /// Makes room for more than the end of a flush, which zlib would otherwise repeat.
    fn grow(&mut self, input_bytes: usize) {
        let needed = self.length + input_bytes / 4 + 512;
        if self.bytes.len() < needed {
            self.bytes.resize(needed.max(self.bytes.len() * 2), 0);
        }
    }

    fn begin(&mut self) {
        self.length = 0;
        if self.bytes.len() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}

/// What a message may refer to.
pub(crate) enum Context<'a> {
    /// These bytes before it, which may be none.
    Before(&'a [u8]),
    /// A stream that saw everything earlier.
    Stream(&'a mut Compressor),
}

/// The compressors that connections without their own share, and the output of all. One for each loop.
#[derive(Debug, Default)]
pub(crate) struct Compressors {
    shared: Vec<Compressor>,
    output: Output,
}

/// The end of a flush, which is not sent at the end of a message.
const FLUSH_END: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// The longest stored block (RFC 1951 §3.2.4).
const STORED_BYTES: usize = 0xFFFF;

impl Compressors {
    /// Compresses a fragment, or a whole message as its only and last one.
    pub(crate) fn compress(
        &mut self,
        payload: &[u8],
        is_last: bool,
        shape: Shape,
        context: Context<'_>,
    ) -> &[u8] {
        let output = &mut self.output;
        output.begin();
        if payload.is_empty() {
            // §7.2.3.6; zlib writes nothing for a second flush on end.
            return if is_last { &[0] } else { &[] };
        }
        let result = match context {
            Context::Stream(compressor) => {
                let result = compressor.run(payload, output);
                if result.is_err() {
                    // What is sent instead is not in its window.
                    compressor.reset();
                }
                result
            }
            Context::Before(history) => {
                let compressor = shared(&mut self.shared, shape);
                compressor.reset();
                let set = match history {
                    [] => Ok(()),
                    history => compressor.stream.set_dictionary(history).map(drop),
                };
                set.and_then(|()| compressor.run(payload, output))
            }
        };
        if result.is_err() {
            store(payload, output);
        }
        let taken_off = if is_last { FLUSH_END.len() } else { 0 };
        &output.bytes[..output.length - taken_off]
    }

    /// Bytes of heap memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        let streams = self.shared.iter();
        streams
            .map(|c| Compressor::stream_bytes(c.shape))
            .sum::<usize>()
            + self.output.bytes.capacity()
    }
}

fn shared(compressors: &mut Vec<Compressor>, shape: Shape) -> &mut Compressor {
    let found = compressors.iter().position(|c| c.shape == shape);
    let index = found.unwrap_or_else(|| {
        compressors.push(Compressor::new(shape));
        compressors.len() - 1
    });
    &mut compressors[index]
}

/// Writes `payload` in blocks without compression (RFC 1951 §3.2.4) and an empty one: what is right when all else fails.
fn store(payload: &[u8], output: &mut Output) {
    let mut bytes = std::mem::take(&mut output.bytes);
    bytes.clear();
    for piece in payload.chunks(STORED_BYTES).chain([&[][..]]) {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        bytes.push(0);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&(!length).to_le_bytes());
        bytes.extend_from_slice(piece);
    }
    output.length = bytes.len();
    output.bytes = bytes;
}

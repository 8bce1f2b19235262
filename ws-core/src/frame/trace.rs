//! The frames in a stream of bytes, for logs and traces: RFC 6455 [§5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

use std::fmt;

use super::header::{FrameHeader, Parsed};
use crate::{opcode::OpCode, role::Role};

/// Follows one direction of a connection and tells of each frame as soon as its header is there.
///
/// It looks at headers only: payloads are counted and neither kept nor unmasked. What breaks a rule ends the trace;
/// the [`Receiver`](crate::Receiver) says which one it was.
///
/// # Examples
///
/// ```
/// use ws_core::{FrameTrace, Role};
///
/// let mut trace = FrameTrace::new(Role::Server);
/// let mut seen = Vec::new();
/// // A text message and a ping, cut in the middle of the message.
/// for bytes in [&b"\x81\x05he"[..], b"llo\x89\x00"] {
///     trace.follow(bytes, |frame| seen.push(frame.to_string()));
/// }
/// assert_eq!(seen, ["text frame of 5 bytes, final", "ping frame of 0 bytes"]);
/// ```
#[derive(Clone, Debug)]
pub struct FrameTrace {
    sender: Role,
    /// The beginning of a header.
    start: [u8; FrameHeader::MAX_BYTES],
    start_bytes: usize,
    /// What is still to come of a payload.
    payload_bytes: u64,
    is_broken: bool,
}

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameSummary {
    /// The last fragment of its message.
    pub is_final: bool,
    /// RSV1: the message that begins here is compressed (RFC 7692).
    pub is_compressed: bool,
    /// What the frame carries.
    pub opcode: OpCode,
    /// Bytes of the payload on the wire.
    pub payload_bytes: u64,
}

impl FrameTrace {
    /// Begins before the first frame that `sender` sends.
    pub fn new(sender: Role) -> Self {
        Self {
            sender,
            start: [0; FrameHeader::MAX_BYTES],
            start_bytes: 0,
            payload_bytes: 0,
            is_broken: false,
        }
    }

    /// Takes the next `bytes` of the stream and calls `tell` for each frame that begins in them.
    pub fn follow(&mut self, mut bytes: &[u8], mut tell: impl FnMut(FrameSummary)) {
        while !bytes.is_empty() && !self.is_broken {
            let skipped = usize::try_from(self.payload_bytes)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            self.payload_bytes -= skipped as u64;
            bytes = &bytes[skipped..];
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            self.start[self.start_bytes] = byte;
            self.start_bytes += 1;
            match FrameHeader::parse(&self.start[..self.start_bytes], self.sender, true) {
                Ok(Parsed::NeedMore(_)) => {}
                Ok(Parsed::Header(header, _)) => {
                    self.start_bytes = 0;
                    self.payload_bytes = header.payload_length;
                    tell(FrameSummary {
                        is_final: header.is_final,
                        is_compressed: header.is_compressed,
                        opcode: header.opcode,
                        payload_bytes: header.payload_length,
                    });
                }
                Err(_) => self.is_broken = true,
            }
        }
    }
}

impl fmt::Display for FrameSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frame of {} bytes", self.opcode, self.payload_bytes)?;
        if self.is_compressed {
            f.write_str(", compressed")?;
        }
        match (self.opcode.is_control(), self.is_final) {
            (true, _) => Ok(()),
            (false, true) => f.write_str(", final"),
            (false, false) => f.write_str(", more to come"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sender: Role, stream: &[u8], chunk: usize) -> Vec<String> {
        let mut trace = FrameTrace::new(sender);
        let mut seen = Vec::new();
        for bytes in stream.chunks(chunk) {
            trace.follow(bytes, |frame| seen.push(frame.to_string()));
        }
        seen
    }

    #[test]
    fn any_chunking_shows_the_same_frames() {
        let mut stream = vec![0x41, 0xFE, 0x01, 0x00, 1, 2, 3, 4];
        stream.extend([0x55; 256]);
        stream.extend([0x89, 0x81, 1, 2, 3, 4, 9]);
        stream.extend([0x80, 0x80, 1, 2, 3, 4]);
        let expected = [
            "text frame of 256 bytes, compressed, more to come",
            "ping frame of 1 bytes",
            "continuation frame of 0 bytes, final",
        ];
        for chunk in [1, 2, 3, 7, 100, stream.len()] {
            assert_eq!(seen(Role::Client, &stream, chunk), expected, "{chunk}");
        }
    }

    #[test]
    fn what_breaks_a_rule_ends_it() {
        // A reserved opcode after a good frame, then a good one.
        let stream = [0x81, 0x00, 0x83, 0x00, 0x81, 0x00];
        assert_eq!(
            seen(Role::Server, &stream, 6),
            ["text frame of 0 bytes, final"]
        );
    }
}

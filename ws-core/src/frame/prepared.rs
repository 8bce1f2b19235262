//! A message encoded once, to be sent to many clients.

use crate::{frame::FrameHeader, opcode::OpCode};

/// A whole message as one unmasked frame: what a server sends to each of many clients.
///
/// Bytes only; whoever broadcasts shares it by reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedFrame(Vec<u8>);

impl PreparedFrame {
    /// Encodes a text message.
    pub fn text(text: &str) -> Self {
        Self::new(OpCode::Text, text.as_bytes())
    }

    /// Encodes a binary message.
    pub fn binary(data: &[u8]) -> Self {
        Self::new(OpCode::Binary, data)
    }

    fn new(opcode: OpCode, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(FrameHeader::MAX_BYTES + payload.len());
        let payload_length = payload.len() as u64;
        FrameHeader {
            is_final: true,
            opcode,
            masking_key: None,
            payload_length,
        }
        .encode(&mut bytes);
        bytes.extend_from_slice(payload);
        Self(bytes)
    }

    /// The frame as it stands on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

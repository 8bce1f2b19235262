//! Automatic answers, carried by value from the receiving half to the sending one.

use std::fmt;

use crate::{
    close::{CloseCode, shorten_reason},
    error::ReceiveError,
    frame::MAX_CONTROL_BYTES,
    opcode::OpCode,
};

/// The frame with which an endpoint must answer what it received: a pong, or a Close.
///
/// Give it to [`Sender::encode_reply`](crate::Sender::encode_reply). It owns its at most 125 bytes.
#[derive(Clone)]
pub struct Reply {
    opcode: OpCode,
    length: u8,
    payload: [u8; MAX_CONTROL_BYTES],
}

impl Reply {
    fn new(opcode: OpCode, parts: [&[u8]; 2]) -> Self {
        let mut reply = Self {
            opcode,
            length: 0,
            payload: [0; MAX_CONTROL_BYTES],
        };
        let mut length = 0;
        for part in parts {
            let count = part.len().min(MAX_CONTROL_BYTES - length);
            reply.payload[length..length + count].copy_from_slice(&part[..count]);
            length += count;
        }
        reply.length = u8::try_from(length).unwrap_or(0);
        reply
    }

    /// The answer to a ping: the same application data (RFC 6455 §5.5.3).
    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::new(OpCode::Pong, [payload, &[]])
    }

    /// The answer to a Close: the same code, or none if it had none (§5.5.1).
    pub(crate) fn close(code: Option<CloseCode>) -> Self {
        match code {
            None => Self::new(OpCode::Close, [&[], &[]]),
            Some(code) => Self::new(OpCode::Close, [&code.as_u16().to_be_bytes(), &[]]),
        }
    }

    /// The Close that fails a connection and says why (§7.1.7).
    pub(crate) fn failure(error: &ReceiveError) -> Self {
        let reason = error.to_string();
        let code = error.close_code().as_u16().to_be_bytes();
        Self::new(OpCode::Close, [&code, shorten_reason(&reason).as_bytes()])
    }

    /// Whether this is a Close: nothing else will be sent after it.
    pub fn is_close(&self) -> bool {
        self.opcode == OpCode::Close
    }

    pub(crate) fn opcode(&self) -> OpCode {
        self.opcode
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload[..usize::from(self.length)]
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} of {} bytes)", self.opcode, self.length)
    }
}

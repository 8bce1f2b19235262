//! The sending half: frames appended to a buffer of the caller, RFC 6455
//! [§6.1](https://www.rfc-editor.org/rfc/rfc6455#section-6.1).

use crate::{
    close::{CloseFrame, MAX_REASON_BYTES},
    connection::reply::Reply,
    error::SendError,
    frame::{FrameHeader, MAX_CONTROL_BYTES, PreparedFrame, mask},
    opcode::OpCode,
    role::Role,
    scratch::SendScratch,
};

/// Whether the connection's output already waits for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a socket takes bytes or it does not"
)]
pub enum Pressure {
    /// Everything sent so far has left, or is about to.
    Clear,
    /// The socket has refused bytes that are still queued.
    PushedBack,
}

/// The sending half of a connection: 16 bytes.
///
/// Every `encode_*` appends to `output` or, if it fails, leaves it as it was.
#[derive(Debug)]
pub struct Sender {
    /// The one pong that waits until the peer reads again; the newest wins (§5.5.3).
    pending_pong: Option<Box<Reply>>,
    role: Role,
    /// The kind of an unfinished fragmented message.
    open_message: Option<OpCode>,
    close_sent: bool,
}

const _: () = assert!(size_of::<Sender>() <= 16);

impl Sender {
    /// The sending half of an endpoint with this role.
    pub fn new(role: Role) -> Self {
        Self {
            pending_pong: None,
            role,
            open_message: None,
            close_sent: false,
        }
    }

    /// Appends a text message as one frame.
    ///
    /// # Errors
    /// [`SendError::Closed`] after a Close; [`SendError::MessageInProgress`] inside a fragmented message.
    #[inline]
    pub fn encode_text(
        &mut self,
        text: &str,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_message(OpCode::Text, text.as_bytes(), scratch, output)
    }

    /// Appends a binary message as one frame.
    ///
    /// # Errors
    /// As [`Sender::encode_text`].
    #[inline]
    pub fn encode_binary(
        &mut self,
        data: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_message(OpCode::Binary, data, scratch, output)
    }

    /// Appends one fragment of a text message; `last` ends the message
    /// (RFC 6455 [§5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4)).
    ///
    /// Control frames may be sent between fragments, other messages may not.
    ///
    /// # Errors
    /// [`SendError::Closed`] after a Close; [`SendError::MessageInProgress`] inside a binary message.
    pub fn encode_text_fragment(
        &mut self,
        text: &str,
        last: bool,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_fragment(OpCode::Text, text.as_bytes(), last, scratch, output)
    }

    /// Appends one fragment of a binary message; `last` ends the message.
    ///
    /// # Errors
    /// [`SendError::Closed`] after a Close; [`SendError::MessageInProgress`] inside a text message.
    pub fn encode_binary_fragment(
        &mut self,
        data: &[u8],
        last: bool,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_fragment(OpCode::Binary, data, last, scratch, output)
    }

    /// Appends a ping; the peer answers with the same payload, of at most 125 bytes.
    ///
    /// # Errors
    /// [`SendError::ControlTooLong`]; [`SendError::Closed`] after a Close.
    pub fn encode_ping(
        &mut self,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_control(OpCode::Ping, payload, scratch, output)
    }

    /// Appends a pong that nobody asked for: a one-way heartbeat of at most 125 bytes.
    ///
    /// # Errors
    /// As [`Sender::encode_ping`].
    pub fn encode_pong(
        &mut self,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_control(OpCode::Pong, payload, scratch, output)
    }

    /// Appends a Close, after which nothing more can be sent; `None` gives no code.
    ///
    /// # Errors
    /// [`SendError::InvalidCloseCode`]; [`SendError::CloseReasonTooLong`] above 123 bytes;
    /// [`SendError::Closed`] if a Close was already sent.
    pub fn encode_close(
        &mut self,
        frame: Option<CloseFrame<'_>>,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let mut payload = [0; MAX_CONTROL_BYTES];
        let mut length = 0;
        if let Some(CloseFrame { code, reason }) = frame {
            if !code.may_be_sent() {
                return Err(SendError::InvalidCloseCode(code));
            }
            if reason.len() > MAX_REASON_BYTES {
                return Err(SendError::CloseReasonTooLong(reason.len()));
            }
            length = 2 + reason.len();
            payload[..2].copy_from_slice(&code.as_u16().to_be_bytes());
            payload[2..length].copy_from_slice(reason.as_bytes());
        }
        self.encode_control(OpCode::Close, &payload[..length], scratch, output)?;
        self.end();
        Ok(())
    }

    /// Appends a message that was encoded before; servers only, since a client masks each frame anew.
    ///
    /// # Errors
    /// [`SendError::NoMaskingKey`] on a client; otherwise as [`Sender::encode_text`].
    pub fn encode_prepared(
        &mut self,
        frame: &PreparedFrame,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.check_prepared()?;
        output.extend_from_slice(frame.as_bytes());
        Ok(())
    }

    /// Whether a [`PreparedFrame`] may be sent now; for callers that share its bytes instead of copying them.
    ///
    /// # Errors
    /// As [`Sender::encode_prepared`].
    pub fn check_prepared(&self) -> Result<(), SendError> {
        if self.role.masks() {
            return Err(SendError::NoMaskingKey);
        }
        self.check_new_message()
    }

    /// Appends an automatic answer.
    ///
    /// While the output is [`Pressure::Clear`] every ping is answered in order. Under
    /// [`Pressure::PushedBack`] one pong is kept, the newest, until [`Sender::encode_pending`]: a peer
    /// that sends pings and does not read costs no memory. A Close is appended at once, unless one
    /// was sent before.
    ///
    /// # Errors
    /// [`SendError::NoMaskingKey`] if a client's scratch has no keys.
    pub fn encode_reply(
        &mut self,
        reply: Reply,
        pressure: Pressure,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.close_sent {
            return Ok(());
        }
        if pressure == Pressure::PushedBack && !reply.is_close() {
            match &mut self.pending_pong {
                Some(pending) => **pending = reply,
                None => self.pending_pong = Some(Box::new(reply)),
            }
            return Ok(());
        }
        // This answer is newer than a kept one, which §5.5.3 allows to be left out.
        self.pending_pong = None;
        self.encode_control(reply.opcode(), reply.payload(), scratch, output)?;
        if reply.is_close() {
            self.end();
        }
        Ok(())
    }

    /// Appends the kept pong, once the socket has taken everything; tells whether there was one.
    ///
    /// # Errors
    /// [`SendError::NoMaskingKey`] if a client's scratch has no keys.
    pub fn encode_pending(
        &mut self,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        match self.pending_pong.take() {
            Some(pong) => self
                .encode_control(OpCode::Pong, pong.payload(), scratch, output)
                .map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether a pong waits for [`Sender::encode_pending`].
    pub fn has_pending(&self) -> bool {
        self.pending_pong.is_some()
    }

    /// Whether a Close was sent.
    pub fn close_sent(&self) -> bool {
        self.close_sent
    }

    fn end(&mut self) {
        self.close_sent = true;
        self.pending_pong = None;
    }

    #[inline]
    fn check_new_message(&self) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        if self.open_message.is_some() {
            return Err(SendError::MessageInProgress);
        }
        Ok(())
    }

    #[inline]
    fn encode_message(
        &self,
        opcode: OpCode,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.check_new_message()?;
        self.encode_frame(opcode, true, payload, scratch, output)
    }

    fn encode_fragment(
        &mut self,
        kind: OpCode,
        payload: &[u8],
        last: bool,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        let opcode = match self.open_message {
            None => kind,
            Some(open) if open == kind => OpCode::Continuation,
            Some(_) => return Err(SendError::MessageInProgress),
        };
        self.encode_frame(opcode, last, payload, scratch, output)?;
        self.open_message = if last { None } else { Some(kind) };
        Ok(())
    }

    fn encode_control(
        &self,
        opcode: OpCode,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        if payload.len() > MAX_CONTROL_BYTES {
            return Err(SendError::ControlTooLong(payload.len()));
        }
        self.encode_frame(opcode, true, payload, scratch, output)
    }

    #[inline]
    fn encode_frame(
        &self,
        opcode: OpCode,
        is_final: bool,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let masking_key = if self.role.masks() {
            let keys = scratch
                .masking_keys
                .as_mut()
                .ok_or(SendError::NoMaskingKey)?;
            Some(keys.next_key())
        } else {
            None
        };
        let payload_length = payload.len() as u64;
        output.reserve(FrameHeader::MAX_BYTES + payload.len());
        FrameHeader {
            is_final,
            opcode,
            masking_key,
            payload_length,
        }
        .encode(output);
        let Some(key) = masking_key else {
            output.extend_from_slice(payload);
            return Ok(());
        };
        for piece in payload.chunks(MASKED_AT_ONCE) {
            let start = output.len();
            output.extend_from_slice(piece);
            mask::apply(key, 0, &mut output[start..]);
        }
        Ok(())
    }
}

/// A piece of a payload that stays in the first-level cache between copying and masking; whole keys fit into it.
const MASKED_AT_ONCE: usize = 16 << 10;

//! The sending half: frames appended to a buffer of the caller, RFC 6455
//! [§6.1](https://www.rfc-editor.org/rfc/rfc6455#section-6.1).

mod control;
#[cfg(feature = "deflate")]
mod deflate;

use std::sync::Arc;

#[cfg(feature = "deflate")]
use crate::extension::{OwnContext, OwnSide};
use crate::{
    connection::reply::Reply,
    error::SendError,
    frame::{FirstByte, FrameHeader, PreparedFrame, encode_header, mask},
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

/// Whether a message is compressed, on a connection with permessage-deflate; on others none is.
///
/// RFC 7692 [§6](https://www.rfc-editor.org/rfc/rfc7692#section-6) leaves the choice to the sender, message by message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "it is left to this endpoint, or its user says yes or no"
)]
pub enum Compression {
    /// From the configured threshold up, and only if the message becomes shorter where that may still be decided.
    #[default]
    Auto,
    /// As it is: for data that is compressed already, and for secrets beside text that an attacker chooses.
    Never,
    /// Whatever its length.
    Always,
}

/// The sending half of a connection: 16 bytes, and heap memory only for context takeover.
///
/// Every `encode_*` appends to `output` or, if it fails, leaves it as it was.
#[derive(Debug)]
pub struct Sender {
    /// What few connections have, behind one pointer.
    held: Option<Box<Held>>,
    /// How messages are compressed, if permessage-deflate was negotiated.
    #[cfg(feature = "deflate")]
    own_side: Option<OwnSide>,
    role: Role,
    stage: Stage,
}

/// Where the sequence of messages stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    BetweenMessages,
    /// In a fragmented message.
    Inside {
        is_text: bool,
        is_compressed: bool,
    },
    /// Behind a Close.
    Closed,
}

/// What a sender keeps on the heap.
#[derive(Debug, Default)]
struct Held {
    /// The one pong that waits until the peer reads again; the newest wins (§5.5.3).
    pending_pong: Option<Box<Reply>>,
    /// What messages may refer to, if the context is taken over.
    #[cfg(feature = "deflate")]
    context: Option<OwnContext>,
}

const _: () = assert!(size_of::<Sender>() <= 16);

impl Sender {
    /// The sending half of an endpoint with this role.
    pub fn new(role: Role) -> Self {
        Self {
            held: None,
            #[cfg(feature = "deflate")]
            own_side: None,
            role,
            stage: Stage::BetweenMessages,
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

    /// Appends what goes before the payload of a text message in one frame, and returns the payload, which must follow
    /// right behind: for callers that write both without copying a long one.
    ///
    /// What is returned is empty where the payload had to be changed, masked or compressed: then it is appended too.
    ///
    /// # Errors
    /// As [`Sender::encode_text`].
    #[inline]
    pub fn encode_text_head<'p>(
        &mut self,
        text: &'p str,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<&'p [u8], SendError> {
        self.encode_head(OpCode::Text, text.as_bytes(), scratch, output)
    }

    /// Appends what goes before the payload of a binary message, as [`Sender::encode_text_head`] does for text.
    ///
    /// # Errors
    /// As [`Sender::encode_text`].
    #[inline]
    pub fn encode_binary_head<'p>(
        &mut self,
        data: &'p [u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<&'p [u8], SendError> {
        self.encode_head(OpCode::Binary, data, scratch, output)
    }

    /// Appends a text message as one frame, compressed or not as asked for.
    ///
    /// # Errors
    /// As [`Sender::encode_text`].
    pub fn encode_text_with(
        &mut self,
        text: &str,
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_choosing(OpCode::Text, text.as_bytes(), compression, scratch, output)
    }

    /// Appends a binary message as one frame, compressed or not as asked for.
    ///
    /// # Errors
    /// As [`Sender::encode_text`].
    pub fn encode_binary_with(
        &mut self,
        data: &[u8],
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_choosing(OpCode::Binary, data, compression, scratch, output)
    }

    /// Appends one fragment of a text message; `last` ends the message
    /// (RFC 6455 [§5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4)).
    ///
    /// Control frames may be sent between fragments, other messages may not. With permessage-deflate the length of the
    /// first fragment decides for all of the message.
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
        let auto = Compression::Auto;
        self.encode_fragment(OpCode::Text, text.as_bytes(), last, auto, scratch, output)
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
        let auto = Compression::Auto;
        self.encode_fragment(OpCode::Binary, data, last, auto, scratch, output)
    }

    /// Appends one fragment of a text message, compressed or not as its first fragment asked for.
    ///
    /// # Errors
    /// As [`Sender::encode_text_fragment`].
    pub fn encode_text_fragment_with(
        &mut self,
        text: &str,
        last: bool,
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let data = text.as_bytes();
        self.encode_fragment(OpCode::Text, data, last, compression, scratch, output)
    }

    /// Appends one fragment of a binary message, compressed or not as its first fragment asked for.
    ///
    /// # Errors
    /// As [`Sender::encode_binary_fragment`].
    pub fn encode_binary_fragment_with(
        &mut self,
        data: &[u8],
        last: bool,
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_fragment(OpCode::Binary, data, last, compression, scratch, output)
    }

    /// Appends a message that was encoded before; servers only, since a client masks each frame anew.
    ///
    /// # Errors
    /// [`SendError::NoMaskingKey`] on a client; otherwise as [`Sender::encode_text`].
    pub fn encode_prepared(
        &mut self,
        frame: &Arc<PreparedFrame>,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let frame = self.select_prepared(frame, scratch)?;
        output.extend_from_slice(frame.as_bytes());
        Ok(())
    }

    /// Appends a prepared message that goes to nobody else: compressed anew, so that it may refer to earlier messages
    /// where the context is taken over.
    ///
    /// # Errors
    /// As [`Sender::encode_prepared`].
    pub fn encode_prepared_alone(
        &mut self,
        frame: &PreparedFrame,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let (opcode, compression) = (frame.opcode(), frame.compression());
        self.encode_choosing(opcode, frame.payload(), compression, scratch, output)
    }

    /// The form of a [`PreparedFrame`] that this connection must send now, plain or compressed; for callers that share
    /// its bytes instead of copying them.
    ///
    /// With permessage-deflate it is compressed from the threshold up, if that makes it shorter, and without a reference
    /// to earlier messages, so that all connections with the same window share the work and the bytes. Context takeover
    /// allows that (RFC 7692 [§7.1.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1) lets a sender take it over
    /// and does not make it): both windows get the same data, or this side's begins anew with its next message.
    ///
    /// # Errors
    /// As [`Sender::encode_prepared`].
    pub fn select_prepared<'f>(
        &mut self,
        frame: &'f Arc<PreparedFrame>,
        scratch: &mut SendScratch,
    ) -> Result<&'f Arc<PreparedFrame>, SendError> {
        if self.role.masks() {
            return Err(SendError::NoMaskingKey);
        }
        self.check_new_message()?;
        #[cfg(feature = "deflate")]
        if self.compresses(frame.payload(), frame.compression()) {
            return Ok(self.select_compressed(frame, scratch));
        }
        #[cfg(not(feature = "deflate"))]
        let _ = scratch;
        Ok(frame)
    }

    /// Whether a Close was sent.
    pub fn close_sent(&self) -> bool {
        self.stage == Stage::Closed
    }

    #[inline]
    fn check_new_message(&self) -> Result<(), SendError> {
        match self.stage {
            Stage::BetweenMessages => Ok(()),
            Stage::Inside { .. } => Err(SendError::MessageInProgress),
            Stage::Closed => Err(SendError::Closed),
        }
    }

    #[inline(always)] // 21 of 152 instructions of an echo of 16 B
    fn encode_message(
        &mut self,
        opcode: OpCode,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let payload = self.encode_head(opcode, payload, scratch, output)?;
        output.extend_from_slice(payload);
        Ok(())
    }

    /// Appends a header; or, if the payload must be changed, all of the frame.
    #[inline(always)]
    fn encode_head<'p>(
        &mut self,
        opcode: OpCode,
        payload: &'p [u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<&'p [u8], SendError> {
        if self.stage != Stage::BetweenMessages || self.may_compress() || self.role.masks() {
            let auto = Compression::Auto;
            return self
                .encode_choosing(opcode, payload, auto, scratch, output)
                .map(|()| &[][..]);
        }
        let first = FirstByte::new(opcode, true);
        encode_header(first, None, payload.len() as u64, output);
        Ok(payload)
    }

    /// Appends a whole message, compressed or not; or says why not.
    #[inline(never)]
    fn encode_choosing(
        &mut self,
        opcode: OpCode,
        payload: &[u8],
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.check_new_message()?;
        if self.compresses(payload, compression) {
            return self.encode_compressed(opcode, true, payload, compression, scratch, output);
        }
        self.encode_frame(FirstByte::new(opcode, true), payload, scratch, output)
    }

    fn encode_fragment(
        &mut self,
        kind: OpCode,
        payload: &[u8],
        last: bool,
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let is_text = kind == OpCode::Text;
        let (opcode, is_compressed) = match self.stage {
            Stage::Closed => return Err(SendError::Closed),
            Stage::BetweenMessages => (kind, self.compresses(payload, compression)),
            Stage::Inside {
                is_text: open,
                is_compressed,
            } if open == is_text => (OpCode::Continuation, is_compressed),
            Stage::Inside { .. } => return Err(SendError::MessageInProgress),
        };
        if is_compressed {
            self.encode_compressed(opcode, last, payload, compression, scratch, output)?;
        } else {
            self.encode_frame(FirstByte::new(opcode, last), payload, scratch, output)?;
        }
        self.stage = if last {
            Stage::BetweenMessages
        } else {
            Stage::Inside {
                is_text,
                is_compressed,
            }
        };
        Ok(())
    }

    #[inline(never)]
    fn encode_frame(
        &self,
        first: FirstByte,
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
        encode_header(first, masking_key, payload_length, output);
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

/// Without permessage-deflate nothing is compressed.
#[cfg(not(feature = "deflate"))]
impl Sender {
    fn may_compress(&self) -> bool {
        false
    }

    fn compresses(&self, _: &[u8], _: Compression) -> bool {
        false
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "with the feature it moves the context"
    )]
    fn encode_compressed(
        &mut self,
        opcode: OpCode,
        is_final: bool,
        payload: &[u8],
        _: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_frame(FirstByte::new(opcode, is_final), payload, scratch, output)
    }

    /// Bytes of heap memory held for context takeover.
    pub fn held_bytes(&self) -> usize {
        0
    }

    /// Whether messages may refer to earlier ones of the connection.
    pub fn has_context(&self) -> bool {
        false
    }
}

/// A piece of a payload that stays in the first-level cache between copying and masking; whole keys fit into it.
const MASKED_AT_ONCE: usize = 16 << 10;

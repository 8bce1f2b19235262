//! The sending half with permessage-deflate, RFC 7692 [§6.1](https://www.rfc-editor.org/rfc/rfc7692#section-6.1).

use std::sync::Arc;

use super::{Compression, Held, Sender};
use crate::{
    error::SendError,
    extension::{DeflateConfig, DeflateParameters, OwnContext, OwnSide},
    frame::{FirstByte, PreparedFrame},
    opcode::OpCode,
    scratch::SendScratch,
};

impl Sender {
    /// Compresses messages from now on, as `config` says and within the parameters that the handshake agreed on.
    ///
    /// Under a window of 8 bits, which nothing can be compressed with, all messages go uncompressed.
    pub fn set_deflate(&mut self, parameters: &DeflateParameters, config: &DeflateConfig) {
        let (side, context) = match OwnSide::new(self.role, parameters, config) {
            Some((side, context)) => (Some(side), context),
            None => (None, None),
        };
        self.own_side = side;
        if context.is_some() || self.held.is_some() {
            self.held.get_or_insert_default().context = context;
        }
    }

    /// Whether messages may refer to earlier ones of the connection.
    pub fn has_context(&self) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.context.is_some())
    }

    /// Bytes of heap memory held for context takeover.
    pub fn held_bytes(&self) -> usize {
        let (Some(held), Some(side)) = (&self.held, self.own_side) else {
            return 0;
        };
        let context = held.context.as_ref();
        context.map_or(0, |c| size_of::<Held>() + c.held_bytes(side))
    }

    #[inline]
    pub(super) fn may_compress(&self) -> bool {
        self.own_side.is_some()
    }

    /// How a message that begins with this payload goes out; the last word on short ones is [`Compression`]'s.
    pub(super) fn compresses(&self, payload: &[u8], compression: Compression) -> bool {
        match (self.own_side, compression) {
            (None, _) | (_, Compression::Never) => false,
            (Some(side), Compression::Auto) => payload.len() >= side.threshold(),
            (Some(_), Compression::Always) => true,
        }
    }

    /// Appends a message, or a fragment of one, compressed; under [`Compression::Auto`] a whole message only if that
    /// makes it shorter and the context allows the choice.
    ///
    /// Kept out of its callers, whose other messages would pay for its stack frame.
    #[inline(never)]
    pub(super) fn encode_compressed(
        &mut self,
        opcode: OpCode,
        is_final: bool,
        payload: &[u8],
        compression: Compression,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let first = FirstByte::new(opcode, is_final);
        let Some(side) = self.own_side else {
            return self.encode_frame(first, payload, scratch, output);
        };
        if self.role.masks() && scratch.masking_keys.is_none() {
            return Err(SendError::NoMaskingKey);
        }
        // Apart from the scratch while it is in use, which then takes a masking key.
        let mut compressors = scratch.compressors.take().unwrap_or_default();
        let (compressed, can_take_back) =
            match self.held.as_mut().and_then(|held| held.context.as_mut()) {
                None => {
                    let compressed = side.compress_alone(payload, is_final, &mut compressors);
                    (compressed, true)
                }
                Some(context) => {
                    let can_take_back = context.can_take_back();
                    let compressed = context.compress(payload, is_final, side, &mut compressors);
                    (compressed, can_take_back)
                }
            };
        let is_whole = is_final && opcode != OpCode::Continuation;
        let takes_back = compression == Compression::Auto
            && is_whole
            && can_take_back
            && compressed.len() >= payload.len();
        let result = if takes_back {
            self.encode_frame(first, payload, scratch, output)
        } else if opcode == OpCode::Continuation {
            self.encode_frame(first, compressed, scratch, output)
        } else {
            // RSV1 stands on the first frame only (§6.1).
            self.encode_frame(first.compressed(), compressed, scratch, output)
        };
        scratch.compressors = Some(compressors);
        if result.is_ok()
            && !takes_back
            && let Some(context) = self.context()
        {
            context.note_sent(payload, side);
        }
        result
    }

    /// Compresses `frame` for this connection, unless it was for another one with the same window.
    pub(super) fn select_compressed<'f>(
        &mut self,
        frame: &'f Arc<PreparedFrame>,
        scratch: &mut SendScratch,
    ) -> &'f Arc<PreparedFrame> {
        let Some(side) = self.own_side else {
            return frame;
        };
        let compressors = scratch.compressors.get_or_insert_default();
        let Some(compressed) = frame.compressed(side, compressors) else {
            return frame;
        };
        if let Some(context) = self.context() {
            context.note_sent_alone(frame.payload(), side);
        }
        compressed
    }

    fn context(&mut self) -> Option<&mut OwnContext> {
        self.held.as_mut()?.context.as_mut()
    }
}

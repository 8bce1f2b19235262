//! The receiving half with permessage-deflate, RFC 7692 [§6.2](https://www.rfc-editor.org/rfc/rfc7692#section-6.2).
//!
//! What waits for the rest of a message is compressed; the message exists inflated only while it is lent.

use super::{
    Receiver,
    state::{Found, Lent, State},
};
use crate::{
    error::ReceiveError,
    extension::{DeflateParameters, Inflater, PeerSide},
};

impl Receiver {
    /// Takes compressed messages from now on, within the parameters that the handshake agreed on.
    ///
    /// [`Limits::max_message_bytes`](crate::Limits::max_message_bytes) is the limit of the inflated message, kept while
    /// inflating; the compressed one may be an eighth longer, for data that cannot be compressed.
    pub fn set_deflate(&mut self, parameters: &DeflateParameters) {
        self.peer_side = Some(PeerSide::new(self.role, parameters));
    }

    pub(super) fn may_get_compressed(&self) -> bool {
        self.peer_side.is_some()
    }
}

/// Where a whole compressed message lies.
pub(super) enum Compressed<'b> {
    Input(&'b [u8]),
    Assembly,
}

impl State<'_> {
    /// Inflates a whole message into the scratch.
    ///
    /// Kept out of its callers, whose other messages would pay for its stack frame.
    #[inline(never)]
    pub(super) fn inflate(
        &mut self,
        message: Compressed<'_>,
        is_text: bool,
    ) -> Result<Found, ReceiveError> {
        let make = || Box::new(Inflater::new());
        let inflater = self.scratch.inflater.get_or_insert_with(make);
        let limit = self.scratch.limits.max_message_bytes;
        let assembly = self.receiver.assembly.as_deref();
        let compressed = match message {
            Compressed::Input(payload) => payload,
            Compressed::Assembly => assembly.map_or(&[][..], |a| a.payload()),
        };
        let history = assembly.map_or(&[][..], |a| a.history.as_bytes());
        // Also before a failure, which may come when all of the limit is used.
        self.lent = Lent::Inflated;
        inflater.inflate(compressed, history, limit)?;
        let kept = self.receiver.peer_side.and_then(|side| side.kept_window());
        if let Some(window) = kept
            && !inflater.message().is_empty()
        {
            let assembly = self.receiver.assembly.get_or_insert_default();
            assembly.history.push(inflater.message(), window);
        }
        Ok(Found::Inflated { is_text })
    }

    /// The message that was inflated last.
    pub(super) fn inflated(&self) -> &[u8] {
        self.scratch.inflater.as_ref().map_or(&[], |i| i.message())
    }

    #[inline(never)]
    pub(super) fn settle_inflated(&mut self) {
        if let Some(inflater) = &mut self.scratch.inflater {
            inflater.trim();
        }
    }
}

//! Assembly of what did not arrive in one piece: a message in fragments, a frame cut by the network.
//!
//! A long frame is read to where it belongs ([`Assembly::spare`]): what the system has copied there is not copied again.
//!
//! Invariant: the buffer grows with the bytes that arrived, at most to twice of them, and never by an announced length
//! but where messages are given away, at once to what was announced if the last one was as long. Once 4 KiB of a
//! long message are there, it goes on in a buffer that an earlier one has left, which may be longer: that memory is used
//! already, and counts for whoever holds it.

use std::collections::TryReserveError;

#[cfg(feature = "deflate")]
use crate::extension::History;
use crate::{
    error::ReceiveError,
    frame::{MAX_CONTROL_BYTES, mask},
    opcode::OpCode,
    pool::{BEGUN_BYTES, Buffers},
    utf8::{AT_ONCE, Payload},
};

/// The part of a frame that is still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFrame {
    pub(crate) opcode: OpCode,
    pub(crate) is_final: bool,
    pub(crate) masking_key: Option<[u8; 4]>,
    pub(crate) remaining: u64,
    /// Payload bytes taken so far, modulo 4: where the key goes on.
    pub(crate) key_offset: usize,
}

impl OpenFrame {
    /// Unmasks the next bytes of the payload and counts them.
    pub(crate) fn unmask(&mut self, bytes: &mut [u8]) {
        if let Some(key) = self.advance(bytes.len()) {
            mask::apply(key, 0, bytes);
        }
    }

    /// Counts the next bytes of the payload; returns the key as the first of them meets it.
    fn advance(&mut self, count: usize) -> Option<[u8; 4]> {
        let key = self.masking_key;
        let key = key.map(|key| mask::rotated(key, self.key_offset));
        self.key_offset = (self.key_offset + count) % 4;
        self.remaining -= count as u64;
        key
    }
}

/// Whether the unfinished message is text or binary, compressed or not, and how many frames of it have begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenMessage {
    pub(crate) is_text: bool,
    pub(crate) is_compressed: bool,
    pub(crate) fragments: u32,
}

/// How far the buffer of a message may grow, and with what.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    /// How long the message may turn out that is given away: so much is reserved at once. None if it is only lent.
    pub(crate) expected: usize,
    pub(crate) limit: usize,
    pub(crate) buffers: &'a mut Buffers,
}

/// Everything a connection holds between two reads; an idle connection has none, unless its peer takes the context of
/// permessage-deflate over.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    pub(crate) frame: Option<OpenFrame>,
    pub(crate) message: Option<OpenMessage>,
    pub(crate) failure: Option<ReceiveError>,
    payload: Payload,
    control: Vec<u8>,
    /// What the peer's next compressed message may refer to.
    #[cfg(feature = "deflate")]
    pub(crate) history: History,
}

impl Assembly {
    /// Unmasks the next bytes of the open data frame and appends them, each piece while it is in the nearest cache; a
    /// text is judged up to its last whole character (§8.1).
    pub(crate) fn push(
        &mut self,
        frame: &mut OpenFrame,
        bytes: &mut [u8],
        is_text: bool,
        room: Room<'_>,
    ) -> Result<(), ReceiveError> {
        let reserved = self.reserve(bytes.len(), room);
        let needed = self.payload.as_bytes().len() + bytes.len();
        reserved.map_err(|_| ReceiveError::OutOfMemory(needed as u64))?;
        for piece in bytes.chunks_mut(AT_ONCE) {
            frame.unmask(piece);
            if is_text {
                let judged = self.payload.push_text(piece);
                judged.map_err(|_| ReceiveError::InvalidUtf8)?;
            } else {
                self.payload.push_binary(piece);
            }
        }
        Ok(())
    }

    /// Lends the place of the next bytes of an open data frame, at most `most`.
    ///
    /// None while what has arrived allows for little room. Also none if there is no memory: whoever appends finds that
    /// too, and says so.
    pub(crate) fn spare(&mut self, most: usize, room: Room<'_>) -> Option<&mut [u8]> {
        let worth = most.min(AT_ONCE);
        let free = self.payload.free_bytes();
        // Every look would double the buffer otherwise, whatever has come since the last one.
        let has_begun = self.payload.as_bytes().len() >= BEGUN_BYTES;
        if free < worth && has_begun {
            self.reserve(free + 1, room).ok()?;
        }
        (self.payload.free_bytes() >= worth).then(|| self.payload.spare(most))
    }

    /// Takes the first `count` bytes that were read to [`Self::spare`], as [`Self::push`] takes others.
    pub(crate) fn push_spare(
        &mut self,
        frame: &mut OpenFrame,
        count: usize,
        is_text: bool,
    ) -> Result<(), ReceiveError> {
        let mut rest = count;
        while rest > 0 {
            let count = rest.min(AT_ONCE);
            let pushed = match frame.advance(count) {
                Some(key) if is_text => self.payload.push_masked_text(key, count),
                Some(key) => {
                    mask::apply(key, 0, self.payload.written(count));
                    self.payload.push_written(count, false)
                }
                None => self.payload.push_written(count, is_text),
            };
            pushed.map_err(|_| ReceiveError::InvalidUtf8)?;
            rest -= count;
        }
        Ok(())
    }

    fn reserve(&mut self, count: usize, room: Room<'_>) -> Result<(), TryReserveError> {
        self.payload
            .try_reserve(count, room.expected, room.limit, room.buffers)
    }

    /// Gives the buffer of a whole message away as it is, and where in it the message begins.
    pub(crate) fn take_buffer(&mut self) -> (Vec<u8>, usize) {
        self.payload.take_buffer()
    }

    /// Gives the buffer of the payload away, for other messages.
    pub(crate) fn take_empty_buffer(&mut self) -> Vec<u8> {
        self.payload.take_empty_buffer()
    }

    /// Gives the buffer of a whole binary message away.
    pub(crate) fn take_payload(&mut self) -> Vec<u8> {
        self.payload.take_binary()
    }

    /// Gives the buffer of a whole text message away.
    pub(crate) fn take_text(&mut self) -> String {
        self.payload.take_text()
    }

    /// Appends unmasked bytes of a control frame, whose length was judged with its header.
    pub(crate) fn push_control(&mut self, bytes: &[u8]) {
        if self.control.capacity() == 0 {
            self.control.reserve_exact(MAX_CONTROL_BYTES);
        }
        self.control.extend_from_slice(bytes);
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.payload.as_bytes()
    }

    /// The payload of a text message, unless it ends inside a character.
    pub(crate) fn text(&self) -> Result<&str, ReceiveError> {
        self.payload
            .as_text()
            .map_err(|_| ReceiveError::InvalidUtf8)
    }

    pub(crate) fn control(&self) -> &[u8] {
        &self.control
    }

    pub(crate) fn clear_message(&mut self) {
        self.message = None;
        self.payload.clear();
    }

    pub(crate) fn clear_control(&mut self) {
        self.control.clear();
    }

    /// Whether nothing is unfinished, so that the buffers can serve another connection.
    pub(crate) fn is_empty(&self) -> bool {
        self.frame.is_none() && self.message.is_none() && self.failure.is_none()
    }

    /// Bytes of heap memory held.
    pub(crate) fn capacity(&self) -> usize {
        #[cfg(feature = "deflate")]
        let history = self.history.capacity();
        #[cfg(not(feature = "deflate"))]
        let history = 0;
        self.payload.capacity() + self.control.capacity() + history
    }
}

//! Assembly of what did not arrive in one piece: a message in fragments, a frame cut by the network.
//!
//! Invariant: the buffer grows with the bytes that arrived, at most to twice of them, and never by an announced length
//! but where messages are given away, at once to what was announced if the last one was as long.

#[cfg(feature = "deflate")]
use crate::extension::History;
use crate::{
    error::ReceiveError,
    frame::{MAX_CONTROL_BYTES, mask},
    opcode::OpCode,
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
        if let Some(key) = self.masking_key {
            mask::apply(key, self.key_offset, bytes);
        }
        self.key_offset = (self.key_offset + bytes.len()) % 4;
        self.remaining -= bytes.len() as u64;
    }
}

/// Whether the unfinished message is text or binary, compressed or not, and how many frames of it have begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenMessage {
    pub(crate) is_text: bool,
    pub(crate) is_compressed: bool,
    pub(crate) fragments: u32,
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
        expected: usize,
        limit: usize,
    ) -> Result<(), ReceiveError> {
        let reserved = self.payload.try_reserve(bytes.len(), expected, limit);
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

/// Buffers that connections of one loop take in turn.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    #[expect(clippy::vec_box, reason = "the boxes themselves are what goes round")]
    free: Vec<Box<Assembly>>,
    bytes: usize,
    /// The length of the last message whose buffer was given away: the next one may be as long.
    pub(crate) given_away: usize,
}

impl Pool {
    /// The most buffers kept.
    const MAX_BUFFERS: usize = 64;
    /// The most memory kept in them.
    const MAX_BYTES: usize = 16 << 20;

    pub(crate) fn take(&mut self) -> Box<Assembly> {
        let Some(assembly) = self.free.pop() else {
            return Box::default();
        };
        self.bytes -= assembly.capacity();
        assembly
    }

    pub(crate) fn give_back(&mut self, mut assembly: Box<Assembly>) {
        assembly.frame = None;
        assembly.failure = None;
        assembly.clear_message();
        assembly.clear_control();
        #[cfg(feature = "deflate")]
        {
            assembly.history = History::default();
        }
        let capacity = assembly.capacity();
        if self.free.len() < Self::MAX_BUFFERS && self.bytes + capacity <= Self::MAX_BYTES {
            self.bytes += capacity;
            self.free.push(assembly);
        }
    }

    /// Takes the buffers of a connection that keeps its history.
    #[cfg(feature = "deflate")]
    pub(crate) fn give_back_buffers(&mut self, assembly: &mut Assembly) {
        let history = std::mem::take(&mut assembly.history);
        if assembly.capacity() > 0 {
            self.give_back(Box::new(std::mem::take(assembly)));
        }
        assembly.history = history;
    }

    /// Bytes of heap memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_keeps_a_bounded_number_of_buffers_and_bytes() {
        let mut pool = Pool::default();
        for size in [100_usize, 1 << 20] {
            for _ in 0..100 {
                let mut assembly: Box<Assembly> = Box::default();
                assembly.payload.push_binary(&vec![0; size]);
                pool.give_back(assembly);
            }
        }
        assert!(pool.free.len() <= Pool::MAX_BUFFERS);
        assert!(pool.bytes <= Pool::MAX_BYTES);
        let before = pool.bytes;
        let taken = pool.take();
        assert!(taken.is_empty() && taken.payload().is_empty());
        assert_eq!(pool.bytes, before - taken.capacity());
    }
}

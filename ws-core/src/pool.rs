//! What messages in pieces leave behind for later ones, of all connections of one loop.
//!
//! Buffers of long messages are worth keeping: the system takes memory of this size back and clears it page by page when
//! it is asked for again, which costs more than all else that is done with a message. They are taken last in, first out,
//! as the last one may still be in the cache; what is not taken for a while is given up ([`Buffers::trim`]).

#[cfg(feature = "deflate")]
use crate::extension::History;
use crate::message::Assembly;

/// Assemblies, and the buffers of long messages apart from them.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    #[expect(clippy::vec_box, reason = "the boxes themselves are what goes round")]
    free: Vec<Box<Assembly>>,
    bytes: usize,
    pub(crate) buffers: Buffers,
    /// The length of the last message whose buffer was given away: the next one may be as long.
    pub(crate) given_away: usize,
}

impl Pool {
    /// The most assemblies kept; each has less than [`LONG_BYTES`] of payload.
    const MAX_ASSEMBLIES: usize = 64;

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
        if assembly.capacity() >= LONG_BYTES {
            self.buffers.give_back(assembly.take_empty_buffer());
        }
        if self.free.len() < Self::MAX_ASSEMBLIES {
            self.bytes += assembly.capacity();
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
        self.bytes + self.buffers.bytes
    }
}

/// Buffers of long messages, and none of short ones.
///
/// What is in them is of no meaning; it stays, so that they need not be cleared before they are read into.
#[derive(Debug)]
pub(crate) struct Buffers {
    free: Vec<Vec<u8>>,
    bytes: usize,
    max_bytes: usize,
    /// The fewest there were since the last trim.
    fewest: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            free: Vec::new(),
            bytes: 0,
            max_bytes: DEFAULT_MAX_BYTES,
            fewest: 0,
        }
    }
}

impl Buffers {
    pub(crate) fn set_max_bytes(&mut self, bytes: usize) {
        self.max_bytes = bytes;
    }

    /// Takes a buffer for a message that may become `limit` bytes long, and of which `needed` are there or are coming now.
    pub(crate) fn take(&mut self, needed: usize, limit: usize) -> Option<Vec<u8>> {
        if needed < BEGUN_BYTES || limit < LONG_BYTES {
            return None;
        }
        let looked_at = self.free.iter().rev().take(LOOKED_AT);
        let mut from_behind = looked_at.enumerate();
        let fits = |buffer: &Vec<u8>| {
            buffer.capacity() >= needed && buffer.capacity() / MOST_TIMES <= limit
        };
        let (behind, _) = from_behind.find(|(_, buffer)| fits(buffer))?;
        let buffer = self.free.remove(self.free.len() - 1 - behind);
        self.bytes -= buffer.capacity();
        self.fewest = self.fewest.min(self.free.len());
        Some(buffer)
    }

    /// Keeps a buffer, if it is a long message's and there is room.
    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity >= LONG_BYTES && self.bytes + capacity <= self.max_bytes {
            self.bytes += capacity;
            self.free.push(buffer);
        }
    }

    /// Gives up what was not needed since the last call.
    pub(crate) fn trim(&mut self) {
        for buffer in self.free.drain(..self.fewest) {
            self.bytes -= buffer.capacity();
        }
        self.fewest = self.free.len();
    }

    /// Gives up all of it.
    pub(crate) fn clear(&mut self) {
        self.fewest = 0;
        self.bytes = 0;
        self.free = Vec::new();
    }

    /// Bytes of heap memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes
    }
}

/// A message is long from here on. Every connection may hold as much, however scarce memory is.
pub(crate) const LONG_BYTES: usize = 64 << 10;
/// Who has sent less of a long message gets no buffer of another one, and no place to read to: a promise alone is worth
/// nothing. The fuzzer knows short messages only.
pub(crate) const BEGUN_BYTES: usize = if cfg!(fuzzing) { 4 } else { 4 << 10 };
/// A longer buffer than this many times the message would make the connection look as if it held that much.
const MOST_TIMES: usize = 4;
/// So many buffers, the last first, are looked at for one that is long enough.
const LOOKED_AT: usize = 8;
/// The most memory kept in buffers, unless another limit is set.
const DEFAULT_MAX_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::{OpenFrame, Room},
        opcode::OpCode,
    };

    fn used(size: usize) -> Box<Assembly> {
        let mut assembly: Box<Assembly> = Box::default();
        assembly.push_control(&[0; 10]);
        let mut frame = OpenFrame {
            opcode: OpCode::Binary,
            is_final: true,
            masking_key: None,
            remaining: size as u64,
            key_offset: 0,
        };
        let room = Room {
            expected: 0,
            limit: size,
            buffers: &mut Buffers::default(),
        };
        let pushed = assembly.push(&mut frame, &mut vec![0; size], false, room);
        assert_eq!(pushed, Ok(()));
        assembly
    }

    #[test]
    fn the_pool_keeps_a_bounded_number_of_buffers_and_bytes() {
        let mut pool = Pool::default();
        for size in [100_usize, 1 << 20] {
            for _ in 0..100 {
                pool.give_back(used(size));
            }
        }
        assert_eq!(pool.free.len(), Pool::MAX_ASSEMBLIES);
        assert!(pool.bytes < 64 * 300, "{}", pool.bytes);
        let kept = pool.buffers.bytes;
        let fewest = DEFAULT_MAX_BYTES - (2 << 20);
        assert!((fewest..=DEFAULT_MAX_BYTES).contains(&kept), "{kept}");
        assert_eq!(pool.held_bytes(), pool.bytes + kept);
        let before = pool.bytes;
        let taken = pool.take();
        assert!(taken.is_empty() && taken.payload().is_empty());
        assert_eq!(pool.bytes, before - taken.capacity());
    }

    #[test]
    fn a_long_message_takes_the_last_buffer_that_is_long_enough() {
        let mut buffers = Buffers::default();
        for size in [200_000, 100_000, 300_000, 1000] {
            buffers.give_back(Vec::with_capacity(size));
        }
        assert_eq!(buffers.held_bytes(), 600_000, "none of a short message");
        assert_eq!(buffers.take(5000, 60_000), None, "nor for one");
        assert_eq!(buffers.take(1000, 300_000), None, "nor for a promise");
        assert_eq!(buffers.take(300_001, 300_001), None);
        let mut take = |needed| buffers.take(needed, 300_000).map(|b| b.capacity());
        assert_eq!(take(5000), Some(300_000));
        assert_eq!(take(150_000), Some(200_000));
        assert_eq!((take(150_000), take(90_000)), (None, Some(100_000)));
        assert_eq!(buffers.held_bytes(), 0);
        buffers.give_back(Vec::with_capacity(300_000));
        assert_eq!(buffers.take(5000, 70_000), None, "it is far too long");
    }

    #[test]
    fn what_is_not_needed_for_a_while_is_given_up() {
        let mut buffers = Buffers::default();
        for _ in 0..5 {
            buffers.give_back(Vec::with_capacity(100_000));
        }
        buffers.trim();
        assert_eq!(buffers.held_bytes(), 500_000, "they have just come");
        let taken = [0, 1].map(|_| buffers.take(LONG_BYTES, LONG_BYTES));
        taken
            .into_iter()
            .flatten()
            .for_each(|b| buffers.give_back(b));
        buffers.trim();
        assert_eq!(buffers.held_bytes(), 200_000, "two were in use");
        buffers.trim();
        assert_eq!(buffers.held_bytes(), 0);
    }
}

//! What a loop keeps for the next message of any connection: counted towards the budget of memory, and given up in time.
//!
//! Buffers of long messages are worth keeping while such messages come. They go when none was needed for a while, and at
//! once when the budget is short.

use std::time::Duration;

use super::EventLoop;
use crate::{config::Config, handler::Handler, net::Net};

/// What is known of the kept memory.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Bytes that count towards the budget: buffers, compressors, the inflater.
    pub(super) counted: usize,
    /// When the buffers are looked at next, in the clock's milliseconds; none while there are none.
    pub(super) trim_at: Option<u64>,
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Counts anew what is kept, if it may have changed, and gives up what was not needed for long.
    #[inline]
    pub(super) fn keep_scratch(&mut self) {
        let pooled = self.scratch.as_ref().map_or(0, |s| s.pooled_bytes());
        // Whoever counts buffers has set a time to look at them.
        if self.kept.trim_at.is_some()
            || pooled > 0
            || self.connections.config.compression.is_some()
        {
            self.look_at_scratch();
        }
    }

    #[inline(never)]
    fn look_at_scratch(&mut self) {
        self.recount_scratch();
        let now = self.connections.clock.millis();
        if self.kept.trim_at.is_some_and(|at| at <= now) {
            if let Some(scratch) = &mut self.scratch {
                scratch.trim();
            }
            self.kept.trim_at = None;
            self.recount_scratch();
        }
    }

    /// Gives up the buffers that lie unused; tells whether there were any.
    pub(super) fn give_up_buffers(&mut self) -> bool {
        let scratch = self.scratch.as_mut().filter(|s| s.pooled_bytes() > 0);
        let Some(scratch) = scratch else {
            return false;
        };
        scratch.give_up_buffers();
        self.recount_scratch();
        true
    }

    /// Counts nothing any more: the loop has ended.
    pub(super) fn uncount_scratch(&mut self) {
        self.connections.memory.update(self.kept.counted, 0);
        self.kept = Kept::default();
    }

    fn recount_scratch(&mut self) {
        let has_compression = self.connections.config.compression.is_some();
        let (received, pooled) = match &self.scratch {
            Some(scratch) if has_compression => (scratch.held_bytes(), scratch.pooled_bytes()),
            // What short messages leave is a few KiB, and changes without being looked at.
            Some(scratch) => (scratch.pooled_bytes(), scratch.pooled_bytes()),
            None => (0, 0),
        };
        let held = received + self.connections.send_scratch.held_bytes();
        self.connections.memory.update(self.kept.counted, held);
        self.kept.counted = held;
        if pooled > 0 && self.kept.trim_at.is_none() {
            self.kept.trim_at = Some(self.connections.clock.deadline(TRIM_INTERVAL));
        }
    }
}

/// Returns how many bytes a loop keeps in buffers of long messages at most: an eighth of the budget for all loops.
pub(super) fn pooled_bytes_limit(config: &Config) -> usize {
    config.memory_bytes / 8 / config.workers.max(1)
}

/// A buffer that was not needed between two looks is given up.
const TRIM_INTERVAL: Duration = Duration::from_secs(10);

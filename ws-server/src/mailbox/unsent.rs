//! Counts what was accepted for one connection and no socket has taken yet, so that a full queue is an error of
//! the call that would overfill it.

/// Bytes accepted for sending, by where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unsent {
    /// In commands that the loop has not handled.
    in_commands: usize,
    /// In the loop's queue of the connection, as it last reported.
    in_loop: usize,
}

impl Unsent {
    pub(super) const fn total(self) -> usize {
        self.in_commands + self.in_loop
    }

    /// Counts a message of `bytes`, unless it would go beyond `limit`. With nothing unsent, any size is admitted.
    pub(super) const fn reserve(&mut self, bytes: usize, limit: usize) -> bool {
        if self.total() > 0 && self.total().saturating_add(bytes) > limit {
            return false;
        }
        self.in_commands += bytes;
        true
    }

    /// Takes in the loop's report: it has handled commands of `handled` bytes and now holds `queued` bytes.
    pub(super) const fn report(&mut self, handled: usize, queued: usize) {
        self.in_commands = self.in_commands.saturating_sub(handled);
        self.in_loop = queued;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_queue_admits_any_size_and_then_nothing_beyond_the_limit() {
        let mut unsent = Unsent::default();
        assert!(unsent.reserve(5000, 1000));
        assert!(!unsent.reserve(1, 1000));
        unsent.report(5000, 999);
        assert!(unsent.reserve(1, 1000));
        assert!(!unsent.reserve(1, 1000));
        unsent.report(1, 0);
        assert_eq!(unsent.total(), 0);
        assert!(unsent.reserve(usize::MAX, 1000));
        assert!(!unsent.reserve(usize::MAX, 1000), "the sum does not wrap");
    }

    #[test]
    fn what_moves_from_command_to_loop_is_counted_once() {
        let mut unsent = Unsent::default();
        assert!(unsent.reserve(300, 1000));
        assert!(unsent.reserve(400, 1000));
        unsent.report(300, 310);
        assert_eq!(unsent.total(), 710);
        assert!(unsent.reserve(290, 1000));
        assert!(!unsent.reserve(1, 1000));
    }
}

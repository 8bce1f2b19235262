//! How much the receive queues of a mailbox may hold.

/// Bounds of the receive queues. An empty queue admits one message of any size.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueLimits {
    /// Messages of one connection.
    pub(super) messages: usize,
    /// Bytes of one connection.
    pub(super) bytes: usize,
    /// Bytes of all connections, near which each may hold less.
    pub(super) total_bytes: usize,
}

impl QueueLimits {
    /// Returns the bytes that one connection may hold while all together hold `total`.
    pub(super) const fn bytes_at(&self, total: usize) -> usize {
        let allowed = if total >= self.total_bytes {
            LAST_BYTES
        } else if total >= self.total_bytes / 4 * 3 {
            TIGHT_BYTES
        } else {
            self.bytes
        };
        if allowed < self.bytes {
            allowed
        } else {
            self.bytes
        }
    }
}

/// What a connection's queue can take until it is full; others may take of it in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Left {
    pub(super) const NOTHING: Self = Self {
        messages: 0,
        bytes: 0,
    };
    pub(super) const MAX: Self = Self {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
}

/// What a connection may hold from three quarters of the total on.
const TIGHT_BYTES: usize = 1 << 20;
/// What a connection may hold when the total is used up.
const LAST_BYTES: usize = 64 << 10;

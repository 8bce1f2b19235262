//! What the loops of a server share: its budget of memory, its number of connections, its certificates.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;
use ws_core::tls::ServerTls;

use crate::{
    journal::Journal,
    statistics::{Counters, Limit},
};

/// What all loops of a server have together.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Connections that have been opened and not ended.
    established: AtomicUsize,
    /// Bytes of messages under assembly, send queues, held input and what compression keeps.
    memory: AtomicUsize,
    /// TLS of new connections.
    tls: RwLock<Option<ServerTls>>,
    pub(crate) journal: Arc<Journal>,
    /// Loops that have not ended.
    loops: AtomicUsize,
    /// Handshakes that were answered with an error, and TLS handshakes that failed.
    refused: AtomicU64,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn new(tls: Option<ServerTls>, journal: Arc<Journal>, loops: usize) -> Self {
        Self {
            tls: RwLock::new(tls),
            journal,
            loops: AtomicUsize::new(loops),
            ..Self::default()
        }
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an HTTP answer other than 101.
    pub(crate) fn count_answer(&self, status: u16) {
        self.counters.count_answer(status);
        if status >= 400 {
            self.count_refused();
        }
    }

    pub(crate) fn count_limit(&self, limit: Limit) {
        self.counters.count_limit(limit);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Notes the end of a loop, and with the last the end of the server.
    pub(crate) fn loop_ended(&self, error: Option<&io::Error>) {
        if let Some(error) = error {
            self.journal
                .note(format_args!("an event loop failed: {error}"));
        }
        if self.loops.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.journal.note(format_args!("stopped"));
        }
    }

    /// Returns the TLS settings for the next connection.
    pub(crate) fn tls(&self) -> Option<ServerTls> {
        self.tls.read().clone()
    }

    /// Tells whether the listener has TLS, which never changes.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.read().is_some()
    }

    /// Replaces the TLS settings for connections that come from now on; whether there are any to replace.
    pub(crate) fn set_tls(&self, tls: ServerTls) -> bool {
        let mut current = self.tls.write();
        let has_tls = current.is_some();
        if has_tls {
            *current = Some(tls);
            self.journal
                .note(format_args!("the certificates were replaced"));
        }
        has_tls
    }

    /// Counts one more connection, unless there are `limit` already.
    pub(crate) fn establish(&self, limit: usize) -> bool {
        let before = self.established.fetch_add(1, Ordering::Relaxed);
        if before >= limit {
            self.established.fetch_sub(1, Ordering::Relaxed);
            self.count_limit(Limit::Connections);
        }
        before < limit
    }

    /// Tells whether nothing is counted any more.
    #[cfg(test)]
    pub(crate) fn is_unused(&self) -> bool {
        self.established.load(Ordering::Relaxed) == 0 && self.memory_bytes() == 0
    }

    /// Returns how many connections are counted: WebSockets, and plain answers of any length.
    pub(crate) fn established(&self) -> usize {
        self.established.load(Ordering::Relaxed)
    }

    /// Returns the bytes of messages under assembly, send queues and held input.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    pub(crate) fn release_established(&self) {
        self.established.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One loop's view of the budget, and the connections that wait for it.
#[derive(Debug)]
pub(crate) struct Memory {
    shared: Arc<Shared>,
    limit: usize,
}

impl Memory {
    pub(crate) fn new(shared: Arc<Shared>, limit: usize) -> Self {
        Self { shared, limit }
    }

    /// Replaces what a connection held by what it holds now.
    pub(crate) fn update(&self, before: usize, now: usize) {
        if now > before {
            self.shared
                .memory
                .fetch_add(now - before, Ordering::Relaxed);
        } else if now < before {
            self.shared
                .memory
                .fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// Tells whether a connection that holds `bytes` may be given more.
    pub(crate) fn allows(&self, bytes: usize) -> bool {
        if bytes <= SMALL_BYTES {
            return true;
        }
        !self.is_scarce() || (bytes <= LARGE_BYTES && self.used() < self.limit)
    }

    /// Tells whether three quarters are used, so that nothing should be begun that keeps memory for long.
    pub(crate) fn is_scarce(&self) -> bool {
        self.used() >= self.limit / 4 * 3
    }

    fn used(&self) -> usize {
        self.shared.memory.load(Ordering::Relaxed)
    }
}

/// At the limit of the budget, only connections that hold no more go on.
const SMALL_BYTES: usize = 64 << 10;
/// From three quarters of the budget on, only connections that hold no more go on.
const LARGE_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_is_used_the_less_a_connection_may_hold() {
        let memory = Memory::new(Arc::default(), 400 << 20);
        let allowed = |bytes: usize| memory.allows(bytes);
        assert!(allowed(64 << 20));
        memory.update(0, 300 << 20);
        assert!(!allowed((1 << 20) + 1));
        assert!(allowed(1 << 20));
        memory.update(300 << 20, 400 << 20);
        assert!(!allowed((64 << 10) + 1));
        assert!(allowed(64 << 10));
        memory.update(400 << 20, 0);
        assert!(allowed(64 << 20));
    }

    #[test]
    fn no_more_connections_than_the_limit() {
        let shared = Shared::default();
        assert!(shared.establish(2) && shared.establish(2) && !shared.establish(2));
        shared.release_established();
        assert!(shared.establish(2) && !shared.establish(2));
    }
}

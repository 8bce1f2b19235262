//! What a server counts beside what its handlers can count themselves.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::event_loop::Shared;

/// The counts of a server, to be read from any thread, also after the server has stopped.
///
/// All loops together. They are for watching: read beside each other they may be a moment apart.
#[derive(Clone)]
pub struct Statistics(Arc<Shared>);

impl Statistics {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Returns how many of [`Config::max_connections`](crate::Config::max_connections) are in use: WebSockets, and
    /// long plain answers that are being sent.
    pub fn connections(&self) -> usize {
        self.0.established()
    }

    /// Returns how many TCP (or Unix) connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.0.counters.accepted.load(Ordering::Relaxed)
    }

    /// Returns the HTTP answers other than 101 so far, by status, ascending.
    pub fn answers(&self) -> Vec<(u16, u64)> {
        let answers = self.0.counters.answers.lock();
        answers
            .iter()
            .map(|(status, count)| (*status, *count))
            .collect()
    }

    /// Returns how often a limit was reached so far.
    pub fn limit_hits(&self, limit: Limit) -> u64 {
        self.0.counters.limits[limit as usize].load(Ordering::Relaxed)
    }

    /// Returns the bytes that count towards [`Config::memory_bytes`](crate::Config::memory_bytes) now.
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl fmt::Debug for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statistics")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// A limit of the server as a whole; those of single connections end them, which
/// [`Handler::on_close`](crate::Handler::on_close) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The system had no descriptor, or another error, for a connection that waited.
    Accept,
    /// [`Config::max_connections`](crate::Config::max_connections): the newcomer got 503.
    Connections,
    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout): the peer got 408.
    HandshakeTimeout,
    /// [`Config::memory_bytes`](crate::Config::memory_bytes): a connection was not read for a while.
    Memory,
    /// [`Config::max_unfinished`](crate::Config::max_unfinished): the oldest handshake was dropped.
    UnfinishedHandshakes,
}

impl Limit {
    /// Every limit, by name.
    pub const ALL: [Self; LIMITS] = [
        Self::Accept,
        Self::Connections,
        Self::HandshakeTimeout,
        Self::Memory,
        Self::UnfinishedHandshakes,
    ];
}

/// How many limits are counted.
const LIMITS: usize = 5;

/// The counts themselves. None of them is touched for a message.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    answers: Mutex<BTreeMap<u16, u64>>,
    limits: [AtomicU64; LIMITS],
}

impl Counters {
    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_answer(&self, status: u16) {
        *self.answers.lock().entry(status).or_default() += 1;
    }

    pub(crate) fn count_limit(&self, limit: Limit) {
        self.limits[limit as usize].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_count_of_its_own() {
        let counters = Counters::default();
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index);
            counters.count_limit(limit);
        }
        let counts = counters.limits.map(AtomicU64::into_inner);
        assert_eq!(counts, [1; LIMITS]);
    }
}

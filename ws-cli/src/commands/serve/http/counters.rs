//! What one loop of `ws serve` counts.
//!
//! Invariant: only the loop itself writes, so that a message costs two plain additions; whoever asks reads beside it.
//! Invariant: the number of counters does not depend on what peers do.

use std::sync::atomic::{AtomicU64, Ordering};

use ws_server::{CloseInfo, ClosedBy};

/// What one loop has counted. Alone in its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(in super::super) struct Counters {
    pub(super) opened: AtomicU64,
    pub(super) messages: [Amount; TRAFFIC.len()],
    pub(super) codes: [AtomicU64; CODES.len()],
    pub(super) causes: [AtomicU64; CAUSES.len()],
    pub(super) slow: AtomicU64,
    pub(super) programs: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Amount {
    pub(super) count: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What is counted as a message.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Traffic {
    ReceivedText,
    ReceivedBinary,
    ReceivedPing,
    ReceivedPong,
    SentText,
    SentBinary,
}

impl Counters {
    pub(in super::super) fn opened(&self) {
        add(&self.opened, 1);
    }

    pub(in super::super) fn message(&self, traffic: Traffic, bytes: usize) {
        let amount = &self.messages[traffic as usize];
        add(&amount.count, 1);
        add(&amount.bytes, bytes as u64);
    }

    pub(in super::super) fn closed(&self, info: CloseInfo<'_>) {
        add(&self.codes[code_index(info.code.as_u16())], 1);
        add(&self.causes[cause_index(info.by)], 1);
    }

    /// A member of a room was closed because it read too slowly.
    pub(in super::super) fn too_slow(&self) {
        add(&self.slow, 1);
    }

    /// A program was started.
    pub(in super::super) fn program(&self) {
        add(&self.programs, 1);
    }
}

/// Only the loop whose counters they are adds, so that nothing is lost between the two.
fn add(counter: &AtomicU64, amount: u64) {
    let before = counter.load(Ordering::Relaxed);
    counter.store(before + amount, Ordering::Relaxed);
}

/// Codes of peers' choice are counted together: there are thousands.
fn code_index(code: u16) -> usize {
    match code {
        1000..=1015 => usize::from(code - 1000),
        3000..=3999 => 16,
        4000..=4999 => 17,
        _ => 18,
    }
}

fn cause_index(by: ClosedBy) -> usize {
    let name = match by {
        ClosedBy::Handler => "handler",
        ClosedBy::Idle => "idle",
        ClosedBy::Lost => "lost",
        ClosedBy::Memory => "memory",
        ClosedBy::Peer => "peer",
        ClosedBy::Protocol(_) => "protocol",
        ClosedBy::Silent => "silent",
        ClosedBy::Stalled => "stalled",
        ClosedBy::Stop => "stop",
        ClosedBy::Tls => "tls",
        ClosedBy::Truncated => "truncated",
        _ => "other",
    };
    let found = CAUSES.iter().position(|cause| *cause == name);
    found.unwrap_or(CAUSES.len() - 1)
}

/// In the order of [`Traffic`].
pub(super) const TRAFFIC: [(&str, &str); 6] = [
    ("in", "text"),
    ("in", "binary"),
    ("in", "ping"),
    ("in", "pong"),
    ("out", "text"),
    ("out", "binary"),
];
pub(super) const CODES: [&str; 19] = [
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011",
    "1012", "1013", "1014", "1015", "3xxx", "4xxx", "other",
];
pub(super) const CAUSES: [&str; 12] = [
    "handler",
    "idle",
    "lost",
    "memory",
    "peer",
    "protocol",
    "silent",
    "stalled",
    "stop",
    "tls",
    "truncated",
    "other",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_has_its_place() {
        for (code, name) in [
            (1000, "1000"),
            (1015, "1015"),
            (3999, "3xxx"),
            (4000, "4xxx"),
            (2999, "other"),
            (0, "other"),
        ] {
            assert_eq!(CODES[code_index(code)], name);
        }
        assert_eq!(CAUSES[cause_index(ClosedBy::Truncated)], "truncated");
    }
}

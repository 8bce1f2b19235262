//! The way from one event loop, or any thread, to the others.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use ws_server::{CommandSender, Running};

use super::handler::Command;

/// All event loops of the server, by number.
pub(super) struct Loops {
    senders: OnceLock<Vec<CommandSender<Command>>>,
    /// Bytes of messages on their way to each loop.
    unread: Vec<AtomicUsize>,
}

impl Loops {
    /// Knows how many there are; they cannot be reached before [`connect`](Self::connect).
    pub(super) fn new(count: usize) -> Self {
        Self {
            senders: OnceLock::new(),
            unread: std::iter::repeat_with(AtomicUsize::default)
                .take(count)
                .collect(),
        }
    }

    /// Gets to know the ways, once the loops run.
    pub(super) fn connect(&self, running: &Running<Command>) {
        let senders = (0..running.loops())
            .filter_map(|index| running.commands(index).cloned())
            .collect();
        // It is called once.
        let _ = self.senders.set(senders);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.unread.len()
    }

    /// Sends a command of this many bytes; whether the loop still runs.
    ///
    /// A handler may run a moment before [`connect`](Self::connect) has been called, and then waits that moment.
    pub(super) fn send(&self, loop_index: usize, command: Command, bytes: usize) -> bool {
        let Some(sender) = self.senders.wait().get(loop_index) else {
            return false;
        };
        self.unread[loop_index].fetch_add(bytes, Ordering::Relaxed);
        sender.send(command).is_ok()
    }

    /// Notes that a loop has taken a command of this many bytes.
    pub(super) fn taken(&self, loop_index: usize, bytes: usize) {
        self.unread[loop_index].fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The most bytes that are on their way to any loop.
    pub(super) fn most_unread(&self) -> usize {
        let unread = self.unread.iter();
        unread
            .map(|bytes| bytes.load(Ordering::Relaxed))
            .max()
            .unwrap_or_default()
    }
}

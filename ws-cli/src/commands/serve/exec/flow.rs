//! The bounded ways between a connection and its process.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Messages on their way to a process's stdin.
#[derive(Default)]
pub(super) struct Inflow {
    state: Mutex<Incoming>,
    changed: Condvar,
}

#[derive(Default)]
struct Incoming {
    messages: VecDeque<Vec<u8>>,
    /// What they cost.
    bytes: usize,
    /// The connection is paused until there is room.
    is_full: bool,
    /// The client is gone: what waits is still written.
    is_over: bool,
    /// The process reads no more.
    is_deaf: bool,
}

impl Inflow {
    /// Adds a message; whether there is room for more.
    pub(super) fn push(&self, message: Vec<u8>) -> bool {
        let mut state = self.lock();
        if state.is_deaf {
            return true;
        }
        state.bytes += cost(&message);
        state.messages.push_back(message);
        state.is_full = state.bytes > HIGH_WATER_BYTES;
        self.changed.notify_all();
        !state.is_full
    }

    /// Ends it: no message follows.
    pub(super) fn finish(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits for messages and takes them all; `None` when none will come any more.
    pub(super) fn take(&self) -> Option<VecDeque<Vec<u8>>> {
        let mut state = self.lock();
        while state.messages.is_empty() {
            if state.is_over {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut state.messages))
    }

    /// Notes that the process has taken this message; whether a paused connection may go on.
    pub(super) fn written(&self, message: &[u8]) -> bool {
        let mut state = self.lock();
        state.bytes -= cost(message);
        state.is_full && {
            state.is_full = state.bytes > LOW_WATER_BYTES;
            !state.is_full
        }
    }

    /// Notes that the process reads no more: messages are dropped from now on. Whether a connection is paused.
    pub(super) fn deafen(&self) -> bool {
        let mut state = self.lock();
        state.is_deaf = true;
        state.messages.clear();
        std::mem::take(&mut state.is_full)
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages on their way from a process's stdout.
#[derive(Default)]
pub(super) struct Outflow {
    state: Mutex<Outgoing>,
    changed: Condvar,
}

#[derive(Default)]
struct Outgoing {
    unsent: usize,
    /// The client is gone: what the process still writes is dropped.
    is_discarded: bool,
    /// The reader waits for the client.
    is_waiting: bool,
    /// How often something was read for the client.
    reads: u64,
}

impl Outflow {
    /// Waits until the client has taken most of what was read before, then counts `bytes` more; whether somebody still
    /// wants them.
    pub(super) fn admit(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        while state.unsent > WINDOW_BYTES && !state.is_discarded {
            state.is_waiting = true;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.is_waiting = false;
        state.unsent += bytes;
        !state.is_discarded
    }

    /// Notes that the client has taken so many bytes.
    pub(super) fn give_back(&self, bytes: usize) {
        let mut state = self.lock();
        state.unsent = state.unsent.saturating_sub(bytes);
        self.changed.notify_all();
    }

    /// Drops everything from now on.
    pub(super) fn discard(&self) {
        self.lock().is_discarded = true;
        self.changed.notify_all();
    }

    /// Notes that the process has written something.
    pub(super) fn note_read(&self) {
        let mut state = self.lock();
        state.reads += u64::from(!state.is_discarded);
    }

    /// How often something was read for the client; `None` while the client, and not the process, is waited for.
    pub(super) fn progress(&self) -> Option<u64> {
        let state = self.lock();
        (!state.is_waiting).then_some(state.reads)
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a message counts for: its bytes and what holds them, so that many small or empty ones are bounded too.
fn cost(message: &[u8]) -> usize {
    message.len() + MESSAGE_COST
}

/// What a message costs beside its bytes.
pub(super) const MESSAGE_COST: usize = 16;
/// A connection with more than this on its way to its process is not read.
const HIGH_WATER_BYTES: usize = 256 << 10;
/// It is read again when no more than this is left.
const LOW_WATER_BYTES: usize = 64 << 10;
/// A process of which more than this waits for its client is not read. With a batch on top it stays below the queue's
/// high-water mark (256 KiB), so that a message of any size is taken.
const WINDOW_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_pauses_above_the_mark_and_goes_on_below_the_other() {
        let inflow = Inflow::default();
        let message = vec![0; LOW_WATER_BYTES - MESSAGE_COST];
        for _ in 0..HIGH_WATER_BYTES / LOW_WATER_BYTES {
            assert!(inflow.push(message.clone()));
        }
        assert!(!inflow.push(message.clone()));
        assert_eq!(inflow.take().unwrap().len(), 5);
        for _ in 0..3 {
            assert!(!inflow.written(&message));
        }
        assert!(inflow.written(&message));
        assert!(!inflow.written(&message), "it is told once");
        inflow.finish();
        assert!(inflow.take().is_none());
    }

    #[test]
    fn empty_messages_fill_it_too() {
        let inflow = Inflow::default();
        let room = (0..HIGH_WATER_BYTES).take_while(|_| inflow.push(Vec::new()));
        assert!(room.count() < HIGH_WATER_BYTES / 8);
    }

    #[test]
    fn a_process_that_reads_no_more_holds_nobody_up() {
        let inflow = Inflow::default();
        assert!(!inflow.push(vec![0; HIGH_WATER_BYTES + 1]));
        assert!(inflow.deafen());
        assert!(inflow.push(vec![0; HIGH_WATER_BYTES + 1]));
    }

    #[test]
    fn a_client_that_is_gone_frees_the_reader() {
        let outflow = Outflow::default();
        assert!(outflow.admit(WINDOW_BYTES + 1));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| outflow.admit(1));
            while outflow.progress().is_some() {
                std::thread::yield_now();
            }
            outflow.discard();
            assert!(!reader.join().unwrap());
        });
    }
}

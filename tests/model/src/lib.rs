//! Locks, condition variables, atomics, threads and a clock that a model checker can schedule, in the shape of those the
//! crates are shipped with.
//!
//! ```text
//! ws-server, ws-client:  sync.rs ── shipped: parking_lot, std
//!                                └─ their unit tests: this crate ── outside a check: the same
//!                                                                ├─ in `explore`: loom
//!                                                                └─ in `sample`:  shuttle
//! ```
//! So a model runs the shipped code of a queue as an ordinary unit test, without a flag to build it with.
//!
//! Invariant: what is made in a check is used in that check only, and by threads that [`spawn`] has made.
//! Invariant: a thread that waits for what never comes fails the check; a wait with a deadline, too, unless [`sample`]
//! lets its time pass.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "all of this is for tests"
)]

mod atomic;
mod check;
mod clock;
mod lock;
mod thread;

pub use self::{
    atomic::AtomicBool,
    check::{explore, explore_some, sample, schedules},
    clock::now,
    lock::{Condvar, Mutex, MutexGuard, WaitTimeoutResult},
    thread::{JoinHandle, spawn},
};

use std::cell::Cell;

/// Who schedules the threads that run on this thread of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checker {
    Loom,
    Shuttle,
}

thread_local! {
    /// Both checkers run all threads of a check on the one that began it.
    static CHECKER: Cell<Option<Checker>> = const { Cell::new(None) };
}

fn checker() -> Option<Checker> {
    CHECKER.get()
}

/// A wake-up that is remembered until the one thread that waits for it has taken it, as that of a poll.
#[derive(Debug)]
pub struct Alarm {
    is_raised: Mutex<bool>,
    raised: Condvar,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            is_raised: Mutex::new(false),
            raised: Condvar::new(),
        }
    }
}

impl Alarm {
    /// Wakes who waits, or else lets the next wait return at once.
    pub fn raise(&self) {
        *self.is_raised.lock() = true;
        self.raised.notify_one();
    }

    /// Waits until it is raised, and takes that back.
    pub fn wait(&self) {
        let mut is_raised = self.is_raised.lock();
        while !std::mem::take(&mut *is_raised) {
            self.raised.wait(&mut is_raised);
        }
    }

    /// Takes it back if it is raised, without waiting: what a poll with no timeout does.
    pub fn look(&self) {
        *self.is_raised.lock() = false;
    }
}

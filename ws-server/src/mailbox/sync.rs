//! The primitives everything in the mailbox waits with, in one place.
//!
//! Invariant: no other file of the mailbox names a lock, a condition variable or a clock. So the unit tests can put
//! there those of `ws-model`, which are the same but in a model checker (`models`), and run the shipped code.

pub(super) use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use parking_lot::RwLock;
#[cfg(not(test))]
pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(test)]
pub(super) use ws_model::{Condvar, Mutex, MutexGuard, now};

/// The time of the threads that wait.
#[cfg(not(test))]
#[expect(
    clippy::disallowed_methods,
    reason = "the loop's clock is Net::now, but these are the threads outside it"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// When a wait that begins now ends; `None` is without end.
pub(super) fn deadline(timeout: Duration) -> Option<Instant> {
    now().checked_add(timeout)
}

//! The primitives everything in the mailbox waits with, in one place.
//!
//! Invariant: no other file of the mailbox names a lock, a condition variable or a clock, so that a model checker
//! can put its own here and run the shipped code.

pub(super) use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};

/// The time of the threads that wait.
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

//! The primitives with which callers and the worker meet, in one place.
//!
//! Invariant: no other file of the background client names a lock or a condition variable. So the unit tests can put
//! there those of `ws-model`, which are the same but in a model checker (`models`), and run the shipped code.

pub(super) use std::sync::Arc;

#[cfg(not(test))]
pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(test)]
pub(super) use ws_model::{Condvar, Mutex, MutexGuard, now};

#[cfg(not(test))]
pub(super) use crate::net::now;
use crate::net::tcp::Interrupter;

/// Ends a turn of the worker that waits.
#[derive(Debug, Clone)]
pub(super) enum Waker {
    Poll(Interrupter),
    #[cfg(test)]
    Model(Arc<ws_model::Alarm>),
}

impl Waker {
    pub(super) const fn new(poll: Interrupter) -> Self {
        Self::Poll(poll)
    }

    pub(super) fn wake(&self) {
        match self {
            Self::Poll(poll) => poll.interrupt(),
            #[cfg(test)]
            Self::Model(alarm) => alarm.raise(),
        }
    }
}

//! A bound on helper threads: each holds a place, and who finds none fails at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One of a number of places, given back when dropped, also by a panic.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes one of `limit` places, of which `taken` counts those that are taken.
    pub(super) fn take(taken: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        taken
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
                (count < limit).then_some(count + 1)
            })
            .ok()
            .map(|_| Self(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

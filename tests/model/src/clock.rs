//! The time: the system's, and in a check one that stands still but for waits that it lets run out.

use std::cell::Cell;
use std::time::Instant;

use crate::checker;

thread_local! {
    static TIME: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Like [`Instant::now`].
pub fn now() -> Instant {
    let real = Instant::now;
    match checker() {
        None => real(),
        Some(_) => TIME.get().unwrap_or_else(|| {
            TIME.set(Some(real()));
            now()
        }),
    }
}

/// Lets the time pass up to `deadline`.
pub(crate) fn pass(deadline: Instant) {
    TIME.set(Some(deadline.max(now())));
}

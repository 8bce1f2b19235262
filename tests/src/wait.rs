//! Waiting for a condition of another process, with a deadline.

use std::{
    sync::mpsc::Receiver,
    thread,
    time::{Duration, Instant},
};

/// For everything that takes milliseconds on an idle machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a condition is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(20);

/// Looks at `condition` until it is true; `false` if it was not within `timeout`.
///
/// Only for what cannot be waited for otherwise, such as figures of another process.
pub fn until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + timeout;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::park_timeout(LOOK);
    }
}

/// Takes from `channel` up to the item that `is_last` says of; panics when that does not come within [`TIMEOUT`].
pub fn all<T>(channel: &Receiver<T>, is_last: impl Fn(&T) -> bool) -> Vec<T> {
    let deadline = Instant::now() + TIMEOUT;
    let mut items = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(item) = channel.recv_timeout(left) else {
            panic!(
                "waited in vain for the last of the items: {} came",
                items.len()
            )
        };
        let done = is_last(&item);
        items.push(item);
        if done {
            return items;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_the_condition_or_the_deadline() {
        let mut looks = 0;
        assert!(until(TIMEOUT, || {
            looks += 1;
            looks == 3
        }));
        assert!(!until(Duration::ZERO, || false));
    }
}

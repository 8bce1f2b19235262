//! Waiting for a condition of another process, with a deadline.

use std::{
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

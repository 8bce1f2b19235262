//! A point in time by which a call must have returned, or never.
//!
//! Invariant: a deadline is made once, at the beginning of a call; no progress moves it.

use std::time::{Duration, Instant};

/// The end of a call. `Deadline::NEVER` for a timeout that reaches past the end of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) const NEVER: Self = Self(None);

    pub(crate) fn after(now: Instant, timeout: Duration) -> Self {
        Self(now.checked_add(timeout))
    }

    pub(crate) fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }

    /// Time left at `now`; `None` = no end.
    pub(crate) fn remaining(self, now: Instant) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(now))
    }

    pub(crate) fn has_passed(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }

    pub(crate) fn earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Self(Some(a.min(b))),
            (a, b) => Self(a.or(b)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::net::now;

    /// what has to wait takes its timeout, and at most 100 ms more. A busy machine may make it late, but not five
    /// times in a row.
    pub(crate) fn ends_on_time(timeout: Duration, mut attempt: impl FnMut(Duration)) {
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let start = now();
            attempt(timeout);
            let took = start.elapsed();
            assert!(took >= timeout, "{took:?} with a deadline of {timeout:?}");
            best = best.min(took);
            if best <= timeout + LATE {
                return;
            }
        }
        panic!("{best:?} the best of five with a deadline of {timeout:?}, at most {LATE:?} more");
    }

    const LATE: Duration = Duration::from_millis(100);

    #[test]
    fn an_endless_timeout_never_passes() {
        let now = now();
        let deadline = Deadline::after(now, Duration::MAX);
        assert_eq!(deadline, Deadline::NEVER);
        assert!(!deadline.has_passed(now));
        assert_eq!(deadline.remaining(now), None);
    }

    #[test]
    fn passes_at_its_instant_and_leaves_nothing_after_it() {
        let now = now();
        let second = Duration::from_secs(1);
        let deadline = Deadline::after(now, second);
        assert_eq!(deadline.remaining(now), Some(second));
        assert!(!deadline.has_passed(now));
        assert!(deadline.has_passed(now + second));
        assert_eq!(deadline.remaining(now + second * 2), Some(Duration::ZERO));
    }

    #[test]
    fn the_earlier_of_two_wins_and_never_is_the_latest() {
        let now = now();
        let (one, two) = (
            Deadline::after(now, Duration::from_secs(1)),
            Deadline::after(now, Duration::from_secs(2)),
        );
        assert_eq!(one.earlier(two), one);
        assert_eq!(two.earlier(one), one);
        assert_eq!(one.earlier(Deadline::NEVER), one);
        assert_eq!(Deadline::NEVER.earlier(one), one);
    }
}

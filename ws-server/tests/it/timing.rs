//! Times of real clocks: bounds that a busy machine does not break.

use std::{ops::RangeInclusive, time::Duration};

/// What is late by no more is in time.
pub(crate) const SLACK: Duration = Duration::from_millis(100);
/// The loop's ticks, in which it sees silence and stalls.
pub(crate) const TICK: Duration = Duration::from_millis(100);
const TRIES: u32 = 5;

/// Measures until a time lies in `bounds`, five times at most. None may be shorter, if it begins before what it is
/// about; one that is longer may be the machine's doing, but not all of them.
pub(crate) fn check_one_of_five(
    what: &str,
    bounds: RangeInclusive<Duration>,
    mut measure: impl FnMut() -> Duration,
) {
    let (least, most) = bounds.into_inner();
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        let time = measure();
        println!("{what} took {time:?}");
        assert!(
            time >= least,
            "{what} took {time:?}, at least {least:?} were set"
        );
        best = best.min(time);
        if best <= most {
            return;
        }
    }
    panic!("{what} took {best:?} at best of {TRIES} times, at most {most:?}");
}

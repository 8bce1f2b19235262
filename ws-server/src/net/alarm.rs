//! A deadline that is far away, without a timeout of each wait.
//!
//! For a timeout the system sets up a timer at each wait, and takes it away when something comes: with one connection and
//! one message in flight, for every message. A timer that the poll watches stays.
//!
//! Invariant: while a wait has no timeout, the timer is armed for its deadline or for an earlier moment. Then the loop
//! turns for nothing and says anew how long it may wait.

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, unix::SourceFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// The timer of one poll.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: OwnedFd,
    rings_at: Option<Instant>,
}

impl Alarm {
    /// Makes the timer that a poll watches under this token.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self {
            timer,
            rings_at: None,
        })
    }

    /// Returns the timeout of a wait that begins `now`: none if the timer ends it in time.
    #[inline]
    pub(super) fn timeout(&mut self, wait: Duration, now: Instant) -> Option<Duration> {
        let until = now + wait;
        let is_armed = self.rings_at.is_some_and(|at| now < at && at <= until);
        if is_armed || (wait >= FAR && self.arm(until)) {
            return None;
        }
        Some(wait)
    }

    #[cold]
    fn arm(&mut self, until: Instant) -> bool {
        // The turn has taken time since it began; zero would take the timer away.
        #[expect(
            clippy::disallowed_methods,
            reason = "the kernel counts from its call on"
        )]
        let rest = until.saturating_duration_since(Instant::now());
        let Ok(value) = Timespec::try_from(rest.max(Duration::from_nanos(1))) else {
            return false;
        };
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: value,
        };
        let armed = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once);
        self.rings_at = armed.is_ok().then_some(until);
        armed.is_ok()
    }
}

/// Nearer deadlines come and go too often to be worth a call of the system each.
const FAR: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(1)
};

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the system's timer, poll and clock are what is tested"
)]
mod tests {
    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn it_stays_until_something_is_due_before_it() {
        let poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        let now = Instant::now();
        let mut rings_after = |wait: Duration, now: Instant| match alarm.timeout(wait, now) {
            None => alarm.rings_at.unwrap() - now,
            timeout => timeout.unwrap() * 1000,
        };
        assert_eq!(rings_after(FAR / 2, now), FAR / 2 * 1000, "it is too near");
        assert_eq!(rings_after(FAR * 10, now), FAR * 10);
        assert_eq!(rings_after(FAR * 20, now), FAR * 10, "it rings before");
        assert_eq!(rings_after(FAR * 5, now), FAR * 5);
        assert_eq!(rings_after(FAR / 2, now), FAR / 2 * 1000);
        let later = now + FAR * 5 - FAR / 4;
        assert_eq!(rings_after(FAR / 2, later), FAR / 4, "it is armed already");
        let later = now + FAR * 5;
        assert_eq!(rings_after(FAR / 2, later), FAR / 2 * 1000, "it has rung");
        assert_eq!(rings_after(FAR * 2, later), FAR * 2);
    }

    #[test]
    fn it_ends_a_wait_without_a_timeout_as_often_as_it_is_armed() {
        let mut poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        let mut events = Events::with_capacity(4);
        for _ in 0..3 {
            let now = Instant::now();
            assert_eq!(alarm.timeout(FAR, now), None);
            poll.poll(&mut events, None).unwrap();
            let tokens: Vec<_> = events.iter().map(|event| event.token()).collect();
            assert_eq!(tokens, [Token(7)]);
            assert!(now.elapsed() >= FAR);
        }
    }

    #[test]
    fn it_rings_in_time_after_a_turn_that_took_long() {
        let mut poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        let mut events = Events::with_capacity(4);
        let now = Instant::now() - FAR * 100;
        let wait = FAR * 105;
        assert_eq!(alarm.timeout(wait, now), None);
        // Any number of short turns later:
        let later = Instant::now();
        assert_eq!(alarm.timeout(now + wait - later, later), None);
        poll.poll(&mut events, None).unwrap();
        let late = now.elapsed() - wait;
        assert!(late < FAR * 50, "{late:?} late");
    }
}

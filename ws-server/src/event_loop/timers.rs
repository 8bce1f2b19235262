//! Time in a loop: its clock, the sorted queues of short deadlines and the swept ticks.
//!
//! Deadlines that nearly always are met before they are due (keepalive, idle, write stall) cost four bytes a slot and
//! no bookkeeping: activity moves nothing, and a tick that comes too early is moved on when it is found.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use ws_core::TICK;

/// The loop's time, read once a turn: an instant, and the milliseconds since shortly before the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    now: Instant,
    millis: u64,
    /// The same in ticks, asked for with every message.
    tick: u32,
}

impl Clock {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            start: now,
            now,
            millis: FIRST_MILLIS,
            tick: tick_of(FIRST_MILLIS),
        }
    }

    pub(crate) fn set(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.start);
        self.now = now;
        self.millis = FIRST_MILLIS + u64::try_from(since.as_millis()).unwrap_or(u64::MAX / 2);
        self.tick = tick_of(self.millis);
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn millis(&self) -> u64 {
        self.millis
    }

    /// Returns the time in ticks of 100 ms; they last for 13 years.
    pub(crate) fn tick(&self) -> u32 {
        self.tick
    }

    /// Returns the milliseconds of the moment `after` from now.
    pub(crate) fn deadline(&self, after: Duration) -> u64 {
        self.millis.saturating_add(whole_millis(after))
    }

    /// Returns how long it is until `millis`, zero if it has passed.
    pub(crate) fn until(&self, millis: u64) -> Duration {
        Duration::from_millis(millis.saturating_sub(self.millis))
    }
}

fn tick_of(millis: u64) -> u32 {
    u32::try_from(millis / TICK_MILLIS).unwrap_or(u32::MAX)
}

/// A duration in ticks, at least one.
pub(crate) fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(u128::from(TICK_MILLIS)))
        .unwrap_or(u32::MAX)
        .max(1)
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX / 2)
}

/// Deadlines in order, at most one a slot; the slot stores its own, to remove it by.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(u64, u32)>);

impl Deadlines {
    pub(crate) fn insert(&mut self, millis: u64, slot: u32) {
        self.0.insert((millis, slot));
    }

    pub(crate) fn remove(&mut self, millis: u64, slot: u32) {
        self.0.remove(&(millis, slot));
    }

    /// Returns the slot of the earliest deadline.
    pub(crate) fn oldest(&self) -> Option<u32> {
        self.0.first().map(|&(_, slot)| slot)
    }

    /// Returns the earliest deadline.
    pub(crate) fn next(&self) -> Option<u64> {
        self.0.first().map(|&(millis, _)| millis)
    }

    /// Removes and returns the slot of a deadline that is due.
    pub(crate) fn poll_due(&mut self, now: u64) -> Option<u32> {
        let &(millis, slot) = self.0.first()?;
        (millis <= now).then(|| {
            self.0.pop_first();
            slot
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The tick at which each slot wants to be looked at.
#[derive(Debug)]
pub(crate) struct Sweep {
    due: Vec<u32>,
    next: u32,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            due: Vec::new(),
            next: NEVER,
        }
    }
}

impl Sweep {
    /// Makes room for a slot, which is not to be looked at.
    pub(crate) fn add(&mut self, slot: u32) {
        let index = slot as usize;
        if index >= self.due.len() {
            self.due.resize(index + 1, NEVER);
        }
        self.due[index] = NEVER;
    }

    /// Sets the tick of a slot.
    pub(crate) fn set(&mut self, slot: u32, tick: u32) {
        self.due[slot as usize] = tick;
        self.next = self.next.min(tick);
    }

    /// Looks at a slot at `tick`, if it would not be looked at before.
    pub(crate) fn hasten(&mut self, slot: u32, tick: u32) {
        if tick < self.due[slot as usize] {
            self.set(slot, tick);
        }
    }

    /// Returns the tick of a slot.
    #[cfg(test)]
    pub(crate) fn due_of(&self, slot: usize) -> u32 {
        self.due[slot]
    }

    /// Returns the earliest tick at which a slot may be due.
    pub(crate) fn next(&self) -> Option<u32> {
        (self.next != NEVER).then_some(self.next)
    }

    /// Tells whether a slot may be due.
    pub(crate) fn is_due(&self, now: u32) -> bool {
        self.next <= now
    }

    /// Moves the slots that are due to `found`; each is looked at once until it is set again.
    pub(crate) fn poll_due(&mut self, now: u32, found: &mut Vec<u32>) {
        if !self.is_due(now) {
            return;
        }
        let mut next = NEVER;
        for (slot, due) in (0u32..).zip(self.due.iter_mut()) {
            if *due <= now {
                *due = NEVER;
                found.push(slot);
            } else {
                next = next.min(*due);
            }
        }
        self.next = next;
    }
}

/// The tick of a slot that waits for nothing.
pub(crate) const NEVER: u32 = u32::MAX;
/// Milliseconds in a tick.
pub(crate) const TICK_MILLIS: u64 = 1000 * TICK.as_secs() + TICK.subsec_millis() as u64;
/// Ticks begin above zero, which keepalive takes for "never pinged".
const FIRST_MILLIS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_order_and_can_be_removed() {
        let mut deadlines = Deadlines::default();
        deadlines.insert(30, 1);
        deadlines.insert(10, 2);
        deadlines.insert(20, 3);
        deadlines.remove(20, 3);
        assert_eq!(deadlines.next(), Some(10));
        assert_eq!(deadlines.poll_due(9), None);
        assert_eq!(deadlines.poll_due(30), Some(2));
        assert_eq!(deadlines.poll_due(30), Some(1));
        assert_eq!((deadlines.poll_due(30), deadlines.len()), (None, 0));
    }

    #[test]
    fn a_sweep_finds_what_is_due_once() {
        let mut sweep = Sweep::default();
        for slot in 0..4 {
            sweep.add(slot);
        }
        sweep.set(0, 50);
        sweep.set(2, 20);
        sweep.hasten(2, 30);
        sweep.hasten(3, 20);
        let mut found = Vec::new();
        sweep.poll_due(19, &mut found);
        assert_eq!((found.as_slice(), sweep.next()), (&[][..], Some(20)));
        sweep.poll_due(20, &mut found);
        assert_eq!((found.as_slice(), sweep.next()), (&[2, 3][..], Some(50)));
        sweep.poll_due(60, &mut found);
        assert_eq!((found.as_slice(), sweep.next()), (&[2, 3, 0][..], None));
    }

    #[test]
    fn durations_round_up_to_ticks() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_millis(101)), 2);
        assert_eq!(ticks(Duration::MAX), u32::MAX);
    }
}

//! What the loop's figures should be, by its slots.

use crate::event_loop::{Phase, Slot};

/// What is counted in one walk over the slots.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) open: usize,
    pub(crate) lingering: usize,
    pub(crate) handshakes: usize,
    pub(crate) ends: usize,
    pub(crate) timers: usize,
    pub(crate) established: usize,
    pub(crate) bytes: usize,
}

impl Counted {
    pub(crate) fn add(&mut self, place: &Slot<u32>) {
        let (phase, has_deadline) = (place.phase, place.deadline.is_some());
        self.open += usize::from(phase == Phase::Open);
        self.lingering += usize::from(place.is_shut);
        self.handshakes += usize::from(phase == Phase::Opening && has_deadline);
        self.ends += usize::from(phase != Phase::Opening && has_deadline);
        self.timers += usize::from(place.timer.is_some());
        self.established += usize::from(place.is_established);
        self.bytes += place.counted;
    }
}

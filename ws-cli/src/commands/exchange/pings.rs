//! Pings of ours and how long their answers take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Unanswered pings that are remembered.
const REMEMBERED: usize = 256;

/// The pings that were sent, and when the next is due.
#[derive(Debug, Default)]
pub(super) struct Pings {
    interval: Option<Duration>,
    next: Option<Instant>,
    /// Numbers the payloads of those that are sent by the clock.
    sent: u64,
    unanswered: VecDeque<(Vec<u8>, Instant)>,
}

impl Pings {
    /// Sends one at once and then every `interval`, if there is one.
    pub(super) fn new(interval: Option<Duration>, now: Instant) -> Self {
        Self {
            interval,
            next: interval.map(|_| now),
            ..Self::default()
        }
    }

    /// The payload of a ping that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Vec<u8>> {
        let interval = self.interval?;
        self.next.filter(|next| now >= *next)?;
        // From now, not from when it was due: after a sleep of the machine there is no volley.
        self.next = now.checked_add(interval);
        self.sent += 1;
        Some(self.sent.to_string().into_bytes())
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Remembers one that is sent now.
    pub(super) fn note(&mut self, payload: Vec<u8>, now: Instant) {
        if self.unanswered.len() == REMEMBERED {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back((payload, now));
    }

    /// How long this pong has taken, if it answers one of ours. It answers those before it too (RFC 6455 §5.5.3).
    pub(super) fn answered(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        let place = self
            .unanswered
            .iter()
            .rposition(|(sent, _)| sent == payload)?;
        let (_, at) = self.unanswered.drain(..=place).next_back()?;
        Some(now - at)
    }

    /// A new connection knows nothing of the old one's pings.
    pub(super) fn forget(&mut self) {
        self.unanswered.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_answers_its_ping_and_those_before_it() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut pings = Pings::default();
        for (payload, sent) in [("a", 0), ("b", 10), ("b", 20), ("c", 30)] {
            pings.note(payload.into(), after(sent));
        }
        assert_eq!(pings.answered(b"x", after(40)), None);
        assert_eq!(
            pings.answered(b"b", after(50)),
            Some(Duration::from_millis(30))
        );
        assert_eq!(pings.answered(b"a", after(60)), None);
        assert_eq!(
            pings.answered(b"c", after(60)),
            Some(Duration::from_millis(30))
        );
    }

    #[test]
    fn they_are_due_at_once_and_then_by_the_clock_with_payloads_of_their_own() {
        let start = Instant::now();
        let interval = Duration::from_secs(10);
        let mut pings = Pings::new(Some(interval), start);
        assert_eq!(pings.due(start), Some(b"1".to_vec()));
        assert_eq!(pings.due(start), None);
        assert_eq!(pings.next(), Some(start + interval));
        assert_eq!(pings.due(start + 5 * interval), Some(b"2".to_vec()));
        assert_eq!(pings.due(start + 5 * interval), None);
        assert_eq!(Pings::new(None, start).next(), None);
    }

    #[test]
    fn what_is_never_answered_is_forgotten() {
        let start = Instant::now();
        let mut pings = Pings::default();
        for number in 0..1000_u32 {
            pings.note(number.to_string().into_bytes(), start);
        }
        assert_eq!(pings.unanswered.len(), REMEMBERED);
    }
}

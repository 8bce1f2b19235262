//! Happy eyeballs (RFC 8305) without sockets: which address to try next, and when.
//!
//! Addresses alternate between the families, beginning with the resolver's first choice. Each attempt gets a head start
//! before the next one begins beside it; a refused attempt starts the next at once. The first success wins.
//!
//! Invariant: no clock and no socket in here; the caller says what time it is and what became of an attempt.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What the caller is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begin an attempt at this address, then ask again.
    Connect(SocketAddr),
    /// Wait for one of the running attempts, until then at most; `None` = there is no next one to begin.
    Wait(Option<Instant>),
    /// Every address has failed.
    Lost,
}

/// The order and timing of connection attempts to one host.
#[derive(Debug)]
pub(crate) struct Race {
    waiting: VecDeque<SocketAddr>,
    running: usize,
    attempt_delay: Duration,
    /// `None` = not beside one that is running.
    next_at: Option<Instant>,
}

impl Race {
    pub(crate) fn new(addresses: &[SocketAddr], attempt_delay: Duration) -> Self {
        Self {
            waiting: interleave(addresses),
            running: 0,
            attempt_delay,
            next_at: None,
        }
    }

    pub(crate) fn poll_step(&mut self, now: Instant) -> Step {
        let due = self.running == 0 || self.next_at.is_some_and(|at| at <= now);
        match self.waiting.front() {
            Some(&address) if due => {
                self.waiting.pop_front();
                self.running += 1;
                self.next_at = now.checked_add(self.attempt_delay);
                Step::Connect(address)
            }
            Some(_) => Step::Wait(self.next_at),
            None if self.running > 0 => Step::Wait(None),
            None => Step::Lost,
        }
    }

    /// One running attempt has failed: the next address need not wait any longer.
    pub(crate) fn handle_failure(&mut self, now: Instant) {
        self.running = self.running.saturating_sub(1);
        self.next_at = Some(now);
    }
}

/// RFC 8305 §4, with one address of the first family before the other family's turn. Duplicates are tried once.
fn interleave(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let family = |v6: bool| addresses.iter().copied().filter(move |a| a.is_ipv6() == v6);
    let (mut preferred, mut other) = (family(first_is_v6), family(!first_is_v6));
    let mut order = VecDeque::with_capacity(addresses.len());
    loop {
        let pair = (preferred.next(), other.next());
        for address in [pair.0, pair.1].into_iter().flatten() {
            if !order.contains(&address) {
                order.push_back(address);
            }
        }
        if pair == (None, None) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::now;

    const DELAY: Duration = Duration::from_millis(250);

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn alternates_families_from_the_first_choice_on() {
        let order = |texts: &[&str]| interleave(&addresses(texts));
        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]),
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"])
        );
        assert_eq!(
            order(&["1.1.1.1:1", "1.1.1.2:1", "[::1]:1"]),
            addresses(&["1.1.1.1:1", "[::1]:1", "1.1.1.2:1"])
        );
        assert_eq!(
            order(&["1.1.1.1:1", "1.1.1.1:1"]),
            addresses(&["1.1.1.1:1"])
        );
        assert_eq!(order(&[]), addresses(&[]));
    }

    #[test]
    fn a_silent_address_gets_its_head_start_and_no_more() {
        let list = addresses(&["[::1]:1", "1.1.1.1:1"]);
        let start = now();
        let mut race = Race::new(&list, DELAY);
        assert_eq!(race.poll_step(start), Step::Connect(list[0]));
        assert_eq!(race.poll_step(start), Step::Wait(Some(start + DELAY)));
        let early = start + DELAY - Duration::from_millis(1);
        assert_eq!(race.poll_step(early), Step::Wait(Some(start + DELAY)));
        assert_eq!(race.poll_step(start + DELAY), Step::Connect(list[1]));
        assert_eq!(race.poll_step(start + DELAY), Step::Wait(None));
    }

    #[test]
    fn with_an_endless_delay_addresses_are_tried_one_after_the_other() {
        let list = addresses(&["[::1]:1", "1.1.1.1:1"]);
        let start = now();
        let mut race = Race::new(&list, Duration::MAX);
        assert_eq!(race.poll_step(start), Step::Connect(list[0]));
        assert_eq!(race.poll_step(start), Step::Wait(None));
        race.handle_failure(start);
        assert_eq!(race.poll_step(start), Step::Connect(list[1]));
    }

    #[test]
    fn a_refused_address_starts_the_next_at_once() {
        let list = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1"]);
        let start = now();
        let mut race = Race::new(&list, DELAY);
        assert_eq!(race.poll_step(start), Step::Connect(list[0]));
        race.handle_failure(start);
        assert_eq!(race.poll_step(start), Step::Connect(list[1]));
        // The second gets a whole head start of its own.
        assert_eq!(race.poll_step(start), Step::Wait(Some(start + DELAY)));
        race.handle_failure(start);
        assert_eq!(race.poll_step(start), Step::Connect(list[2]));
        assert_eq!(race.poll_step(start), Step::Wait(None));
        race.handle_failure(start);
        assert_eq!(race.poll_step(start), Step::Lost);
    }

    #[test]
    fn a_refusal_beside_a_silent_attempt_starts_the_next_at_once() {
        let list = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1"]);
        let start = now();
        let mut race = Race::new(&list, DELAY);
        assert_eq!(race.poll_step(start), Step::Connect(list[0]));
        assert_eq!(race.poll_step(start + DELAY), Step::Connect(list[1]));
        race.handle_failure(start + DELAY);
        assert_eq!(race.poll_step(start + DELAY), Step::Connect(list[2]));
    }

    #[test]
    fn a_late_failure_beside_a_running_attempt_does_not_lose_the_race() {
        let list = addresses(&["[::1]:1", "1.1.1.1:1"]);
        let start = now();
        let mut race = Race::new(&list, DELAY);
        assert_eq!(race.poll_step(start), Step::Connect(list[0]));
        assert_eq!(race.poll_step(start + DELAY), Step::Connect(list[1]));
        race.handle_failure(start + DELAY);
        assert_eq!(race.poll_step(start + DELAY), Step::Wait(None));
        race.handle_failure(start + DELAY);
        assert_eq!(race.poll_step(start + DELAY), Step::Lost);
    }

    #[test]
    fn no_address_at_all_is_lost() {
        assert_eq!(Race::new(&[], DELAY).poll_step(now()), Step::Lost);
    }
}

//! The messages of a measurement: when each is due, what is in it, and what its echo must be.
//!
//! Invariant: a message's time begins when it was due. In a closed loop that is when the one before it came back; at a
//! rate it is the clock's time, whether or not the connection was free then (no coordinated omission).
//! Invariant: messages of one connection differ from their neighbours, and every byte of every echo is compared.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ws_client::{CloseCode, Link, Swarm, SwarmEvent};

use super::histogram::Histogram;

/// A prime: the pattern repeats, but two messages in a row never begin at the same place of it.
const PERIOD: usize = 251;
/// Visible ASCII, so that the bytes are a text as well.
const FIRST_BYTE: usize = 0x21;
const BYTES: usize = 94;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) size: usize,
    pub(super) binary: bool,
    pub(super) depth: usize,
    /// Messages a second on all connections.
    pub(super) rate: Option<u32>,
    pub(super) duration: Option<Duration>,
    pub(super) messages: Option<u64>,
}

/// One connection's share.
#[derive(Debug, Default)]
struct Lane {
    sent: usize,
    echoed: usize,
    /// When each message on its way was due.
    waiting: VecDeque<Instant>,
    /// When each message that could not be sent yet was due.
    late: VecDeque<Instant>,
}

/// The state of a measurement.
#[derive(Debug)]
pub(super) struct Load {
    plan: Plan,
    pattern: String,
    lanes: Vec<Lane>,
    start: Instant,
    /// Messages that were due so far.
    due: u64,
    /// Messages on their way or late.
    pending: u64,
    pub(super) latency: Histogram,
    pub(super) last_echo: Instant,
    /// Why it ends early.
    pub(super) broken: Option<String>,
    is_stopped: bool,
}

impl Load {
    pub(super) fn new(plan: Plan, connections: usize, start: Instant) -> Self {
        let pattern = (0..plan.size + PERIOD)
            .map(|place| char::from(byte_at(place)))
            .collect();
        Self {
            plan,
            pattern,
            lanes: (0..connections).map(|_| Lane::default()).collect(),
            start,
            due: 0,
            pending: 0,
            latency: Histogram::new(),
            last_echo: start,
            broken: None,
            is_stopped: false,
        }
    }

    /// Nothing more becomes due; what is on its way may come back.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Messages that have not come back.
    pub(super) fn pending(&self) -> u64 {
        self.pending
    }

    /// Whether all that was asked for has become due.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let is_long_enough = |duration| now.saturating_duration_since(self.start) >= duration;
        self.is_stopped
            || self.broken.is_some()
            || self.plan.duration.is_some_and(is_long_enough)
            || self
                .plan
                .messages
                .is_some_and(|messages| self.due >= messages)
    }

    /// Which part of it is done, from 0 to 1.
    pub(super) fn progress(&self, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.start).as_secs_f64();
        let by_time = self
            .plan
            .duration
            .map_or(0.0, |duration| elapsed / duration.as_secs_f64().max(1e-9));
        #[expect(clippy::cast_precision_loss, reason = "a bar has few columns")]
        let by_count = self.plan.messages.map_or(0.0, |messages| {
            self.latency.count() as f64 / messages as f64
        });
        by_time.max(by_count).min(1.0)
    }

    /// Sends what is due at `now`; gives the time of the next one, if the clock decides that.
    pub(super) fn send_due(&mut self, swarm: &mut Swarm, now: Instant) -> Option<Instant> {
        match self.plan.rate {
            None => {
                if self.due == 0 {
                    self.fill(swarm, now);
                }
                None
            }
            Some(rate) => loop {
                if self.is_over(now) {
                    return None;
                }
                // From the start each time: no error adds up.
                let nanos = u128::from(self.due) * 1_000_000_000 / u128::from(rate);
                let at =
                    self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                if at > now {
                    return Some(at);
                }
                let number = usize::try_from(self.due % self.lanes.len() as u64).unwrap_or(0);
                self.due += 1;
                self.pending += 1;
                self.lanes[number].late.push_back(at);
                self.send_late(number, |number, payload, binary| match binary {
                    true => swarm.send_binary(number, payload.as_bytes()),
                    false => swarm.send_text(number, payload),
                });
            },
        }
    }

    /// Begins the closed loop: every connection gets its first messages.
    fn fill(&mut self, swarm: &mut Swarm, now: Instant) {
        for _ in 0..self.plan.depth {
            for number in 0..self.lanes.len() {
                if self.is_over(now) {
                    return;
                }
                self.due += 1;
                self.pending += 1;
                self.lanes[number].late.push_back(now);
                self.send_late(number, |number, payload, binary| match binary {
                    true => swarm.send_binary(number, payload.as_bytes()),
                    false => swarm.send_text(number, payload),
                });
            }
        }
    }

    /// Sends as many late messages of a connection as may be on their way.
    fn send_late(&mut self, number: usize, mut send: impl FnMut(usize, &str, bool) -> bool) {
        let lane = &mut self.lanes[number];
        while lane.waiting.len() < self.plan.depth {
            let Some(at) = lane.late.pop_front() else {
                return;
            };
            let payload = payload(&self.pattern, self.plan.size, lane.sent);
            if !send(number, payload, self.plan.binary) {
                lane.late.push_front(at);
                return;
            }
            lane.sent += 1;
            lane.waiting.push_back(at);
        }
    }

    /// Takes what has come on connection `number`.
    pub(super) fn handle(&mut self, number: usize, event: &SwarmEvent<'_>, link: &mut Link<'_>) {
        let (echo, is_binary) = match event {
            SwarmEvent::Text(text) => (text.as_bytes(), false),
            SwarmEvent::Binary(data) => (*data, true),
            SwarmEvent::Closed(close) if !self.is_over(Instant::now()) || self.pending > 0 => {
                self.fail(format!(
                    "connection {number} was closed by the server with code {}",
                    close.code
                ));
                return;
            }
            SwarmEvent::Ended(error) => {
                self.fail(format!("connection {number}: {error}"));
                return;
            }
            _ => return,
        };
        let now = Instant::now();
        let lane = &mut self.lanes[number];
        let expected = payload(&self.pattern, self.plan.size, lane.echoed);
        let Some(due) = lane.waiting.pop_front() else {
            self.fail(format!(
                "connection {number}: a message that was not asked for"
            ));
            return;
        };
        if is_binary != self.plan.binary || echo != expected.as_bytes() {
            let text =
                describe_difference(echo, expected.as_bytes(), is_binary != self.plan.binary);
            let message = lane.echoed;
            self.fail(format!(
                "connection {number}, message {message}: the echo {text}"
            ));
            link.close(CloseCode::GOING_AWAY);
            return;
        }
        lane.echoed += 1;
        self.pending -= 1;
        self.last_echo = now;
        self.latency.add(now.saturating_duration_since(due));
        if self.plan.rate.is_none() && !self.is_over(now) {
            self.due += 1;
            self.pending += 1;
            self.lanes[number].late.push_back(now);
        }
        self.send_late(number, |_, payload, binary| match binary {
            true => link.send_binary(payload.as_bytes()),
            false => link.send_text(payload),
        });
    }

    fn fail(&mut self, text: String) {
        self.broken.get_or_insert(text);
    }
}

/// Message `number` of a connection.
fn payload(pattern: &str, size: usize, number: usize) -> &str {
    let first = number % PERIOD;
    &pattern[first..first + size]
}

/// Neither the pattern's length nor that of what repeats in it divides the other.
fn byte_at(place: usize) -> u8 {
    let mixed = (place * 31 + place / PERIOD * 7) % BYTES;
    u8::try_from(FIRST_BYTE + mixed).unwrap_or(b'?')
}

fn describe_difference(echo: &[u8], expected: &[u8], is_other_kind: bool) -> String {
    if is_other_kind {
        return String::from("is of the other kind: text and binary were exchanged");
    }
    if echo.len() != expected.len() {
        return format!("has {} bytes instead of {}", echo.len(), expected.len());
    }
    let place = echo.iter().zip(expected).position(|(a, b)| a != b);
    format!(
        "differs from what was sent at byte {} of {}",
        place.unwrap_or(0),
        expected.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_whatever_their_size() {
        let load = |size| {
            let plan = Plan {
                size,
                binary: false,
                depth: 1,
                rate: None,
                duration: None,
                messages: None,
            };
            Load::new(plan, 1, Instant::now())
        };
        for size in [1, 2, 125, 126, 65_536] {
            let load = load(size);
            for number in 0..2 * PERIOD {
                let (one, two) = (
                    payload(&load.pattern, size, number),
                    payload(&load.pattern, size, number + 1),
                );
                assert_eq!(one.len(), size);
                assert_ne!(one, two, "{size} {number}");
            }
        }
    }

    #[test]
    fn a_difference_is_named() {
        assert!(describe_difference(b"abX", b"abc", false).contains("byte 2 of 3"));
        assert!(describe_difference(b"ab", b"abc", false).contains("2 bytes instead of 3"));
        assert!(describe_difference(b"abc", b"abc", true).contains("kind"));
    }
}

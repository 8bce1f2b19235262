//! When a silent peer is asked for a sign of life and when it is given up.
//!
//! Rules only: the caller counts ticks of [`TICK`] and sends what is asked for, and may poll as
//! seldom as it likes; whatever is due is found at the next poll.

use std::time::Duration;

use crate::config::KeepaliveConfig;

/// The unit in which keepalive counts time.
pub const TICK: Duration = Duration::from_millis(100);

/// What every keepalive ping begins with, so that its pong is told from an application's.
const MARK: [u8; 4] = *b"\0ws\0";

/// The state of one connection's keepalive: 8 bytes.
///
/// Anything received is a sign of life, not only a pong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    last_received: u32,
    /// Not later than `last_received` unless an answer is awaited.
    last_ping: u32,
}

/// What [`Keepalive::poll`] asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each")]
pub enum KeepaliveAction {
    /// Nothing before this tick; `u32::MAX` means never.
    Wait {
        /// The tick at which to poll again.
        until: u32,
    },
    /// Send a ping with [`Keepalive::ping_payload`]; it counts as sent now.
    SendPing,
    /// The peer has not answered in time: the connection is dead.
    PeerSilent,
}

impl Keepalive {
    /// A connection that opened at tick `now`.
    pub fn new(now: u32) -> Self {
        Self {
            last_received: now,
            last_ping: 0,
        }
    }

    /// Notes that something came, or that a paused connection is read again.
    #[inline]
    pub fn handle_received(&mut self, now: u32) {
        self.last_received = now;
    }

    /// Says what is due at tick `now`.
    ///
    /// While this endpoint has `paused` reading, the peer's answer could not be seen: no ping is due,
    /// and the deadline of one that was sent stands still.
    pub fn poll(&mut self, config: &KeepaliveConfig, now: u32, paused: bool) -> KeepaliveAction {
        let Some(interval) = config.interval else {
            return KeepaliveAction::Wait { until: u32::MAX };
        };
        let (interval, timeout) = (ticks(interval), ticks(config.timeout));
        if paused {
            self.last_received = now;
            return KeepaliveAction::Wait {
                until: now.saturating_add(interval.min(timeout)),
            };
        }
        if self.last_ping > self.last_received {
            let due = self.last_ping.saturating_add(timeout);
            return if now >= due {
                KeepaliveAction::PeerSilent
            } else {
                // An answer that comes now makes the next ping due before that.
                KeepaliveAction::Wait {
                    until: due.min(now.saturating_add(interval)),
                }
            };
        }
        let due = self.last_received.saturating_add(interval);
        if now < due {
            return KeepaliveAction::Wait { until: due };
        }
        self.last_ping = now;
        KeepaliveAction::SendPing
    }

    /// The payload of the keepalive ping that is due or was sent last.
    pub fn ping_payload(&self) -> [u8; 8] {
        let [a, b, c, d] = MARK;
        let [e, f, g, h] = self.last_ping.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// Whether a pong answers a keepalive ping of this connection, so that the application need not see it.
    pub fn is_answer(&self, payload: &[u8]) -> bool {
        let Some((mark, tick)) = payload.split_first_chunk::<4>() else {
            return false;
        };
        let tick = tick
            .first_chunk::<4>()
            .filter(|_| tick.len() == 4)
            .map(|tick| u32::from_be_bytes(*tick));
        *mark == MARK && tick.is_some_and(|tick| tick != 0 && tick <= self.last_ping)
    }
}

/// A duration in ticks: at least one, and `u32::MAX` for whatever is longer.
fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(TICK.as_millis()))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KeepaliveConfig {
        KeepaliveConfig::default()
            .interval(Some(Duration::from_secs(25)))
            .timeout(Duration::from_secs(20))
    }

    #[test]
    fn pings_after_the_interval_and_gives_up_after_the_timeout() {
        let mut keepalive = Keepalive::new(100);
        assert_eq!(
            keepalive.poll(&config(), 100, false),
            KeepaliveAction::Wait { until: 350 }
        );
        assert_eq!(
            keepalive.poll(&config(), 349, false),
            KeepaliveAction::Wait { until: 350 }
        );
        assert_eq!(
            keepalive.poll(&config(), 351, false),
            KeepaliveAction::SendPing
        );
        assert_eq!(
            keepalive.poll(&config(), 352, false),
            KeepaliveAction::Wait { until: 551 }
        );
        assert_eq!(
            keepalive.poll(&config(), 551, false),
            KeepaliveAction::PeerSilent
        );
    }

    #[test]
    fn anything_received_is_a_sign_of_life() {
        let mut keepalive = Keepalive::new(0);
        assert_eq!(
            keepalive.poll(&config(), 250, false),
            KeepaliveAction::SendPing
        );
        keepalive.handle_received(260);
        assert_eq!(
            keepalive.poll(&config(), 500, false),
            KeepaliveAction::Wait { until: 510 }
        );
    }

    /// With a timeout above the interval, who waits for the one must not miss the other.
    #[test]
    fn asks_to_be_polled_when_the_ping_after_an_answer_may_be_due() {
        let config = config().timeout(Duration::from_secs(100));
        let mut keepalive = Keepalive::new(0);
        assert_eq!(
            keepalive.poll(&config, 250, false),
            KeepaliveAction::SendPing
        );
        assert_eq!(
            keepalive.poll(&config, 250, false),
            KeepaliveAction::Wait { until: 500 }
        );
        assert_eq!(
            keepalive.poll(&config, 500, false),
            KeepaliveAction::Wait { until: 750 }
        );
        assert_eq!(
            keepalive.poll(&config, 1250, false),
            KeepaliveAction::PeerSilent
        );
    }

    /// no 1011 because we ourselves did not read
    #[test]
    fn stands_still_while_reading_is_paused() {
        let mut keepalive = Keepalive::new(0);
        assert_eq!(
            keepalive.poll(&config(), 250, false),
            KeepaliveAction::SendPing
        );
        for now in (260..10_000).step_by(200) {
            assert_eq!(
                keepalive.poll(&config(), now, true),
                KeepaliveAction::Wait { until: now + 200 }
            );
        }
        keepalive.handle_received(10_000);
        assert_eq!(
            keepalive.poll(&config(), 10_001, false),
            KeepaliveAction::Wait { until: 10_250 }
        );
    }

    #[test]
    fn never_asks_when_off() {
        let mut keepalive = Keepalive::new(0);
        let off = config().interval(None);
        assert_eq!(
            keepalive.poll(&off, u32::MAX, false),
            KeepaliveAction::Wait { until: u32::MAX }
        );
    }

    #[test]
    fn knows_its_own_answers() {
        let mut keepalive = Keepalive::new(0);
        assert!(
            !keepalive.is_answer(&keepalive.ping_payload()),
            "none was sent yet"
        );
        assert_eq!(
            keepalive.poll(&config(), 250, false),
            KeepaliveAction::SendPing
        );
        let payload = keepalive.ping_payload();
        keepalive.handle_received(251);
        assert!(keepalive.is_answer(&payload));
        assert!(
            !keepalive.is_answer(b"")
                && !keepalive.is_answer(b"hello")
                && !keepalive.is_answer(&payload[..7])
        );
        assert!(!keepalive.is_answer(&[&payload[..], b"x"].concat()));
    }
}

//! Keepalive of one connection: the core's rules, which count ticks, with the clock of a [`Net`].

use std::time::{Duration, Instant};

use ws_core::{Keepalive, KeepaliveAction, KeepaliveConfig, TICK};

use super::Engine;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::Cause;
use crate::net::Net;

/// The rules of keepalive with a clock.
pub(super) struct Heartbeat {
    rules: Keepalive,
    config: KeepaliveConfig,
    started: Instant,
    due: Deadline,
}

impl Heartbeat {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        let mut heartbeat = Self {
            rules: Keepalive::new(0),
            config: config.keepalive.clone(),
            started: now,
            due: Deadline::NEVER,
        };
        heartbeat.poll(now, false);
        heartbeat
    }

    pub(super) fn due(&self) -> Deadline {
        self.due
    }

    pub(super) fn handle_sign_of_life(&mut self, now: Instant) {
        self.rules.handle_received(self.tick(now));
    }

    pub(super) fn is_answer(&self, payload: &[u8]) -> bool {
        self.rules.is_answer(payload)
    }

    pub(super) fn poll(&mut self, now: Instant, paused: bool) -> KeepaliveAction {
        let action = self.rules.poll(&self.config, self.tick(now), paused);
        self.due = match action {
            KeepaliveAction::Wait { until: u32::MAX } => Deadline::NEVER,
            KeepaliveAction::Wait { until } => {
                Deadline::after(self.started, TICK.saturating_mul(until))
            }
            // Asked again at once.
            KeepaliveAction::SendPing | KeepaliveAction::PeerSilent => Deadline::at(now),
        };
        action
    }

    /// The payload of the ping that is due.
    pub(super) fn ping_payload(&self) -> [u8; 8] {
        self.rules.ping_payload()
    }

    /// How long a peer may take to answer.
    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    fn tick(&self, now: Instant) -> u32 {
        let ticks = now.saturating_duration_since(self.started).as_millis() / TICK.as_millis();
        u32::try_from(ticks).unwrap_or(u32::MAX - 1)
    }
}

impl<N: Net> Engine<N> {
    /// Once an end is agreed on or due, there is another deadline than that of a ping.
    fn needs_keepalive(&self) -> bool {
        self.close.is_none() && self.failing.is_none() && !self.sender.close_sent()
    }

    /// Never, where a ping that is due would not be sent: a wait must not end for it again and again.
    pub(super) fn keepalive_due(&self) -> Deadline {
        if self.needs_keepalive() {
            self.keepalive.due()
        } else {
            Deadline::NEVER
        }
    }

    /// Nothing has happened up to now: sends a ping if one is due, or gives the peer up. False: neither.
    pub(super) fn keepalive_step(&mut self) -> bool {
        if !self.needs_keepalive() {
            return false;
        }
        let now = self.wire.net.now();
        let paused = self.is_paused();
        match self.keepalive.poll(now, paused) {
            KeepaliveAction::Wait { .. } => false,
            KeepaliveAction::SendPing => {
                let payload = self.keepalive.ping_payload();
                let output = self.wire.output();
                let encoded = self
                    .sender
                    .encode_ping(&payload, &mut self.send_scratch, output);
                debug_assert!(encoded.is_ok(), "no Close was sent");
                true
            }
            KeepaliveAction::PeerSilent => {
                self.ended = Some(Cause::Silent(self.keepalive.timeout()));
                true
            }
        }
    }
}

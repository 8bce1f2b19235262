//! Pairs that need several things in one turn: one world in sixteen brings one of them about, as often as it can.

use std::time::Duration;

use super::{
    fault::Fault,
    input::Input,
    state::State,
    world::{Ambush, World},
};
use crate::ConnectionId;

/// A pair that neither chance nor a wish brings often enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rare {
    /// The peer that owes an answer is reset, and reading is interrupted.
    SilenceOfBroken,
    /// A slow balancer's header ends while its refusal is unsent.
    HeaderBehindRefusal,
    /// The reset comes between the event and the read, with the last bytes unsent.
    ResetOfUnsentEnd,
    /// It opens when what TLS still had to send has waited for too long.
    StallBeforeOpening,
    /// The peer's Close is read, but the close_notify behind it meets a reset.
    CloseNotifyRefused,
}

/// A connection between two turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) state: State,
    pub(crate) id: ConnectionId,
    pub(crate) pipe: usize,
    /// Something waits in the queue, since the socket is full.
    pub(crate) is_blocked: bool,
    /// Keepalive has just sent a ping.
    pub(crate) is_pinged: bool,
}

impl Rare {
    /// What the world of this seed is for, if for any: it takes no dice, so that the others stay as they are.
    pub(crate) fn of(seed: u64) -> Option<Self> {
        let which = seed / EACH % Self::ALL.len() as u64;
        (seed % EACH == EACH - 1).then(|| Self::ALL[usize::try_from(which).unwrap()])
    }

    pub(crate) fn needs_proxy(self) -> bool {
        self == Self::HeaderBehindRefusal
    }

    pub(crate) fn needs_tls(self) -> bool {
        matches!(self, Self::StallBeforeOpening | Self::CloseNotifyRefused)
    }

    /// One stands twice, so that the worlds of the others stay as they are.
    const ALL: [Self; 6] = [
        Self::SilenceOfBroken,
        Self::HeaderBehindRefusal,
        Self::ResetOfUnsentEnd,
        Self::StallBeforeOpening,
        Self::CloseNotifyRefused,
        Self::ResetOfUnsentEnd,
    ];
}

impl World {
    /// Does the next thing that this connection needs for the world's rare pair.
    pub(crate) fn arrange(&mut self, sight: Sight) {
        let Some(rare) = self.rare else {
            return;
        };
        if self.faults.is_calm || self.chances == 0 {
            return;
        }
        let config = &self.profile.config;
        let stall = config.write_stall_timeout;
        let Sight { state, pipe, .. } = sight;
        let here = &mut self.pipes[pipe];
        if here.reset || here.peer_fin {
            return;
        }
        match (rare, state) {
            (Rare::SilenceOfBroken, State::Open | State::Inside)
                if sight.is_pinged && !sight.is_blocked =>
            {
                let timeout = config.keepalive.timeout;
                self.chances -= 1;
                here.peer_reset(false);
                self.interrupted = Some(pipe);
                self.faults.hit(Fault::Reset);
                self.leap_beyond(timeout);
            }
            (Rare::HeaderBehindRefusal, State::Proxy) if !here.is_choked => {
                self.chances -= 1;
                here.choke();
                here.held_until = self.now + config.handshake_timeout + TICK;
                self.faults.hit(Fault::Blackhole);
            }
            (Rare::ResetOfUnsentEnd, State::EndingUnsent) if sight.is_blocked => {
                self.chances -= 1;
                here.choke();
                here.is_nudged = true;
                self.ambush = Some(Ambush::of(pipe));
            }
            (Rare::StallBeforeOpening, State::Tls)
                if !here.outbound.is_empty() && !sight.is_blocked =>
            {
                here.choke();
            }
            (Rare::StallBeforeOpening, State::Head) if sight.is_blocked && here.is_choked => {
                if here.has_sent(Input::Request) {
                    self.chances -= 1;
                    here.held_until = Duration::ZERO;
                    here.land(Duration::MAX);
                    self.leap_beyond(stall);
                } else {
                    here.held_until = self.now + config.handshake_timeout;
                }
            }
            (Rare::CloseNotifyRefused, State::Closing) => {
                self.ambush = Some(Ambush {
                    behind: Some(Input::Close),
                    ..Ambush::of(pipe)
                });
            }
            _ => {}
        }
    }

    /// Leaps, so that what is swept for in ticks is due.
    fn leap_beyond(&mut self, time: Duration) {
        self.faults.hit(Fault::ClockJump);
        self.leap(time + TICK);
    }
}

/// Of so many worlds one is for a rare pair.
const EACH: u64 = 16;
const TICK: Duration = ws_core::TICK;

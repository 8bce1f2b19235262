//! What is due when nothing happens: pings, idle connections, and sockets that take nothing.

use ws_core::{CloseCode, CloseFrame, KeepaliveAction};

use super::{EventLoop, Phase, queue::SendQueue, ticks};
use crate::{
    context::Connections,
    handler::{ClosedBy, Handler},
    net::Net,
};

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Looks at the connections whose ticks have come.
    pub(super) fn sweep(&mut self) {
        let now = self.connections.clock.tick();
        if !self.connections.sweep.is_due(now) {
            return;
        }
        let mut found = std::mem::take(&mut self.spare);
        self.connections.sweep.poll_due(now, &mut found);
        for slot in found.drain(..) {
            self.check_slot(slot);
            // At once, so that one queue serves all: thousands may be due together.
            self.flush_queue(slot);
        }
        self.spare = found;
    }

    fn check_slot(&mut self, slot: u32) {
        let connections = &mut self.connections;
        let now = connections.clock.tick();
        let Some(place) = connections.slots.get(slot as usize) else {
            return;
        };
        if place.phase == Phase::Ending && place.deadline.is_none() {
            return self.check_long_answer(slot, now);
        }
        if place.phase != Phase::Open {
            return;
        }
        let mut next = u32::MAX;
        if let Some(due) = connections.stall_due(slot) {
            if now >= due {
                return self.lose(slot, ClosedBy::Stalled);
            }
            next = due;
        }
        match self.check_silence(slot, now) {
            Silence::Until(due) => self.connections.sweep.set(slot, next.min(due)),
            Silence::Closed => self.tell_closed(),
            Silence::Lost => self.lose(slot, ClosedBy::Silent),
        }
    }

    /// Drops a peer that takes nothing of a long answer.
    fn check_long_answer(&mut self, slot: u32, now: u32) {
        let connections = &mut self.connections;
        let Some(queue) = &connections.slots[slot as usize].queue else {
            return;
        };
        let due = connections.stalled_at(queue);
        if now < due {
            return connections.sweep.set(slot, due);
        }
        connections.set_dead(slot);
    }

    /// Pings a peer that sent nothing, and closes a connection that is idle.
    fn check_silence(&mut self, slot: u32, now: u32) -> Silence {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        // Behind what the peer has not read yet, a ping would not reach it: that is judged by the stall.
        let is_paused = !place.may_read() || place.is_blocked;
        let config = &connections.config.keepalive;
        let mut action = place.keepalive.poll(config, now, is_paused);
        if action == KeepaliveAction::SendPing {
            let payload = place.keepalive.ping_payload();
            action = place.keepalive.poll(config, now, is_paused);
            // It cannot be refused: the phase is Open, and the payload short.
            let _ = connections.encode(slot, |sender, scratch, output| {
                sender.encode_ping(&payload, scratch, output)
            });
        }
        let due = match action {
            KeepaliveAction::Wait { until } => until,
            KeepaliveAction::SendPing => now.saturating_add(1),
            KeepaliveAction::PeerSilent => return Silence::Lost,
        };
        match connections.idle_due(slot, now, is_paused) {
            None => Silence::Until(due),
            Some(idle) if idle > now => Silence::Until(due.min(idle)),
            Some(_) => {
                let frame = CloseFrame {
                    code: CloseCode::GOING_AWAY,
                    reason: "no message for too long",
                };
                connections.close_by_server(slot, frame, ClosedBy::Idle);
                Silence::Closed
            }
        }
    }
}

enum Silence {
    /// Nothing before this tick.
    Until(u32),
    Closed,
    Lost,
}

impl<C> Connections<C> {
    /// Notes that a message came.
    pub(crate) fn note_message(&mut self, slot: u32) {
        self.slots[slot as usize].last_message = self.clock.tick();
    }

    /// Begins to watch a connection that has just opened.
    pub(crate) fn watch_silence(&mut self, slot: u32) {
        let now = self.clock.tick();
        let place = &mut self.slots[slot as usize];
        place.last_message = now;
        place.keepalive = ws_core::Keepalive::new(now);
        let keepalive = self.config.keepalive.interval.map(ticks);
        let idle = self.config.idle_timeout.map(ticks);
        if let Some(after) = keepalive.into_iter().chain(idle).min() {
            self.sweep.hasten(slot, now.saturating_add(after));
        }
    }

    /// Watches a connection whose socket was full when only the handshake's time counted.
    pub(crate) fn watch_stall(&mut self, slot: u32) {
        if let Some(due) = self.stall_due(slot) {
            self.sweep.hasten(slot, due);
        }
    }

    /// Returns the tick at which a full socket has taken nothing for too long.
    fn stall_due(&self, slot: u32) -> Option<u32> {
        let place = &self.slots[slot as usize];
        let queue = place.queue.as_ref().filter(|_| place.is_blocked)?;
        Some(self.stalled_at(queue))
    }

    fn stalled_at(&self, queue: &SendQueue) -> u32 {
        let stall = ticks(self.config.write_stall_timeout);
        queue.progress.saturating_add(stall)
    }

    /// Returns the tick at which a connection has been idle for too long. Time in which it is not read does not count.
    fn idle_due(&mut self, slot: u32, now: u32, is_paused: bool) -> Option<u32> {
        let timeout = ticks(self.config.idle_timeout?);
        let place = &mut self.slots[slot as usize];
        if is_paused {
            place.last_message = now;
        }
        Some(place.last_message.saturating_add(timeout))
    }
}

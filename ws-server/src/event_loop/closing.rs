//! How connections end: who is told what, and which deadline holds until the TCP connection is closed.
//!
//! ```text
//!  Opening ── refused ────────────────┐
//!     │ 101                           v
//!   Open ─── peer's Close, failure ─ Ending ── all sent ── shutdown, linger ── Dead
//!     └─ our Close ─ Closing ─ peer's ─┘                   (nothing left to read: at once)
//! ```
//!
//! Each deadline is absolute: no traffic extends it.

use std::num::NonZeroU64;

use slab::Slab;
use ws_core::{CloseCode, CloseFrame};

use super::{EventLoop, Phase, accept::MIN_GROWTH, timers::Sweep};
use crate::{
    connection_id::ConnectionId,
    context::{Connections, Context},
    handler::{CloseInfo, ClosedBy, Handler},
    net::Net,
};

/// An end that the handler has yet to be told.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) id: ConnectionId,
    pub(crate) code: CloseCode,
    pub(crate) reason: Box<str>,
    pub(crate) by: ClosedBy,
}

impl<C> Connections<C> {
    /// Moves a connection on; the deadline of the phase before no longer holds.
    pub(crate) fn set_phase(&mut self, slot: u32, phase: Phase, deadline: Option<u64>) {
        let place = &mut self.slots[slot as usize];
        if place.phase == Phase::Dead {
            return;
        }
        if let Some(old) = place.deadline.take() {
            let deadlines = match place.phase {
                Phase::Opening => &mut self.handshakes,
                _ => &mut self.ends,
            };
            deadlines.remove(old.get(), slot);
        }
        if place.phase == Phase::Open {
            self.open -= 1;
        }
        if phase == Phase::Open {
            self.open += 1;
        }
        place.phase = phase;
        place.deadline = deadline.and_then(NonZeroU64::new);
        if let Some(deadline) = place.deadline {
            let deadlines = match phase {
                Phase::Opening => &mut self.handshakes,
                _ => &mut self.ends,
            };
            deadlines.insert(deadline.get(), slot);
        }
        if phase == Phase::Dead {
            self.dead.push(slot);
        }
    }

    /// Our Close is queued: waits for the peer's, discarding everything else.
    pub(crate) fn begin_closing(&mut self, slot: u32) {
        let deadline = self.clock.deadline(self.config.close_timeout);
        self.set_phase(slot, Phase::Closing, Some(deadline));
        if self.slots[slot as usize].has_input() {
            self.mark_ready(slot);
        }
    }

    /// The last bytes are queued: they are sent, then the TCP connection is closed.
    ///
    /// `clean`: the peer knows that this is the end, so nothing need be kept from being reset.
    pub(crate) fn begin_ending(&mut self, slot: u32, clean: bool) {
        let place = &mut self.slots[slot as usize];
        place.ends_clean = clean;
        place.tail = None;
        let deadline = match (place.phase, place.deadline) {
            (Phase::Closing, Some(deadline)) => deadline.get(),
            _ => self.clock.deadline(self.config.close_timeout),
        };
        self.set_phase(slot, Phase::Ending, Some(deadline));
    }

    /// Gives the connection up; it is removed at the end of the turn.
    pub(crate) fn set_dead(&mut self, slot: u32) {
        self.set_phase(slot, Phase::Dead, None);
    }

    /// Queues a Close frame that the handler did not ask for; whether the connection was open.
    pub(crate) fn close_by_server(
        &mut self,
        slot: u32,
        frame: CloseFrame<'_>,
        by: ClosedBy,
    ) -> bool {
        if self.slots[slot as usize].phase != Phase::Open {
            return false;
        }
        // Only a Close that was sent before can make it fail, and then the phase is another.
        let _ = self.encode(slot, |sender, scratch, output| {
            sender.encode_close(Some(frame), scratch, output)
        });
        self.begin_closing(slot);
        self.note_closed(slot, frame.code, frame.reason, by);
        true
    }

    /// Notes an end of which the handler is to be told when its callback has returned.
    pub(crate) fn note_closed(&mut self, slot: u32, code: CloseCode, reason: &str, by: ClosedBy) {
        self.closed.push(Closed {
            id: self.id_of(slot),
            code,
            reason: reason.into(),
            by,
        });
    }
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Tells the handler of the ends that callbacks or the loop caused: after each callback, once its state is back.
    #[inline]
    pub(super) fn tell_closed(&mut self) {
        if !self.connections.closed.is_empty() {
            self.tell_all_closed();
        }
    }

    #[cold]
    fn tell_all_closed(&mut self) {
        while !self.connections.closed.is_empty() {
            for closed in std::mem::take(&mut self.connections.closed) {
                let slot = closed.id.slot_index();
                let info = CloseInfo {
                    code: closed.code,
                    reason: &closed.reason,
                    by: closed.by,
                };
                let place = self.connections.slots.get(slot as usize);
                if place.is_some_and(|place| place.nonce == closed.id.nonce()) {
                    self.tell_close(slot, info);
                }
            }
        }
    }

    /// Tells the handler of an end, once.
    pub(super) fn tell_close(&mut self, slot: u32, info: CloseInfo<'_>) {
        let place = self.connections.slots.get_mut(slot as usize);
        if let Some(state) = place.and_then(|place| place.state.take()) {
            let connections = &mut self.connections;
            let id = connections.id_of(slot);
            log::debug!("connection {id} closed: {}, {}", info.code, info.by);
            let CloseInfo { code, reason, by } = info;
            if info.code == CloseCode::ABNORMAL {
                let journal = &connections.journal;
                journal.note(format_args!("connection {id} dropped: {by}"));
            } else {
                let journal = &connections.journal;
                journal.note(format_args!(
                    "connection {id} closed: code {code}, reason {reason:?}, {by}"
                ));
            }
            self.handler
                .on_close(&mut Context { connections, slot }, state, info);
        }
    }

    /// Ends a connection without a closing handshake.
    pub(super) fn lose(&mut self, slot: u32, by: ClosedBy) {
        let place = &self.connections.slots[slot as usize];
        if place.phase == Phase::Opening {
            self.connections.journal.note_limited(
                self.connections.clock.now(),
                "handshakes broken off",
                format_args!("handshake of {} broken off: {by}", place.peer),
            );
        }
        self.connections.set_dead(slot);
        self.tell_close(
            slot,
            CloseInfo {
                code: CloseCode::ABNORMAL,
                reason: "",
                by,
            },
        );
        self.tell_closed();
    }

    /// Ends a connection without the peer's answer to our Close, in front of which it sends what memory does not allow.
    pub(super) fn end_unanswered(&mut self, slot: u32) {
        self.connections.begin_ending(slot, false);
        if let Some(scratch) = &mut self.scratch {
            let place = &mut self.connections.slots[slot as usize];
            place.receiver.release(scratch);
        }
        self.connections.recount(slot);
    }

    /// Goes on with the end of a connection whose last bytes the socket has taken.
    #[inline]
    pub(super) fn finish_ending(&mut self, slot: u32) {
        let place = &self.connections.slots[slot as usize];
        if place.phase == Phase::Ending && place.queue.is_none() && !place.is_shut {
            self.end_output(slot);
        }
    }

    fn end_output(&mut self, slot: u32) {
        let place = &mut self.connections.slots[slot as usize];
        if place.is_established {
            place.is_established = false;
            self.shared.release_established();
        }
        if place.tls.is_some() && self.send_close_notify(slot) {
            return;
        }
        let place = &mut self.connections.slots[slot as usize];
        // With TLS the peer's close_notify is still to come, and is not to find a closed socket.
        let may_end = place.ends_clean && place.is_drained && place.tls.is_none();
        let is_crowded = self.connections.lingering >= self.connections.config.unfinished_cap();
        if may_end || is_crowded {
            return self.connections.set_dead(slot);
        }
        // Closing with unread input would reset the connection, and the reset may overtake what was sent (R-24).
        place.is_shut = true;
        self.connections.lingering += 1;
        let stream = self.streams[slot as usize].as_mut();
        if stream.is_none_or(|stream| self.net.shutdown_output(stream).is_err()) {
            return self.connections.set_dead(slot);
        }
        let has_input = place.has_input();
        let deadline = self
            .connections
            .clock
            .deadline(self.connections.config.linger_timeout);
        self.connections
            .set_phase(slot, Phase::Ending, Some(deadline));
        if has_input {
            self.connections.mark_ready(slot);
        }
    }

    /// Removes the connections that ended in this turn.
    pub(super) fn remove_dead(&mut self) {
        while let Some(slot) = self.connections.dead.pop() {
            let connections = &mut self.connections;
            let Some(mut place) = connections.slots.try_remove(slot as usize) else {
                continue;
            };
            connections.lingering -= usize::from(place.is_shut);
            if let Some(timer) = place.timer {
                connections.timers.remove(timer.get(), slot);
            }
            if let Some(queue) = place.queue.take() {
                connections.pool.give_back(queue);
            }
            connections.memory.update(place.counted, 0);
            if let Some(scratch) = &mut self.scratch {
                place.receiver.release(scratch);
            }
            if place.is_established {
                self.shared.release_established();
            }
            if let Some(stream) = self.streams[slot as usize].take() {
                self.net.close(stream);
            }
        }
        self.give_back_slots();
    }

    /// The slots of a rush that is over are memory that nobody uses.
    fn give_back_slots(&mut self) {
        let slots = &mut self.connections.slots;
        if slots.is_empty() && slots.capacity() > MIN_GROWTH {
            *slots = Slab::new();
            self.connections.sweep = Sweep::default();
            self.streams = Vec::new();
        }
    }
}

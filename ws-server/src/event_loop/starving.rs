//! Who waits for the budget of memory: connections that hold much are not read while it is used up, but for one.

use ws_core::{CloseCode, CloseFrame};

use super::{EventLoop, Phase};
use crate::{
    context::Connections,
    handler::{ClosedBy, Handler},
    net::Net,
    statistics::Limit,
};

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Tells whether a connection may be read by the budget of memory; if not, it waits for its turn.
    #[inline(always)] // for each turn of a connection, so that only what is rare is called
    pub(super) fn may_hold_more(&mut self, slot: u32) -> bool {
        let place = &self.connections.slots[slot as usize];
        self.starved.front() == Some(&slot) && !self.gives_way()
            || self.connections.memory.allows(place.passing_bytes())
            || self.is_relieved(slot)
    }

    /// Gives up what nobody uses, for a connection that may not be read; tells whether it may then, or lets it wait.
    ///
    /// Who hung up may, one at a time: it is read to its end, which frees what it holds. So may who was sent our Close, but
    /// for nothing more than to be discarded.
    #[cold]
    fn is_relieved(&mut self, slot: u32) -> bool {
        let place = &self.connections.slots[slot as usize];
        if !place.may_receive() {
            return true;
        }
        if place.hung_up {
            return self.may_drain(slot);
        }
        let bytes = place.passing_bytes();
        if self.give_up_buffers() && self.connections.memory.allows(bytes) {
            return true;
        }
        let place = &mut self.connections.slots[slot as usize];
        if place.phase == Phase::Closing {
            self.end_unanswered(slot);
            return true;
        }
        // The first has its place already.
        if !place.is_starved && self.starved.front() != Some(&slot) {
            place.is_starved = true;
            self.starved.push_back(slot);
            self.shared.count_limit(Limit::Memory);
            self.log
                .warn(&self.shared.journal, &self.connections.clock, || {
                    "the budget of memory is used up: connections that hold much are not read"
                        .into()
                });
        }
        false
    }

    /// Tells whether who hung up may be read to its end; if not, it is asked for again in the next turn.
    ///
    /// The one that may is read in each turn, and needs nobody for that, so that the others do not wait for long.
    fn may_drain(&mut self, slot: u32) -> bool {
        let other = self.draining.filter(|&other| other != slot);
        let place = other.and_then(|other| self.connections.slots.get(other as usize));
        // Until it is removed, what it holds counts.
        let memory = &self.connections.memory;
        if place.is_some_and(|place| {
            place.hung_up && place.phase != Phase::Ending && !memory.allows(place.passing_bytes())
        }) {
            self.connections.mark_ready(slot);
            return false;
        }
        self.draining = Some(slot);
        true
    }

    /// Tells whether the first of those that wait has had its message, and others wait: its next one waits, too.
    fn gives_way(&self) -> bool {
        self.is_fed && self.fed_until.is_some()
    }

    /// Lets those go on that waited for memory: the first always, the others when the budget allows it.
    ///
    /// Who may not be read for another reason, or has sent nothing to be read, loses its place, and waits again once it
    /// may and has. The first goes on until a message of its has come, and has a time for that, if others wait, so that
    /// nobody stops them by sending half of one.
    pub(super) fn feed_starved(&mut self) {
        while let Some(&slot) = self.starved.front() {
            let waits = self.connections.waits_for_memory(slot);
            self.connections.feed(slot);
            if !waits {
                self.starved.pop_front();
                self.fed_until = None;
                continue;
            }
            self.feed_others();
            if self.starved.len() < 2 {
                self.fed_until = None;
                return;
            }
            let place = &mut self.connections.slots[slot as usize];
            let is_fed = self.is_fed || !place.receiver.is_mid_message();
            match self.fed_until {
                Some(_) if is_fed => {
                    place.is_starved = true;
                    self.starved.rotate_left(1);
                    self.fed_until = None;
                }
                Some(until) => return self.hurry(slot, until),
                None => {
                    let stall = self.connections.config.write_stall_timeout;
                    self.fed_until = Some(self.connections.clock.deadline(stall));
                    self.is_fed = false;
                    return;
                }
            }
        }
    }

    /// Lets those behind the first go on that need not wait any more, and forgets those that have ended.
    ///
    /// There may be thousands, so that they are not looked at in each turn.
    fn feed_others(&mut self) {
        let tick = self.connections.clock.tick();
        if std::mem::replace(&mut self.fed_others_at, tick) == tick {
            return;
        }
        let Some(first) = self.starved.pop_front() else {
            return;
        };
        let connections = &mut self.connections;
        self.starved.retain(|&slot| {
            let place = connections.slots.get(slot as usize);
            // One that is not starved has got the slot of one that was.
            let is_starved = place.is_some_and(|place| place.is_starved);
            let waits = is_starved && connections.waits_for_memory(slot);
            if is_starved && !waits {
                connections.feed(slot);
            }
            waits
        });
        self.starved.push_front(first);
    }

    /// Closes the first of those that wait for memory once it has had its time.
    fn hurry(&mut self, slot: u32, until: u64) {
        let connections = &mut self.connections;
        if until <= connections.clock.millis() {
            let frame = CloseFrame {
                code: CloseCode::TRY_AGAIN_LATER,
                reason: "no memory to wait for the rest of the message",
            };
            connections.close_by_server(slot, frame, ClosedBy::Memory);
            connections.recount(slot);
            self.tell_closed();
        }
    }
}

impl<C> Connections<C> {
    /// Tells whether a connection is kept from being read by the budget of memory, and by nothing else.
    fn waits_for_memory(&self, slot: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(|place| {
            place.phase == Phase::Open
                && !(place.is_paused || place.is_throttled || place.hung_up)
                && (place.has_input() || place.receiver.is_mid_message())
                && !self.memory.allows(place.passing_bytes())
        })
    }

    /// Lets a connection be read that waited for memory.
    fn feed(&mut self, slot: u32) {
        if let Some(place) = self.slots.get_mut(slot as usize) {
            if std::mem::replace(&mut place.is_starved, false) {
                // For keepalive, what came meanwhile counts when it is read.
                place.last_message = self.clock.tick();
            }
            if place.has_input() {
                self.mark_ready(slot);
            }
        }
    }
}

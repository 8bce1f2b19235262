//! Writing: the cork of the connection being read, and the queues of all others.

use std::io::{self, ErrorKind};

use super::{EventLoop, NO_SLOT, Phase, ticks};
use crate::{config::CORK_BYTES, context::Connections, handler::Handler, net::Net};

/// What became of an attempt to send.
pub(super) enum Sent {
    /// The socket took this many bytes, perhaps all.
    Some(usize),
    /// This many, and an edge tells when it takes more.
    Blocked(usize),
    /// Nothing can be sent any more.
    Broken,
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Lets what is sent to a connection gather in the cork, if its socket took everything so far.
    pub(super) fn begin_cork(&mut self, slot: u32) {
        if self.connections.slots[slot as usize].queue.is_none() {
            self.connections.cork_slot = slot;
        }
    }

    /// Writes the cork; what the socket does not take becomes the connection's queue.
    pub(super) fn flush_cork(&mut self, slot: u32) {
        let connections = &self.connections;
        if connections.cork_slot != slot
            || (connections.cork.is_empty() && connections.sealed.is_empty())
        {
            return;
        }
        if connections.slots[slot as usize].tls.is_some() {
            return self.flush_sealed(slot);
        }
        let place = &connections.slots[slot as usize];
        let sent = if place.phase == Phase::Dead || place.hung_up {
            Sent::Broken
        } else {
            Self::send(
                &mut self.net,
                self.streams[slot as usize].as_mut(),
                &self.connections.cork,
                usize::MAX,
            )
        };
        match sent {
            Sent::Some(_) => self.connections.cork.clear(),
            Sent::Blocked(count) => {
                self.connections.queue_cork(slot, count);
                self.handle_blocked(slot);
            }
            Sent::Broken => {
                self.connections.cork.clear();
                self.handle_broken(slot);
            }
        }
    }

    /// Ends corking: what is sent to the connection from now on goes through its queue.
    pub(super) fn end_cork(&mut self, slot: u32) {
        self.flush_cork(slot);
        self.connections.cork_slot = NO_SLOT;
        if self.connections.cork.capacity() > KEPT_CORK_BYTES {
            self.connections.cork = Vec::with_capacity(CORK_BYTES);
        }
    }

    /// Offers the queues of this turn to their sockets. What callbacks queue meanwhile waits for the next turn.
    pub(super) fn flush_dirty(&mut self) {
        if self.connections.dirty.is_empty() {
            return;
        }
        let mut dirty =
            std::mem::replace(&mut self.connections.dirty, std::mem::take(&mut self.spare));
        for slot in dirty.drain(..) {
            self.flush_queue(slot);
        }
        self.spare = dirty;
    }

    /// Offers a connection's queue to its socket, and tells the handler what is left.
    pub(super) fn flush_queue(&mut self, slot: u32) {
        let Some(place) = self.connections.slots.get_mut(slot as usize) else {
            return;
        };
        place.is_dirty = false;
        if place.queue.is_none() || place.phase == Phase::Dead {
            return;
        }
        if !place.is_blocked {
            self.send_queue(slot);
        }
        self.connections.recount(slot);
        let place = &mut self.connections.slots[slot as usize];
        let queued_bytes = place.queued_bytes();
        // An empty queue is low enough for any configuration.
        let low_water = self.connections.config.low_water_bytes.max(1);
        let is_relieved = place.is_throttled && queued_bytes < low_water;
        if is_relieved {
            place.is_throttled = false;
            place.handle_read_again(self.connections.clock.tick());
            if place.has_input() {
                self.connections.mark_ready(slot);
            }
        }
        self.with_state(slot, |handler, context, state| {
            handler.on_flush(context, state, queued_bytes);
        });
        if is_relieved {
            self.with_state(slot, |handler, context, state| {
                handler.on_drain(context, state);
            });
        }
        self.finish_ending(slot);
    }

    fn send_queue(&mut self, slot: u32) {
        let mut budget = FLUSH_TURNS * self.connections.config.turn_bytes;
        loop {
            let place = &mut self.connections.slots[slot as usize];
            let Some(queue) = &mut place.queue else {
                return;
            };
            if place.hung_up {
                return self.handle_broken(slot);
            }
            if place.sender.has_pending() && !queue.has_pong() {
                // The pong before it has left.
                let (sender, scratch) = (&mut place.sender, &mut self.connections.send_scratch);
                let encoded =
                    queue.append(|output| sender.encode_pending(scratch, output).map(|_| ()));
                debug_assert!(encoded.is_ok(), "a server needs no masking key");
                queue.note_pong();
            }
            if queue.is_empty() {
                match queue.refill() {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => return self.cut_off(slot, &error),
                }
                if let Some(queue) = place.queue.take() {
                    self.connections.pool.give_back(queue);
                }
                return;
            }
            if budget == 0 {
                return self.connections.mark_dirty(slot);
            }
            if let Some(state) = &mut place.tls {
                queue.seal(|plaintext, output| state.seal(plaintext, output));
                Self::recycle(&mut self.scratch, queue);
            }
            let stream = self.streams[slot as usize].as_mut();
            let sent = Self::send(&mut self.net, stream, queue.front(), budget);
            let tick = self.connections.clock.tick();
            let mut note = |count: usize| {
                if count > 0 {
                    queue.advance(count);
                    queue.progress = tick;
                    Self::recycle(&mut self.scratch, queue);
                }
                budget = budget.saturating_sub(count);
            };
            match sent {
                Sent::Some(count) => note(count),
                Sent::Blocked(count) => {
                    note(count);
                    return self.handle_blocked(slot);
                }
                Sent::Broken => return self.handle_broken(slot),
            }
        }
    }

    /// Sends at most `budget` bytes; less only if the socket is full.
    pub(super) fn send(
        net: &mut N,
        stream: Option<&mut N::Stream>,
        bytes: &[u8],
        budget: usize,
    ) -> Sent {
        let Some(stream) = stream else {
            return Sent::Broken;
        };
        let bytes = &bytes[..bytes.len().min(budget)];
        let mut count = 0;
        while count < bytes.len() {
            match Self::outcome(net.send(stream, &bytes[count..]), count, bytes.len()) {
                Sent::Some(taken) => count = taken,
                sent => return sent,
            }
        }
        Sent::Some(count)
    }

    /// What has become of `all` bytes, `count` of which were taken before the socket was asked with this result.
    #[inline(always)] // one for each turn
    pub(super) fn outcome(result: io::Result<usize>, count: usize, all: usize) -> Sent {
        match result {
            Ok(0) => Sent::Broken,
            Ok(taken) if count + taken < all && N::SHORT_MEANS_BLOCKED => {
                Sent::Blocked(count + taken)
            }
            Ok(taken) => Sent::Some(count + taken),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Sent::Blocked(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => Sent::Some(count),
            Err(_) => Sent::Broken,
        }
    }

    /// Waits for the edge that tells of room in the socket, and watches that it comes in time.
    pub(super) fn handle_blocked(&mut self, slot: u32) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        place.is_blocked = true;
        let stall = ticks(connections.config.write_stall_timeout);
        connections
            .sweep
            .hasten(slot, connections.clock.tick().saturating_add(stall));
        if !place.watches_output {
            place.watches_output = true;
            let stream = self.streams[slot as usize].as_mut();
            if stream.is_none_or(|stream| self.net.watch_output(stream, slot).is_err()) {
                self.handle_broken(slot);
            }
        }
    }

    /// Ends a connection in the middle of an answer that cannot be read to its end.
    fn cut_off(&mut self, slot: u32, error: &io::Error) {
        let peer = self.connections.slots[slot as usize].peer;
        self.log
            .warn(&self.shared.journal, &self.connections.clock, || {
                format!("an answer to {peer} was cut off: its body cannot be read: {error}")
            });
        self.connections.set_dead(slot);
    }

    /// Notes that nothing can be sent any more. What the peer sent before is still read, then the connection is lost.
    pub(super) fn handle_broken(&mut self, slot: u32) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        place.hung_up = true;
        place.is_drained = false;
        if let Some(queue) = place.queue.take() {
            connections.pool.give_back(queue);
        }
        match place.phase {
            Phase::Opening | Phase::Open => connections.mark_ready(slot),
            Phase::Closing | Phase::Ending => connections.set_dead(slot),
            Phase::Dead => {}
        }
    }
}

impl<C> Connections<C> {
    /// Makes the cork, of which `sent` bytes are gone, the connection's queue.
    fn queue_cork(&mut self, slot: u32, sent: usize) {
        let tick = self.clock.tick();
        let mut queue = self.pool.take(tick);
        if self.cork.len() - sent > CORK_BYTES {
            queue.push(std::mem::take(&mut self.cork), sent);
        } else {
            queue.copy(&self.cork[sent..]);
            self.cork.clear();
        }
        let place = &mut self.slots[slot as usize];
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        place.queue = Some(queue);
    }

    /// Counts anew what a connection holds.
    pub(crate) fn recount(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        let held = place.held_bytes();
        if held != place.counted {
            self.memory.update(place.counted, held);
            place.counted = held;
        }
    }
}

/// One connection's queue gives way to others after so many times what is read in a turn.
const FLUSH_TURNS: usize = 1;
/// A cork that grew beyond it is not kept.
const KEPT_CORK_BYTES: usize = 4 << 20;

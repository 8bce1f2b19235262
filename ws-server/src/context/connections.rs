//! The connections of one loop, by id.

use std::{
    fmt,
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, Instant},
};

use slab::Slab;
use ws_core::{CloseCode, CloseFrame, PreparedFrame, SendScratch, Sender};

use crate::{
    config::Config,
    connection_id::ConnectionId,
    error::SendError,
    event_loop::{Clock, Closed, Deadlines, Memory, NO_SLOT, Phase, QueuePool, Slot, Sweep},
    handler::{ClosedBy, Message},
    journal::Journal,
    net::PeerAddress,
};

/// All connections of one event loop.
///
/// An id of a connection that has ended, or of another loop, is an error and never another connection. What is sent
/// leaves at the end of the loop's turn.
pub struct Connections<C> {
    pub(crate) config: Arc<Config>,
    pub(crate) loop_index: u16,
    pub(crate) slots: Slab<Slot<C>>,
    /// Slots in the phase [`Phase::Open`].
    pub(crate) open: usize,
    /// Slots whose peers are given time to close their side.
    pub(crate) lingering: usize,
    pub(crate) clock: Clock,
    /// Encoded frames of the connection being read.
    pub(crate) cork: Vec<u8>,
    pub(crate) cork_slot: u32,
    /// Its encrypted bytes, if it has TLS.
    pub(crate) sealed: Vec<u8>,
    pub(crate) send_scratch: SendScratch,
    pub(crate) pool: QueuePool,
    pub(crate) memory: Memory,
    pub(crate) journal: Arc<Journal>,
    /// Connections to be served before the next poll.
    pub(crate) ready: Vec<u32>,
    /// Connections whose queues are to be offered to their sockets.
    pub(crate) dirty: Vec<u32>,
    /// Ends that a callback caused and that the handler has not been told.
    pub(crate) closed: Vec<Closed>,
    pub(crate) dead: Vec<u32>,
    pub(crate) handshakes: Deadlines,
    pub(crate) ends: Deadlines,
    pub(crate) timers: Deadlines,
    pub(crate) sweep: Sweep,
    pub(crate) after_flush: Vec<Box<dyn FnOnce() + Send>>,
}

impl<C> Connections<C> {
    pub(crate) fn new(
        config: Arc<Config>,
        loop_index: u16,
        now: Instant,
        memory: Memory,
        journal: Arc<Journal>,
    ) -> Self {
        Self {
            config,
            loop_index,
            slots: Slab::new(),
            open: 0,
            lingering: 0,
            clock: Clock::new(now),
            cork: Vec::new(),
            cork_slot: NO_SLOT,
            sealed: Vec::new(),
            send_scratch: SendScratch::server(),
            pool: QueuePool::default(),
            memory,
            journal,
            ready: Vec::new(),
            dirty: Vec::new(),
            closed: Vec::new(),
            dead: Vec::new(),
            handshakes: Deadlines::default(),
            ends: Deadlines::default(),
            timers: Deadlines::default(),
            sweep: Sweep::default(),
            after_flush: Vec::new(),
        }
    }

    /// Returns how many connections are open.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Tells whether no connection is open.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Returns the number of this loop, from 0 on.
    pub fn loop_index(&self) -> u16 {
        self.loop_index
    }

    /// Returns the loop's time, read once a turn.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the names of the open connections.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.slots
            .iter()
            .filter(|(_, slot)| slot.phase == Phase::Open)
            .map(|(index, slot)| ConnectionId::new(self.loop_index, slot_number(index), slot.nonce))
    }

    /// Tells whether the connection is open.
    pub fn contains(&self, id: ConnectionId) -> bool {
        self.find(id).is_ok()
    }

    /// Returns the handler's state of a connection; none for the one whose callback is running.
    pub fn state(&mut self, id: ConnectionId) -> Option<&mut C> {
        let slot = self.find(id).ok()?;
        self.slots[slot as usize].state.as_mut()
    }

    /// Returns the address of a connection's other end.
    pub fn peer_address(&self, id: ConnectionId) -> Option<PeerAddress> {
        let slot = self.find(id).ok()?;
        Some(self.slots[slot as usize].peer)
    }

    /// Returns how many bytes of a connection the socket has not taken yet.
    pub fn queued_bytes(&self, id: ConnectionId) -> Option<usize> {
        self.find(id).ok().map(|slot| self.unsent_of(slot))
    }

    /// Sends a message, text or binary.
    ///
    /// # Errors
    ///
    /// [`SendError::NotFound`] if the connection is not open; [`SendError::QueueFull`] if its peer reads too slowly.
    pub fn send(&mut self, id: ConnectionId, message: Message<'_>) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.send_to(slot, message)
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// As [`Connections::send`].
    pub fn send_text(&mut self, id: ConnectionId, text: &str) -> Result<(), SendError> {
        self.send(id, Message::Text(text))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// As [`Connections::send`].
    pub fn send_binary(&mut self, id: ConnectionId, data: &[u8]) -> Result<(), SendError> {
        self.send(id, Message::Binary(data))
    }

    /// Sends a message that was encoded before, without copying it if it is large.
    ///
    /// # Errors
    ///
    /// As [`Connections::send`].
    pub fn send_prepared(
        &mut self,
        id: ConnectionId,
        frame: &Arc<PreparedFrame>,
    ) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.prepared_to(slot, frame)
    }

    /// Sends a ping of at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`Connections::send`], and [`SendError::Frame`] above 125 bytes.
    pub fn send_ping(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.ping_to(slot, payload)
    }

    /// Sends a pong that nobody asked for, of at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`Connections::send_ping`].
    pub fn send_pong(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.pong_to(slot, payload)
    }

    /// Sends a text message to every open connection, encoded once; returns how many took it.
    pub fn broadcast_text(&mut self, text: &str) -> usize {
        self.broadcast_prepared(&Arc::new(PreparedFrame::text(text)))
    }

    /// Sends a binary message to every open connection, encoded once; returns how many took it.
    pub fn broadcast_binary(&mut self, data: &[u8]) -> usize {
        self.broadcast_prepared(&Arc::new(PreparedFrame::binary(data)))
    }

    /// Sends a prepared message to every open connection; returns how many took it.
    ///
    /// Those whose send queue is full do not; they are told apart by [`Connections::queued_bytes`].
    pub fn broadcast_prepared(&mut self, frame: &Arc<PreparedFrame>) -> usize {
        let mut taken = 0;
        for index in 0..self.slots.capacity() {
            let is_open = self
                .slots
                .get(index)
                .is_some_and(|slot| slot.phase == Phase::Open);
            if is_open && self.prepared_to(slot_number(index), frame).is_ok() {
                taken += 1;
            }
        }
        taken
    }

    /// Begins the closing handshake of a connection; see [`Context::close`](crate::Context::close).
    ///
    /// # Errors
    ///
    /// [`SendError::NotFound`] if the connection is not open; [`SendError::Frame`] for a code that may not be sent or
    /// a reason above 123 bytes.
    pub fn close(
        &mut self,
        id: ConnectionId,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.close_slot(slot, code, reason)
    }

    /// Ends a connection without a Close frame; whether it was open.
    pub fn abort(&mut self, id: ConnectionId) -> bool {
        let found = self.find(id);
        found.is_ok_and(|slot| self.abort_slot(slot))
    }

    /// Stops reading a connection; whether it was read before.
    pub fn pause(&mut self, id: ConnectionId) -> bool {
        let found = self.find(id);
        found.is_ok_and(|slot| self.pause_slot(slot))
    }

    /// Goes on reading a connection, with what was held back first; whether it was paused.
    pub fn resume(&mut self, id: ConnectionId) -> bool {
        let found = self.find(id);
        found.is_ok_and(|slot| self.resume_slot(slot))
    }

    /// Calls [`Handler::on_timer`](crate::Handler::on_timer) for a connection after this time, or (`None`) no more;
    /// whether the connection is open.
    pub fn set_timer(&mut self, id: ConnectionId, after: Option<Duration>) -> bool {
        let found = self.find(id);
        found.is_ok_and(|slot| {
            self.set_timer_of(slot, after);
            true
        })
    }

    /// Calls `f` at the end of this turn, when everything queued in it has been offered to the sockets once.
    ///
    /// It must not block. If the loop ends before, it is dropped.
    pub fn after_flush(&mut self, f: impl FnOnce() + Send + 'static) {
        self.after_flush.push(Box::new(f));
    }

    /// Finds the slot of an open connection.
    fn find(&self, id: ConnectionId) -> Result<u32, SendError> {
        let slot = id.slot_index();
        let is_it = id.loop_index() == self.loop_index
            && self
                .slots
                .get(slot as usize)
                .is_some_and(|slot| slot.phase == Phase::Open && slot.nonce == id.nonce());
        if is_it {
            Ok(slot)
        } else {
            Err(SendError::NotFound(id))
        }
    }

    pub(crate) fn id_of(&self, slot: u32) -> ConnectionId {
        ConnectionId::new(self.loop_index, slot, self.slots[slot as usize].nonce)
    }

    pub(crate) fn unsent_of(&self, slot: u32) -> usize {
        let corked = if self.cork_slot == slot {
            self.cork.len()
        } else {
            0
        };
        corked + self.slots[slot as usize].queued_bytes()
    }

    pub(crate) fn send_to(&mut self, slot: u32, message: Message<'_>) -> Result<(), SendError> {
        self.admit(slot, message.as_bytes().len())?;
        self.encode(slot, |sender, scratch, output| match message {
            Message::Text(text) => sender.encode_text(text, scratch, output),
            Message::Binary(data) => sender.encode_binary(data, scratch, output),
        })
    }

    pub(crate) fn ping_to(&mut self, slot: u32, payload: &[u8]) -> Result<(), SendError> {
        self.admit(slot, payload.len())?;
        self.encode(slot, |sender, scratch, output| {
            sender.encode_ping(payload, scratch, output)
        })
    }

    pub(crate) fn pong_to(&mut self, slot: u32, payload: &[u8]) -> Result<(), SendError> {
        self.admit(slot, payload.len())?;
        self.encode(slot, |sender, scratch, output| {
            sender.encode_pong(payload, scratch, output)
        })
    }

    fn prepared_to(&mut self, slot: u32, frame: &Arc<PreparedFrame>) -> Result<(), SendError> {
        self.admit(slot, frame.as_bytes().len())?;
        if self.is_corked(slot) {
            return self.encode(slot, |sender, _, output| {
                sender.encode_prepared(frame, output)
            });
        }
        let tick = self.clock.tick();
        let place = &mut self.slots[slot as usize];
        place.sender.check_prepared()?;
        let queue = place.queue.get_or_insert_with(|| self.pool.take(tick));
        queue.push_shared(frame);
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        self.mark_dirty(slot);
        Ok(())
    }

    /// Checks that the connection may send and that its queue has room.
    ///
    /// Below the high-water mark there is room for any message: a connection is read up to there, so an echo of what
    /// was read is never refused.
    fn admit(&self, slot: u32, message_bytes: usize) -> Result<(), SendError> {
        let place = &self.slots[slot as usize];
        if !place.may_send() || place.hung_up {
            return Err(SendError::Closed);
        }
        let (queued_bytes, limit_bytes) = (self.unsent_of(slot), self.config.unsent_cap());
        if queued_bytes > self.config.high_water_bytes
            && queued_bytes.saturating_add(message_bytes) > limit_bytes
        {
            let error = SendError::QueueFull {
                queued_bytes,
                message_bytes,
                limit_bytes,
            };
            let id = self.id_of(slot);
            self.journal.note_refused(self.clock.now(), id, &error);
            return Err(error);
        }
        Ok(())
    }

    fn is_corked(&self, slot: u32) -> bool {
        self.cork_slot == slot && self.slots[slot as usize].queue.is_none()
    }

    /// Encodes into the cork if it is the connection's, else into its queue, whatever that holds.
    pub(crate) fn encode(
        &mut self,
        slot: u32,
        encode: impl FnOnce(
            &mut Sender,
            &mut SendScratch,
            &mut Vec<u8>,
        ) -> Result<(), ws_core::SendError>,
    ) -> Result<(), SendError> {
        let is_corked = self.is_corked(slot);
        let place = &mut self.slots[slot as usize];
        let (sender, scratch) = (&mut place.sender, &mut self.send_scratch);
        if is_corked {
            return Ok(encode(sender, scratch, &mut self.cork)?);
        }
        let tick = self.clock.tick();
        let queue = place.queue.get_or_insert_with(|| self.pool.take(tick));
        let result = queue.append(|output| encode(sender, scratch, output));
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        self.mark_dirty(slot);
        Ok(result?)
    }

    pub(crate) fn close_slot(
        &mut self,
        slot: u32,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), SendError> {
        if !self.slots[slot as usize].may_send() {
            return Err(SendError::Closed);
        }
        self.encode(slot, |sender, scratch, output| {
            sender.encode_close(Some(CloseFrame { code, reason }), scratch, output)
        })?;
        self.begin_closing(slot);
        self.closed.push(Closed {
            slot,
            code,
            reason: reason.into(),
            by: ClosedBy::Handler,
        });
        Ok(())
    }

    pub(crate) fn abort_slot(&mut self, slot: u32) -> bool {
        let is_open = matches!(
            self.slots[slot as usize].phase,
            Phase::Open | Phase::Opening
        );
        if is_open {
            self.closed.push(Closed {
                slot,
                code: CloseCode::ABNORMAL,
                reason: "".into(),
                by: ClosedBy::Handler,
            });
        }
        self.set_dead(slot);
        is_open
    }

    pub(crate) fn pause_slot(&mut self, slot: u32) -> bool {
        !std::mem::replace(&mut self.slots[slot as usize].is_paused, true)
    }

    pub(crate) fn resume_slot(&mut self, slot: u32) -> bool {
        let tick = self.clock.tick();
        let place = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut place.is_paused, false) {
            return false;
        }
        place.keepalive.handle_received(tick);
        if place.has_input() {
            self.mark_ready(slot);
        }
        true
    }

    pub(crate) fn set_timer_of(&mut self, slot: u32, after: Option<Duration>) {
        // At least a millisecond: one that is due at once, again and again, would keep the loop in this turn.
        let soonest = self.clock.millis() + 1;
        let timer =
            after.and_then(|after| NonZeroU64::new(self.clock.deadline(after).max(soonest)));
        let place = &mut self.slots[slot as usize];
        if place.phase == Phase::Dead {
            return;
        }
        if let Some(old) = std::mem::replace(&mut place.timer, timer) {
            self.timers.remove(old.get(), slot);
        }
        if let Some(timer) = timer {
            self.timers.insert(timer.get(), slot);
        }
    }

    pub(crate) fn mark_ready(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut place.is_ready, true) {
            self.ready.push(slot);
        }
    }

    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut place.is_dirty, true) {
            self.dirty.push(slot);
        }
    }
}

impl<C> fmt::Debug for Connections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("loop_index", &self.loop_index)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// The slab never holds more than 2^32 − 1 slots; the loop refuses to fill it further.
pub(crate) fn slot_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NO_SLOT)
}

//! The connections of one loop, by id.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use slab::Slab;
use ws_core::{CloseCode, Compression, PreparedFrame, SendScratch, extension::DeflateAgreement};

use super::slots::slot_number;
use crate::{
    config::Config,
    connection_id::ConnectionId,
    error::SendError,
    event_loop::{Clock, Closed, Deadlines, Loans, Memory, NO_SLOT, Phase, QueuePool, Slot, Sweep},
    handler::Message,
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
    /// Its messages that are sent back from where they lie.
    pub(crate) loans: Loans,
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
    /// What the handshake that the handler decides about has agreed on.
    pub(crate) opening_compression: Option<DeflateAgreement>,
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
            loans: Loans::default(),
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
            opening_compression: None,
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

    /// Returns the configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
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
        self.send_with(id, message, Compression::Auto)
    }

    /// Sends a message, compressed or not as asked for; see [`Context::send_with`](crate::Context::send_with).
    ///
    /// # Errors
    ///
    /// As [`Connections::send`].
    pub fn send_with(
        &mut self,
        id: ConnectionId,
        message: Message<'_>,
        compression: Compression,
    ) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.send_to(slot, message, compression)
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

    /// Sends a message that was encoded before, without copying it if it is large; it is compressed at most once for
    /// all connections with the same window.
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

    /// Sends a prepared message that goes to nobody else, so that a context of the connection's own is made use of.
    pub(crate) fn send_prepared_alone(
        &mut self,
        id: ConnectionId,
        frame: &Arc<PreparedFrame>,
    ) -> Result<(), SendError> {
        let slot = self.find(id)?;
        self.prepared_alone_to(slot, frame)
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

    /// Sends a text message to every open connection, encoded once, and compressed once for all with the same window;
    /// returns how many took it.
    pub fn broadcast_text(&mut self, text: &str) -> usize {
        self.broadcast_prepared(&Arc::new(PreparedFrame::text(text)))
    }

    /// Sends a binary message as [`Connections::broadcast_text`] sends text; returns how many took it.
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
}

impl<C> fmt::Debug for Connections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("loop_index", &self.loop_index)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

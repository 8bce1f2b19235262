//! A connection's place in its loop.

use ws_core::{Keepalive, Receiver, Role, Sender, handshake::ServerHandshake};

use super::{queue::SendQueue, tls::TlsState};
use crate::{net::PeerAddress, proxies::ProxyHeader};

/// Everything a loop keeps for one connection but its socket, which lies beside it.
///
/// Invariant: an idle plain connection owns no heap memory, and with its socket and its tick takes at most 192 bytes
/// (asserted in [`super`]) if the handler keeps nothing.
#[derive(Debug)]
pub(crate) struct Slot<C> {
    /// The handler's state; none before the handshake and after the end, and while a callback has it.
    pub(crate) state: Option<C>,
    /// The opening handshake, until it is done.
    pub(crate) handshake: Option<Box<Opening>>,
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    /// TLS, at a listener that has it.
    pub(crate) tls: Option<Box<TlsState>>,
    /// What the socket has not taken; none if it takes everything.
    pub(crate) queue: Option<Box<SendQueue>>,
    /// Input that was received but may not be parsed yet.
    pub(crate) tail: Option<Box<Tail>>,
    /// The random part of the connection's id.
    pub(crate) nonce: u64,
    /// When the current phase must have ended, in the clock's milliseconds.
    pub(crate) deadline: Option<std::num::NonZeroU64>,
    /// When the handler's timer is due, in the clock's milliseconds.
    pub(crate) timer: Option<std::num::NonZeroU64>,
    /// Bytes that count towards the budget of memory.
    pub(crate) counted: usize,
    pub(crate) peer: PeerAddress,
    pub(crate) keepalive: Keepalive,
    /// The tick of the last message, or of the last at which it was not read.
    pub(crate) last_message: u32,
    /// Bytes dropped while lingering.
    pub(crate) dropped: u32,
    pub(crate) phase: Phase,
    /// Counted as one of the server's connections.
    pub(crate) is_established: bool,
    /// The message that came last was a long one.
    pub(crate) gets_long: bool,
    /// The handler does not want messages.
    pub(crate) is_paused: bool,
    /// The send queue was above the high-water mark and has not fallen below the low one.
    pub(crate) is_throttled: bool,
    /// The budget of memory does not allow reading.
    pub(crate) is_starved: bool,
    /// The last read emptied the socket, and no edge came since.
    pub(crate) is_drained: bool,
    /// The socket took only a part, and no edge came since.
    pub(crate) is_blocked: bool,
    /// An edge for output will come.
    pub(crate) watches_output: bool,
    /// The peer has closed its side, or an error waits: reading finds out what.
    pub(crate) read_closed: bool,
    /// Nothing can be sent any more.
    pub(crate) hung_up: bool,
    /// Our side of the TCP connection is closed for sending.
    pub(crate) is_shut: bool,
    /// Both Close frames have gone: the TCP connection may be closed at once.
    pub(crate) ends_clean: bool,
    /// In the ready list.
    pub(crate) is_ready: bool,
    /// In the dirty list.
    pub(crate) is_dirty: bool,
}

/// What a connection needs until it is open.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// What a balancer has to say first, until it has.
    pub(crate) proxy: Option<ProxyHeader>,
    pub(crate) head: ServerHandshake,
}

/// Input held back while a connection is paused.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) bytes: Vec<u8>,
    /// Bytes at the front that were parsed.
    pub(crate) start: usize,
}

impl Tail {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The opening handshake goes on.
    Opening,
    /// Messages go both ways.
    Open,
    /// Our Close frame was queued first; everything but the peer's is discarded.
    Closing,
    /// Nothing more will be queued: what is left is sent, then the TCP connection is closed.
    Ending,
    /// To be removed at the end of the turn.
    Dead,
}

impl<C> Slot<C> {
    pub(crate) fn new(nonce: u64, peer: PeerAddress, opening: Opening) -> Self {
        Self {
            state: None,
            handshake: Some(Box::new(opening)),
            receiver: Receiver::new(Role::Server),
            sender: Sender::new(Role::Server),
            tls: None,
            queue: None,
            tail: None,
            nonce,
            deadline: None,
            timer: None,
            counted: 0,
            peer,
            keepalive: Keepalive::new(0),
            last_message: 0,
            dropped: 0,
            phase: Phase::Opening,
            is_established: false,
            gets_long: false,
            is_paused: false,
            is_throttled: false,
            is_starved: false,
            is_drained: true,
            is_blocked: false,
            watches_output: false,
            read_closed: false,
            hung_up: false,
            is_shut: false,
            ends_clean: false,
            is_ready: false,
            is_dirty: false,
        }
    }

    /// Tells whether input may be taken now. A connection that can send nothing more is read to its end.
    pub(crate) fn may_read(&self) -> bool {
        if self.phase != Phase::Open {
            return self.phase != Phase::Dead;
        }
        !(self.is_paused || self.is_throttled || self.is_starved) || self.hung_up
    }

    /// Tells whether what comes are frames that are looked at.
    pub(crate) fn may_receive(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Closing)
    }

    /// Tells whether the handler may send: from its decision about the handshake on, until either side has closed.
    pub(crate) fn may_send(&self) -> bool {
        match self.phase {
            Phase::Opening => self.handshake.is_some(),
            Phase::Open => true,
            Phase::Closing | Phase::Ending | Phase::Dead => false,
        }
    }

    /// Notes that it is read again: the time in which it was not is no silence of the peer's.
    pub(crate) fn handle_read_again(&mut self, tick: u32) {
        self.keepalive.handle_received(tick);
        self.last_message = tick;
    }

    /// Tells whether there is input, held here or perhaps in the socket.
    pub(crate) fn has_input(&self) -> bool {
        self.tail.is_some() || !self.is_drained
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    /// Returns what a connection may still give back by going on: all it holds but the context of its own compressor.
    pub(crate) fn passing_bytes(&self) -> usize {
        self.counted.saturating_sub(self.sender.held_bytes())
    }

    /// Returns the bytes of memory held for the connection beside its slot, what compression keeps included.
    pub(crate) fn held_bytes(&self) -> usize {
        self.receiver.held_bytes()
            + self.sender.held_bytes()
            + self.queue.as_ref().map_or(0, |queue| queue.held_bytes())
            + self.tail.as_ref().map_or(0, |tail| tail.bytes.len())
    }
}

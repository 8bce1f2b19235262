//! A [`Net`] without a system: sockets are byte queues, time is virtual, and one seed decides about every fault.
//!
//! With `EPOLL`, an edge comes whenever bytes arrive, and a short read or write means that the next one will come.
//! Without, an edge comes once, and again only after an operation would have blocked (Windows); reads are cut short
//! at random there. In both, events that mean nothing are mixed in, and none is ever repeated.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    rc::Rc,
    time::{Duration, Instant},
};

use super::peer::Peer;
use crate::{
    ConnectionId,
    event_loop::Command,
    net::{Net, PeerAddress, Readiness},
};

/// What the tests' handler is asked for by "other threads".
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Resume(ConnectionId),
    Close(ConnectionId),
    /// A message to all, with its number.
    Broadcast(u32),
}

/// A small generator whose every number follows from the seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

/// One TCP connection.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// Bytes on their way to the server; those that count in its receive buffer.
    pub(super) inbound: VecDeque<u8>,
    pub(super) outbound: VecDeque<u8>,
    capacity: usize,
    peer_fin: bool,
    pub(super) reset: bool,
    pub(super) server_fin: bool,
    pub(super) server_closed: bool,
    slot: Option<u32>,
    watches_output: bool,
    /// Epoll: an edge that poll has not reported yet.
    input_edge: bool,
    output_edge: bool,
    /// Epoll: the socket said that it is full, so room in it makes an edge.
    is_full: bool,
    /// Windows: the next edge will come.
    input_armed: bool,
    output_armed: bool,
}

impl Pipe {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            input_armed: true,
            ..Self::default()
        }
    }

    fn has_input(&self) -> bool {
        !self.inbound.is_empty() || self.peer_fin || self.reset
    }

    fn space(&self) -> usize {
        self.capacity - self.outbound.len().min(self.capacity)
    }

    /// The peer's `send`: how many bytes went.
    pub(super) fn peer_send(&mut self, bytes: &[u8]) -> usize {
        if self.server_closed || self.reset || self.peer_fin {
            return 0;
        }
        let count = bytes.len().min(self.capacity - self.inbound.len());
        self.inbound.extend(&bytes[..count]);
        self.input_edge |= count > 0;
        count
    }

    /// The peer's `recv`.
    pub(super) fn peer_recv(&mut self, limit: usize) -> Vec<u8> {
        let count = limit.min(self.outbound.len());
        let bytes = self.outbound.make_contiguous()[..count].to_vec();
        self.outbound.drain(..count);
        if count > 0 && std::mem::take(&mut self.is_full) {
            self.output_edge = true;
        }
        bytes
    }

    pub(super) fn peer_fin(&mut self) {
        self.peer_fin = true;
        self.input_edge = true;
    }

    pub(super) fn peer_reset(&mut self) {
        self.reset = true;
        self.outbound.clear();
        self.input_edge = true;
        self.output_edge = true;
    }
}

/// Everything outside of the loop.
pub(super) struct World {
    pub(super) now: Duration,
    start: Instant,
    pub(super) dice: Dice,
    pub(super) pipes: Vec<Pipe>,
    pub(super) peers: Vec<Peer>,
    backlog: VecDeque<usize>,
    accept_edge: bool,
    /// Until then, accepting fails for want of descriptors.
    no_descriptors_until: Duration,
    pub(super) no_descriptors: usize,
    orders: VecDeque<Command<usize, Order>>,
    wake_edge: bool,
    /// Orders that arrive later.
    pub(super) later: Vec<(Duration, Order)>,
    pub(super) is_listening: bool,
    broadcasts: u32,
    /// Only in some worlds: an event for nothing also wakes what should have gone on by itself.
    has_spurious: bool,
    /// Polls in a row that nobody had anything to do in.
    quiet: u32,
}

impl World {
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant to count the virtual time from"
    )]
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            start: Instant::now(),
            dice: Dice(seed),
            pipes: Vec::new(),
            peers: Vec::new(),
            backlog: VecDeque::new(),
            accept_edge: false,
            no_descriptors_until: Duration::ZERO,
            no_descriptors: 0,
            orders: VecDeque::new(),
            wake_edge: false,
            later: Vec::new(),
            is_listening: true,
            broadcasts: 0,
            has_spurious: seed.is_multiple_of(3),
            quiet: 0,
        }
    }

    /// A peer connects: the system completes it, whether or not the server accepts.
    pub(super) fn connect(&mut self) -> usize {
        let capacity = 512 << self.dice.below(7);
        self.connect_pipe(Pipe::new(capacity))
    }

    pub(super) fn connect_pipe(&mut self, pipe: Pipe) -> usize {
        self.pipes.push(pipe);
        self.backlog.push_back(self.pipes.len() - 1);
        self.accept_edge = true;
        self.pipes.len() - 1
    }

    pub(super) fn order(&mut self, command: Command<usize, Order>) {
        self.orders.push_back(command);
        self.wake_edge = true;
    }

    /// Lets the peers act and some time pass; at most until `deadline`.
    fn step(&mut self, deadline: Option<Duration>) {
        let mut peers = std::mem::take(&mut self.peers);
        let mut has_acted = false;
        for peer in &mut peers {
            if !peer.is_done() && !self.dice.one_in(3) {
                has_acted |= peer.act(self);
            }
        }
        self.peers = peers;
        if self.broadcasts < 20 && self.dice.one_in(50) {
            self.order(Command::Handler(Order::Broadcast(self.broadcasts)));
            self.broadcasts += 1;
        }
        self.quiet = if has_acted { 0 } else { self.quiet + 1 };
        let step = if self.quiet > 20 { 200_000 } else { 2000 };
        let mut now = self.now + Duration::from_micros(self.dice.below(step) as u64);
        if let Some(deadline) = deadline {
            now = now.min(deadline.max(self.now));
        }
        self.now = now;
        let later = std::mem::take(&mut self.later);
        for (at, order) in later {
            if at <= self.now {
                self.order(Command::Handler(order));
            } else {
                self.later.push((at, order));
            }
        }
    }

    fn take_events<const EPOLL: bool>(&mut self, events: &mut Vec<Readiness>) {
        if std::mem::take(&mut self.accept_edge) && self.is_listening {
            events.push(Readiness::Accept);
        }
        if std::mem::take(&mut self.wake_edge) {
            events.push(Readiness::Commands);
        }
        for pipe in &mut self.pipes {
            let Some(slot) = pipe.slot else {
                continue;
            };
            let (readable, writable) = if EPOLL {
                (
                    std::mem::take(&mut pipe.input_edge),
                    std::mem::take(&mut pipe.output_edge) && pipe.watches_output,
                )
            } else {
                let readable = pipe.input_armed && pipe.has_input();
                let writable = pipe.output_armed && pipe.watches_output && pipe.space() > 0;
                pipe.input_armed &= !readable;
                pipe.output_armed &= !writable;
                (readable, writable)
            };
            let is_spurious = self.has_spurious && self.dice.one_in(400);
            if !(readable || writable || is_spurious) {
                continue;
            }
            events.push(Readiness::Connection {
                slot,
                readable: readable || (is_spurious && self.dice.one_in(2)),
                writable: writable || is_spurious,
                read_closed: pipe.peer_fin || pipe.reset,
                hung_up: pipe.reset || (pipe.peer_fin && pipe.server_fin),
            });
        }
    }
}

/// The loop's view of a [`World`].
#[derive(Clone)]
pub(super) struct MockNet<const EPOLL: bool>(pub(super) Rc<RefCell<World>>);

impl<const EPOLL: bool> Net for MockNet<EPOLL> {
    type Stream = usize;
    type Command = Order;

    const SHORT_MEANS_BLOCKED: bool = EPOLL;

    fn now(&self) -> Instant {
        let world = self.0.borrow();
        world.start + world.now
    }

    fn random(&mut self) -> u64 {
        self.0.borrow_mut().dice.next()
    }

    fn poll(&mut self, events: &mut Vec<Readiness>, timeout: Option<Duration>) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let deadline = timeout.map(|timeout| world.now + timeout);
        if world.dice.one_in(2) {
            world.step(deadline);
        }
        loop {
            // Sometimes poll is interrupted, or a batch is not seen at once.
            if world.dice.one_in(50) {
                return Ok(());
            }
            world.take_events::<EPOLL>(events);
            if !events.is_empty() || deadline.is_some_and(|deadline| world.now >= deadline) {
                return Ok(());
            }
            assert!(world.now < LIMIT, "the loop waits for ever");
            world.step(deadline);
        }
    }

    fn accept(&mut self) -> io::Result<(usize, PeerAddress)> {
        let mut world = self.0.borrow_mut();
        if world.no_descriptors_until > world.now {
            world.no_descriptors += 1;
            return Err(io::Error::from_raw_os_error(24));
        }
        match world.dice.below(24) {
            0 => return Err(ErrorKind::Interrupted.into()),
            1 => return Err(ErrorKind::ConnectionAborted.into()),
            2 => {
                let millis = world.dice.below(400) as u64;
                world.no_descriptors_until = world.now + Duration::from_millis(millis);
                return Err(io::Error::from_raw_os_error(24));
            }
            _ => {}
        }
        let Some(index) = world.backlog.pop_front() else {
            return Err(ErrorKind::WouldBlock.into());
        };
        let address = "127.0.0.1:50000".parse().unwrap();
        Ok((index, PeerAddress::tcp(address)))
    }

    fn refuse_with_spare(&mut self, answer: &[u8]) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let Some(index) = world.backlog.pop_front() else {
            return Err(ErrorKind::WouldBlock.into());
        };
        world.pipes[index].outbound.extend(answer);
        world.pipes[index].server_closed = true;
        Ok(())
    }

    fn place(&mut self, stream: usize, _: PeerAddress) -> Option<usize> {
        Some(stream)
    }

    fn stop_accepting(&mut self) {
        let mut world = self.0.borrow_mut();
        world.is_listening = false;
        for index in std::mem::take(&mut world.backlog) {
            world.pipes[index].peer_reset();
        }
    }

    fn register(&mut self, stream: &mut usize, slot: u32) -> io::Result<()> {
        let pipe = &mut self.0.borrow_mut().pipes[*stream];
        pipe.slot = Some(slot);
        pipe.input_edge = pipe.has_input();
        Ok(())
    }

    fn watch_output(&mut self, stream: &mut usize, _: u32) -> io::Result<()> {
        let pipe = &mut self.0.borrow_mut().pipes[*stream];
        pipe.watches_output = true;
        pipe.output_armed = true;
        pipe.output_edge |= pipe.space() > 0;
        pipe.input_edge |= pipe.has_input();
        Ok(())
    }

    fn recv(&mut self, stream: &mut usize, buffer: &mut [u8]) -> io::Result<usize> {
        let world = &mut *self.0.borrow_mut();
        let pipe = &mut world.pipes[*stream];
        if world.dice.one_in(40) {
            return Err(ErrorKind::Interrupted.into());
        }
        if pipe.inbound.is_empty() {
            if pipe.reset {
                return Err(ErrorKind::ConnectionReset.into());
            }
            if pipe.peer_fin {
                return Ok(0);
            }
            pipe.input_armed = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut count = pipe.inbound.len().min(buffer.len());
        if !EPOLL && world.dice.one_in(3) {
            count = 1 + world.dice.below(count);
        }
        buffer[..count].copy_from_slice(&pipe.inbound.make_contiguous()[..count]);
        pipe.inbound.drain(..count);
        Ok(count)
    }

    fn recv_vectored(
        &mut self,
        stream: &mut usize,
        first: &mut [u8],
        second: &mut [u8],
    ) -> io::Result<usize> {
        let mut both = vec![0; first.len() + second.len()];
        let count = self.recv(stream, &mut both)?;
        let (begin, end) = both.split_at(first.len());
        first.copy_from_slice(begin);
        second.copy_from_slice(end);
        Ok(count)
    }

    fn send_vectored(&mut self, stream: &mut usize, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        self.send(stream, &all)
    }

    fn send(&mut self, stream: &mut usize, bytes: &[u8]) -> io::Result<usize> {
        let world = &mut *self.0.borrow_mut();
        let pipe = &mut world.pipes[*stream];
        assert!(!pipe.server_fin, "sent after our side was closed");
        if world.dice.one_in(40) {
            return Err(ErrorKind::Interrupted.into());
        }
        if pipe.reset {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut count = bytes.len().min(pipe.space());
        if count == 0 {
            pipe.output_armed = true;
            pipe.is_full = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        if !EPOLL && world.dice.one_in(3) {
            count = 1 + world.dice.below(count);
        }
        pipe.outbound.extend(&bytes[..count]);
        pipe.is_full |= count < bytes.len();
        Ok(count)
    }

    fn shutdown_output(&mut self, stream: &mut usize) -> io::Result<()> {
        self.0.borrow_mut().pipes[*stream].server_fin = true;
        Ok(())
    }

    fn close(&mut self, stream: usize) {
        let pipe = &mut self.0.borrow_mut().pipes[stream];
        pipe.slot = None;
        pipe.server_closed = true;
        // Unread input makes the system reset the connection, which costs the peer what it has not read.
        if !pipe.inbound.is_empty() && !pipe.reset {
            pipe.reset = true;
            pipe.outbound.clear();
        }
    }

    fn take_command(&mut self) -> Option<Command<usize, Order>> {
        self.0.borrow_mut().orders.pop_front()
    }
}

/// No run takes longer, in virtual time.
pub(super) const LIMIT: Duration = Duration::from_secs(900);

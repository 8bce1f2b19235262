//! The event loop: one thread, its sockets, and a handler.
//!
//! ```text
//!  turn:  poll ─> accept ─> commands ─> ready connections: flush, one recv, all its frames, one send
//!              ─> deadlines, sweep ─> flush what was queued meanwhile ─> remove what ended
//! ```
//!
//! Invariant: nothing here touches a socket, a clock, randomness or a channel but through [`Net`]; `clippy.toml`
//! turns this into a lint.
//! Invariant: readiness is edge-triggered and only a hint. What may have more stays in the ready list until an
//! operation found it drained, so no edge is waited for that will not come.
//! Invariant: a slot that ended is removed at the end of the turn, so events and lists of this turn cannot reach its
//! successor, and those of earlier turns only cause a look for nothing.
//! Invariant: each successful `on_open` is followed by exactly one `on_close`, which takes the state out of the slot.
//!
//! Tested by the simulator in `tests` beside this file, over a mock `Net` with one seed, which looks into the loop after
//! every turn; and over real sockets in `ws-server/tests`.

mod accept;
mod answering;
mod closing;
mod command;
mod connection;
mod input;
mod loan;
mod memory;
mod opening;
mod output;
mod queue;
mod scratch;
mod silence;
mod starving;
mod stopping;
#[cfg(test)]
mod tests;
mod timers;
mod tls;

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use ws_core::Scratch;

use self::{
    accept::Accepting,
    input::ReceiveBuffer,
    scratch::{Kept, pooled_bytes_limit},
    timers::{TICK_MILLIS, ticks},
};
pub(crate) use self::{
    closing::Closed,
    command::Command,
    connection::{Phase, Slot, Tail},
    loan::{LENT_BYTES, Loans},
    memory::{Memory, Shared},
    queue::QueuePool,
    timers::{Clock, Deadlines, Sweep},
};
use crate::{
    config::Config,
    context::{Connections, Context},
    handler::Handler,
    http,
    journal::Journal,
    net::{Net, Readiness},
    statistics::Limit,
};

/// One event loop: it serves its connections until it is stopped.
pub(crate) struct EventLoop<N: Net, H: Handler<Command = N::Command>> {
    handler: H,
    net: N,
    connections: Connections<H::Connection>,
    /// The socket of each slot.
    streams: Vec<Option<N::Stream>>,
    /// None only while a connection receives.
    scratch: Option<Box<Scratch>>,
    kept: Kept,
    buffer: ReceiveBuffer,
    /// The second receive buffer: what TLS makes of the first.
    plaintext: Vec<u8>,
    shared: Arc<Shared>,
    bound_to_loopback: bool,
    accepting: Accepting,
    has_commands: bool,
    /// A command that was met when only those for the handler could be taken.
    held_command: Option<Command<N::Stream, N::Command>>,
    /// When the loop ends, whatever is left, in the clock's milliseconds.
    stop_at: Option<u64>,
    /// Connections that wait for the budget of memory; the first may go on, so that something is freed.
    starved: VecDeque<u32>,
    /// Until when the first of them may go on while others wait, in the clock's milliseconds.
    fed_until: Option<u64>,
    /// Whether a message of its has come since.
    is_fed: bool,
    /// The tick at which the others were last looked at.
    fed_others_at: u32,
    /// The last that hung up and was read to its end without memory for it.
    draining: Option<u32>,
    log: RareLog,
    events: Vec<Readiness>,
    /// An empty list, kept for its memory.
    spare: Vec<u32>,
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    pub(crate) fn new(
        handler: H,
        net: N,
        config: Arc<Config>,
        loop_index: u16,
        shared: Arc<Shared>,
        bound_to_loopback: bool,
    ) -> Self {
        let memory = Memory::new(Arc::clone(&shared), config.memory_bytes);
        let now: Instant = net.now();
        let scratch =
            Scratch::new(config.limits.clone()).pooled_bytes_limit(pooled_bytes_limit(&config));
        Self {
            handler,
            scratch: Some(Box::new(scratch)),
            kept: Kept::default(),
            connections: Connections::new(
                config,
                loop_index,
                now,
                memory,
                Arc::clone(&shared.journal),
            ),
            net,
            streams: Vec::new(),
            buffer: ReceiveBuffer::new(),
            plaintext: Vec::new(),
            shared,
            bound_to_loopback,
            // Connections may have come before the listener was watched.
            accepting: Accepting {
                is_pending: true,
                ..Accepting::default()
            },
            has_commands: true,
            held_command: None,
            stop_at: None,
            starved: VecDeque::new(),
            fed_until: None,
            is_fed: false,
            fed_others_at: 0,
            draining: None,
            log: RareLog::default(),
            events: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Serves until the loop is stopped and its connections have ended.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        while self.turn()? {}
        Ok(())
    }

    /// Waits for events and handles them; tells whether the loop goes on.
    pub(crate) fn turn(&mut self) -> io::Result<bool> {
        let timeout = self.timeout();
        let mut events = std::mem::take(&mut self.events);
        let asked_at = self.connections.clock.now();
        self.net.poll(&mut events, timeout, asked_at)?;
        self.connections.clock.set(self.net.now());
        for event in &events {
            self.handle_event(*event);
        }
        events.clear();
        self.events = events;
        self.accept();
        self.take_commands();
        self.serve_ready();
        self.handle_deadlines();
        self.sweep();
        self.flush_dirty();
        self.keep_scratch();
        if !self.connections.after_flush.is_empty() {
            for f in std::mem::take(&mut self.connections.after_flush) {
                f();
            }
        }
        if !self.connections.dead.is_empty() {
            self.remove_dead();
        }
        self.feed_starved();
        let goes_on = !self.is_stopped();
        if !goes_on {
            self.uncount_scratch();
        }
        Ok(goes_on)
    }

    fn handle_event(&mut self, event: Readiness) {
        match event {
            Readiness::Accept => self.accepting.is_pending = true,
            Readiness::Commands => self.has_commands = true,
            Readiness::Connection {
                slot,
                readable,
                writable,
                read_closed,
                hung_up,
            } => {
                // An event of a connection that is gone: its slot is empty, or its successor looks for nothing.
                let Some(place) = self.connections.slots.get_mut(slot as usize) else {
                    return;
                };
                place.is_drained &= !(readable || read_closed || hung_up);
                if writable && place.is_blocked {
                    // The peer reads; a ping that waited behind what it had not read could not be answered (R-17).
                    place
                        .keepalive
                        .handle_received(self.connections.clock.tick());
                }
                place.is_blocked &= !(writable || hung_up);
                place.read_closed |= read_closed;
                place.hung_up |= hung_up;
                self.connections.mark_ready(slot);
            }
        }
    }

    fn take_commands(&mut self) {
        if !self.has_commands {
            return;
        }
        for _ in 0..COMMANDS_IN_A_TURN {
            match self.held_command.take().or_else(|| self.net.take_command()) {
                Some(Command::Adopt(stream, peer)) => self.adopt(stream, peer),
                Some(Command::Handler(command)) => self.hand_over(command),
                Some(Command::Stop(at_most)) => self.stop(at_most),
                None => {
                    self.has_commands = false;
                    return;
                }
            }
        }
    }

    /// Hands the handler what other threads have sent by now, in the middle of a connection's turn: before its Close is
    /// answered, since behind that nothing may be sent (RFC 6455 §5.5.1).
    ///
    /// The peer may be in the same program, which sent something at one end before it closed the other. A connection that
    /// another loop hands over is no reason to stop there: nobody looks at it before this turn is over.
    ///
    /// A command may be about the connection itself, whose state is in its slot. What it sends goes before the answer; if it
    /// closes, ours was the first Close, and the peer's is its answer; if it aborts, nothing is answered; and pausing no
    /// longer matters, as what follows a Close is not looked at.
    ///
    /// However many they are, but none that comes meanwhile: who sends without end does not keep the others waiting.
    fn take_handler_commands(&mut self) {
        for _ in 0..self.net.waiting_commands() {
            if self.held_command.is_some() {
                return;
            }
            match self.net.take_command() {
                Some(Command::Handler(command)) => self.hand_over(command),
                Some(Command::Adopt(stream, peer)) => self.adopt(stream, peer),
                other => {
                    self.has_commands |= other.is_some();
                    self.held_command = other;
                    return;
                }
            }
        }
    }

    fn hand_over(&mut self, command: H::Command) {
        self.handler.on_command(&mut self.connections, command);
        self.tell_closed();
    }

    /// Gives each connection of the ready list a turn; those that have more join the next list.
    fn serve_ready(&mut self) {
        let mut ready =
            std::mem::replace(&mut self.connections.ready, std::mem::take(&mut self.spare));
        for slot in &ready {
            self.serve(*slot);
        }
        ready.clear();
        self.spare = ready;
    }

    fn handle_deadlines(&mut self) {
        let now = self.connections.clock.millis();
        while let Some(slot) = self.connections.handshakes.poll_due(now) {
            self.connections.slots[slot as usize].deadline = None;
            self.shared.count_limit(Limit::HandshakeTimeout);
            let answer = http::too_slow(&self.connections.config);
            self.refuse(slot, &answer, false);
        }
        while let Some(slot) = self.connections.ends.poll_due(now) {
            self.connections.slots[slot as usize].deadline = None;
            self.connections.set_dead(slot);
        }
        while let Some(slot) = self.connections.timers.poll_due(now) {
            self.connections.slots[slot as usize].timer = None;
            self.with_state(slot, |handler, context, state| {
                handler.on_timer(context, state);
            });
        }
    }

    /// Returns how long the loop may wait; zero while something can go on without an event.
    fn timeout(&self) -> Option<Duration> {
        let connections = &self.connections;
        let has_work = !connections.ready.is_empty()
            || !connections.dirty.is_empty()
            || self.has_commands
            || (self.accepting.is_pending && self.accepting.retry_at.is_none());
        if has_work {
            return Some(Duration::ZERO);
        }
        let starved = (!self.starved.is_empty()).then(|| connections.clock.deadline(STARVED_LOOK));
        let sweep = connections.sweep.next();
        // Written out: a list of them that is gone through costs four times as much, in each turn.
        let at = |deadline: Option<u64>| deadline.unwrap_or(u64::MAX);
        let soonest = at(connections.handshakes.next())
            .min(at(connections.ends.next()))
            .min(at(connections.timers.next()))
            .min(at(sweep.map(|tick| u64::from(tick) * TICK_MILLIS)))
            .min(at(self.accepting.retry_at))
            .min(at(self.stop_at))
            .min(at(starved))
            .min(at(self.kept.trim_at));
        (soonest < u64::MAX).then(|| connections.clock.until(soonest))
    }

    /// Calls the handler for a connection that is open, then tells it of the ends that it caused.
    fn with_state(
        &mut self,
        slot: u32,
        call: impl FnOnce(&mut H, &mut Context<'_, H::Connection>, &mut H::Connection),
    ) {
        let place = self.connections.slots.get_mut(slot as usize);
        let Some(mut state) = place.and_then(|place| place.state.take()) else {
            return;
        };
        let connections = &mut self.connections;
        let context = &mut Context { connections, slot };
        call(&mut self.handler, context, &mut state);
        self.connections.slots[slot as usize].state = Some(state);
        self.tell_closed();
    }
}

/// Warnings of which at most one a second is written; the event log has a measure of its own.
#[derive(Debug, Default)]
pub(crate) struct RareLog {
    /// Not before, in the clock's milliseconds.
    next: u64,
    left_out: u64,
}

impl RareLog {
    pub(crate) fn warn(&mut self, journal: &Journal, clock: &Clock, text: impl FnOnce() -> String) {
        let now = clock.millis();
        let is_left_out = now < self.next;
        if is_left_out && !journal.is_on() {
            self.left_out += 1;
            return;
        }
        let text = text();
        journal.note_limited(clock.now(), "warnings", format_args!("{text}"));
        if is_left_out {
            self.left_out += 1;
            return;
        }
        match std::mem::take(&mut self.left_out) {
            0 => log::warn!("{text}"),
            count => log::warn!("{text} ({count} more warnings were left out)"),
        }
        self.next = now + RARE_LOG_MILLIS;
    }
}

/// What stands for no slot.
pub(crate) const NO_SLOT: u32 = u32::MAX;
const COMMANDS_IN_A_TURN: usize = 1024;
/// Another loop may have freed memory: looked at this often.
const STARVED_LOOK: Duration = Duration::from_millis(100);
const RARE_LOG_MILLIS: u64 = 1000;

/// Slot, socket and tick of an idle connection (design, "Slots").
const IDLE_BYTES: usize = size_of::<Slot<()>>()
    + size_of::<Option<<crate::net::mio::MioNet<()> as Net>::Stream>>()
    + size_of::<u32>();
const MOST_IDLE_BYTES: usize = 192 + POLL_BYTES + REGISTRATION_BYTES;
/// With debug assertions mio keeps in each socket which poll it belongs to.
const POLL_BYTES: usize = if cfg!(debug_assertions) { 16 } else { 0 };
/// On Windows mio keeps in each socket what it arms anew after every operation.
const REGISTRATION_BYTES: usize = if cfg!(windows) { 16 } else { 0 };
const _: () = assert!(IDLE_BYTES <= MOST_IDLE_BYTES);

//! The event loop's only door to the outside.
//!
//! Everything a loop can observe or cause passes through [`Net`]: readiness, sockets, time, randomness and commands
//! of other threads. [`mio`] is the real one; the tests' mock has a virtual clock and one seed, so that a run can be
//! repeated exactly.
//!
//! Invariant: readiness is edge-triggered and only a hint. A loop that was told "readable" once is not told again
//! until an operation found the socket drained, and may be told for nothing.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod alarm;
mod bell;
pub(crate) mod commands;
pub(crate) mod mio;
mod peer;

use std::{
    io::{self, IoSlice},
    time::{Duration, Instant},
};

pub use self::peer::PeerAddress;
use crate::event_loop::Command;

/// What an event loop needs from the system.
pub(crate) trait Net {
    /// An accepted connection's socket.
    type Stream;
    /// What other threads send to the handler.
    type Command;

    /// Whether a read that did not fill the buffer, or a write that took only a part, means that the next edge will
    /// come by itself (epoll). Otherwise only an operation that "would block" arms the next edge (Windows).
    const SHORT_MEANS_BLOCKED: bool;

    /// Tells the time, monotonic.
    fn now(&self) -> Instant;

    /// Draws 64 bits from a cryptographically secure source.
    fn random(&mut self) -> u64;

    /// Waits for events, from `now` at most `timeout`; `None` waits for ever. An interruption is no error, just no events.
    ///
    /// `now` is what [`Net::now`] told after the wait before.
    fn poll(
        &mut self,
        events: &mut Vec<Readiness>,
        timeout: Option<Duration>,
        now: Instant,
    ) -> io::Result<()>;

    /// Takes the next connection of the listener.
    fn accept(&mut self) -> io::Result<(Self::Stream, PeerAddress)>;

    /// Takes the next connection at the cost of the spare descriptor, sends `answer` as far as the socket takes it,
    /// and drops the connection. For when accepting fails for want of descriptors.
    fn refuse_with_spare(&mut self, answer: &[u8]) -> io::Result<()>;

    /// Gives a new connection to the loop with the fewest, unless that is this one.
    fn place(&mut self, stream: Self::Stream, peer: PeerAddress) -> Option<Self::Stream>;

    /// Closes the listener; the port is free afterwards.
    fn stop_accepting(&mut self);

    /// Starts to watch a connection for input.
    fn register(&mut self, stream: &mut Self::Stream, slot: u32) -> io::Result<()>;

    /// Watches a registered connection for output too.
    fn watch_output(&mut self, stream: &mut Self::Stream, slot: u32) -> io::Result<()>;

    /// Receives bytes; 0 means that the peer has closed its side.
    fn recv(&mut self, stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize>;

    /// Receives bytes into `first`, and perhaps into `second` what comes behind them; 0 as for [`Net::recv`].
    fn recv_vectored(
        &mut self,
        stream: &mut Self::Stream,
        first: &mut [u8],
        second: &mut [u8],
    ) -> io::Result<usize> {
        let buffer = if first.is_empty() { second } else { first };
        self.recv(stream, buffer)
    }

    /// Sends as many bytes as the socket takes.
    fn send(&mut self, stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<usize>;

    /// Sends as many bytes of these parts, one behind the other, as the socket takes.
    fn send_vectored(
        &mut self,
        stream: &mut Self::Stream,
        parts: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let first = parts.iter().find(|part| !part.is_empty());
        first.map_or(Ok(0), |part| self.send(stream, part))
    }

    /// Closes our side of the connection for sending.
    fn shutdown_output(&mut self, stream: &mut Self::Stream) -> io::Result<()>;

    /// Ends a registered connection.
    fn close(&mut self, stream: Self::Stream);

    /// Takes the next command of another thread, if there is one.
    fn take_command(&mut self) -> Option<Command<Self::Stream, Self::Command>>;

    /// Tells how many commands there are to take: all that other threads have sent by now, and perhaps more.
    fn waiting_commands(&self) -> usize;
}

/// One event of [`Net::poll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// The listener has connections.
    Accept,
    /// Other threads have sent commands.
    Commands,
    /// A connection can go on.
    Connection {
        slot: u32,
        readable: bool,
        writable: bool,
        /// The peer closed its side, or out-of-band data or an error waits: a short read does not mean drained.
        read_closed: bool,
        /// Both sides are closed or the socket has an error: nothing can be sent any more.
        hung_up: bool,
    },
}

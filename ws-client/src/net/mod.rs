//! The only door from the engine to the outside: one socket, one clock, one source of randomness.
//!
//! [`tcp`] is the real one. The tests drive the same engine through a mock with a virtual clock that makes short
//! writes, interruptions and errors wherever a test wants them.
//! Invariant: nothing outside `net` and `dial` names a socket or reads the clock (`clippy.toml`).

use std::io;
use std::time::Instant;

use ws_core::MaskingKeys;

use crate::deadline::Deadline;

#[cfg(test)]
pub(crate) mod mock;
pub(crate) mod shared;
pub(crate) mod stream;
pub(crate) mod tcp;

pub(crate) use tcp::now;

/// A connected byte stream that never blocks, with what the engine needs beside it.
pub(crate) trait Net {
    /// The time; never goes backwards.
    fn now(&self) -> Instant;

    /// Waits for readiness, a wake-up or the deadline. Readiness is told once for each change (edge-triggered), so the
    /// caller remembers it until an operation answers `WouldBlock`. A signal may end it early with nothing.
    fn poll(&mut self, deadline: Deadline) -> io::Result<Readiness>;

    /// Takes what has arrived; 0 = the peer has ended its side.
    fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Hands over a part of `bytes`; a closed peer is an error and never a signal.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Tells the peer that nothing more will come.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// True once for any number of interrupts since the last call.
    fn take_interrupt(&mut self) -> bool;

    /// A source of masking keys that the peer cannot predict (RFC 6455 §10.3).
    fn masking_keys(&mut self) -> io::Result<Box<dyn MaskingKeys + Send>>;
}

/// What [`Net::poll`] has learnt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has ended its side or the connection is in error: a short read does not mean that nothing is left.
    pub(crate) ending: bool,
}

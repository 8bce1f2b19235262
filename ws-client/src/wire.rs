//! One byte stream: the socket, what still has to leave, and what is known of its readiness.
//!
//! The opening handshake and the engine use the same wire, so a byte transformer (TLS) has one place to be.
//! Invariant: readiness is remembered until the socket answers `WouldBlock`, because it is told only once.

use std::io;

use crate::deadline::Deadline;
use crate::net::Net;

/// A socket with its output.
#[derive(Debug)]
pub(crate) struct Wire<N> {
    pub(crate) net: N,
    output: Vec<u8>,
    sent: usize,
    readable: bool,
    writable: bool,
    ending: bool,
}

impl<N: Net> Wire<N> {
    pub(crate) fn new(net: N) -> Self {
        Self {
            net,
            output: Vec::new(),
            sent: 0,
            readable: true,
            writable: true,
            ending: false,
        }
    }

    /// Where frames are appended; call [`Wire::send_some`] afterwards.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Forgets what has not left, because it never will; what has come is to be read to its end, told of or not.
    pub(crate) fn discard_output(&mut self) {
        self.output = Vec::new();
        self.sent = 0;
        self.writable = false;
        self.readable = true;
        self.ending = true;
    }

    /// Bytes that have not left yet.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Hands the socket as much as it takes at once; false if it took nothing.
    pub(crate) fn send_some(&mut self) -> io::Result<bool> {
        if !self.writable || self.unsent_bytes() == 0 {
            return Ok(false);
        }
        loop {
            match self.net.send(&self.output[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.sent += count;
                    if self.unsent_bytes() == 0 {
                        self.sent = 0;
                        self.output.clear();
                        if self.output.capacity() > KEPT_OUTPUT_BYTES {
                            // Freed, not shrunk: the allocator then gives the next long message pages that are
                            // mapped already.
                            self.output = Vec::new();
                        }
                    }
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what has arrived: `None` = nothing yet, `Some(0)` = the peer has ended its side.
    pub(crate) fn receive_some(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.readable {
            return Ok(None);
        }
        loop {
            match self.net.recv(buffer) {
                Ok(count) => {
                    let drained = SHORT_READ_DRAINS && count > 0 && count < buffer.len();
                    self.readable = !drained || self.ending;
                    return Ok(Some(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for readiness, an interrupt or the deadline; true if the socket became ready.
    pub(crate) fn wait(&mut self, deadline: Deadline) -> io::Result<bool> {
        let readiness = self.net.poll(deadline)?;
        self.readable |= readiness.readable;
        self.writable |= readiness.writable;
        self.ending |= readiness.ending;
        Ok(readiness.readable || readiness.writable)
    }
}

/// epoll tells of data that comes after a short read; elsewhere mio needs to see `WouldBlock` first.
const SHORT_READ_DRAINS: bool = cfg!(any(target_os = "linux", target_os = "android"));
/// A larger output buffer is given back once it is empty.
const KEPT_OUTPUT_BYTES: usize = 256 << 10;

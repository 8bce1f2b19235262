//! Readiness of an edge-triggered socket, and the two calls that use it up.

use std::io;

use crate::net::{Net, Readiness};

/// What is known of a socket's readiness.
#[derive(Debug)]
pub(super) struct Edges {
    readable: bool,
    pub(super) writable: bool,
    ending: bool,
}

impl Edges {
    pub(super) fn new() -> Self {
        Self {
            readable: true,
            writable: true,
            ending: false,
        }
    }

    pub(super) fn note(&mut self, readiness: Readiness) {
        self.readable |= readiness.readable;
        self.writable |= readiness.writable;
        self.ending |= readiness.ending;
    }

    /// Nothing more can be sent; what has come is to be read to its end, told of or not.
    pub(super) fn break_off(&mut self) {
        self.writable = false;
        self.readable = true;
        self.ending = true;
    }

    /// Hands over a part of `bytes`; `None` = there is no room.
    pub(super) fn send(&mut self, net: &mut impl Net, bytes: &[u8]) -> io::Result<Option<usize>> {
        loop {
            match net.send(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what has arrived: `None` = nothing yet, `Some(0)` = the end.
    pub(super) fn recv(
        &mut self,
        net: &mut impl Net,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        if !self.readable {
            return Ok(None);
        }
        loop {
            match net.recv(buffer) {
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
}

/// epoll tells of data that comes after a short read; elsewhere mio needs to see `WouldBlock` first.
const SHORT_READ_DRAINS: bool = cfg!(any(target_os = "linux", target_os = "android"));

//! Many sockets on one poll: a [`Net`] for each, whose readiness the poll's owner puts in.
#![expect(
    clippy::disallowed_types,
    reason = "this module is the door to the sockets"
)]

use std::fmt;
use std::io;
use std::mem;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use ws_core::MaskingKeys;

use super::stream::Stream;
use super::tcp::{RandomKeys, TcpNet, now};
use super::{Net, Readiness};
use crate::deadline::Deadline;

/// What is learnt of at once.
const EVENTS: usize = 1024;

/// The poll.
pub(crate) struct SharedPoll {
    poll: Poll,
    events: Events,
}

impl SharedPoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
        })
    }

    /// Watches the connection of `net` from now on, as number `number`.
    pub(crate) fn watch(&self, net: TcpNet, number: usize) -> io::Result<SharedNet> {
        let mut stream = net.into_stream()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(stream.source(), Token(number), interest)?;
        Ok(SharedNet {
            stream,
            readiness: Readiness::default(),
        })
    }

    /// Waits; tells of each connection whose readiness has changed.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut tell: impl FnMut(usize, Readiness),
    ) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let ending = event.is_read_closed() || event.is_write_closed() || event.is_error();
            let readiness = Readiness {
                // An error is learnt by reading.
                readable: event.is_readable() || ending,
                writable: event.is_writable(),
                ending,
            };
            tell(event.token().0, readiness);
        }
        Ok(())
    }
}

impl fmt::Debug for SharedPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedPoll")
    }
}

/// Masking keys for many connections.
pub(crate) fn masking_keys() -> io::Result<Box<dyn MaskingKeys + Send>> {
    Ok(Box::new(RandomKeys::new()?))
}

/// One of the connections.
#[derive(Debug)]
pub(crate) struct SharedNet {
    stream: Stream,
    readiness: Readiness,
}

impl SharedNet {
    /// Puts in what the poll has told.
    pub(crate) fn note(&mut self, readiness: Readiness) {
        self.readiness.readable |= readiness.readable;
        self.readiness.writable |= readiness.writable;
        self.readiness.ending |= readiness.ending;
    }
}

impl Net for SharedNet {
    fn now(&self) -> Instant {
        now()
    }

    /// Never waits.
    fn poll(&mut self, _: Deadline) -> io::Result<Readiness> {
        Ok(mem::take(&mut self.readiness))
    }

    fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.stream.shutdown_write()
    }

    fn take_interrupt(&mut self) -> bool {
        false
    }

    fn masking_keys(&mut self) -> io::Result<Box<dyn MaskingKeys + Send>> {
        masking_keys()
    }
}

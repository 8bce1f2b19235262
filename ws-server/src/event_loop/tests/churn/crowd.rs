//! A [`Net`] that is nothing but a crowd of sockets: no faults but the late event, and little work for each.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind},
    rc::Rc,
    time::{Duration, Instant},
};

use crate::{
    event_loop::Command,
    net::{Net, PeerAddress, Readiness},
};

/// A socket, as the peer and the server see it.
#[derive(Debug, Default)]
pub(super) struct Socket {
    pub(super) inbound: VecDeque<u8>,
    pub(super) outbound: Vec<u8>,
    /// Says this over and over, up to so many bytes.
    pub(super) endless: Option<(Vec<u8>, usize)>,
    pub(super) received: usize,
    pub(super) fin: bool,
    pub(super) reset: bool,
    slot: Option<u32>,
    pub(super) is_closed: bool,
}

/// What the peers and the system do; sockets are used again like descriptors.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    now: Duration,
    random: u64,
    pub(super) sockets: Vec<Socket>,
    /// Sockets that were accepted and not closed.
    pub(super) open: usize,
    backlog: VecDeque<usize>,
    events: Vec<Readiness>,
    commands: VecDeque<Command<usize, ()>>,
}

impl Crowd {
    pub(super) fn connect(&mut self) -> usize {
        let closed = self.sockets.iter().position(|socket| socket.is_closed);
        let index = closed.unwrap_or_else(|| {
            self.sockets.push(Socket::default());
            self.sockets.len() - 1
        });
        self.sockets[index] = Socket::default();
        self.backlog.push_back(index);
        self.events.push(Readiness::Accept);
        index
    }

    /// Something has come; or had come, of a socket that is closed: what is told of its slot is told too late.
    pub(super) fn tell(&mut self, index: usize) {
        let socket = &self.sockets[index];
        let is_late = socket.is_closed;
        self.events
            .extend(socket.slot.map(|slot| Readiness::Connection {
                slot,
                readable: true,
                writable: true,
                read_closed: (socket.fin || socket.reset) && !is_late,
                hung_up: socket.reset && !is_late,
            }));
    }

    pub(super) fn say(&mut self, index: usize, bytes: &[u8]) {
        self.sockets[index].inbound.extend(bytes);
        self.tell(index);
    }
}

#[derive(Clone)]
pub(super) struct CrowdNet {
    pub(super) crowd: Rc<RefCell<Crowd>>,
    start: Instant,
}

impl CrowdNet {
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant to count the virtual time from"
    )]
    pub(super) fn new() -> Self {
        Self {
            crowd: Rc::default(),
            start: Instant::now(),
        }
    }
}

impl Net for CrowdNet {
    type Stream = usize;
    type Command = ();

    const SHORT_MEANS_BLOCKED: bool = true;

    fn now(&self) -> Instant {
        self.start + self.crowd.borrow().now
    }

    fn random(&mut self) -> u64 {
        let mut crowd = self.crowd.borrow_mut();
        crowd.random = crowd.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        crowd.random
    }

    fn poll(
        &mut self,
        events: &mut Vec<Readiness>,
        _: Option<Duration>,
        _: Instant,
    ) -> io::Result<()> {
        let mut crowd = self.crowd.borrow_mut();
        crowd.now += Duration::from_millis(1);
        events.append(&mut crowd.events);
        if !crowd.commands.is_empty() {
            events.push(Readiness::Commands);
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<(usize, PeerAddress)> {
        let mut crowd = self.crowd.borrow_mut();
        let index = crowd.backlog.pop_front().ok_or(ErrorKind::WouldBlock)?;
        crowd.open += 1;
        let address = "127.0.0.1:50000".parse().unwrap();
        Ok((index, PeerAddress::tcp(address)))
    }

    fn refuse_with_spare(&mut self, _: &[u8]) -> io::Result<()> {
        panic!("there is room for all")
    }

    fn place(&mut self, stream: usize, _: PeerAddress) -> Option<usize> {
        Some(stream)
    }

    fn stop_accepting(&mut self) {}

    fn register(&mut self, stream: &mut usize, slot: u32) -> io::Result<()> {
        let crowd = &mut *self.crowd.borrow_mut();
        crowd.sockets[*stream].slot = Some(slot);
        // What came before is told now.
        crowd.tell(*stream);
        Ok(())
    }

    fn watch_output(&mut self, _: &mut usize, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn recv(&mut self, stream: &mut usize, buffer: &mut [u8]) -> io::Result<usize> {
        let socket = &mut self.crowd.borrow_mut().sockets[*stream];
        assert!(!socket.is_closed, "a closed socket was read");
        if let Some((said, most)) = &socket.endless
            && socket.inbound.is_empty()
        {
            let count = buffer.len().min(most - socket.received);
            for byte in &mut buffer[..count] {
                *byte = said[socket.received % said.len()];
                socket.received += 1;
            }
            return if count == 0 {
                Err(ErrorKind::WouldBlock.into())
            } else {
                Ok(count)
            };
        }
        if socket.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if socket.inbound.is_empty() && !socket.fin {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(socket.inbound.len());
        buffer[..count].copy_from_slice(&socket.inbound.make_contiguous()[..count]);
        socket.inbound.drain(..count);
        Ok(count)
    }

    fn send(&mut self, stream: &mut usize, bytes: &[u8]) -> io::Result<usize> {
        let socket = &mut self.crowd.borrow_mut().sockets[*stream];
        socket.outbound.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn shutdown_output(&mut self, _: &mut usize) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self, stream: usize) {
        let crowd = &mut *self.crowd.borrow_mut();
        assert!(!crowd.sockets[stream].is_closed, "closed twice");
        crowd.sockets[stream].is_closed = true;
        crowd.open -= 1;
        crowd.tell(stream);
    }

    fn take_command(&mut self) -> Option<Command<usize, ()>> {
        self.crowd.borrow_mut().commands.pop_front()
    }

    fn waiting_commands(&self) -> usize {
        self.crowd.borrow().commands.len()
    }
}

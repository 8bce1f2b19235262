//! A [`Net`] that follows a script, with a virtual clock.
//!
//! As strict as an edge-triggered poll may be: readiness is told once, and only for what is new since the last
//! `WouldBlock` or short read. A wait that nothing can end fails the test instead of hanging it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ws_core::{MaskingKeys, Role, Scratch};

use super::{Net, Readiness, now};
use crate::deadline::Deadline;

pub(crate) mod service;

/// A mock socket; clones share one script.
#[derive(Clone)]
pub(crate) struct MockNet(Rc<RefCell<Script>>);

/// What happens, and what has happened.
pub(crate) struct Script {
    start: Instant,
    now: Instant,
    incoming: VecDeque<(Duration, Incoming)>,
    /// The item in front has been told of.
    announced: bool,
    takes: VecDeque<Take>,
    /// Room for output comes at this time, and has not been told of.
    room_at: Option<Duration>,
    /// Everything that was sent.
    pub(crate) sent: Vec<u8>,
    /// Calls that can fail, so far.
    pub(crate) calls: usize,
    /// Makes the call of this number, and all later ones, fail.
    pub(crate) fail_at: Option<(usize, io::ErrorKind)>,
    /// Calls of `recv` and `send`, and the one among them that a signal interrupts.
    pub(crate) transfers: usize,
    pub(crate) interrupt_at: Option<usize>,
    pub(crate) is_interrupted: bool,
    pub(crate) is_shut_down: bool,
    /// How long each call of `recv` takes.
    pub(crate) read_takes: Duration,
    /// Answers everything that is sent.
    peer: Option<Peer>,
}

/// Answers bytes with what comes back for them.
pub(crate) type Peer = Box<dyn FnMut(&[u8]) -> Vec<Incoming>>;

/// Something that comes from the peer.
pub(crate) enum Incoming {
    Bytes(Vec<u8>),
    Error(io::ErrorKind),
    End,
}

/// What one call of `send` does; without any, all is taken.
pub(crate) enum Take {
    Bytes(usize),
    Error(io::ErrorKind),
    /// `WouldBlock`, until this time after the start.
    BlockUntil(Duration),
}

impl MockNet {
    pub(crate) fn new() -> Self {
        let start = now();
        Self(Rc::new(RefCell::new(Script {
            start,
            now: start,
            incoming: VecDeque::new(),
            announced: false,
            takes: VecDeque::new(),
            room_at: None,
            sent: Vec::new(),
            calls: 0,
            fail_at: None,
            transfers: 0,
            interrupt_at: None,
            is_interrupted: false,
            is_shut_down: false,
            read_takes: Duration::ZERO,
            peer: None,
        })))
    }

    /// Lets the clock, which nothing has been done with yet, begin at this time.
    pub(crate) fn begin_at(&self, start: Instant) {
        let mut script = self.0.borrow_mut();
        (script.start, script.now) = (start, start);
    }

    /// Lets `incoming` come at this time after the start, behind all before.
    pub(crate) fn at(&self, time: Duration, incoming: Incoming) -> &Self {
        self.0.borrow_mut().incoming.push_back((time, incoming));
        self
    }

    /// Lets `bytes` come at once, in one piece.
    pub(crate) fn bytes(&self, bytes: impl Into<Vec<u8>>) -> &Self {
        self.at(Duration::ZERO, Incoming::Bytes(bytes.into()))
    }

    /// Lets what `peer` answers come at once, behind all before.
    pub(crate) fn answer_with(&self, peer: impl FnMut(&[u8]) -> Vec<Incoming> + 'static) -> &Self {
        self.0.borrow_mut().peer = Some(Box::new(peer));
        self
    }

    pub(crate) fn take(&self, take: Take) -> &Self {
        self.0.borrow_mut().takes.push_back(take);
        self
    }

    pub(crate) fn script(&self) -> std::cell::RefMut<'_, Script> {
        self.0.borrow_mut()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        let script = self.0.borrow();
        script.now - script.start
    }

    /// How many hold the socket, this included.
    pub(crate) fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// Lets time pass between two calls.
    pub(crate) fn pass(&self, time: Duration) {
        self.0.borrow_mut().now += time;
    }

    /// What a server would make of everything that was sent.
    pub(crate) fn seen_by_server(&self) -> Vec<String> {
        let mut sent = self.0.borrow().sent.clone();
        let mut scratch = Scratch::new(crate::Limits::default().max_message_bytes(usize::MAX));
        let mut receiver = ws_core::Receiver::new(Role::Server);
        let mut receive = receiver.receive(&mut sent, &mut scratch);
        let mut seen = Vec::new();
        while let Some(event) = receive.next() {
            seen.push(format!("{:?}", event.expect("a client's frames are valid")));
        }
        seen
    }
}

impl Script {
    pub(crate) fn take_peer(&mut self) -> Option<Peer> {
        self.peer.take()
    }

    fn count_call(&mut self) -> io::Result<()> {
        let call = self.calls;
        self.calls += 1;
        match self.fail_at {
            Some((at, kind)) if call >= at => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn count_transfer(&mut self) -> io::Result<()> {
        self.count_call()?;
        let transfer = self.transfers;
        self.transfers += 1;
        match self.interrupt_at {
            Some(at) if transfer == at => Err(io::ErrorKind::Interrupted.into()),
            _ => Ok(()),
        }
    }

    fn has_news(&self) -> bool {
        self.front_is_here() && !self.announced
    }

    fn has_room(&self) -> bool {
        self.room_at
            .is_some_and(|time| self.start + time <= self.now)
    }

    fn front_is_here(&self) -> bool {
        let front = self.incoming.front();
        front.is_some_and(|(time, _)| self.start + *time <= self.now)
    }
}

impl Net for MockNet {
    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn poll(&mut self, deadline: Deadline) -> io::Result<Readiness> {
        let mut script = self.0.borrow_mut();
        script.count_call()?;
        let news = |script: &Script| (script.has_news(), script.has_room());
        if news(&script) == (false, false) && !script.is_interrupted {
            let next = script.incoming.front().filter(|_| !script.announced);
            let times = [next.map(|(time, _)| *time), script.room_at];
            let until = times.into_iter().flatten().fold(deadline, |until, time| {
                until.earlier(Deadline::at(script.start + time))
            });
            let wait = until.remaining(script.now);
            script.now += wait.expect("something ends every wait");
        }
        let (readable, writable) = news(&script);
        script.announced |= readable;
        if writable {
            script.room_at = None;
        }
        Ok(Readiness {
            readable,
            writable,
            ending: false,
        })
    }

    fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut script = self.0.borrow_mut();
        script.count_transfer()?;
        let takes = script.read_takes;
        script.now += takes;
        if !script.front_is_here() {
            script.announced = false;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match script.incoming.pop_front() {
            Some((time, Incoming::Bytes(mut bytes))) => {
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                let rest = bytes.split_off(count);
                if rest.is_empty() {
                    script.announced = false;
                } else {
                    script.incoming.push_front((time, Incoming::Bytes(rest)));
                }
                Ok(count)
            }
            Some((time, Incoming::End)) => {
                script.incoming.push_front((time, Incoming::End));
                Ok(0)
            }
            Some((_, Incoming::Error(kind))) => Err(kind.into()),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut script = self.0.borrow_mut();
        script.count_transfer()?;
        let count = match script.takes.pop_front() {
            None => bytes.len(),
            Some(Take::Bytes(count)) => count.min(bytes.len()),
            Some(Take::Error(kind)) => {
                if kind == io::ErrorKind::WouldBlock {
                    script.room_at = Some(Duration::ZERO);
                }
                return Err(kind.into());
            }
            Some(Take::BlockUntil(time)) => {
                script.room_at = Some(time);
                return Err(io::ErrorKind::WouldBlock.into());
            }
        };
        script.sent.extend_from_slice(&bytes[..count]);
        if let Some(mut peer) = script.peer.take() {
            let time = script.now - script.start;
            for incoming in peer(&bytes[..count]) {
                script.incoming.push_back((time, incoming));
            }
            script.peer = Some(peer);
        }
        Ok(count)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        let mut script = self.0.borrow_mut();
        script.is_shut_down = true;
        script.count_call()
    }

    fn take_interrupt(&mut self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().is_interrupted)
    }

    fn masking_keys(&mut self) -> io::Result<Box<dyn MaskingKeys + Send>> {
        self.0.borrow_mut().count_call()?;
        Ok(Box::new(CountingKeys(0)))
    }
}

struct CountingKeys(u32);

impl MaskingKeys for CountingKeys {
    fn next_key(&mut self) -> [u8; 4] {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        self.0.to_be_bytes()
    }
}

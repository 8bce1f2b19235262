//! The loop's view of a [`World`].
//!
//! With `EPOLL`, an edge comes whenever bytes arrive, and a short read or write means that the next one will come.
//! Without, an edge comes once, and again only after an operation would have blocked (Windows); reads are cut short
//! at random there. In both, events that mean nothing are mixed in, and none is ever repeated.

use std::{
    cell::RefCell,
    io::{self, ErrorKind, IoSlice},
    rc::Rc,
    time::{Duration, Instant},
};

use super::{
    fault::Fault,
    input::Input,
    world::{Ambush, Order, To, World},
};
use crate::{
    event_loop::Command,
    net::{Net, PeerAddress, Readiness},
};

/// A [`Net`] without a system: sockets are byte queues, time is virtual, and one seed decides about every fault.
#[derive(Clone)]
pub(crate) struct MockNet<const EPOLL: bool>(pub(crate) Rc<RefCell<World>>);

impl World {
    fn take_events<const EPOLL: bool>(&mut self, events: &mut Vec<Readiness>) {
        let (faults, dice, now) = (&mut self.faults, &mut self.dice, self.now);
        if self.accept_edge && self.is_listening && !faults.hits_now(Fault::LateWakeUp, dice) {
            self.accept_edge = false;
            events.push(Readiness::Accept);
        }
        if self.wake_edge && !faults.hits_now(Fault::LateWakeUp, dice) {
            self.wake_edge = false;
            events.push(Readiness::Commands);
        }
        for &index in &self.live {
            let pipe = &mut self.pipes[index];
            let Some(slot) = pipe.slot else {
                continue;
            };
            let (mut readable, mut writable) = if EPOLL {
                let writable = pipe.output_edge && pipe.watches_output;
                (pipe.input_edge, writable)
            } else {
                let readable = pipe.input_armed && pipe.has_input();
                let writable = pipe.output_armed && pipe.watches_output && pipe.space() > 0;
                (readable, writable)
            };
            let told = (readable, writable);
            let is_told = readable || writable;
            if is_told && faults.hits_now(Fault::LateWakeUp, dice) {
                pipe.late_since.get_or_insert(now);
                continue;
            }
            // Where nothing else happens, late is as late as the next deadline.
            let late_since = pipe.late_since.take();
            pipe.is_disturbed |= late_since.is_some_and(|since| now > since + ws_core::TICK);
            pipe.input_edge &= !readable;
            pipe.output_edge = false;
            pipe.input_armed &= !readable;
            pipe.output_armed &= !writable;
            let is_spurious = faults.hits_now(Fault::SpuriousWakeUp, dice);
            let is_nudged = std::mem::take(&mut pipe.is_nudged);
            readable |= is_nudged;
            if is_spurious {
                readable |= dice.one_in(2);
                writable |= dice.one_in(2);
            } else if !(is_told || is_nudged) {
                continue;
            }
            let (read_closed, hung_up) = (
                pipe.peer_fin || pipe.reset,
                pipe.reset || (pipe.peer_fin && pipe.server_fin),
            );
            let inputs = [
                (told.0, Input::Readable),
                (told.1, Input::Writable),
                (read_closed, Input::ReadClosed),
                (hung_up, Input::HungUp),
                (!is_told, Input::Nothing),
            ];
            for (_, input) in inputs.into_iter().filter(|(came, _)| *came) {
                let to = To::Slot(slot);
                self.arrivals.push(super::world::Arrival { to, input });
            }
            events.push(Readiness::Connection {
                slot,
                readable,
                writable,
                read_closed,
                hung_up,
            });
        }
        if faults.hits_now(Fault::SpuriousWakeUp, dice) {
            events.push(match dice.below(3) {
                0 => Readiness::Accept,
                1 => Readiness::Commands,
                // Of a connection that is gone: its slot is empty, or somebody else's.
                _ => Readiness::Connection {
                    slot: u32::try_from(dice.below(12)).unwrap(),
                    readable: dice.one_in(2),
                    writable: dice.one_in(2),
                    read_closed: false,
                    hung_up: false,
                },
            });
        }
        if events.contains(&Readiness::Accept) {
            self.arrived(To::Listener, Input::AcceptEdge);
        }
    }

    /// A peer's reset that comes when the events are on their way to the loop already.
    fn reset_behind_events(&mut self, events: &[Readiness]) {
        let is_told = |pipe: &super::pipe::Pipe| {
            events.iter().any(|event| {
                matches!(event, Readiness::Connection { slot, readable: true, .. } if Some(*slot) == pipe.slot)
            })
        };
        if let Some(Ambush { pipe, behind }) = self.ambush
            && is_told(&self.pipes[pipe])
            && behind.is_none_or(|input| self.pipes[pipe].has_got(input))
        {
            self.ambush = None;
            self.faults.hit(Fault::Reset);
            self.pipes[pipe].is_disturbed = true;
            self.pipes[pipe].peer_reset(behind.is_some());
        }
        if self.dice.one_in(4)
            && self.faults.strikes(Fault::Reset, &mut self.dice)
            && !self.live.is_empty()
        {
            let pipe = &mut self.pipes[self.dice.pick(&self.live)];
            if !pipe.server_closed {
                self.faults.hit(Fault::Reset);
                pipe.is_disturbed = true;
                pipe.peer_reset(self.dice.one_in(2));
            }
        }
    }

    fn is_interrupted(&mut self) -> bool {
        self.faults.hits_now(Fault::Interrupted, &mut self.dice)
    }
}

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

    fn poll(
        &mut self,
        events: &mut Vec<Readiness>,
        timeout: Option<Duration>,
        _: Instant,
    ) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let deadline = timeout.map(|timeout| world.now + timeout);
        if deadline == Some(world.now) && world.dice.one_in(2) {
            // The others go on while the loop works.
            world.step(deadline);
        }
        loop {
            if world.is_interrupted() {
                return Ok(());
            }
            world.take_events::<EPOLL>(events);
            world.activity += events.len() as u64;
            if !events.is_empty() || deadline.is_some_and(|deadline| world.now >= deadline) {
                world.reset_behind_events(events);
                return Ok(());
            }
            if !world.step(deadline) {
                world.is_over = true;
                return Ok(());
            }
        }
    }

    fn accept(&mut self) -> io::Result<(usize, PeerAddress)> {
        let world = &mut *self.0.borrow_mut();
        world.activity += 1;
        if world.aborted > 0 {
            world.aborted -= 1;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let (faults, dice) = (&mut world.faults, &mut world.dice);
        let lacks = faults.strikes(Fault::NoDescriptors, dice);
        if lacks {
            world.no_descriptors_until = world.now + dice.millis(0, 4000);
        }
        if lacks || (world.no_descriptors_until > world.now && !faults.is_calm) {
            faults.hit(Fault::NoDescriptors);
            world.arrived(To::Listener, Input::NoDescriptors);
            return Err(io::Error::from_raw_os_error(24));
        }
        if faults.hits_now(Fault::AcceptAborted, dice) {
            // Linux takes it out of its queue, others leave it there.
            if dice.one_in(2)
                && let Some(index) = world.backlog.pop_front()
            {
                world.pipes[index].peer_reset(false);
                world.pipes[index].server_closed = true;
                world.pipes[index].is_disturbed = true;
            }
            world.arrived(To::Listener, Input::Aborted);
            return Err(ErrorKind::ConnectionAborted.into());
        }
        if world.is_interrupted() {
            world.arrived(To::Listener, Input::AcceptInterrupted);
            return Err(ErrorKind::Interrupted.into());
        }
        let Some(index) = world.backlog.pop_front() else {
            world.arrived(To::Listener, Input::NobodyWaits);
            return Err(ErrorKind::WouldBlock.into());
        };
        world.arrived(To::Listener, Input::Connection);
        let address = "127.0.0.1:50000".parse().unwrap();
        Ok((index, PeerAddress::tcp(address)))
    }

    fn refuse_with_spare(&mut self, answer: &[u8]) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let Some(index) = world.backlog.pop_front() else {
            return Err(ErrorKind::WouldBlock.into());
        };
        let pipe = &mut world.pipes[index];
        pipe.outbound.extend(answer);
        pipe.server_closed = true;
        pipe.is_disturbed = true;
        Ok(())
    }

    fn place(&mut self, stream: usize, _: PeerAddress) -> Option<usize> {
        Some(stream)
    }

    fn stop_accepting(&mut self) {
        let mut world = self.0.borrow_mut();
        world.is_listening = false;
        world.arrived(To::Everybody, Input::Stop);
        for index in std::mem::take(&mut world.backlog) {
            world.pipes[index].peer_reset(false);
            world.pipes[index].server_closed = true;
        }
    }

    fn register(&mut self, stream: &mut usize, slot: u32) -> io::Result<()> {
        let world = &mut *self.0.borrow_mut();
        let pipe = &mut world.pipes[*stream];
        if world.faults.hits_now(Fault::WatchRefused, &mut world.dice) {
            pipe.is_disturbed = true;
            return Err(io::Error::from_raw_os_error(28));
        }
        pipe.slot = Some(slot);
        pipe.input_edge = pipe.has_input();
        pipe.heard_at = world.now;
        pipe.sent_at = world.now;
        Ok(())
    }

    fn watch_output(&mut self, stream: &mut usize, _: u32) -> io::Result<()> {
        let world = &mut *self.0.borrow_mut();
        let pipe = &mut world.pipes[*stream];
        if world.faults.hits_now(Fault::WatchRefused, &mut world.dice) {
            pipe.is_disturbed = true;
            let to = To::Slot(pipe.slot.unwrap());
            world.arrived(to, Input::BrokenPipe);
            return Err(io::Error::from_raw_os_error(12));
        }
        pipe.watches_output = true;
        pipe.output_armed = true;
        pipe.output_edge |= pipe.space() > 0;
        pipe.input_edge |= pipe.has_input();
        Ok(())
    }

    fn recv(&mut self, stream: &mut usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_vectored(stream, &mut [], buffer)
    }

    fn recv_vectored(
        &mut self,
        stream: &mut usize,
        first: &mut [u8],
        second: &mut [u8],
    ) -> io::Result<usize> {
        let world = &mut *self.0.borrow_mut();
        world.activity += 1;
        if world.is_interrupted() || world.interrupted == Some(*stream) {
            world.interrupted = None;
            return Err(ErrorKind::Interrupted.into());
        }
        let pipe = &mut world.pipes[*stream];
        let to = To::Slot(pipe.slot.unwrap());
        if pipe.inbound.is_empty() {
            if pipe.reset {
                world.arrived(to, Input::ResetByPeer);
                return Err(ErrorKind::ConnectionReset.into());
            }
            if pipe.peer_fin {
                pipe.end_taken = true;
                world.arrived(to, Input::End);
                return Ok(0);
            }
            pipe.input_armed = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut count = pipe.inbound.len().min(first.len() + second.len());
        if !EPOLL && world.dice.one_in(3) {
            count = 1 + world.dice.below(count);
        }
        let input = pipe.take(count, first, second);
        pipe.heard_at = world.now;
        if !pipe.inbound.is_empty() && !pipe.input_edge {
            world.faults.hit(Fault::MissingWakeUp);
        }
        world.arrived(to, input);
        Ok(count)
    }

    fn send_vectored(&mut self, stream: &mut usize, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut all = Vec::new();
        for part in parts {
            all.extend_from_slice(part);
        }
        self.send(stream, &all)
    }

    fn send(&mut self, stream: &mut usize, bytes: &[u8]) -> io::Result<usize> {
        let world = &mut *self.0.borrow_mut();
        world.activity += 1;
        if world.is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
        let pipe = &mut world.pipes[*stream];
        assert!(!pipe.server_fin, "sent after our side was closed");
        if pipe.reset {
            let to = To::Slot(pipe.slot.unwrap());
            world.arrived(to, Input::BrokenPipe);
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut count = bytes.len().min(pipe.space());
        if count == 0 {
            pipe.output_armed = true;
            pipe.is_full = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        if count > 1 && world.faults.hits_now(Fault::ShortWrite, &mut world.dice) {
            count = 1 + world.dice.below(count - 1);
        }
        pipe.outbound.extend(&bytes[..count]);
        pipe.is_full |= count < bytes.len();
        pipe.sent_at = world.now;
        Ok(count)
    }

    fn shutdown_output(&mut self, stream: &mut usize) -> io::Result<()> {
        let world = &mut *self.0.borrow_mut();
        let pipe = &mut world.pipes[*stream];
        if world
            .faults
            .hits_now(Fault::ShutdownRefused, &mut world.dice)
        {
            pipe.is_disturbed = true;
            return Err(ErrorKind::NotConnected.into());
        }
        pipe.server_fin = true;
        Ok(())
    }

    fn close(&mut self, stream: usize) {
        let world = &mut *self.0.borrow_mut();
        let pipe = &mut world.pipes[stream];
        pipe.slot = None;
        pipe.server_closed = true;
        pipe.cut_at = (!pipe.outbound.is_empty()).then_some(world.now);
        // Unread input makes the system reset the connection, which costs the peer what it has not read.
        if !pipe.inbound.is_empty() && !pipe.reset {
            pipe.reset = true;
            pipe.outbound.clear();
        }
    }

    fn take_command(&mut self) -> Option<Command<usize, Order>> {
        let mut world = self.0.borrow_mut();
        let command = world.orders.pop_front();
        world.activity += u64::from(command.is_some());
        command
    }

    fn waiting_commands(&self) -> usize {
        self.0.borrow().orders.len()
    }
}

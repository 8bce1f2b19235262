//! Sending a long message back from where it lies, as an echo does.
//!
//! ```text
//!   callback:  send(message) ─> its head to the cork or the queue, and a note of where the payload belongs
//!   after it:  cork, payload, cork in one call of the system ─> what it did not take becomes the queue,
//!              and with it the buffer that the message was gathered in
//! ```
//! The payload is copied by the system alone. Whatever else is sent goes before or behind it as it would have gone.
//! Invariant: a loan ends before anything else happens to the connection: no queue with a gap in it is offered to a
//! socket, and no cork without its payload.

use std::io::IoSlice;

use ws_core::{Compression, Receive};

use super::{EventLoop, Phase, output::Sent, queue::SendQueue};
use crate::{
    config::CORK_BYTES, context::Connections, error::SendError, handler::Handler, handler::Message,
    net::Net,
};

/// The long message that a callback has been lent, and where it is to be sent.
#[derive(Debug, Default)]
pub(crate) struct Loan {
    slot: u32,
    /// Where the message lies, to know it again.
    address: usize,
    length: usize,
    place: Place,
}

/// Where the payload belongs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere: it was not sent.
    #[default]
    Nowhere,
    /// Behind so many bytes of the cork.
    Cork(usize),
    /// In the gap of the queue.
    Queue,
}

impl Loan {
    /// Notes a message that a callback is about to look at; tells whether it is long.
    #[inline]
    pub(super) fn begin(&mut self, slot: u32, message: &[u8]) -> bool {
        let is_long = message.len() >= LONG_BYTES;
        if is_long {
            self.begin_long(slot, message);
        }
        is_long
    }

    #[cold]
    fn begin_long(&mut self, slot: u32, message: &[u8]) {
        *self = Self {
            slot,
            address: message.as_ptr().addr(),
            length: message.len(),
            place: Place::Nowhere,
        };
    }

    /// Tells whether a message is the one that was lent, and not sent yet.
    fn is(&self, slot: u32, message: &[u8]) -> bool {
        self.slot == slot
            && self.place == Place::Nowhere
            && self.address == message.as_ptr().addr()
            && self.length == message.len()
    }

    /// Returns how many bytes belong into the cork that are not there.
    pub(crate) fn corked_bytes(&self) -> usize {
        match self.place {
            Place::Cork(_) => self.length,
            Place::Nowhere | Place::Queue => 0,
        }
    }
}

impl<C> Connections<C> {
    /// Sends a long message, without copying it if it is the one that the connection's callback looks at; tells whether
    /// it was.
    #[cold]
    pub(crate) fn send_lent(
        &mut self,
        slot: u32,
        message: Message<'_>,
        compression: Compression,
    ) -> Result<bool, SendError> {
        if compression != Compression::Auto || !self.loan.is(slot, message.as_bytes()) {
            return Ok(false);
        }
        self.admit(slot, message.as_bytes().len())?;
        let is_corked = self.is_corked(slot);
        // Empty if it was compressed: then all of it is sent.
        let mut has_payload = false;
        self.encode(slot, |sender, scratch, output| {
            let payload = match message {
                Message::Text(text) => sender.encode_text_head(text, scratch, output)?,
                Message::Binary(data) => sender.encode_binary_head(data, scratch, output)?,
            };
            has_payload = !payload.is_empty();
            Ok(())
        })?;
        if has_payload && is_corked {
            self.loan.place = Place::Cork(self.cork.len());
        } else if has_payload && let Some(queue) = &mut self.slots[slot as usize].queue {
            self.loan.place = Place::Queue;
            queue.leave_gap(self.loan.length);
            self.slots[slot as usize].is_throttled |= queue.len() > self.config.high_water_bytes;
        }
        Ok(true)
    }

    /// Makes what `sent` bytes of the cork, with the payload in it, have left over the connection's queue.
    fn queue_lent(&mut self, slot: u32, at: usize, sent: usize, receive: &mut Receive<'_>) {
        let tick = self.clock.tick();
        let mut queue = self.pool.take(tick);
        let (before, behind) = self.cork.split_at(at);
        let length = receive.lent().len();
        let sent_of_payload = sent.saturating_sub(at).min(length);
        let sent_behind = sent.saturating_sub(at + length);
        queue.copy(&before[sent.min(at)..]);
        if length - sent_of_payload > CORK_BYTES
            && let Some((buffer, start)) = receive.take_assembled()
        {
            queue.push(buffer, start + sent_of_payload);
        } else {
            queue.copy(&receive.lent()[sent_of_payload..]);
        }
        queue.copy(&behind[sent_behind..]);
        self.cork.clear();
        let place = &mut self.slots[slot as usize];
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        place.queue = Some(queue);
    }
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Ends the loan of a message when its callback has returned, and sends it if that was asked for.
    #[cold]
    pub(super) fn end_loan(&mut self, slot: u32, receive: &mut Receive<'_>) {
        match std::mem::take(&mut self.connections.loan).place {
            Place::Nowhere => {}
            Place::Cork(at) => self.flush_lent(slot, at, receive),
            Place::Queue => {
                let queue = &mut self.connections.slots[slot as usize].queue;
                if let Some(queue) = queue {
                    let taken = receive.take_assembled();
                    let (buffer, start) = taken.unwrap_or_else(|| (receive.lent().to_vec(), 0));
                    queue.fill_gap(buffer, start);
                }
            }
        }
    }

    /// Writes the cork with the lent payload at a place in it, as [`EventLoop::flush_cork`] writes it without.
    fn flush_lent(&mut self, slot: u32, at: usize, receive: &mut Receive<'_>) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        let (before, behind) = connections.cork.split_at(at);
        let parts = [before, receive.lent(), behind];
        if let Some(state) = &mut place.tls {
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                state.seal(part, &mut connections.sealed);
            }
            connections.cork.clear();
            return self.send_sealed(slot);
        }
        let sent = if place.phase == Phase::Dead {
            Sent::Broken
        } else {
            Self::send_parts(&mut self.net, self.streams[slot as usize].as_mut(), parts)
        };
        match sent {
            Sent::Some(_) => self.connections.cork.clear(),
            Sent::Blocked(count) => {
                self.connections.queue_lent(slot, at, count, receive);
                self.handle_blocked(slot);
            }
            Sent::Broken => {
                self.connections.cork.clear();
                self.handle_broken(slot);
            }
        }
    }

    /// Sends parts that follow one another; less only if the socket is full.
    fn send_parts(net: &mut N, stream: Option<&mut N::Stream>, parts: [&[u8]; 3]) -> Sent {
        let Some(stream) = stream else {
            return Sent::Broken;
        };
        let mut parts = parts.map(IoSlice::new);
        let mut rest = &mut parts[..];
        let all = rest.iter().map(|part| part.len()).sum();
        let mut count = 0;
        while count < all {
            let sent = Self::outcome(net.send_vectored(stream, rest), count, all);
            match sent {
                Sent::Some(taken) => {
                    IoSlice::advance_slices(&mut rest, taken - count);
                    count = taken;
                }
                sent => return sent,
            }
        }
        Sent::Some(count)
    }

    /// Keeps the buffer of a long message that has left for the next one.
    pub(super) fn recycle(scratch: &mut Option<Box<ws_core::Scratch>>, queue: &mut SendQueue) {
        if let Some(buffer) = queue.take_spent()
            && let Some(scratch) = scratch
        {
            scratch.recycle(buffer);
        }
    }
}

/// From here on a message is worth it; so is the call of the system, since a cork as long would be written as well.
///
/// Tests have shorter ones, so that the simulator's messages are long enough.
pub(crate) const LONG_BYTES: usize = if cfg!(test) { 64 << 10 } else { CORK_BYTES };

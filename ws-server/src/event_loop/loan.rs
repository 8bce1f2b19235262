//! Sending messages back from where they lie, as an echo does.
//!
//! ```text
//!   callback:  send(message) ─> its head to the cork or the queue, and a note of where the payload belongs
//!   after it:  gathered in a buffer of its own? sent now, since the next event takes its place
//!              in the input? more like it may follow: sent with them at the end of the turn
//!   sending:   cork, payload, cork, payload, … in one call of the system ─> what it did not take becomes the queue,
//!              and with it the buffer that the last message was gathered in
//! ```
//! The payload is copied by the system alone. Whatever else is sent goes before or behind it as it would have gone.
//! Invariant: all loans end before anything else happens to the connection's socket: no queue with a gap in it is offered
//! to one, and no cork without its payloads.

use std::{io::IoSlice, ops::Range};

use ws_core::{Compression, Receive};

use super::{EventLoop, Phase, output::Sent, queue::SendQueue};
use crate::{
    config::CORK_BYTES, context::Connections, error::SendError, handler::Handler, handler::Message,
    net::Net,
};

/// The messages of the connection being read that are sent from where they lie.
#[derive(Debug, Default)]
pub(crate) struct Loans {
    /// The message that a callback looks at.
    current: Loan,
    /// Where payloads belong into the cork, in its order.
    parts: Vec<Part>,
    parts_bytes: usize,
}

/// A message that a callback has been lent.
#[derive(Debug, Default)]
struct Loan {
    slot: u32,
    /// Where the message lies, to know it again.
    address: usize,
    length: usize,
    source: Source,
    place: Place,
}

/// Where the payload lies until it is sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Where the last event was lent from: until the next one.
    #[default]
    Event,
    /// In the input, from this byte on: until that ends.
    Input(usize),
}

/// Where the payload belongs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere: it was not sent.
    #[default]
    Nowhere,
    /// In the cork, as the last of the parts, behind a head of so many bytes.
    Cork(usize),
    /// In the gap of the queue.
    Queue,
}

/// A payload that belongs behind so many bytes of the cork.
#[derive(Debug, Clone, Copy)]
struct Part {
    at: usize,
    source: Source,
    length: usize,
}

impl Part {
    fn payload<'a>(&self, receive: &'a Receive<'_>) -> &'a [u8] {
        match self.source {
            Source::Event => receive.lent(),
            Source::Input(start) => &receive.taken()[start..][..self.length],
        }
    }
}

impl Loans {
    /// Notes a message that a callback is about to look at, if it is worth it; tells whether it is. `input`: the addresses
    /// of the input.
    #[inline]
    pub(super) fn begin(&mut self, slot: u32, message: &[u8], input: &Range<usize>) -> bool {
        message.len() >= LENT_BYTES && self.begin_loan(slot, message, input)
    }

    #[inline(never)]
    fn begin_loan(&mut self, slot: u32, message: &[u8], input: &Range<usize>) -> bool {
        let address = message.as_ptr().addr();
        let source = if input.contains(&address) {
            Source::Input(address - input.start)
        } else {
            Source::Event
        };
        let is_worth = match source {
            Source::Event => message.len() >= LONG_BYTES,
            Source::Input(_) => self.parts.len() < MAX_PARTS,
        };
        if is_worth {
            self.current = Loan {
                slot,
                address,
                length: message.len(),
                source,
                place: Place::Nowhere,
            };
        }
        is_worth
    }

    /// Tells whether a message is the one that was lent, and not sent yet.
    fn is_current(&self, slot: u32, message: &[u8]) -> bool {
        let loan = &self.current;
        loan.slot == slot
            && loan.place == Place::Nowhere
            && loan.address == message.as_ptr().addr()
            && loan.length == message.len()
    }

    /// Notes that the payload belongs behind so many bytes of the cork, the last of which are its head.
    fn cork(&mut self, at: usize, head_bytes: usize) {
        let Loan { source, length, .. } = self.current;
        self.current.place = Place::Cork(head_bytes);
        self.parts.push(Part { at, source, length });
        self.parts_bytes += length;
    }

    /// Returns how many bytes belong into the cork that are not there.
    #[inline]
    pub(crate) fn corked_bytes(&self) -> usize {
        self.parts_bytes
    }

    fn clear(&mut self) {
        self.parts.clear();
        self.parts_bytes = 0;
    }
}

impl<C> Connections<C> {
    /// Sends a message without copying it if it is the one that the connection's callback looks at; tells whether it was.
    #[inline(never)]
    pub(crate) fn send_lent(
        &mut self,
        slot: u32,
        message: Message<'_>,
        compression: Compression,
    ) -> Result<bool, SendError> {
        if compression != Compression::Auto || !self.loans.is_current(slot, message.as_bytes()) {
            return Ok(false);
        }
        let is_corked = self.is_corked(slot);
        let has_tls = self.slots[slot as usize].tls.is_some();
        // TLS wants what it encrypts in one piece, and a queue what it keeps.
        if self.loans.current.source != Source::Event && (has_tls || !is_corked) {
            return Ok(false);
        }
        self.admit(slot, message.as_bytes().len())?;
        let corked = self.cork.len();
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
            self.loans.cork(self.cork.len(), self.cork.len() - corked);
        } else if has_payload && let Some(queue) = &mut self.slots[slot as usize].queue {
            self.loans.current.place = Place::Queue;
            queue.leave_gap(self.loans.current.length);
            self.slots[slot as usize].is_throttled |= queue.len() > self.config.high_water_bytes;
        }
        Ok(true)
    }

    /// Moves the head of the last part to where the peer's was, in front of the payload, unless more was sent behind it.
    fn join_head(&mut self, head_bytes: usize, receive: &mut Receive<'_>) {
        let Some(part) = self.loans.parts.last_mut() else {
            return;
        };
        let Source::Input(start) = part.source else {
            return;
        };
        // A client's header is longer, by its masking key.
        if part.at != self.cork.len() || start < head_bytes {
            return;
        }
        part.at -= head_bytes;
        part.source = Source::Input(start - head_bytes);
        part.length += head_bytes;
        self.loans.parts_bytes += head_bytes;
        receive.taken_mut()[start - head_bytes..start].copy_from_slice(&self.cork[part.at..]);
        self.cork.truncate(part.at);
    }

    /// Empties the cork, with the payloads that belong into it.
    fn clear_cork(&mut self) {
        self.cork.clear();
        self.loans.clear();
    }

    /// Makes what `sent` bytes of the cork, with the payloads in it, have left over the connection's queue.
    fn queue_lent(&mut self, slot: u32, sent: usize, receive: &mut Receive<'_>) {
        let tick = self.clock.tick();
        let mut queue = self.pool.take(tick);
        let (mut from, mut skipped) = (0, sent);
        for part in &self.loans.parts {
            copy_behind(&mut skipped, &self.cork[from..part.at], &mut queue);
            from = part.at;
            if part.source == Source::Event
                && part.length.saturating_sub(skipped) > CORK_BYTES
                && let Some((buffer, start)) = receive.take_assembled()
            {
                queue.push(buffer, start + std::mem::take(&mut skipped));
            } else {
                copy_behind(&mut skipped, part.payload(receive), &mut queue);
            }
        }
        copy_behind(&mut skipped, &self.cork[from..], &mut queue);
        self.clear_cork();
        let place = &mut self.slots[slot as usize];
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        place.queue = Some(queue);
    }
}

/// What is sent in one call of the system.
struct Slices<'a> {
    all: [IoSlice<'a>; MAX_SLICES],
    count: usize,
}

impl Default for Slices<'_> {
    fn default() -> Self {
        let all = [IoSlice::new(&[]); MAX_SLICES];
        Self { all, count: 0 }
    }
}

impl<'a> Slices<'a> {
    fn add(&mut self, bytes: &'a [u8]) {
        if !bytes.is_empty() {
            self.all[self.count] = IoSlice::new(bytes);
            self.count += 1;
        }
    }
}

/// Appends to a queue what is behind the first bytes, which are counted down.
fn copy_behind(skipped: &mut usize, bytes: &[u8], queue: &mut SendQueue) {
    let first = (*skipped).min(bytes.len());
    *skipped -= first;
    queue.copy(&bytes[first..]);
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Ends the loan of a message when its callback has returned, if what is next may take its place: sends it if that
    /// was asked for.
    #[inline(never)]
    pub(super) fn end_loan(&mut self, slot: u32, receive: &mut Receive<'_>) {
        let loan = std::mem::take(&mut self.connections.loans.current);
        match (loan.place, loan.source) {
            (Place::Nowhere, _) => {}
            (Place::Cork(head_bytes), Source::Input(_)) => {
                self.connections.join_head(head_bytes, receive);
            }
            (Place::Cork(_), Source::Event) => self.flush_lent(slot, receive),
            (Place::Queue, _) => {
                let queue = &mut self.connections.slots[slot as usize].queue;
                if let Some(queue) = queue {
                    let taken = receive.take_assembled();
                    let (buffer, start) = taken.unwrap_or_else(|| (receive.lent().to_vec(), 0));
                    queue.fill_gap(buffer, start);
                }
            }
        }
    }

    /// Ends all loans, with the input.
    #[inline]
    pub(super) fn end_loans(&mut self, slot: u32, receive: &mut Receive<'_>) {
        if self.connections.loans.corked_bytes() > 0 {
            self.flush_lent(slot, receive);
        }
    }

    /// Writes the cork, with what belongs into it.
    #[inline(never)]
    pub(super) fn flush_all(&mut self, slot: u32, receive: &mut Receive<'_>) {
        self.end_loans(slot, receive);
        self.flush_cork(slot);
    }

    /// Writes the cork with the payloads in it, as [`EventLoop::flush_cork`] writes it without.
    #[inline(never)]
    fn flush_lent(&mut self, slot: u32, receive: &mut Receive<'_>) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        let mut slices = Slices::default();
        let mut from = 0;
        for part in &connections.loans.parts {
            slices.add(&connections.cork[from..part.at]);
            slices.add(part.payload(receive));
            from = part.at;
        }
        slices.add(&connections.cork[from..]);
        let slices = &mut slices.all[..slices.count];
        if let Some(state) = &mut place.tls {
            for slice in slices {
                state.seal(slice, &mut connections.sealed);
            }
            connections.clear_cork();
            return self.send_sealed(slot);
        }
        let stream = self.streams[slot as usize].as_mut();
        let sent = match slices {
            _ if place.phase == Phase::Dead || place.hung_up => Sent::Broken,
            [all] => Self::send(&mut self.net, stream, all, usize::MAX),
            slices => Self::send_slices(&mut self.net, stream, slices),
        };
        match sent {
            Sent::Some(_) => self.connections.clear_cork(),
            Sent::Blocked(count) => {
                self.connections.queue_lent(slot, count, receive);
                self.handle_blocked(slot);
            }
            Sent::Broken => {
                self.connections.clear_cork();
                self.handle_broken(slot);
            }
        }
    }

    /// Sends slices that follow one another; less only if the socket is full.
    fn send_slices(
        net: &mut N,
        stream: Option<&mut N::Stream>,
        slices: &mut [IoSlice<'_>],
    ) -> Sent {
        let Some(stream) = stream else {
            return Sent::Broken;
        };
        let mut rest = slices;
        let all = rest.iter().map(|slice| slice.len()).sum();
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

/// From here on a message in the input is worth it: less is copied before the system has looked at one more piece.
///
/// Tests have short ones, so that the simulator's messages are long enough.
pub(crate) const LENT_BYTES: usize = if cfg!(test) { 64 } else { 8 << 10 };
/// From here on one that was gathered is; so is the call of the system, since a cork as long would be written as well.
pub(super) const LONG_BYTES: usize = if cfg!(test) { 64 << 10 } else { CORK_BYTES };
/// So many messages of one input, as are in a turn's bytes by default; more are copied.
const MAX_PARTS: usize = 32;
/// All of them and one that was gathered, each behind a piece of the cork, and the last piece.
const MAX_SLICES: usize = 2 * (MAX_PARTS + 1) + 1;

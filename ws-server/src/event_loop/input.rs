//! Reading: at most one `recv` a connection and turn, and every frame of it handled before anything is written.
//!
//! A long message is read to where it is gathered ([`Receiver::spare`]), and takes the next turns of its connection as well:
//! it is sent back while it is in the cache, where a loop that went round all connections in between would have both copies
//! and the system's come from memory.

use std::{
    io::{self, ErrorKind},
    ops::Range,
};

use ws_core::{CloseCode, Event, Pressure, Receive, Receiver, Reply, Role, Scratch};

use super::{EventLoop, Phase, Slot, Tail, loan::LONG_BYTES};
use crate::{
    config::{CORK_BYTES, RECEIVE_BUFFER_BYTES},
    context::Context,
    handler::{CloseInfo, ClosedBy, Flow, Handler, Message},
    net::Net,
};

/// The loop's one receive buffer, aligned to a page: the kernel's copies are slow at other offsets.
#[derive(Debug, Default)]
pub(super) struct ReceiveBuffer {
    bytes: Vec<u8>,
    start: usize,
}

impl ReceiveBuffer {
    pub(super) fn new() -> Self {
        let bytes = vec![0; RECEIVE_BUFFER_BYTES + PAGE_BYTES];
        let start = bytes.as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
        Self { bytes, start }
    }

    #[inline(always)]
    pub(super) fn first(&mut self, count: usize) -> &mut [u8] {
        &mut self.bytes[self.start..][..count]
    }
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Gives a connection of the ready list its turn.
    pub(super) fn serve(&mut self, slot: u32) {
        let Some(place) = self.connections.slots.get_mut(slot as usize) else {
            return;
        };
        place.is_ready = false;
        if place.queue.is_some() && !place.is_blocked {
            self.flush_queue(slot);
        }
        let place = &self.connections.slots[slot as usize];
        if !place.has_input() || !place.may_read() {
            return;
        }
        if !self.may_hold_more(slot) {
            return;
        }
        self.begin_cork(slot);
        let mut buffer = std::mem::take(&mut self.buffer);
        self.read(slot, &mut buffer);
        self.buffer = buffer;
        self.end_cork(slot);
        self.finish_ending(slot);
        self.connections.recount(slot);
        let place = &self.connections.slots[slot as usize];
        if place.has_input() && place.may_read() {
            self.connections.mark_ready(slot);
        }
    }

    fn read(&mut self, slot: u32, buffer: &mut ReceiveBuffer) {
        let place = &mut self.connections.slots[slot as usize];
        if let Some(mut tail) = place.tail.take() {
            let start = tail.start;
            tail.start += self.receive(slot, 0, &mut tail.bytes[start..]);
            let place = &mut self.connections.slots[slot as usize];
            if tail.len() > 0 && matches!(place.phase, Phase::Open | Phase::Closing) {
                place.tail = Some(tail);
            } else if place.tls.is_some() {
                self.handle_tls_end(slot);
            }
            return;
        }
        let Some(stream) = &mut self.streams[slot as usize] else {
            return;
        };
        if place.receiver.missing_bytes() > 0 || place.gets_long {
            return self.read_long(slot, buffer);
        }
        let input = buffer.first(self.connections.config.turn_bytes);
        match self.net.recv(stream, input) {
            Ok(0) => self.handle_end(slot),
            Ok(count) => {
                // An edge told of more than bytes: only reading to the end shows what (design, "The fast path" 5).
                place.is_drained = count < input.len()
                    && N::SHORT_MEANS_BLOCKED
                    && !place.read_closed
                    && !place.hung_up;
                if place.tls.is_some() {
                    self.handle_ciphertext(slot, &mut input[..count]);
                } else {
                    self.handle_input(slot, 0, &mut input[..count]);
                }
            }
            Err(error) => self.handle_read_error(slot, &error),
        }
    }

    fn handle_read_error(&mut self, slot: u32, error: &io::Error) {
        let place = &mut self.connections.slots[slot as usize];
        match error.kind() {
            ErrorKind::WouldBlock => {
                place.is_drained = true;
                if place.hung_up {
                    self.lose(slot, ClosedBy::Lost);
                }
            }
            ErrorKind::Interrupted => {}
            _ => {
                log::debug!("connection from {} failed: {error}", place.peer);
                self.lose(slot, ClosedBy::Lost);
            }
        }
    }

    /// Goes on with a long message that has begun, or that may come, as far as it has come: while it is in the cache.
    ///
    /// When all connections have their turns in between, a message comes from memory again for each of them.
    #[inline(never)]
    fn read_long(&mut self, slot: u32, buffer: &mut ReceiveBuffer) {
        let mut is_long = false;
        let mut budget = LONG_TURNS * self.connections.config.turn_bytes;
        while budget > 0 {
            budget = budget.saturating_sub(self.read_part(slot, buffer, budget));
            self.connections.recount(slot);
            let place = &self.connections.slots[slot as usize];
            let missing = place.receiver.missing_bytes();
            is_long |= missing >= LONG_BYTES as u64;
            let goes_on = (is_long && missing > 0)
                && place.may_receive()
                && place.may_read()
                && place.tail.is_none()
                && !place.is_drained;
            if !goes_on || !self.may_hold_more(slot) {
                return;
            }
        }
    }

    /// Reads once, of a long message at most `budget`; tells how many bytes it asked for.
    fn read_part(&mut self, slot: u32, buffer: &mut ReceiveBuffer, budget: usize) -> usize {
        let place = &mut self.connections.slots[slot as usize];
        let Some(stream) = &mut self.streams[slot as usize] else {
            return budget;
        };
        let most = self.connections.config.turn_bytes;
        let (received, asked, spare_bytes) = Self::recv_long(
            &mut self.net,
            stream,
            place,
            &mut self.scratch,
            buffer,
            (most, budget),
        );
        match received {
            Ok(0) => self.handle_end(slot),
            Ok(count) => {
                place.is_drained =
                    count < asked && N::SHORT_MEANS_BLOCKED && !place.read_closed && !place.hung_up;
                let filled = count.min(spare_bytes);
                let input = buffer.first(count - filled);
                if place.tls.is_some() {
                    self.handle_ciphertext(slot, input);
                } else {
                    self.handle_input(slot, filled, input);
                }
            }
            Err(error) => self.handle_read_error(slot, &error),
        }
        asked
    }

    /// Receives what is still to come of a long message to where it belongs, and what is behind it to the buffer; tells
    /// besides how many bytes were asked for, and how many of these at that place.
    fn recv_long(
        net: &mut N,
        stream: &mut N::Stream,
        place: &mut Slot<H::Connection>,
        scratch: &mut Option<Box<Scratch>>,
        buffer: &mut ReceiveBuffer,
        (most, budget): (usize, usize),
    ) -> (io::Result<usize>, usize, usize) {
        let missing = place.receiver.missing_bytes();
        let is_long = missing >= LONG_BYTES as u64;
        let spare = match scratch {
            Some(scratch) if place.tls.is_none() && place.may_receive() => place
                .receiver
                .spare(if is_long { budget } else { most }, scratch),
            _ => None,
        };
        let Some(spare) = spare else {
            let was_long = place.gets_long;
            // The end of a long message, of which too little is missing, says nothing of the next one.
            place.gets_long &= missing > 0;
            let asked = if was_long {
                most.min(BEGIN_BYTES)
            } else {
                most
            };
            return (
                net.recv_vectored(stream, &mut [], buffer.first(asked)),
                asked,
                0,
            );
        };
        place.gets_long |= missing >= WORTH_BYTES;
        // Only behind the end of the message: what comes of it later is read to its own place.
        let is_end = spare.len() as u64 == missing;
        let behind = buffer.first(if is_end { most.min(BEGIN_BYTES) } else { 0 });
        let (asked, spare_bytes) = (spare.len() + behind.len(), spare.len());
        (net.recv_vectored(stream, spare, behind), asked, spare_bytes)
    }

    /// Takes what was received: `filled` bytes where [`Receiver::spare`] wanted them, and behind them the input.
    pub(super) fn handle_input(&mut self, slot: u32, filled: usize, input: &mut [u8]) {
        let place = &mut self.connections.slots[slot as usize];
        match place.phase {
            Phase::Opening => self.receive_head(slot, input),
            Phase::Open | Phase::Closing => {
                place
                    .keepalive
                    .handle_received(self.connections.clock.tick());
                let taken = self.receive(slot, filled, input);
                let place = &mut self.connections.slots[slot as usize];
                if taken < input.len() && matches!(place.phase, Phase::Open | Phase::Closing) {
                    place.tail = Some(Box::new(Tail {
                        bytes: input[taken..].to_vec(),
                        start: 0,
                    }));
                }
            }
            Phase::Ending => {
                // Until all is sent, the time in which the peer must take something bounds what it may say meanwhile.
                if place.is_shut {
                    let count = u32::try_from(input.len()).unwrap_or(u32::MAX);
                    place.dropped = place.dropped.saturating_add(count);
                    if place.dropped as usize > self.connections.config.linger_bytes {
                        self.connections.set_dead(slot);
                    }
                }
            }
            Phase::Dead => {}
        }
    }

    /// The peer has closed its side: without a Close frame that is the end, whatever was under way.
    pub(super) fn handle_end(&mut self, slot: u32) {
        let place = &mut self.connections.slots[slot as usize];
        place.is_drained = true;
        match place.phase {
            // The peer may still read what is left.
            Phase::Ending if place.queue.is_some() && !place.hung_up => place.ends_clean = true,
            _ => {
                let is_cut = place.tls.as_ref().is_some_and(|state| state.is_cut());
                self.lose(
                    slot,
                    if is_cut {
                        ClosedBy::Truncated
                    } else {
                        ClosedBy::Lost
                    },
                );
            }
        }
    }

    /// Hands the frames of `input` to the handler, until they end or it pauses; returns how many bytes were taken.
    fn receive(&mut self, slot: u32, filled: usize, input: &mut [u8]) -> usize {
        // Both are taken out, so that the handler can be lent an event and all connections at once.
        let Some(mut scratch) = self.scratch.take() else {
            return 0;
        };
        let place = &mut self.connections.slots[slot as usize];
        let mut receiver = std::mem::replace(&mut place.receiver, Receiver::new(Role::Server));
        let taken = self.receive_with(slot, &mut receiver, &mut scratch, filled, input);
        self.scratch = Some(scratch);
        self.connections.slots[slot as usize].receiver = receiver;
        taken
    }

    fn receive_with(
        &mut self,
        slot: u32,
        receiver: &mut Receiver,
        scratch: &mut Scratch,
        filled: usize,
        input: &mut [u8],
    ) -> usize {
        let ends = input.as_ptr_range();
        let addresses = ends.start.addr()..ends.end.addr();
        let mut receive = receiver.receive_filled(filled, input, scratch);
        self.handle_events(slot, &mut receive, &addresses);
        self.end_loans(slot, &mut receive);
        receive.consumed()
    }

    /// Hands the events to the handler; what it sends back from where it lies may not have left when this returns.
    ///
    /// `addresses`: where the input lies.
    fn handle_events(&mut self, slot: u32, receive: &mut Receive<'_>, addresses: &Range<usize>) {
        let mut state = self.connections.slots[slot as usize].state.take();
        let mut has_messages = false;
        while let Some(event) = receive.next() {
            let mut flow = Flow::Continue;
            let mut is_lent = false;
            let connections = &mut self.connections;
            // None: our Close was sent, and all but the peer's is discarded.
            match (event, &mut state) {
                (Ok(Event::Text(text)), Some(state)) => {
                    connections.note_message(slot);
                    is_lent = connections.loans.begin(slot, text.as_bytes(), addresses);
                    has_messages = true;
                    let context = &mut Context { connections, slot };
                    flow = self.handler.on_message(context, state, Message::Text(text));
                }
                (Ok(Event::Binary(data)), Some(state)) => {
                    connections.note_message(slot);
                    is_lent = connections.loans.begin(slot, data, addresses);
                    has_messages = true;
                    let context = &mut Context { connections, slot };
                    flow = self
                        .handler
                        .on_message(context, state, Message::Binary(data));
                }
                (Ok(Event::Ping(payload)), Some(state)) => {
                    let context = &mut Context { connections, slot };
                    self.handler.on_ping(context, state, payload);
                }
                (Ok(Event::Pong(payload)), Some(state)) => {
                    let place = &connections.slots[slot as usize];
                    if !place.keepalive.is_answer(payload) {
                        let context = &mut Context { connections, slot };
                        self.handler.on_pong(context, state, payload);
                    }
                }
                (Ok(Event::Close(frame)), _) => {
                    let (code, reason) = frame.map_or((CloseCode::NO_STATUS, ""), |frame| {
                        (frame.code, frame.reason)
                    });
                    let by = ClosedBy::Peer;
                    self.connections.slots[slot as usize].state = state;
                    self.take_handler_commands();
                    let info = CloseInfo { code, reason, by };
                    self.handle_final(slot, info, true);
                    let reply = receive.take_reply();
                    return self.reply(slot, reply, receive);
                }
                (Err(error), _) => {
                    let info = CloseInfo {
                        code: error.close_code(),
                        reason: "",
                        by: ClosedBy::Protocol(error),
                    };
                    self.connections.slots[slot as usize].state = state;
                    self.handle_final(slot, info, false);
                    let reply = receive.take_reply();
                    return self.reply(slot, reply, receive);
                }
                (Ok(_), None) => {}
            }
            if is_lent {
                self.end_loan(slot, receive);
            }
            if let Some(reply) = receive.take_reply() {
                self.reply(slot, Some(reply), receive);
            }
            if !self.connections.closed.is_empty() {
                self.connections.slots[slot as usize].state = state;
                self.tell_closed();
                state = self.connections.slots[slot as usize].state.take();
            }
            if self.connections.corked_bytes() >= CORK_BYTES {
                self.flush_all(slot, receive);
            }
            let place = &mut self.connections.slots[slot as usize];
            place.is_paused |= flow == Flow::Pause;
            if !place.may_read() {
                break;
            }
        }
        if has_messages && let Some(state) = &mut state {
            self.is_fed |= self.starved.front() == Some(&slot);
            let connections = &mut self.connections;
            let context = &mut Context { connections, slot };
            let flow = self.handler.on_messages_end(context, state);
            self.connections.slots[slot as usize].is_paused |= flow == Flow::Pause;
        }
        self.connections.slots[slot as usize].state = state;
        self.tell_closed();
    }

    /// The last event of a connection: the handler is told before the answer is queued.
    fn handle_final(&mut self, slot: u32, info: CloseInfo<'_>, clean: bool) {
        let connections = &mut self.connections;
        if connections.slots[slot as usize].phase == Phase::Dead {
            return self.tell_closed();
        }
        connections.begin_ending(slot, clean);
        self.tell_close(slot, info);
        self.tell_closed();
    }

    /// Queues an automatic answer: pongs in order while the socket takes them, then one behind what waits, and of those
    /// that come before it has left only the newest.
    fn reply(&mut self, slot: u32, reply: Option<Reply>, receive: &mut Receive<'_>) {
        let Some(reply) = reply else {
            return;
        };
        if self.connections.corked_bytes() >= CORK_BYTES {
            self.flush_all(slot, receive);
        }
        let place = &mut self.connections.slots[slot as usize];
        if place.hung_up || place.phase == Phase::Dead {
            return;
        }
        let pressure = match &place.queue {
            Some(queue) if queue.has_pong() => Pressure::PushedBack,
            _ => Pressure::Clear,
        };
        if pressure == Pressure::PushedBack && !reply.is_close() {
            // Kept in the sender: nothing is appended.
            let scratch = &mut self.connections.send_scratch;
            let mut nothing = Vec::new();
            let kept = place
                .sender
                .encode_reply(reply, pressure, scratch, &mut nothing);
            debug_assert!(kept.is_ok() && nothing.is_empty());
            return;
        }
        let encoded = self.connections.encode(slot, |sender, scratch, output| {
            sender.encode_reply(reply, pressure, scratch, output)
        });
        debug_assert!(encoded.is_ok(), "a server needs no masking key");
        if let Some(queue) = &mut self.connections.slots[slot as usize].queue {
            queue.note_pong();
        }
    }
}

/// A long message that has come takes the next turns of its connection as well, and in one call of the system what is
/// there: so many turns' bytes at most, for which the others wait.
const LONG_TURNS: usize = 8;
/// Of a message's begin, which is copied, no more is read than this where the one before was long, or behind its end.
const BEGIN_BYTES: usize = 16 << 10;
/// A message is long in this sense if so much of it is missing: of a shorter one less is copied than a read costs.
const WORTH_BYTES: u64 = if cfg!(test) { 8 << 10 } else { 128 << 10 };
/// Offset of the receive buffer in its allocation, and what is added to it.
const PAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receive_buffer_begins_at_a_page() {
        let mut buffer = ReceiveBuffer::new();
        let whole = buffer.first(RECEIVE_BUFFER_BYTES);
        assert_eq!(whole.as_ptr().align_offset(PAGE_BYTES), 0);
        assert_eq!(whole.len(), RECEIVE_BUFFER_BYTES);
    }
}

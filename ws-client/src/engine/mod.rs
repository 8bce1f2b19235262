//! One open connection: moves bytes in both directions whenever it is turned.
//!
//! ```text
//!  Net ──► Wire ──► Receiver ──► ReceiveQueue ──► caller
//!                      │ Reply
//!  Net ◄── Wire ◄── Sender ◄───────────────────── caller
//! ```
//! [`Client`](crate::Client) turns it in the caller's thread, once or many times in each call.
//! Invariant: a turn waits at most until its deadline, and an end of the connection is kept as [`Engine::ended`] and
//! never loses what was received before it.
//! Invariant: with a full receive queue nothing is read; sending goes on.
//! Tested over a mock [`Net`] with a virtual clock in `tests.rs`, over sockets in `tests/it`.

mod deflate;
mod heartbeat;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ws_core::{
    CloseCode, CloseFrame, Connection, OwnedEvent, Pressure, ReceiveError, Receiver, Reply, Role,
    Scratch, SendError, SendScratch, Sender,
};

pub(crate) use self::deflate::Deflate;
use self::heartbeat::Heartbeat;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Cause, Loss, OVERFLOW_REASON};
use crate::message::{Close, Message};
use crate::net::Net;
use crate::queue::ReceiveQueue;
use crate::wire::Wire;

/// The state of an open connection.
pub(crate) struct Engine<N> {
    pub(crate) wire: Wire<N>,
    pub(crate) queue: ReceiveQueue,
    receiver: Receiver,
    sender: Sender,
    scratch: Scratch,
    send_scratch: SendScratch,
    input: Box<[u8]>,
    /// The part of `input` that has not been looked at, because the queue was full.
    held: Range<usize>,
    keepalive: Heartbeat,
    messages: u64,
    discarded: u64,
    pings_answered: u64,
    when_full: WhenFull,
    /// A message has found no room under [`WhenFull::Refuse`]; it is lost, and so is what comes after it.
    overflowed: bool,
    /// The socket had no room at the last attempt.
    refused: bool,
    /// The output could not all leave at the last attempt.
    pushed_back: bool,
    /// What must have left of all output before the last pong in it has.
    pong_end: u64,
    write_error: Option<Arc<io::Error>>,
    failing: Option<Failing>,
    close: Option<Close>,
    ended: Option<Cause>,
    last_turn: Instant,
}

impl<N: Net> Engine<N> {
    /// Takes over after the opening handshake; `surplus` came behind the server's answer.
    pub(crate) fn new(
        mut wire: Wire<N>,
        surplus: &[u8],
        config: &Config,
        deflate: Option<Deflate>,
    ) -> io::Result<Self> {
        let now = wire.net.now();
        let keys = wire.net.masking_keys()?;
        let connection = match &deflate {
            None => Connection::new(Role::Client),
            Some(Deflate { agreement, config }) => {
                Connection::with_deflate(Role::Client, &agreement.parameters(), config)
            }
        };
        let (receiver, sender) = connection.into_halves();
        let mut input = vec![0; INPUT_BYTES.max(surplus.len())].into_boxed_slice();
        input[..surplus.len()].copy_from_slice(surplus);
        Ok(Self {
            wire,
            queue: ReceiveQueue::new(config.max_queued_messages, config.max_queued_bytes),
            receiver,
            sender,
            scratch: Scratch::new(config.limits.clone()),
            send_scratch: SendScratch::client(keys),
            input,
            held: 0..surplus.len(),
            keepalive: Heartbeat::new(config, now),
            messages: 0,
            discarded: 0,
            pings_answered: 0,
            when_full: WhenFull::Stop,
            overflowed: false,
            refused: false,
            pushed_back: false,
            pong_end: 0,
            write_error: None,
            failing: None,
            close: None,
            ended: None,
            last_turn: now,
        })
    }

    /// The peer's Close, once it has come.
    pub(crate) fn close(&self) -> Option<&Close> {
        self.close.as_ref()
    }

    /// Why nothing more can be sent, if so.
    pub(crate) fn ended(&self) -> Option<Cause> {
        match &self.close {
            Some(close) => Some(Cause::Closed(close.clone())),
            None => self.ended.clone(),
        }
    }

    /// Why nothing more can be sent although there is more to receive, once some of it has been taken.
    pub(crate) fn ended_for_sending(&self) -> Option<Cause> {
        let error = self.write_error.as_ref().filter(|_| self.is_paused())?;
        Some(Cause::Lost(self.loss(Some(Arc::clone(error)))))
    }

    /// True if there is nothing more to move, in either direction.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// True if everything has been handed to the system, a pong that was put off included.
    pub(crate) fn is_flushed(&self) -> bool {
        self.wire.unsent_bytes() == 0 && !self.sender.has_pending() && self.write_error.is_none()
    }

    pub(crate) fn close_sent(&self) -> bool {
        self.sender.close_sent()
    }

    /// Appends frames to the output; [`Engine::turn`] sends them.
    pub(crate) fn encode(
        &mut self,
        encode: impl FnOnce(&mut Sender, &mut SendScratch, &mut Vec<u8>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        encode(&mut self.sender, &mut self.send_scratch, self.wire.output())
    }

    /// From now on a full queue does not stop the reading; see [`WhenFull::Discard`].
    pub(crate) fn begin_closing(&mut self) {
        self.when_full = WhenFull::Discard;
    }

    /// From now on a message that finds no room is lost and makes [`Engine::has_overflowed`] true.
    pub(crate) fn refuse_when_full(&mut self) {
        self.when_full = WhenFull::Refuse;
    }

    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Pongs written in answer to pings.
    pub(crate) fn pings_answered(&self) -> u64 {
        self.pings_answered
    }

    /// Fails the connection if the peer broke a rule (RFC 6455 §7.1.7): says why and takes `deadline` at most for it.
    ///
    /// Until this is called, or a second has passed, the caller may answer what came before.
    pub(crate) fn fail_if_due(&mut self, deadline: Deadline) {
        let Some(failing) = self.failing.take() else {
            return;
        };
        self.ended = Some(Cause::Receive(failing.error));
        self.answer(failing.reply);
        let latest = Deadline::after(self.wire.net.now(), LINGER);
        self.linger(true, latest.earlier(deadline), || false);
    }

    /// Moves what can be moved; if that is nothing, waits for a change until `deadline` at most.
    ///
    /// False: nothing has changed.
    pub(crate) fn turn(&mut self, deadline: Deadline) -> bool {
        if self.is_over() {
            return false;
        }
        self.last_turn = self.wire.net.now();
        match self.try_turn(deadline) {
            Ok(changed) => changed,
            Err(error) => {
                self.lose(Some(Arc::new(error)));
                true
            }
        }
    }

    /// Turns without waiting, but not more often than is of use.
    ///
    /// So a caller who only sends, or only takes what is queued, still answers pings.
    pub(crate) fn look_around(&mut self) {
        let now = self.wire.net.now();
        if now.saturating_duration_since(self.last_turn) >= LOOK_INTERVAL {
            self.turn(Deadline::at(now));
        }
    }

    /// Takes in what has arrived, without waiting: nobody may send after a Close that is already here.
    pub(crate) fn look(&mut self) {
        let now = Deadline::at(self.wire.net.now());
        // The first turn may only learn that there is something to read.
        if self.turn(now) {
            self.turn(now);
        }
    }

    /// Gives the peer the time until `deadline` to end the TCP connection, so that what was sent last arrives.
    ///
    /// What comes meanwhile is dropped. Afterwards the connection is over. `stop` is asked after each wake-up.
    pub(crate) fn linger(&mut self, half_close: bool, deadline: Deadline, stop: impl Fn() -> bool) {
        // Errors end the wait like an end of the stream does: the WebSocket connection is over already.
        let _ = self.try_linger(half_close, deadline, stop);
        // A peer that has not ended TCP by now may never do so.
        self.abandon();
        if self.discarded > 0 {
            log::debug!("{} messages found no room while closing", self.discarded);
        }
    }

    /// Ends the connection without waiting for anything.
    pub(crate) fn abandon(&mut self) {
        // It may be gone already.
        let _ = self.wire.net.shutdown_write();
        self.lose(None);
    }

    fn try_turn(&mut self, deadline: Deadline) -> io::Result<bool> {
        // In this order answers leave in the turn that caused them; a caller may not turn again for long.
        let received = self.receive_step();
        let sent = self.send_step();
        let received = received?;
        let failing_at = self.failing.as_ref().map_or(Deadline::NEVER, |f| f.latest);
        if failing_at.has_passed(self.wire.net.now()) {
            self.fail_if_due(deadline);
            return Ok(true);
        }
        if sent || received {
            return Ok(true);
        }
        if let Some(error) = &self.write_error {
            if self.is_paused() {
                // A message has to be taken first.
                return self.wire.wait(deadline);
            }
            // All that had come is taken now.
            self.lose(Some(Arc::clone(error)));
            return Ok(true);
        }
        let until = deadline.earlier(self.keepalive_due()).earlier(failing_at);
        if self.wire.wait(until)? {
            return Ok(true);
        }
        Ok(self.keepalive_step())
    }

    fn send_step(&mut self) -> bool {
        if self.wire.left_bytes() >= self.pong_end && self.sender.has_pending() {
            let kept = self
                .sender
                .encode_pending(&mut self.send_scratch, self.wire.output());
            debug_assert!(kept.is_ok(), "a client has masking keys");
            self.pong_end = self.wire.appended_bytes();
            self.pings_answered += u64::from(kept == Ok(true));
        }
        let sent = match self.wire.send_some() {
            Ok(sent) => sent,
            Err(error) => {
                // What the peer sent before it went away, perhaps a Close, is still to be read.
                self.write_error = Some(Arc::new(error));
                self.wire.discard_output();
                return true;
            }
        };
        if sent && self.refused {
            // Room in a full buffer: the peer reads, even if its answer to a ping waits behind our long message.
            self.keepalive.handle_sign_of_life(self.wire.net.now());
        }
        self.refused = self.wire.is_refused();
        self.pushed_back = self.wire.unsent_bytes() > 0;
        sent
    }

    fn receive_step(&mut self) -> io::Result<bool> {
        if self.failing.is_some() || self.is_paused() {
            return Ok(false);
        }
        if self.held.is_empty() {
            match self.wire.receive_some(&mut self.input)? {
                None => return Ok(false),
                Some(0) => {
                    self.lose(None);
                    return Ok(true);
                }
                Some(count) => self.held = 0..count,
            }
            self.keepalive.handle_sign_of_life(self.wire.net.now());
        }
        self.take_events();
        Ok(true)
    }

    fn take_events(&mut self) {
        let mut receive = self
            .receiver
            .receive(&mut self.input[self.held.clone()], &mut self.scratch);
        while let Some(event) = receive.next_owned() {
            let message = match event {
                Ok(OwnedEvent::Text(text)) => Some(Message::Text(text)),
                Ok(OwnedEvent::Binary(data)) => Some(Message::Binary(data)),
                Ok(OwnedEvent::Ping(payload)) => Some(Message::Ping(payload)),
                Ok(OwnedEvent::Pong(payload)) if self.keepalive.is_answer(&payload) => None,
                Ok(OwnedEvent::Pong(payload)) => Some(Message::Pong(payload)),
                Ok(OwnedEvent::Close(end)) => {
                    let close = Close::from_end(end);
                    self.close = Some(close.clone());
                    Some(Message::Close(close))
                }
                Err(error) => {
                    self.failing = Some(Failing {
                        error,
                        reply: receive.take_reply(),
                        latest: Deadline::after(self.wire.net.now(), LINGER),
                    });
                    break;
                }
            };
            if let Some(reply) = receive.take_reply() {
                let is_pong = matches!(message, Some(Message::Ping(_)));
                let pressure = if self.pushed_back && self.wire.left_bytes() < self.pong_end {
                    Pressure::PushedBack
                } else {
                    Pressure::Clear
                };
                let output = self.wire.output();
                let is_close = matches!(message, Some(Message::Close(_)));
                let replied = if is_close && self.overflowed && !self.sender.close_sent() {
                    // What comes before it was lost.
                    encode_overflow(&mut self.sender, &mut self.send_scratch, output)
                } else {
                    self.sender
                        .encode_reply(reply, pressure, &mut self.send_scratch, output)
                };
                debug_assert!(replied.is_ok(), "a client has masking keys");
                if is_pong && pressure == Pressure::Clear && !self.sender.close_sent() {
                    self.pong_end = self.wire.appended_bytes();
                    self.pings_answered += 1;
                }
            }
            match message {
                Some(message @ (Message::Text(_) | Message::Binary(_))) => {
                    self.messages += 1;
                    match self.when_full {
                        _ if !self.overflowed && !self.queue.is_full() => self.queue.push(message),
                        WhenFull::Refuse => self.overflowed = true,
                        WhenFull::Stop | WhenFull::Discard => self.discarded += 1,
                    }
                }
                Some(message) => self.queue.push(message),
                None => {}
            }
            // Not `is_paused`: the events still borrow from the receiver.
            if self.when_full == WhenFull::Stop && self.queue.is_full() {
                break;
            }
        }
        self.held.start += receive.consumed();
    }

    fn try_linger(
        &mut self,
        half_close: bool,
        deadline: Deadline,
        stop: impl Fn() -> bool,
    ) -> io::Result<()> {
        let (mut ended_tls, mut half_closed) = (false, false);
        loop {
            let mut sent = self.wire.send_some()?;
            if !ended_tls && self.wire.unsent_bytes() == 0 {
                self.wire.end_tls();
                ended_tls = true;
                sent |= self.wire.send_some()?;
            }
            if half_close && !half_closed && self.wire.unsent_bytes() == 0 {
                self.wire.net.shutdown_write()?;
                half_closed = true;
            }
            let received = self.wire.receive_some(&mut self.input)?;
            if received == Some(0) {
                return Ok(());
            }
            if deadline.has_passed(self.wire.net.now()) || stop() {
                return Ok(());
            }
            if !sent && received.is_none() {
                self.wire.wait(deadline)?;
            }
        }
    }

    fn answer(&mut self, reply: Option<Reply>) {
        if let Some(reply) = reply {
            let output = self.wire.output();
            // It fails only without masking keys, which a client has.
            let _ =
                self.sender
                    .encode_reply(reply, Pressure::Clear, &mut self.send_scratch, output);
        }
    }

    fn lose(&mut self, error: Option<Arc<io::Error>>) {
        if let Some(failing) = self.failing.take() {
            self.ended = Some(Cause::Receive(failing.error));
        }
        if self.ended.is_none() {
            self.ended = Some(Cause::Lost(self.loss(error)));
        }
    }

    fn loss(&self, error: Option<Arc<io::Error>>) -> Loss {
        Loss {
            messages: self.messages,
            mid_message: self.receiver.is_mid_message(),
            error,
        }
    }

    /// Nothing is read until a message is taken.
    fn is_paused(&self) -> bool {
        self.when_full == WhenFull::Stop && self.queue.is_full()
    }
}

/// Closes because a message has found no room.
pub(crate) fn encode_overflow(
    sender: &mut Sender,
    scratch: &mut SendScratch,
    output: &mut Vec<u8>,
) -> Result<(), SendError> {
    let frame = CloseFrame {
        code: CloseCode::POLICY_VIOLATION,
        reason: OVERFLOW_REASON,
    };
    sender.encode_close(Some(frame), scratch, output)
}

/// The peer broke a rule, and has not been told yet.
struct Failing {
    error: ReceiveError,
    reply: Option<Reply>,
    latest: Deadline,
}

/// What becomes of a message that finds no room in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenFull {
    /// It is not read in the first place.
    Stop,
    /// It is lost, and the owner is told.
    Refuse,
    /// In the closing handshake: it is dropped, so that the peer's Close is reached.
    Discard,
}

/// What one read takes at most.
const INPUT_BYTES: usize = 256 << 10;
/// A caller that never has to wait turns at least this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Wait for the peer's end of the TCP connection, once all is said.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

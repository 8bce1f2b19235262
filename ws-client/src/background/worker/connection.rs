//! One connection of a background client: a turn takes what callers have queued, moves bytes, and gives what has come.

use std::time::Instant;

use ws_core::{CloseCode, CloseFrame, Compression, SendError};

use super::super::config::OnFull;
use super::super::shared::{End, Progress, Queued};
use super::super::status::State;
use super::{Dialler, Phase, Worker};
use crate::deadline::Deadline;
use crate::engine::{Engine, LINGER, encode_overflow};
use crate::error::{Cause, Stage};
use crate::message::{Close, Message};
use crate::net::Net;

/// An open connection, up to the end of its closing handshake.
pub(super) struct Connection<N> {
    pub(super) engine: Engine<N>,
    pub(super) since: Instant,
    pub(super) closing: Option<Closing>,
    /// What the statistics have got already.
    pub(super) pings_answered: u64,
    /// Where each message that was taken from the queue, and had not left after the last turn, ends among the bytes.
    pub(super) ends: Vec<u64>,
    /// Messages that were taken from the queue and came too late for this connection.
    pub(super) late_messages: usize,
}

impl<N: Net> Connection<N> {
    /// Messages that were taken from the queue and have not left whole.
    pub(super) fn waiting_messages(&self) -> usize {
        let left = self.engine.wire.left_bytes();
        self.ends.iter().filter(|end| **end > left).count()
    }
}

pub(super) struct Closing {
    pub(super) by: Closer,
    deadline: Deadline,
}

/// Who has begun the closing handshake.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Closer {
    Caller(CloseCode),
    Overflow { messages: usize, bytes: usize },
    Peer,
}

impl<D: Dialler> Worker<D> {
    pub(super) fn turn(
        &mut self,
        mut connection: Box<Connection<D::Net>>,
        until: Deadline,
    ) -> Phase<D::Net> {
        let engine = &mut connection.engine;
        let room = MAX_WIRE_BYTES.saturating_sub(engine.wire.unsent_bytes());
        let work = self.shared.begin_turn(room, &mut self.outgoing);
        if work.is_destroyed {
            return self.leave(&mut connection);
        }
        engine.queue.set_elsewhere(work.elsewhere);
        let mut latest = until;
        if !self.outgoing.is_empty() {
            // Nothing is sent behind a Close that has come.
            engine.look();
            // What the look has brought, and who has called meanwhile, would wait as long as this turn does.
            latest = Deadline::at(engine.wire.net.now());
        }
        let mut progress = Progress::default();
        for Queued {
            message,
            compression,
        } in self.outgoing.drain(..)
        {
            if encode(engine, &message, compression).is_err() {
                progress.late_messages += 1;
                continue;
            }
            connection.ends.push(engine.wire.appended_bytes());
            if is_data(&message) {
                progress.messages_sent += 1;
                progress.bytes_sent += message.payload().len() as u64;
            }
        }
        if let Some((code, reason)) = work.close {
            self.close(&mut connection, code, &reason, work.is_outbox_empty);
        }
        let deadline = match &connection.closing {
            Some(closing) => closing.deadline.earlier(latest),
            None => latest,
        };
        connection.engine.turn(deadline);
        let peer_close = self.publish(&mut connection, progress);
        if connection.engine.has_overflowed() && connection.closing.is_none() {
            self.refuse_overflow(&mut connection);
        }
        if let Some(close) = peer_close {
            self.handle_peer_close(&mut connection, close);
        }
        self.judge(connection)
    }

    /// Begins, or goes on with, the closing handshake that the caller wants.
    fn close(
        &self,
        connection: &mut Connection<D::Net>,
        code: CloseCode,
        reason: &str,
        is_outbox_empty: bool,
    ) {
        if connection.closing.is_none() {
            let now = connection.engine.wire.net.now();
            connection.closing = Some(Closing {
                by: Closer::Caller(code),
                deadline: Deadline::after(now, self.config.close_timeout),
            });
            connection.engine.begin_closing();
            self.shared.set_state(State::Closing);
        }
        // What was sent before comes first.
        if is_outbox_empty && !connection.engine.close_sent() {
            let frame = (code != CloseCode::NO_STATUS).then_some(CloseFrame { code, reason });
            // Code and reason were checked in the call.
            let _ = connection
                .engine
                .encode(|sender, scratch, output| sender.encode_close(frame, scratch, output));
        }
    }

    /// Gives out what the turn has brought, but for the peer's Close.
    fn publish(
        &mut self,
        connection: &mut Connection<D::Net>,
        mut progress: Progress,
    ) -> Option<Close> {
        let engine = &mut connection.engine;
        let mut peer_close = None;
        while let Some(message) = engine.queue.pop() {
            match message {
                Message::Close(close) => peer_close = Some(close),
                message => self.received.push(message),
            }
        }
        let now = engine.wire.net.now();
        let pings_answered = engine.pings_answered();
        let left = engine.wire.left_bytes();
        connection.ends.retain(|end| *end > left);
        connection.late_messages += progress.late_messages;
        progress.has_unsent = !connection.ends.is_empty() || connection.late_messages > 0;
        progress.wire_bytes = engine.wire.unsent_bytes();
        progress.pings_answered = pings_answered - connection.pings_answered;
        progress.now = Some(now);
        // Known no later than that everything has left: whoever waited for that may not send behind a Close.
        let closed = engine.close().map(|close| Cause::Closed(close.clone()));
        progress.send_end = closed.or_else(|| engine.ended_for_sending());
        connection.pings_answered = pings_answered;
        let pauses = self.on_full == OnFull::Pause && connection.closing.is_none();
        let newly_full = self.shared.end_turn(&mut self.received, pauses, &progress);
        if let Some(held) = newly_full {
            let text = format!(
                "receive queue is full: {} messages and {} bytes are unread (limits {} and {}); reading is paused",
                held.messages,
                held.bytes,
                self.config.max_queued_messages,
                self.config.max_queued_bytes
            );
            log::warn!("{}: {text}", self.shared.target());
            self.journal.note_limited(now, "receive queue", &text);
        }
        peer_close
    }

    fn handle_peer_close(&self, connection: &mut Connection<D::Net>, close: Close) {
        let cause = Cause::Closed(close.clone());
        let is_ours = connection.closing.is_some();
        if !is_ours
            && self
                .backoff
                .as_ref()
                .is_some_and(|b| b.retries_after_end(&cause))
        {
            self.shared.set_state(State::Closing);
        } else {
            let end = match &connection.closing {
                Some(Closing {
                    by: Closer::Overflow { messages, bytes },
                    ..
                }) => Cause::Overflow {
                    messages: *messages,
                    bytes: *bytes,
                },
                _ => cause,
            };
            self.shared.set_peer_close(close, end);
        }
        if !is_ours {
            let now = connection.engine.wire.net.now();
            connection.closing = Some(Closing {
                by: Closer::Peer,
                deadline: Deadline::after(now, self.config.close_timeout),
            });
        }
    }

    fn refuse_overflow(&self, connection: &mut Connection<D::Net>) {
        let statistics = self.shared.statistics();
        let (messages, bytes) = (
            statistics.receive_queue_messages,
            statistics.receive_queue_bytes,
        );
        let text = format!(
            "receive queue is full: {messages} messages and {bytes} bytes are unread (limits {} and {}); closing with 1008",
            self.config.max_queued_messages, self.config.max_queued_bytes
        );
        log::warn!("{}: {text}", self.shared.target());
        self.journal.note(&text);
        // Sent before: in answer to the peer's.
        let _ = connection.engine.encode(encode_overflow);
        connection.engine.begin_closing();
        let now = connection.engine.wire.net.now();
        connection.closing = Some(Closing {
            by: Closer::Overflow { messages, bytes },
            deadline: Deadline::after(now, self.config.close_timeout),
        });
        self.shared.set_state(State::Closing);
    }

    /// Goes on, or ends the connection if both Closes have passed, it is lost or its time is up.
    fn judge(&mut self, mut connection: Box<Connection<D::Net>>) -> Phase<D::Net> {
        let engine = &mut connection.engine;
        let now = engine.wire.net.now();
        let has_closed = engine.close().is_some() && engine.is_flushed();
        let deadline = connection.closing.as_ref().map(|closing| closing.deadline);
        let is_late = deadline.is_some_and(|deadline| deadline.has_passed(now));
        if !engine.is_over() && !has_closed && !is_late {
            return Phase::Open(connection);
        }
        let has_answered = engine.close().is_some();
        if has_closed && !engine.is_over() {
            let by = connection.closing.as_ref().map(|closing| &closing.by);
            if matches!(by, Some(Closer::Caller(_))) {
                // It need not wait for the end of the TCP connection.
                self.shared.acknowledge_close();
            }
            // The server ends it first (RFC 6455 §7.1.1).
            let latest = Deadline::after(now, LINGER);
            let latest = deadline.map_or(latest, |deadline| latest.earlier(deadline));
            let shared = &self.shared;
            engine.linger(false, latest, || shared.is_destroyed());
        } else if is_late && !engine.is_over() {
            engine.abandon();
        }
        self.end(&connection, is_late && !has_answered)
    }

    /// The client is being destroyed: one attempt to say so, and no waiting.
    fn leave(&self, connection: &mut Connection<D::Net>) -> Phase<D::Net> {
        let engine = &mut connection.engine;
        if !engine.close_sent() && !engine.is_over() {
            let frame = Some(CloseFrame::new(CloseCode::GOING_AWAY));
            let encoded = engine
                .encode(|sender, scratch, output| sender.encode_close(frame, scratch, output));
            if encoded.is_ok() {
                let now = engine.wire.net.now();
                engine.turn(Deadline::at(now));
            }
        }
        self.shared
            .drop_connection(connection.waiting_messages() + self.outgoing.len());
        self.journal
            .note("closed with code 1001 by this side: the client was destroyed");
        let cause = Cause::NotOpen("the client was destroyed");
        let outcome = Err(self.shared.failure(Stage::Close, cause.clone()));
        self.finish(End::Cause(cause), outcome)
    }
}

pub(super) fn encode<N: Net>(
    engine: &mut Engine<N>,
    message: &Message,
    compression: Compression,
) -> Result<(), SendError> {
    engine.encode(|sender, scratch, output| match message {
        Message::Text(text) => sender.encode_text_with(text, compression, scratch, output),
        Message::Binary(data) => sender.encode_binary_with(data, compression, scratch, output),
        Message::Ping(payload) => sender.encode_ping(payload, scratch, output),
        Message::Pong(payload) => sender.encode_pong(payload, scratch, output),
        Message::Close(_) => Ok(()),
    })
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}

/// What is encoded ahead; so an answer to a ping never waits behind more than that and one message.
const MAX_WIRE_BYTES: usize = 64 << 10;

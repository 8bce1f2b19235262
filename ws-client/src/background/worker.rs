//! What the thread of a background client does: connects, turns the engine, connects again.
//!
//! ```text
//!  Dial ──► Open ──► (lost) ──► Pause ──► Dial …
//!    └────────┴──► Over
//! ```
//! Invariant: it reaches socket, clock and randomness through [`Dialler`] and [`Net`] only; tests drive it step by step
//! with a virtual clock.
//! Invariant: it waits in three places only, each of which another thread can end: in the dial, in a turn, and between
//! two attempts.

mod connection;

use std::net::SocketAddr;
use std::time::Instant;

use ws_core::Compression;
use ws_core::extension::DeflateAgreement;
use ws_core::handshake::Response;

use self::connection::{Closer, Connection, encode};
use super::backoff::Backoff;
use super::config::{BackgroundConfig, OnFull};
use super::journal::Journal;
use super::shared::{End, Queued, Shared};
use super::status::{ConnectionEvent, State};
use super::sync::{Arc, Waker};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::engine::{Deflate, Engine};
use crate::error::{Cause, Error, Span, Stage};
use crate::message::{Close, Message};
use crate::net::Net;
use crate::wire::Wire;

/// Makes connections, and knows the time while there is none.
pub(super) trait Dialler {
    type Net: Net;

    fn dial(&mut self) -> Result<Opened<Self::Net>, Error>;

    fn now(&self) -> Instant;

    /// Waits until then, or until the caller wants the client to stop.
    fn wait(&mut self, shared: &Shared, until: Deadline);

    /// A number that clients that lost their connection at the same time do not have in common.
    fn random(&mut self) -> u64;
}

/// A new connection.
pub(super) struct Opened<N> {
    pub(super) wire: Wire<N>,
    pub(super) deflate: Option<Deflate>,
    /// Frames that came in the same piece as the answer.
    pub(super) surplus: Vec<u8>,
    pub(super) facts: Facts,
    /// Ends a turn that waits.
    pub(super) waker: Option<Waker>,
}

/// What does not change while a connection lasts.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) response: Option<Response>,
    pub(super) compression: Option<DeflateAgreement>,
    /// `None` without TLS.
    pub(super) tls_version: Option<&'static str>,
    pub(super) peer_address: Option<SocketAddr>,
    pub(super) local_address: Option<SocketAddr>,
}

/// The state of the thread.
pub(super) struct Worker<D: Dialler> {
    dialler: D,
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    config: Config,
    on_full: OnFull,
    backoff: Option<Backoff>,
    is_first: bool,
    /// Why there is no connection, while there is none.
    last_loss: Cause,
    phase: Phase<D::Net>,
    /// Kept for their memory.
    outgoing: Vec<Queued>,
    received: Vec<Message>,
}

enum Phase<N> {
    Dial,
    Pause { until: Instant },
    Open(Box<Connection<N>>),
    Over,
}

impl<D: Dialler> Worker<D> {
    pub(super) fn new(
        dialler: D,
        shared: Arc<Shared>,
        journal: Arc<Journal>,
        config: Config,
        background: &BackgroundConfig,
    ) -> Self {
        Self {
            dialler,
            shared,
            journal,
            config,
            on_full: background.on_full,
            backoff: background.reconnect.clone().map(Backoff::new),
            is_first: true,
            last_loss: Cause::Internal("no connection was lost"),
            phase: Phase::Dial,
            outgoing: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Does the next thing, waiting until `until` at most unless it dials; false once there is nothing left to do.
    pub(super) fn step(&mut self, until: Deadline) -> bool {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Dial => self.dial(),
            Phase::Pause { until: at } => self.pause(at, until),
            Phase::Open(connection) => self.turn(connection, until),
            Phase::Over => Phase::Over,
        };
        !matches!(self.phase, Phase::Over)
    }

    fn dial(&mut self) -> Phase<D::Net> {
        if self.shared.wants_stop() {
            return self.stop();
        }
        match self.dialler.dial() {
            Ok(opened) => self.open(opened),
            Err(_) if self.shared.wants_stop() => self.stop(),
            Err(error) => self.handle_failed_dial(error),
        }
    }

    fn open(&mut self, opened: Opened<D::Net>) -> Phase<D::Net> {
        let Opened {
            wire,
            deflate,
            surplus,
            facts,
            waker,
        } = opened;
        let mut engine = match Engine::new(wire, &surplus, &self.config, deflate) {
            Ok(engine) => engine,
            Err(error) => {
                let cause = Cause::Io(error.into());
                let error = self.shared.failure(Stage::Handshake, cause);
                return self.handle_failed_dial(error);
            }
        };
        if self.on_full == OnFull::Close {
            engine.refuse_when_full();
        }
        let is_first = std::mem::take(&mut self.is_first);
        let attempt = self.backoff.as_ref().map_or(0, Backoff::attempt);
        self.journal.note(&format!(
            "connected to {}, {}, opening handshake done, subprotocol {}, {}",
            facts.peer_address.map_or_else(
                || String::from("a Unix socket"),
                |address| address.to_string()
            ),
            facts.tls_version.unwrap_or("not encrypted"),
            facts
                .response
                .as_ref()
                .and_then(Response::subprotocol)
                .unwrap_or("none"),
            facts.compression.map_or_else(
                || String::from("no compression"),
                |agreed| agreed.to_string()
            ),
        ));
        if !is_first && let Some(backoff) = &self.backoff {
            let repeated = &backoff.config().repeated;
            for message in repeated {
                // Only text and binary can be configured, which a new connection takes.
                let _ = encode(&mut engine, message, Compression::Auto);
            }
            self.journal.note(&format!(
                "reconnected with attempt {attempt}, {} messages repeated",
                repeated.len()
            ));
        }
        let since = engine.wire.net.now();
        self.shared.open(facts, waker, is_first);
        self.shared.report(ConnectionEvent::Opened { attempt });
        Phase::Open(Box::new(Connection {
            engine,
            since,
            closing: None,
            pings_answered: 0,
            ends: Vec::new(),
            late_messages: 0,
        }))
    }

    fn end(&mut self, connection: &Connection<D::Net>, is_late: bool) -> Phase<D::Net> {
        let engine = &connection.engine;
        let unsent = self.shared.drop_connection(connection.waiting_messages());
        let unsent_messages = unsent + connection.late_messages;
        let by = connection
            .closing
            .as_ref()
            .map(|closing| closing.by.clone());
        let cause = match (&by, engine.ended()) {
            (Some(Closer::Overflow { messages, bytes }), _) => Cause::Overflow {
                messages: *messages,
                bytes: *bytes,
            },
            (_, Some(cause)) => cause,
            (_, None) => Cause::Internal("the connection ended without a reason"),
        };
        self.journal
            .note(&describe_end(by.as_ref(), engine.close(), &cause));
        if unsent_messages > 0 {
            self.journal
                .note(&format!("{unsent_messages} messages were not sent"));
        }
        let is_ours = matches!(by, Some(Closer::Caller(_) | Closer::Overflow { .. }));
        if !is_ours
            && self
                .backoff
                .as_ref()
                .is_some_and(|b| b.retries_after_end(&cause))
        {
            let now = engine.wire.net.now();
            if let Some(backoff) = &mut self.backoff {
                backoff.handle_end(now.saturating_duration_since(connection.since));
            }
            let error = self.shared.failure(Stage::Receive, cause.clone());
            self.last_loss = cause;
            return self.plan_attempt(ConnectionEvent::Lost {
                error,
                unsent_messages,
            });
        }
        let outcome = if is_late {
            let within = Span(self.config.close_timeout);
            let text = format!(
                "peer has not answered the Close within {within}; the connection was ended"
            );
            Err(self.shared.failure(Stage::Close, Cause::Timeout(text)))
        } else if engine.close().is_some() {
            Ok(())
        } else {
            Err(self.shared.failure(Stage::Close, cause.clone()))
        };
        self.finish(End::Cause(cause), outcome)
    }

    fn handle_failed_dial(&mut self, error: Error) -> Phase<D::Net> {
        if self.is_first {
            self.journal.note(&error.to_string());
            let outcome = Err(error.clone());
            return self.finish(End::Dial(error), outcome);
        }
        let attempt = self.backoff.as_ref().map_or(0, Backoff::attempt);
        let now = self.dialler.now();
        let text = format!("attempt {attempt} to reconnect failed: {error}");
        self.journal.note_limited(now, "reconnect", &text);
        let is_final = !Backoff::retries_after_dial(&error);
        let event = ConnectionEvent::AttemptFailed { attempt, error };
        if is_final {
            return self.give_up(event);
        }
        self.plan_attempt(event)
    }

    /// Waits for the next attempt, because of `event`.
    fn plan_attempt(&mut self, event: ConnectionEvent) -> Phase<D::Net> {
        let random = self.dialler.random();
        let delay = self.backoff.as_mut().and_then(|b| b.delay_for(random));
        let Some((delay, backoff)) = delay.zip(self.backoff.as_ref()) else {
            return self.give_up(event);
        };
        let attempt = backoff.attempt();
        let now = self.dialler.now();
        let next = now.checked_add(delay).unwrap_or(now);
        let text = format!("attempt {attempt} to reconnect in {}", Span(delay));
        self.journal.note_limited(now, "reconnect", &text);
        // Whoever learns of the event finds the state that it has led to.
        self.shared.set_state(State::Reconnecting { attempt, next });
        self.shared.report(event);
        Phase::Pause { until: next }
    }

    fn give_up(&self, event: ConnectionEvent) -> Phase<D::Net> {
        self.shared.report(event);
        let loss = self.last_loss.clone();
        let outcome = Err(self.shared.failure(Stage::Close, loss.clone()));
        self.journal.note("gave up reconnecting");
        self.finish(End::Cause(loss), outcome)
    }

    fn pause(&mut self, at: Instant, until: Deadline) -> Phase<D::Net> {
        self.dialler
            .wait(&self.shared, Deadline::at(at).earlier(until));
        if self.shared.wants_stop() {
            self.stop()
        } else if self.dialler.now() >= at {
            Phase::Dial
        } else {
            Phase::Pause { until: at }
        }
    }

    /// Ends without a connection, because the caller wants it.
    fn stop(&self) -> Phase<D::Net> {
        self.journal
            .note("closed by this side before there was a connection");
        let cause = Cause::NotOpen("the client was closed before there was a connection");
        self.finish(End::Cause(cause), Ok(()))
    }

    fn finish(&self, end: End, close_outcome: Result<(), Error>) -> Phase<D::Net> {
        let error = self.shared.finish(end, close_outcome);
        self.shared.report(ConnectionEvent::Closed { error });
        Phase::Over
    }
}

/// Who closed with what, for the event log.
fn describe_end(by: Option<&Closer>, close: Option<&Close>, cause: &Cause) -> String {
    match (by, close) {
        (Some(Closer::Caller(code)), Some(close)) => format!(
            "closed with code {code} by this side, answered with {}",
            close.code
        ),
        (Some(Closer::Caller(code)), None) => {
            format!("closed with code {code} by this side, not answered: {cause}")
        }
        (Some(Closer::Overflow { .. }), _) => format!("closed by this side: {cause}"),
        (Some(Closer::Peer), _) => format!("closed by the peer: {cause}"),
        (None, _) => format!("dropped: {cause}"),
    }
}

#[cfg(test)]
mod tests;

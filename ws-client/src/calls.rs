//! The calls of a client over any [`Net`]: each turns the engine until it has what it wants, or its time is up.
//!
//! Invariant: a call makes its deadline once and returns when it has passed.
//! Invariant: messages are given out first, then the peer's Close, then the error.
//! Tested over a mock in `calls/tests.rs`: every point at which I/O can fail, be short or be cut.

use std::time::{Duration, Instant};

use ws_core::{CloseCode, CloseFrame, SendError, SendScratch, Sender};

use crate::config::Config;
use crate::deadline::Deadline;
use crate::engine::{Deflate, Engine, LINGER};
use crate::error::{Cause, Error, Span, Stage};
use crate::message::{Close, Message};
use crate::net::Net;
use crate::secret::Secrets;
use crate::wire::Wire;

/// An open connection with the deadlines of its calls.
pub(crate) struct Calls<N: Net> {
    engine: Engine<N>,
    /// The redacted address, for errors.
    target: String,
    /// What no error may show.
    secrets: Secrets,
    send_timeout: Duration,
    close_timeout: Duration,
    /// The caller knows that the connection is over: by closing it, or by having taken the peer's Close.
    is_told: bool,
}

impl<N: Net> Calls<N> {
    pub(crate) fn new(
        target: String,
        wire: Wire<N>,
        surplus: &[u8],
        config: &Config,
        deflate: Option<Deflate>,
    ) -> Result<Self, Error> {
        match Engine::new(wire, surplus, config, deflate) {
            Ok(engine) => Ok(Self {
                engine,
                target,
                secrets: Secrets::default(),
                send_timeout: config.send_timeout,
                close_timeout: config.close_timeout,
                is_told: false,
            }),
            Err(error) => Err(Error::new(
                Stage::Handshake,
                target,
                Cause::Io(error.into()),
            )),
        }
    }

    /// Sets what no error may show, should the peer repeat it.
    pub(crate) fn set_secrets(&mut self, secrets: Secrets) {
        self.secrets = secrets;
    }

    pub(crate) fn net(&self) -> &N {
        &self.engine.wire.net
    }

    pub(crate) fn close_received(&self) -> Option<&Close> {
        self.engine.close()
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.engine.wire.unsent_bytes()
    }

    pub(crate) fn set_send_timeout(&mut self, timeout: Duration) {
        self.send_timeout = timeout;
    }

    pub(crate) fn set_close_timeout(&mut self, timeout: Duration) {
        self.close_timeout = timeout;
    }

    pub(crate) fn receive(&mut self, timeout: Duration) -> Result<Option<Message>, Error> {
        let deadline = Deadline::after(self.now(), timeout);
        let mut late_turns = LATE_TURNS;
        loop {
            if let Some(message) = self.engine.queue.pop() {
                self.engine.look_around();
                if matches!(message, Message::Close(_)) {
                    self.answer_close(deadline);
                }
                return Ok(Some(message));
            }
            self.engine.fail_if_due(deadline);
            if self.is_told {
                self.end_tcp(deadline);
            }
            self.check_open(Stage::Receive)?;
            if self.engine.wire.net.take_interrupt() {
                return Ok(None);
            }
            let is_late = deadline.has_passed(self.now());
            if is_late {
                if late_turns == 0 {
                    return Ok(None);
                }
                late_turns -= 1;
            }
            if !self.engine.turn(deadline) && is_late {
                return Ok(None);
            }
        }
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let deadline = Deadline::after(self.now(), self.close_timeout);
        self.engine.fail_if_due(deadline);
        if self.is_told || self.engine.close().is_none() {
            self.check_open(Stage::Close)?;
        }
        if !self.engine.close_sent() {
            let frame = (code != CloseCode::NO_STATUS).then_some(CloseFrame { code, reason });
            self.engine
                .encode(|sender, scratch, output| sender.encode_close(frame, scratch, output))
                .map_err(|error| self.error(Stage::Close, Cause::Send(error)))?;
        }
        self.is_told = true;
        self.engine.begin_closing();
        // Without any time it leaves all the same, if there is room.
        self.engine.turn(Deadline::at(self.now()));
        while self.engine.close().is_none() || !self.engine.is_flushed() {
            if self.engine.is_over() {
                return match self.engine.close() {
                    Some(_) => Ok(()),
                    None => self.check_open(Stage::Close),
                };
            }
            if deadline.has_passed(self.now()) {
                self.engine.abandon();
                let within = Span(self.close_timeout);
                let text = format!(
                    "peer has not answered the Close within {within}; the connection was ended"
                );
                return Err(self.error(Stage::Close, Cause::Timeout(text)));
            }
            self.engine.turn(deadline);
        }
        self.end_tcp(deadline);
        Ok(())
    }

    pub(crate) fn send(
        &mut self,
        encode: impl FnOnce(&mut Sender, &mut SendScratch, &mut Vec<u8>) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        let deadline = Deadline::after(self.now(), self.send_timeout);
        self.engine.look();
        // What an earlier call has left goes first, so that at most one message is ever queued.
        if !self.flush(deadline)? {
            let text = self.describe_unsent("nothing of this message is queued behind them");
            return Err(self.error(Stage::Send, Cause::NotQueued(text)));
        }
        self.check_open(Stage::Send)?;
        self.engine
            .encode(encode)
            .map_err(|error| self.error(Stage::Send, Cause::Send(error)))?;
        if !self.flush(deadline)? {
            let text = self.describe_unsent("they stay queued");
            return Err(self.error(Stage::Send, Cause::Timeout(text)));
        }
        Ok(())
    }

    /// False if something has not left by the deadline.
    fn flush(&mut self, deadline: Deadline) -> Result<bool, Error> {
        while !self.engine.is_flushed() {
            if self.engine.is_over() {
                return self.check_open(Stage::Send).map(|()| false);
            }
            if let Some(cause) = self.engine.ended_for_sending() {
                return Err(self.error(Stage::Send, cause));
            }
            // Encoding a long message may have taken all the time; one turn is always made.
            let is_late = deadline.has_passed(self.now());
            self.engine.turn(deadline);
            if is_late && !self.engine.is_flushed() && !self.engine.is_over() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The caller learns of the peer's Close now; the answer to it should be on its way.
    fn answer_close(&mut self, deadline: Deadline) {
        self.is_told = true;
        // The caller has what it waited for: a peer that does not read must not hold it up.
        let deadline = deadline.earlier(Deadline::after(self.now(), LINGER));
        while !self.engine.is_flushed() && self.engine.turn(deadline) {
            if deadline.has_passed(self.now()) {
                break;
            }
        }
    }

    /// Ends the TCP connection that both Closes leave behind, as the server is to do first (RFC 6455 §7.1.1).
    fn end_tcp(&mut self, deadline: Deadline) {
        if !self.engine.is_over() {
            let latest = Deadline::after(self.now(), LINGER);
            self.engine
                .linger(false, latest.earlier(deadline), || false);
        }
    }

    fn describe_unsent(&self, outcome: &str) -> String {
        let unsent = self.engine.wire.unsent_bytes();
        let within = Span(self.send_timeout);
        let queue = &self.engine.queue;
        let mut text = format!("{unsent} bytes have not left within {within}; {outcome}");
        if queue.is_full() {
            let (messages, bytes) = (queue.len(), queue.charged_bytes());
            text.push_str(&format!(
                ", and the peer may wait for us to receive: {messages} messages of {bytes} bytes are unread"
            ));
        }
        text
    }

    fn check_open(&self, stage: Stage) -> Result<(), Error> {
        match self.engine.ended() {
            Some(cause) => Err(self.error(stage, cause)),
            None => Ok(()),
        }
    }

    fn error(&self, stage: Stage, cause: Cause) -> Error {
        Error::new(stage, self.target.clone(), cause).hiding(&self.secrets)
    }

    fn now(&self) -> Instant {
        self.engine.wire.net.now()
    }
}

impl<N: Net> Drop for Calls<N> {
    fn drop(&mut self) {
        self.engine.fail_if_due(Deadline::at(self.now()));
        if self.engine.close_sent() || self.engine.is_over() {
            return;
        }
        let frame = Some(CloseFrame::new(CloseCode::GOING_AWAY));
        let encoded = self
            .engine
            .encode(|sender, scratch, output| sender.encode_close(frame, scratch, output));
        if encoded.is_ok() {
            self.engine.turn(Deadline::at(self.now()));
        }
    }
}

/// Turns after its timeout that one call of receive may take while more keeps coming, so that a caller who only polls
/// gets large messages too.
const LATE_TURNS: u32 = 16;

#[cfg(test)]
mod tests;

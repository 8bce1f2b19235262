//! The callers' side of [`Shared`]: everything that may be called from any thread.

use std::time::Duration;

use ws_core::{CloseCode, Compression, MAX_CONTROL_BYTES, MAX_REASON_BYTES, SendError};

use super::super::status::{ConnectionEvent, State, Statistics};
use super::super::sync::{Arc, now};
use super::super::worker::Facts;
use super::{DESTROYED, Inner, Queued, Shared, wait};
use crate::error::{Cause, Error, Span, Stage};
use crate::message::{Close, Message};
use crate::queue::charge;

/// How far [`Shared::begin_close`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::background) enum Begun {
    Asked,
    /// The peer has closed before.
    Done,
}

impl Shared {
    pub(in crate::background) fn wait_open(&self, timeout: Duration) -> Result<(), Error> {
        let deadline = now().checked_add(timeout);
        let mut inner = self.inner.lock();
        loop {
            if let Some(first) = &inner.first {
                return first.clone();
            }
            if let Some(end) = &inner.end {
                return Err(self.error(Stage::Connect, end));
            }
            if !wait(&self.changed, &mut inner, deadline) {
                let text = format!("not done within {}", Span(timeout));
                let cause = Cause::Timeout(text);
                return Err(self.failure(Stage::Connect, cause));
            }
        }
    }

    pub(in crate::background) fn send(
        &self,
        message: Outgoing<'_>,
        timeout: Duration,
    ) -> Result<(), Error> {
        if let Outgoing::Ping(payload) | Outgoing::Pong(payload) = message
            && payload.len() > MAX_CONTROL_BYTES
        {
            let cause = Cause::Send(SendError::ControlTooLong(payload.len()));
            return Err(self.failure(Stage::Send, cause));
        }
        let charged = charge(message.payload());
        let deadline = now().checked_add(timeout);
        let mut owned = None;
        let mut inner = self.inner.lock();
        loop {
            self.check_sendable(&inner)?;
            let queued = inner.outbox_bytes + inner.wire_bytes;
            let has_room = queued == 0 || queued.saturating_add(charged) <= self.max_outbox_bytes;
            match owned.take() {
                Some(queued) if has_room => {
                    inner.outbox.push_back(queued);
                    inner.outbox_bytes += charged;
                    Self::signal(inner);
                    return Ok(());
                }
                None if has_room => {
                    // Copied without the lock; then there must be room again.
                    drop(inner);
                    owned = Some(message.to_queued());
                    inner = self.inner.lock();
                }
                full => {
                    owned = full;
                    let is_over = timeout.is_zero() || !wait(&self.changed, &mut inner, deadline);
                    if is_over {
                        let cause = Cause::QueueFull {
                            messages: inner.outbox.len(),
                            bytes: inner.outbox_bytes + inner.wire_bytes,
                            limit: self.max_outbox_bytes,
                        };
                        return Err(self.failure(Stage::Send, cause));
                    }
                }
            }
        }
    }

    /// Waits until the system has taken everything that was queued.
    pub(in crate::background) fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let deadline = now().checked_add(timeout);
        let mut inner = self.inner.lock();
        let losses = inner.losses;
        loop {
            // What was queued then was dropped, which leaves the queue as empty as sending it.
            if inner.is_lost || inner.losses != losses {
                self.check_sendable(&inner)?;
                return Err(self.failure(Stage::Send, LOST));
            }
            let queued = inner.outbox_bytes + inner.wire_bytes;
            // Destroying empties the queues, too, but not by sending.
            let is_live = inner.end.is_none() && !inner.is_destroyed;
            if queued == 0 && inner.outbox.is_empty() && !inner.has_left && is_live {
                return Ok(());
            }
            self.check_sendable(&inner)?;
            if !wait(&self.changed, &mut inner, deadline) {
                let within = Span(timeout);
                let text =
                    format!("{queued} bytes have not left within {within}; they stay queued");
                return Err(self.failure(Stage::Send, Cause::Timeout(text)));
            }
        }
    }

    pub(in crate::background) fn receive(
        &self,
        timeout: Duration,
    ) -> Result<Option<Message>, Error> {
        let deadline = now().checked_add(timeout);
        let mut inner = self.inner.lock();
        loop {
            if inner.is_destroyed {
                return Err(self.failure(Stage::Receive, DESTROYED));
            }
            if let Some(message) = inner.inbox.pop() {
                inner.is_told |= matches!(message, Message::Close(_));
                if inner.statistics.is_paused && inner.inbox.has_room_again() {
                    inner.statistics.is_paused = false;
                    Self::signal(inner);
                }
                return Ok(Some(message));
            }
            if let Some(end) = &inner.end {
                return Err(self.refusal(Stage::Receive, end));
            }
            if std::mem::take(&mut inner.interrupts) {
                return Ok(None);
            }
            if timeout.is_zero() || !wait(&self.arrived, &mut inner, deadline) {
                return Ok(None);
            }
        }
    }

    pub(in crate::background) fn is_readable(&self) -> bool {
        let inner = self.inner.lock();
        !inner.inbox.is_empty() || inner.end.is_some() || inner.is_destroyed
    }

    pub(in crate::background) fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let deadline = now().checked_add(self.close_timeout.saturating_add(CLOSE_GRACE));
        if self.begin_close(code, reason)? == Begun::Done {
            return Ok(());
        }
        let mut inner = self.inner.lock();
        loop {
            if let Some(outcome) = &inner.close_outcome {
                return outcome.clone();
            }
            if inner.is_destroyed || !wait(&self.changed, &mut inner, deadline) {
                let cause = match inner.is_destroyed {
                    true => DESTROYED,
                    false => Cause::Internal("the client's thread does not answer"),
                };
                return Err(self.failure(Stage::Close, cause));
            }
        }
    }

    /// Asks the worker to close.
    pub(in crate::background) fn begin_close(
        &self,
        code: CloseCode,
        reason: &str,
    ) -> Result<Begun, Error> {
        let mut inner = self.inner.lock();
        if inner.close.is_some() {
            return Err(match &inner.end {
                Some(end) => self.refusal(Stage::Close, end),
                None => self.failure(Stage::Close, Cause::Send(SendError::Closed)),
            });
        }
        if inner.peer_close.is_some() && !inner.is_told {
            // Answered by the worker.
            inner.is_told = true;
            return Ok(Begun::Done);
        }
        if inner.is_destroyed {
            return Err(self.failure(Stage::Close, DESTROYED));
        }
        if let Some(end) = &inner.end {
            return Err(self.refusal(Stage::Close, end));
        }
        if let Err(error) = check_close(code, reason) {
            return Err(self.failure(Stage::Close, Cause::Send(error)));
        }
        inner.close = Some((code, reason.to_owned()));
        inner.is_told = true;
        let dials = matches!(inner.state, State::Connecting | State::Reconnecting { .. });
        Self::signal(inner);
        if dials {
            self.cancel.cancel();
        }
        self.changed.notify_all();
        Ok(Begun::Asked)
    }

    /// Whether the closing handshake that the caller wanted has succeeded.
    #[cfg(test)]
    pub(in crate::background) fn close_outcome(&self) -> Option<bool> {
        self.inner.lock().close_outcome.as_ref().map(Result::is_ok)
    }

    pub(in crate::background) fn interrupt(&self) {
        self.inner.lock().interrupts = true;
        self.arrived.notify_all();
    }

    pub(in crate::background) fn next_event(&self, timeout: Duration) -> Option<ConnectionEvent> {
        let deadline = now().checked_add(timeout);
        let mut inner = self.inner.lock();
        loop {
            if let Some(event) = inner.events.pop_front() {
                return Some(event);
            }
            // The end is known before it is reported.
            let is_over = inner.has_exited || inner.is_destroyed || timeout.is_zero();
            if is_over || !wait(&self.changed, &mut inner, deadline) {
                return None;
            }
        }
    }

    pub(in crate::background) fn state(&self) -> State {
        self.inner.lock().state
    }

    pub(in crate::background) fn peer_close(&self) -> Option<Close> {
        self.inner.lock().peer_close.clone()
    }

    pub(in crate::background) fn facts(&self) -> Option<Arc<Facts>> {
        self.inner.lock().facts.clone()
    }

    pub(in crate::background) fn statistics(&self) -> Statistics {
        let inner = self.inner.lock();
        Statistics {
            receive_queue_messages: inner.inbox.len(),
            receive_queue_bytes: inner.inbox.charged_bytes(),
            send_queue_messages: inner.outbox.len(),
            send_queue_bytes: inner.outbox_bytes + inner.wire_bytes,
            ..inner.statistics.clone()
        }
    }

    /// True if something that was queued has not left, and perhaps never will.
    pub(in crate::background) fn has_unsent(&self) -> bool {
        let inner = self.inner.lock();
        inner.has_left || !inner.outbox.is_empty() || inner.statistics.messages_unsent > 0
    }

    /// Ends every call that waits, and makes the worker end.
    pub(in crate::background) fn destroy(&self) {
        let mut inner = self.inner.lock();
        inner.is_destroyed = true;
        Self::signal(inner);
        self.cancel.cancel();
        self.arrived.notify_all();
        self.changed.notify_all();
    }

    /// Waits for the worker's end; false if it did not come in time.
    pub(in crate::background) fn wait_exit(&self, timeout: Duration) -> bool {
        let deadline = now().checked_add(timeout);
        let mut inner = self.inner.lock();
        while !inner.has_exited {
            if !wait(&self.changed, &mut inner, deadline) {
                break;
            }
        }
        inner.has_exited
    }

    fn check_sendable(&self, inner: &Inner) -> Result<(), Error> {
        if inner.is_destroyed {
            return Err(self.failure(Stage::Send, DESTROYED));
        }
        if let Some(end) = &inner.end {
            return Err(self.refusal(Stage::Send, end));
        }
        if let Some(cause) = &inner.send_end {
            return Err(self.failure(Stage::Send, cause.clone()));
        }
        let cause = match inner.state {
            _ if inner.close.is_some() => Cause::Send(SendError::Closed),
            State::Connecting => Cause::NotOpen("the first connection is still being made"),
            State::Reconnecting { .. } => {
                Cause::NotOpen("the connection was lost and is being made again")
            }
            State::Closing | State::Closed => Cause::Send(SendError::Closed),
            State::Open => return Ok(()),
        };
        Err(self.failure(Stage::Send, cause))
    }
}

/// A message of the caller, before it is copied.
#[derive(Clone, Copy)]
pub(in crate::background) enum Outgoing<'a> {
    Text(&'a str, Compression),
    Binary(&'a [u8], Compression),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
}

impl<'a> Outgoing<'a> {
    fn payload(self) -> &'a [u8] {
        match self {
            Self::Text(text, _) => text.as_bytes(),
            Self::Binary(data, _) | Self::Ping(data) | Self::Pong(data) => data,
        }
    }

    fn to_queued(self) -> Queued {
        // Control frames are never compressed (RFC 7692 §5).
        let (message, compression) = match self {
            Self::Text(text, compression) => (Message::Text(text.to_owned()), compression),
            Self::Binary(data, compression) => (Message::Binary(data.to_vec()), compression),
            Self::Ping(payload) => (Message::Ping(payload.to_vec()), Compression::Never),
            Self::Pong(payload) => (Message::Pong(payload.to_vec()), Compression::Never),
        };
        Queued {
            message,
            compression,
        }
    }
}

fn check_close(code: CloseCode, reason: &str) -> Result<(), SendError> {
    if code == CloseCode::NO_STATUS {
        return Ok(());
    }
    if !code.may_be_sent() {
        return Err(SendError::InvalidCloseCode(code));
    }
    if reason.len() > MAX_REASON_BYTES {
        return Err(SendError::CloseReasonTooLong(reason.len()));
    }
    Ok(())
}

const LOST: Cause = Cause::NotOpen("the connection was lost, and what was queued with it");
/// The worker keeps the deadline; a caller gives up a little later.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

//! Where callers and the worker meet: two queues, the state, and who waits for what.
//!
//! ```text
//!  callers ── send ──► outbox ──► worker (engine)
//!  callers ◄─ receive ── inbox ◄── worker (engine)
//! ```
//! Invariant: no lock is held while a payload is copied, encoded or written, nor while anyone waits.
//! Invariant: the worker is woken at most once between two of its turns, however much is sent meanwhile.
//! Invariant: messages are given out first, then the peer's Close once, then the error.

pub(super) mod calls;
mod turns;

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use ws_core::{CloseCode, Compression, Hook};

use super::config::Alert;
use super::status::{ConnectionEvent, State, Statistics};
use super::sync::{Arc, Condvar, Mutex, MutexGuard, Waker, now};
use super::worker::Facts;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::error::{Cause, Error, ErrorKind, Stage};
use crate::message::{Close, Message};
use crate::queue::{Elsewhere, ReceiveQueue};
use crate::secret::Secrets;

/// What callers and the worker share.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// A message has come, or none will any more.
    arrived: Condvar,
    /// Room in the send queue, everything sent, another state, an event, the end.
    changed: Condvar,
    /// Ends the dial that runs.
    cancel: Cancel,
    /// The redacted address, for errors.
    target: String,
    /// What no error may show.
    secrets: Secrets,
    close_timeout: Duration,
    max_outbox_bytes: usize,
    max_inbox: Elsewhere,
    hook: Option<Hook<Alert>>,
}

struct Inner {
    state: State,
    inbox: ReceiveQueue,
    outbox: VecDeque<Queued>,
    /// Charged as those of the receive queue are.
    outbox_bytes: usize,
    /// Bytes that have left the outbox but not this process.
    wire_bytes: usize,
    /// Something has left the outbox, perhaps without a byte of payload, and not this process as far as is known.
    has_left: bool,
    /// The worker has been told to look.
    is_signalled: bool,
    waker: Option<Waker>,
    close: Option<(CloseCode, String)>,
    close_outcome: Option<Result<(), Error>>,
    /// The peer's, if there will be no other connection.
    peer_close: Option<Close>,
    /// The caller knows that the connection is over: by closing it, or by having taken the peer's Close.
    is_told: bool,
    /// Whether the first connection came about.
    first: Option<Result<(), Error>>,
    end: Option<End>,
    /// Connections that have ended, with what was queued for them.
    losses: u64,
    /// The last connection has ended, and there is no other yet.
    is_lost: bool,
    /// Why nothing can be sent on this connection, although there is more to receive.
    send_end: Option<Cause>,
    is_destroyed: bool,
    has_exited: bool,
    interrupts: bool,
    statistics: Statistics,
    events: VecDeque<ConnectionEvent>,
    facts: Option<Arc<Facts>>,
}

/// A message that a caller has queued for sending. It is compressed when it leaves the queue, and not before: one that
/// never leaves must not be in the context of those that do.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) message: Message,
    pub(super) compression: Compression,
}

/// Why nothing more can be sent.
#[derive(Debug, Clone)]
pub(super) enum End {
    Cause(Cause),
    /// There never was a connection.
    Dial(Error),
}

/// What the worker is to do in a turn.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) is_destroyed: bool,
    /// Asked for by the caller.
    pub(super) close: Option<(CloseCode, String)>,
    /// Everything that was queued is with the worker.
    pub(super) is_outbox_empty: bool,
    pub(super) elsewhere: Elsewhere,
}

/// What the worker has learnt in a turn.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) wire_bytes: usize,
    /// Messages that were taken from the queue when nothing could be sent any more.
    pub(super) late_messages: usize,
    /// Something that was taken from the queue has not left, and perhaps never will.
    pub(super) has_unsent: bool,
    pub(super) pings_answered: u64,
    pub(super) messages_sent: u64,
    pub(super) bytes_sent: u64,
    pub(super) now: Option<Instant>,
    pub(super) send_end: Option<Cause>,
}

impl Shared {
    /// With nothing to hide, and nobody to cancel it.
    #[cfg(test)]
    pub(super) fn mock(config: &Config, max_outbox_bytes: usize) -> Self {
        let (secrets, cancel) = (Secrets::default(), Cancel::default());
        Self::new(
            "ws://mock".into(),
            secrets,
            config,
            max_outbox_bytes,
            cancel,
        )
    }

    pub(super) fn new(
        target: String,
        secrets: Secrets,
        config: &Config,
        max_outbox_bytes: usize,
        cancel: Cancel,
    ) -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: State::Connecting,
                inbox: ReceiveQueue::new(config.max_queued_messages, config.max_queued_bytes),
                outbox: VecDeque::new(),
                outbox_bytes: 0,
                wire_bytes: 0,
                has_left: false,
                is_signalled: false,
                waker: None,
                close: None,
                close_outcome: None,
                peer_close: None,
                is_told: false,
                first: None,
                end: None,
                losses: 0,
                is_lost: false,
                send_end: None,
                is_destroyed: false,
                has_exited: false,
                interrupts: false,
                statistics: Statistics::default(),
                events: VecDeque::new(),
                facts: None,
            }),
            arrived: Condvar::new(),
            changed: Condvar::new(),
            cancel,
            target,
            secrets,
            close_timeout: config.close_timeout,
            max_outbox_bytes,
            max_inbox: Elsewhere {
                messages: config.max_queued_messages.max(1),
                bytes: config.max_queued_bytes,
            },
            hook: None,
        }
    }

    pub(super) fn with_hook(self, hook: Option<Hook<Alert>>) -> Self {
        Self { hook, ..self }
    }

    /// To be called without the lock.
    fn alert(&self, alert: Alert) {
        let Some(hook) = &self.hook else {
            return;
        };
        if thread::panicking() {
            // Perhaps the hook's own panic, and a second one out of a destructor would end the process.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| hook.call(alert)));
        } else {
            hook.call(alert);
        }
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// Tells the worker that there is something to do; a system call only for the first since its last look.
    fn signal(mut inner: MutexGuard<'_, Inner>) {
        if std::mem::replace(&mut inner.is_signalled, true) {
            return;
        }
        let waker = inner.waker.clone();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn failure(&self, stage: Stage, cause: Cause) -> Error {
        Error::new(stage, self.target.clone(), cause).hiding(&self.secrets)
    }

    fn error(&self, stage: Stage, end: &End) -> Error {
        match end {
            End::Cause(cause) => self.failure(stage, cause.clone()),
            End::Dial(error) => error.clone(),
        }
    }

    /// What a call answers that comes after the end.
    fn refusal(&self, stage: Stage, end: &End) -> Error {
        match end {
            // Of a call it would say that the next one may succeed.
            End::Dial(error) if error.kind() == ErrorKind::Timeout => {
                self.failure(stage, Cause::NeverOpen(error.to_string()))
            }
            _ => self.error(stage, end),
        }
    }
}

/// False if it is too late to wait any longer.
fn wait(condition: &Condvar, inner: &mut MutexGuard<'_, Inner>, deadline: Option<Instant>) -> bool {
    match deadline {
        Some(deadline) => {
            let is_early = now() < deadline;
            if is_early {
                condition.wait_until(inner, deadline);
            }
            is_early
        }
        None => {
            condition.wait(inner);
            true
        }
    }
}

const DESTROYED: Cause = Cause::NotOpen("the client was destroyed");

//! The side of the mailbox that runs in the event loops.

use std::fmt;

use ws_core::{
    CloseCode, PreparedFrame,
    handshake::{HttpAnswer, Request},
};

use super::fair_queue::{Pushed, Stored};
use super::inbox::{Inbox, Over, Refused};
use super::limits::Left;
use super::message::{ConnectionDetails, ConnectionEnd, MessageKind};
use super::signal::Signal;
use super::sync::Arc;
use crate::event_loop::RareLog;
use crate::http;
use crate::{
    Accepted, CloseInfo, ConnectionId, Connections, Context, Flow, Handler, Message, SendError,
};

/// What other threads ask a loop to do.
pub(super) enum Command {
    /// Send to one connection.
    Send {
        id: ConnectionId,
        frame: Arc<PreparedFrame>,
    },
    /// Send the same to several.
    Broadcast {
        ids: Vec<ConnectionId>,
        frame: Arc<PreparedFrame>,
    },
    /// Begin the closing handshake. `done` is dropped when the Close frame was offered to the socket.
    Close {
        id: ConnectionId,
        code: CloseCode,
        reason: String,
        done: Signal,
    },
    /// Read again a connection whose queue was full.
    Resume(ConnectionId),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { id, frame } => write!(f, "Send({id}, {} bytes)", frame.as_bytes().len()),
            Self::Broadcast { ids, frame } => {
                write!(
                    f,
                    "Broadcast({} connections, {} bytes)",
                    ids.len(),
                    frame.as_bytes().len()
                )
            }
            Self::Close { id, code, .. } => write!(f, "Close({id}, {code})"),
            Self::Resume(id) => write!(f, "Resume({id})"),
        }
    }
}

/// Queues what the loop receives, and sends what other threads command.
///
/// Invariant: a connection is in the inbox from before its 101 until its end is known, and marked as ended before
/// the Close reply is written.
#[derive(Debug)]
pub(super) struct MailboxHandler {
    inbox: Arc<Inbox>,
    /// In order of preference.
    subprotocols: Vec<String>,
    /// Headers to keep, by name; `*` stands for all.
    kept_headers: Vec<String>,
    batch: Batch,
    log: RareLog,
}

/// Messages of the connection that is being read, to be handed to the inbox together: one lock and one wake-up.
///
/// Invariant: it is empty between the turns of connections. Within a turn others may be told that they have ended.
#[derive(Debug, Default)]
struct Batch {
    /// Whose messages they are; none while there are none.
    owner: Option<ConnectionId>,
    messages: Vec<Stored>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, id: ConnectionId, message: Stored) {
        debug_assert!(
            self.owner.is_none_or(|owner| owner == id),
            "a turn has ended without its messages handed over"
        );
        self.owner = Some(id);
        self.bytes += message.charge();
        self.messages.push(message);
    }

    /// Takes the messages of a connection out; none if there are none of it.
    fn take(&mut self, id: ConnectionId) -> Option<impl Iterator<Item = Stored>> {
        self.owner.take_if(|owner| *owner == id)?;
        self.bytes = 0;
        Some(self.messages.drain(..))
    }

    /// Tells whether it has to be handed over; at the latest when it may have filled the queue.
    fn is_full(&self, left: Left) -> bool {
        self.messages.len() >= BATCH_MESSAGES.min(left.messages)
            || self.bytes >= BATCH_BYTES.min(left.bytes)
    }
}

/// What the loop keeps for a connection.
#[derive(Debug)]
pub(super) struct State {
    /// What its receive queue can take at least.
    left: Left,
    /// Bytes of commands that were queued and not yet reported to the inbox.
    unreported: usize,
}

impl State {
    const NEW: Self = Self {
        left: Left::NOTHING,
        unreported: 0,
    };
}

impl MailboxHandler {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        subprotocols: Vec<String>,
        kept_headers: Vec<String>,
    ) -> Self {
        Self {
            inbox,
            subprotocols,
            kept_headers,
            batch: Batch::default(),
            log: RareLog::default(),
        }
    }

    /// Hands what the batch has of a connection to the inbox.
    fn hand_over(&mut self, id: ConnectionId, state: &mut State) -> Flow {
        let Some(messages) = self.batch.take(id) else {
            return Flow::Continue;
        };
        let (pushed, left) = self.inbox.push_all(id, messages);
        state.left = left;
        match pushed {
            Pushed::Room | Pushed::Ended => Flow::Continue,
            Pushed::Full => Flow::Pause,
        }
    }

    /// Says why a client is not let in, and tells the operator what to do about it.
    fn refuse(&mut self, connections: &Connections<State>, refused: Refused) -> HttpAnswer {
        match refused {
            Refused::Over => http::stopping(),
            Refused::Full { limit_bytes } => {
                self.log
                    .warn(&connections.journal, &connections.clock, || {
                        format!(
                            "a connection was refused: unread messages use up their limit of {limit_bytes} bytes; read \
                             them, or raise the limit (max_queued_bytes_in_all)"
                        )
                    });
                http::unread_full(limit_bytes)
            }
        }
    }

    fn keeps(&self, header: &str) -> bool {
        self.kept_headers
            .iter()
            .any(|kept| kept == "*" || kept.eq_ignore_ascii_case(header))
    }

    /// Notes that a command of a message was handled: the inbox is told when the message was offered to the socket.
    fn note_sent(
        &self,
        connections: &mut Connections<State>,
        id: ConnectionId,
        frame: &PreparedFrame,
        result: Result<(), SendError>,
    ) {
        let frame_bytes = frame.as_bytes().len();
        if let Err(error) = &result {
            // The connection ended after the call that sent had returned; on_close tells the reader.
            log::debug!("message of {frame_bytes} bytes for connection {id} not sent: {error}");
        } else if let Some(state) = connections.state(id) {
            state.unreported += frame_bytes;
            return;
        }
        let queued = connections.queued_bytes(id).unwrap_or(0);
        self.inbox.sent(id, frame_bytes, queued);
    }
}

impl Handler for MailboxHandler {
    type Connection = State;
    type Command = Command;

    fn on_open(
        &mut self,
        context: &mut Context<'_, State>,
        request: &Request,
    ) -> Result<Accepted<State>, HttpAnswer> {
        let offered = |name: &&String| request.subprotocols().any(|offer| offer == name.as_str());
        let subprotocol = self.subprotocols.iter().find(offered).cloned();
        let details = ConnectionDetails {
            address: context.peer_address(),
            path: request.path().to_owned(),
            query: request.query().map(str::to_owned),
            subprotocol: subprotocol.clone(),
            compression: context.compression(),
            headers: request
                .headers()
                .filter(|(name, _)| self.keeps(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let opened = self.inbox.open(context.id(), Arc::new(details));
        opened.map_err(|refused| self.refuse(context.connections(), refused))?;
        let accepted = Accepted::new(State::NEW);
        Ok(match subprotocol {
            Some(name) => accepted.subprotocol(name),
            None => accepted,
        })
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, State>,
        state: &mut State,
        message: Message<'_>,
    ) -> Flow {
        let kind = match message {
            Message::Text(_) => MessageKind::Text,
            Message::Binary(_) => MessageKind::Binary,
        };
        // The peer decides how much: without memory for it the connection ends, and not the process.
        let mut payload = Vec::new();
        if payload.try_reserve_exact(message.as_bytes().len()).is_err() {
            let bytes = message.as_bytes().len();
            log::error!("no memory for a message of {bytes} bytes; its connection is closed");
            // It fails if the connection is being closed already.
            let _ = context.close(CloseCode::INTERNAL_ERROR, "no memory for the message");
            return Flow::Continue;
        }
        payload.extend_from_slice(message.as_bytes());
        let id = context.id();
        self.batch.push(id, Stored { kind, payload });
        if self.batch.is_full(state.left) {
            self.hand_over(id, state)
        } else {
            Flow::Continue
        }
    }

    fn on_messages_end(&mut self, context: &mut Context<'_, State>, state: &mut State) -> Flow {
        self.hand_over(context.id(), state)
    }

    fn on_close(
        &mut self,
        context: &mut Context<'_, State>,
        mut state: State,
        info: CloseInfo<'_>,
    ) {
        // What came before the end, in the same read.
        self.hand_over(context.id(), &mut state);
        let end = ConnectionEnd {
            code: info.code,
            reason: info.reason.to_owned(),
            by: info.by,
        };
        self.inbox.close(context.id(), &Arc::new(end));
    }

    fn on_flush(
        &mut self,
        context: &mut Context<'_, State>,
        state: &mut State,
        queued_bytes: usize,
    ) {
        self.inbox.sent(
            context.id(),
            std::mem::take(&mut state.unreported),
            queued_bytes,
        );
    }

    /// Comes within the turn of a connection that has just closed, too.
    ///
    /// What is sent to this one is not reported any more, but its end, which is next, ends the count. If it is the one to
    /// be closed, the inbox has taken nothing of it since the call, the batch included.
    fn on_command(&mut self, connections: &mut Connections<State>, command: Command) {
        match command {
            Command::Send { id, frame } => {
                let result = connections.send_prepared_alone(id, &frame);
                self.note_sent(connections, id, &frame, result);
            }
            Command::Broadcast { ids, frame } => {
                for id in ids {
                    let result = connections.send_prepared(id, &frame);
                    self.note_sent(connections, id, &frame, result);
                }
            }
            Command::Close {
                id,
                code,
                reason,
                done,
            } => {
                if let Err(error) = connections.close(id, code, &reason) {
                    log::debug!("connection {id} ended before it could be closed: {error}");
                }
                connections.after_flush(move || drop(done));
            }
            Command::Resume(id) => {
                connections.resume(id);
            }
        }
    }
}

impl Drop for MailboxHandler {
    /// Wakes all who wait, if the loop ends unasked.
    fn drop(&mut self) {
        if self.inbox.stop(Over::Failed) {
            log::error!("an event loop ended unasked; its mailbox takes no more calls");
        }
    }
}

/// The most messages handed over together.
const BATCH_MESSAGES: usize = 64;
/// The most bytes of messages handed over together, but for a larger message alone.
const BATCH_BYTES: usize = 16 << 10;

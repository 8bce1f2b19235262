//! The side of the mailbox that runs in the event loops.

use std::fmt;

use ws_core::{
    CloseCode, PreparedFrame,
    handshake::{HttpAnswer, Request},
};

use super::fair_queue::{Pushed, Stored};
use super::inbox::{Inbox, Over};
use super::message::{ConnectionDetails, ConnectionEnd, MessageKind};
use super::signal::Signal;
use super::sync::Arc;
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
}

impl MailboxHandler {
    pub(super) const fn new(
        inbox: Arc<Inbox>,
        subprotocols: Vec<String>,
        kept_headers: Vec<String>,
    ) -> Self {
        Self {
            inbox,
            subprotocols,
            kept_headers,
        }
    }

    fn keeps(&self, header: &str) -> bool {
        self.kept_headers
            .iter()
            .any(|kept| kept == "*" || kept.eq_ignore_ascii_case(header))
    }

    fn note_sent(
        &self,
        connections: &Connections<()>,
        id: ConnectionId,
        frame: &PreparedFrame,
        result: Result<(), SendError>,
    ) {
        if let Err(error) = result {
            // The connection ended after the call that sent had returned; on_close tells the reader.
            log::debug!(
                "message of {} bytes for connection {id} not sent: {error}",
                frame.as_bytes().len()
            );
        }
        let queued = connections.queued_bytes(id).unwrap_or(0);
        self.inbox.sent(id, frame.as_bytes().len(), queued);
    }
}

impl Handler for MailboxHandler {
    type Connection = ();
    type Command = Command;

    fn on_open(
        &mut self,
        context: &mut Context<'_, ()>,
        request: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
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
        if !self.inbox.open(context.id(), Arc::new(details)) {
            return Err(HttpAnswer::new(503, "the server stops"));
        }
        let accepted = Accepted::new(());
        Ok(match subprotocol {
            Some(name) => accepted.subprotocol(name),
            None => accepted,
        })
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        (): &mut (),
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
        let stored = Stored { kind, payload };
        match self.inbox.push(context.id(), stored) {
            Pushed::Room | Pushed::Ended => Flow::Continue,
            Pushed::Full => Flow::Pause,
        }
    }

    fn on_close(&mut self, context: &mut Context<'_, ()>, (): (), info: CloseInfo<'_>) {
        let end = ConnectionEnd {
            code: info.code,
            reason: info.reason.to_owned(),
            by: info.by,
        };
        self.inbox.close(context.id(), &Arc::new(end));
    }

    fn on_flush(&mut self, context: &mut Context<'_, ()>, (): &mut (), queued_bytes: usize) {
        self.inbox.sent(context.id(), 0, queued_bytes);
    }

    fn on_command(&mut self, connections: &mut Connections<()>, command: Command) {
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

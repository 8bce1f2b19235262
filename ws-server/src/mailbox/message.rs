//! What the readers of a mailbox get: messages, and facts about the connections they came from.

use std::fmt;

use ws_core::{CloseCode, extension::DeflateAgreement};

use super::sync::Arc;
use crate::{ClosedBy, ConnectionId, PeerAddress};

/// Says what was received (RFC 6455 [§5.6](https://www.rfc-editor.org/rfc/rfc6455#section-5.6)).
///
/// Notices come only if they were asked for ([`MailboxConfig`](super::MailboxConfig)), and have no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// Valid UTF-8.
    Text,
    /// Any bytes.
    Binary,
    /// A notice: the connection is open. It comes before everything the peer sends.
    Opened,
    /// A notice: the connection has ended; [`Received::end`] says how. Nothing of it comes after this.
    Closed,
}

impl MessageKind {
    /// Returns the word of the method contract: `text`, `binary`, `open` or `close`. These words never change.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Opened => "open",
            Self::Closed => "close",
        }
    }

    /// Tells whether the peer sent it; else it is a notice of ours.
    pub const fn is_message(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

/// A message taken from a [`Mailbox`](super::Mailbox).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Whom it came from, and whom an answer goes to.
    pub id: ConnectionId,
    /// Text or binary. The payload of a text is valid UTF-8.
    pub kind: MessageKind,
    /// The whole message; may be empty.
    pub payload: Vec<u8>,
    /// Whether the connection was still open when the message was taken.
    pub is_active: bool,
    /// How it ended, if it has.
    pub end: Option<Arc<ConnectionEnd>>,
    /// How many messages the same call could take at once after this one: of all connections for
    /// [`next`](super::Mailbox::next), of this connection for [`next_from`](super::Mailbox::next_from).
    pub more: usize,
    /// Where the connection comes from and what it asked for.
    pub connection: Arc<ConnectionDetails>,
}

/// What stays the same as long as a connection lives.
///
/// `Debug` shows neither the query nor a value of a header: both carry tokens.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionDetails {
    /// Address of the peer.
    pub address: PeerAddress,
    /// Path of the opening handshake, beginning with `/`.
    pub path: String,
    /// What followed the `?`, if there was one.
    pub query: Option<String>,
    /// The subprotocol agreed upon.
    pub subprotocol: Option<String>,
    /// The compression agreed upon; its `Display` is as in the header.
    pub compression: Option<DeflateAgreement>,
    /// Name and value of each header of the request that was to be kept
    /// ([`MailboxConfig::kept_headers`](super::MailboxConfig::kept_headers)), in the order they came.
    pub headers: Vec<(String, String)>,
}

impl ConnectionDetails {
    /// Returns the first value of a kept header; `name` in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(kept, _)| kept.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for ConnectionDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ConnectionDetails")
            .field("address", &self.address)
            .field("path", &self.path)
            .field("has_query", &self.query.is_some())
            .field("has_subprotocol", &self.subprotocol.is_some())
            .field("compression", &self.compression)
            .field("headers", &names)
            .finish()
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionEnd {
    /// Close code of the first Close frame; 1005 if it had none, 1006 if there was no Close frame.
    pub code: CloseCode,
    /// Reason given with it; may be empty. The peer's text if the peer closed.
    pub reason: String,
    /// Who or what ended the connection.
    pub by: ClosedBy,
}

/// One line of the list of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The connection's name.
    pub id: ConnectionId,
    /// `false` for a closed connection, which is listed until its last message has been taken.
    pub is_active: bool,
    /// How it ended, if it has.
    pub end: Option<Arc<ConnectionEnd>>,
    /// Messages received and not yet taken.
    pub queued_messages: usize,
    /// Bytes they are charged with: their size, and at least 64 each.
    pub queued_bytes: usize,
    /// Bytes accepted for sending that no socket has taken, as frames. The limit is
    /// [`Config::send_queue_bytes`](crate::Config::send_queue_bytes).
    pub unsent_bytes: usize,
    /// Where the connection comes from and what it asked for.
    pub connection: Arc<ConnectionDetails>,
}

/// Whom a broadcast went to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broadcast {
    /// Connections it was accepted for.
    pub sent: Vec<ConnectionId>,
    /// Connections whose send queue had no room for it.
    pub full: Vec<ConnectionId>,
}

/// How much waits in a mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueDepth {
    /// Messages received and not yet taken.
    pub messages: usize,
    /// Bytes they are charged with: their size, and at least 64 each.
    pub bytes: usize,
    /// Messages thrown away before anybody had polled for the first time.
    pub dropped: u64,
}

/// What a mailbox has done since it was started, and what waits in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections that are open.
    pub connections: usize,
    /// Connections opened since the start.
    pub connections_opened: u64,
    /// Messages received; notices do not count.
    pub messages_received: u64,
    /// Bytes of their payloads.
    pub bytes_received: u64,
    /// Messages accepted for sending; a broadcast counts once for each connection it was accepted for.
    pub messages_sent: u64,
    /// Bytes of their payloads.
    pub bytes_sent: u64,
    /// Messages received and not yet taken, of all connections.
    pub queued_messages: usize,
    /// Bytes they are charged with: their size, and at least 64 each.
    pub queued_bytes: usize,
    /// Bytes accepted for sending that no socket has taken, of all connections, as frames.
    pub unsent_bytes: usize,
    /// Messages thrown away before anybody had polled for the first time.
    pub dropped: u64,
    /// Handshakes that were answered with an error (HTTP 400 and above), and TLS handshakes that failed.
    pub refused_handshakes: u64,
}

//! What the readers of a mailbox get: messages, and facts about the connections they came from.

use super::sync::Arc;
use crate::{ConnectionId, PeerAddress};

/// Says how a message was sent, and how one is to be sent (RFC 6455
/// [§5.6](https://www.rfc-editor.org/rfc/rfc6455#section-5.6)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Valid UTF-8.
    Text,
    /// Any bytes.
    Binary,
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
    /// How many messages the same call could take at once after this one: of all connections for
    /// [`next`](super::Mailbox::next), of this connection for [`next_from`](super::Mailbox::next_from).
    pub more: usize,
    /// Where the connection comes from and what it asked for.
    pub connection: Arc<ConnectionDetails>,
}

/// What stays the same as long as a connection lives.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// One line of the list of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The connection's name.
    pub id: ConnectionId,
    /// `false` for a closed connection, which is listed until its last message has been taken.
    pub is_active: bool,
    /// Messages received and not yet taken.
    pub queued_messages: usize,
    /// Bytes they are charged with: their size, and at least 64 each.
    pub queued_bytes: usize,
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

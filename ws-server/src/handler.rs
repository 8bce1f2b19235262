//! What an application implements to be served by an event loop.
//!
//! One handler value belongs to one loop and is called on that loop's thread only, so it needs no lock. A callback
//! must not block: every connection of the loop waits for it.

use std::fmt;

use ws_core::{
    CloseCode, ReceiveError,
    handshake::{HttpAnswer, Request},
};

use crate::{
    context::{Connections, Context},
    plain_answer::PlainAnswer,
};

/// The application's side of an event loop: callbacks for everything that happens to its connections.
///
/// # Examples
///
/// An echo server; see the [crate's front page](crate) for how to run it.
///
/// ```
/// use ws_core::handshake::{HttpAnswer, Request};
/// use ws_server::{Accepted, Context, Flow, Handler, Message};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     type Connection = ();
///     type Command = ();
///
///     fn on_open(&mut self, _: &mut Context<'_, ()>, _: &Request) -> Result<Accepted<()>, HttpAnswer> {
///         Ok(Accepted::new(()))
///     }
///
///     fn on_message(&mut self, context: &mut Context<'_, ()>, _: &mut (), message: Message<'_>) -> Flow {
///         if context.send(message).is_err() {
///             context.abort();
///         }
///         Flow::Continue
///     }
/// }
/// ```
pub trait Handler {
    /// What the application keeps for each connection, stored inside the connection's slot.
    type Connection;

    /// What other threads may send to this handler; see [`CommandSender`](crate::CommandSender).
    type Command: Send + 'static;

    /// Decides about a valid opening handshake, before the 101 is written.
    ///
    /// Messages sent here leave right after the 101. Nothing of the request is kept unless the handler takes it.
    ///
    /// # Errors
    ///
    /// The refusal is written instead of the 101, and the TCP connection closed; no other callback follows.
    fn on_open(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        request: &Request,
    ) -> Result<Accepted<Self::Connection>, HttpAnswer>;

    /// Answers a request that asks for no WebSocket, such as a browser's for a page; `None` answers 426, or 404 where
    /// [`Config::paths`](crate::Config::paths) does not have the path.
    ///
    /// Asked after the health check, the rules of [`Config::policy`](crate::Config::policy) and
    /// [`Config::auth`](crate::Config::auth). A body that the request has is dropped unread. An answer to HEAD is sent
    /// without its body.
    fn on_request(&mut self, request: &Request) -> Option<PlainAnswer> {
        let _ = request;
        None
    }

    /// Takes a whole message. The bytes are lent from the loop's receive buffer, where possible without a copy.
    ///
    /// A message of 256 KiB or more that is sent back as it is ([`Context::send`] with this very message, to this
    /// connection) leaves from where it lies, right after this callback and without a copy, as far as the socket takes it.
    ///
    /// [`Flow::Pause`] stops reading this connection until [`Context::resume`] or [`Connections::resume`].
    fn on_message(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
        message: Message<'_>,
    ) -> Flow;

    /// Tells of a ping, of at most 125 bytes, which is answered without the handler.
    fn on_ping(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
        payload: &[u8],
    ) {
        let _ = (context, connection, payload);
    }

    /// Tells of a pong, of at most 125 bytes. Answers to keepalive's own pings are not told.
    fn on_pong(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
        payload: &[u8],
    ) {
        let _ = (context, connection, payload);
    }

    /// Tells of the end of a connection: exactly once for each successful [`Handler::on_open`].
    ///
    /// Called before the Close reply is written; when the handler itself closed, right after that callback has
    /// returned. No callback follows for the connection, and sending gives
    /// [`SendError::Closed`](crate::SendError::Closed).
    fn on_close(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: Self::Connection,
        info: CloseInfo<'_>,
    ) {
        let _ = (context, connection, info);
    }

    /// Tells that the time given to [`Context::set_timer`] has come.
    fn on_timer(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
    ) {
        let _ = (context, connection);
    }

    /// Tells that the send queue, once above the high-water mark, fell below the low-water mark: what the peer sends is
    /// read again.
    ///
    /// Not if so much is sent from here that the queue is above the mark again: then pings and the peer's Close wait too.
    fn on_drain(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
    ) {
        let _ = (context, connection);
    }

    /// Comes after the last message of those that one read brought, before what was sent meanwhile leaves.
    ///
    /// For handlers that pass messages on: many can be passed on together. If the read also brought the end of the
    /// connection, [`Handler::on_close`] comes in its place. Before either, other connections may be told to have ended,
    /// and commands may come.
    fn on_messages_end(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
    ) -> Flow {
        let _ = (context, connection);
        Flow::Continue
    }

    /// Tells what is left of a send queue after it was offered to the socket.
    ///
    /// Called only for connections that had something in their queue: sent from
    /// [`Handler::on_command`] or from another connection's callback, or left over because the socket was full.
    fn on_flush(
        &mut self,
        context: &mut Context<'_, Self::Connection>,
        connection: &mut Self::Connection,
        queued_bytes: usize,
    ) {
        let _ = (context, connection, queued_bytes);
    }

    /// Takes a command that another thread sent to this loop.
    ///
    /// What was sent before a peer's Close came is taken before this is answered: behind the messages of the same read, and
    /// before [`Handler::on_close`], so that the connection is open as any other.
    fn on_command(
        &mut self,
        connections: &mut Connections<Self::Connection>,
        command: Self::Command,
    ) {
        let _ = (connections, command);
    }

    /// Tells that the server stops, before the Close frames (1001) are sent.
    fn on_stop(&mut self, connections: &mut Connections<Self::Connection>) {
        let _ = connections;
    }
}

/// A whole message, lent for the duration of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 §5.6 has these two kinds of data frames"
)]
pub enum Message<'a> {
    /// Valid UTF-8.
    Text(&'a str),
    /// Any bytes.
    Binary(&'a [u8]),
}

impl Message<'_> {
    /// Returns the bytes of the message, whatever its kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }
}

/// Says whether the loop goes on reading a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "reading goes on or it does not")]
pub enum Flow {
    /// Go on.
    #[default]
    Continue,
    /// Stop until resumed. What was already received is held back, in order, and TCP slows the peer down.
    Pause,
}

/// An accepted opening handshake: the connection's state and what the 101 says beside the required.
#[derive(Debug, Clone)]
pub struct Accepted<C> {
    pub(crate) state: C,
    pub(crate) subprotocol: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

impl<C> Accepted<C> {
    /// Accepts, with this state of the connection and nothing more than the configuration says.
    pub fn new(state: C) -> Self {
        Self {
            state,
            subprotocol: None,
            headers: Vec::new(),
        }
    }

    /// Sets the subprotocol, which must be one that the client offered.
    #[must_use]
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocol = Some(name.into());
        self
    }

    /// Adds a header line to the 101.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseInfo<'a> {
    /// The close code of the first Close frame; 1005 if it had none, 1006 if there was no Close frame.
    pub code: CloseCode,
    /// The reason in words, of at most 123 bytes; peer's text if the peer closed.
    pub reason: &'a str,
    /// Who or what ended the connection.
    pub by: ClosedBy,
}

/// Who or what ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosedBy {
    /// The handler closed or aborted it.
    Handler,
    /// No message came for [`Config::idle_timeout`](crate::Config::idle_timeout).
    Idle,
    /// The TCP connection ended without a Close frame.
    Lost,
    /// The budget of memory was used up, others waited for it, and the rest of a message did not come for
    /// [`Config::write_stall_timeout`](crate::Config::write_stall_timeout).
    Memory,
    /// The peer sent a Close frame.
    Peer,
    /// The peer broke the protocol or a limit.
    Protocol(ReceiveError),
    /// The peer did not answer keepalive's ping in time.
    Silent,
    /// The socket took no byte for [`Config::write_stall_timeout`](crate::Config::write_stall_timeout).
    Stalled,
    /// The server stops.
    Stop,
    /// TLS failed: the peer sent an alert or something that is not TLS.
    Tls,
    /// The TLS connection ended without close_notify: messages may have been cut off.
    Truncated,
}

impl fmt::Display for ClosedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler => f.write_str("closed by the handler"),
            Self::Idle => f.write_str("no message for too long"),
            Self::Lost => f.write_str("the TCP connection ended without a Close frame"),
            Self::Memory => f.write_str("no memory to wait for the rest of the message"),
            Self::Peer => f.write_str("closed by the peer"),
            Self::Protocol(error) => error.fmt(f),
            Self::Silent => f.write_str("no answer to a ping"),
            Self::Stalled => f.write_str("the peer did not read for too long"),
            Self::Stop => f.write_str("the server stops"),
            Self::Tls => f.write_str("TLS failed"),
            Self::Truncated => f.write_str("the TLS connection was cut off without close_notify"),
        }
    }
}

//! What the commands tell of.

use crate::failure::Failure;

/// Which way an event went, seen from this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

impl Direction {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The connection an event belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The server's id of the connection; a client has none.
    pub(crate) connection_id: Option<String>,
    /// The other end's address.
    pub(crate) address: String,
    /// The path of the request, without the query.
    pub(crate) path: String,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    /// The server listens.
    Listening { address: &'a str },
    /// The opening handshake is done.
    Open,
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// A Close frame; 1005 stands for one without a code, 1006 for a connection that ended without one.
    Close { code: u16, reason: &'a str },
    /// A failure.
    Error(&'a Failure),
}

impl Event<'_> {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Listening { .. } => "listening",
            Self::Open => "open",
            Self::Text(_) => "text",
            Self::Binary(_) => "binary",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Close { .. } => "close",
            Self::Error(_) => "error",
        }
    }
}

/// An event with its surroundings: one line of JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Absent where nothing went over the wire.
    pub(crate) direction: Option<Direction>,
    /// Absent where no connection exists.
    pub(crate) peer: Option<&'a Peer>,
    /// What happened.
    pub(crate) event: Event<'a>,
}

//! What a receiver reports.

use crate::close::{CloseCode, CloseFrame};

/// Something a peer sent, lent to the caller for as long as it looks at it.
///
/// A ping has been answered and a Close echoed through a
/// [`Reply`](crate::Reply); the events only tell of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 has these five and no room for a sixth"
)]
pub enum Event<'a> {
    /// A whole text message, valid UTF-8.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping; at most 125 bytes.
    Ping(&'a [u8]),
    /// A pong, asked for or not; at most 125 bytes.
    Pong(&'a [u8]),
    /// The peer's Close; `None` if it gave no code. The last event of a connection.
    Close(Option<CloseFrame<'a>>),
}

/// An [`Event`] whose contents belong to the caller; from [`Receive::next_owned`](crate::Receive::next_owned).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 has these five and no room for a sixth"
)]
pub enum OwnedEvent {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A ping; at most 125 bytes.
    Ping(Vec<u8>),
    /// A pong, asked for or not; at most 125 bytes.
    Pong(Vec<u8>),
    /// The peer's Close with its reason; `None` if it gave no code. The last event of a connection.
    Close(Option<(CloseCode, String)>),
}

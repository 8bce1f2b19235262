//! Why a call on a mailbox did not do what it was asked to.

use std::{error, fmt};

use ws_core::{CloseCode, handshake::PeerText};

use crate::ConnectionId;

/// Why a mailbox refused a call. Nothing was sent, closed or lost by it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailboxError {
    /// The connection has ended, and everything it sent has been taken.
    Closed {
        /// The connection asked for.
        id: ConnectionId,
        /// Close code; 1005 if the Close frame had none, 1006 if there was no Close frame.
        code: CloseCode,
        /// Reason given with it; may be empty.
        reason: String,
    },
    /// A thread of the server ended by a panic; the mailbox is of no more use.
    Failed,
    /// An argument of the call cannot be used; the text says which and why.
    InvalidArgument(String),
    /// The Close frame asked for is not allowed; the inner error says why.
    InvalidClose(ws_core::SendError),
    /// No connection has this id, or it ended long ago.
    NotFound {
        /// The connection asked for.
        id: ConnectionId,
    },
    /// No connection can have this id, which is none.
    NotAnId(String),
    /// The mailbox has been stopped.
    NotStarted,
    /// The peer does not read fast enough: the message would exceed the connection's send queue.
    QueueFull {
        /// The connection sent to.
        id: ConnectionId,
        /// Bytes that already wait for its socket, those of threads that wait for room included.
        queued_bytes: usize,
        /// Bytes of the refused message, as a frame.
        message_bytes: usize,
        /// The limit in bytes ([`Config::send_queue_bytes`](crate::Config::send_queue_bytes)).
        limit_bytes: usize,
    },
    /// Nothing came in time. Only the functions of [`contract`](crate::contract) say so; a mailbox gives `None`.
    Timeout,
}

impl MailboxError {
    /// Returns the word of the method contract for this error. These words never change.
    pub const fn error_code(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Failed => "internal",
            Self::InvalidArgument(_) | Self::InvalidClose(_) => "usage",
            Self::NotAnId(_) | Self::NotFound { .. } => "not_found",
            Self::NotStarted => "not_started",
            Self::QueueFull { .. } => "queue_full",
            Self::Timeout => "timeout",
        }
    }

    /// Returns what the user may try, where something can be said.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Failed | Self::NotStarted => Some("start the server again"),
            Self::NotAnId(_) | Self::NotFound { .. } => {
                Some("take the id from a message or from the list of connections")
            }
            Self::QueueFull { .. } => Some("send less or later, or close the connection"),
            Self::Closed { .. }
            | Self::InvalidArgument(_)
            | Self::InvalidClose(_)
            | Self::Timeout => None,
        }
    }
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { id, code, reason } if reason.is_empty() => {
                write!(f, "connection {id} is closed with code {code}")
            }
            Self::Closed { id, code, reason } => {
                write!(
                    f,
                    "connection {id} is closed with code {code} ({})",
                    reason.escape_debug()
                )
            }
            Self::Failed => f.write_str("the server has failed: a thread of it panicked"),
            Self::InvalidArgument(text) => f.write_str(text),
            Self::InvalidClose(error) => error.fmt(f),
            Self::NotAnId(text) => write!(f, "no connection {}", PeerText::new(text).max_chars(64)),
            Self::NotFound { id } => write!(f, "no connection {id}"),
            Self::NotStarted => f.write_str("the server is not running"),
            Self::QueueFull {
                id,
                queued_bytes,
                message_bytes,
                limit_bytes,
            } => write!(
                f,
                "send queue of connection {id} holds {queued_bytes} bytes; a message of {message_bytes} more exceeds \
                 the limit of {limit_bytes}"
            ),
            // The method contract has exactly this text.
            Self::Timeout => f.write_str("timeout"),
        }
    }
}

impl error::Error for MailboxError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_failed_on_what_with_the_figures_and_the_word_of_the_contract() {
        let id = ConnectionId::new(0, 1, 2);
        let name = "00000001-0000-8000-8000-000000000002";
        let closed = |reason: &str| MailboxError::Closed {
            id,
            code: CloseCode::NORMAL,
            reason: reason.to_owned(),
        };
        for (error, word, text) in [
            (
                closed(""),
                "closed",
                format!("connection {name} is closed with code 1000"),
            ),
            (
                closed("a\nb"),
                "closed",
                format!("connection {name} is closed with code 1000 (a\\nb)"),
            ),
            (
                MailboxError::Failed,
                "internal",
                "the server has failed: a thread of it panicked".to_owned(),
            ),
            (
                MailboxError::InvalidClose(ws_core::SendError::InvalidCloseCode(
                    CloseCode::ABNORMAL,
                )),
                "usage",
                "close code 1006 may not be sent; use 1000, or 3000 to 4999".to_owned(),
            ),
            (
                MailboxError::NotFound { id },
                "not_found",
                format!("no connection {name}"),
            ),
            (
                MailboxError::InvalidArgument("no".to_owned()),
                "usage",
                "no".to_owned(),
            ),
            (
                MailboxError::NotAnId("a\nb".to_owned()),
                "not_found",
                "no connection a\\u{a}b".to_owned(),
            ),
            (MailboxError::Timeout, "timeout", "timeout".to_owned()),
            (
                MailboxError::NotStarted,
                "not_started",
                "the server is not running".to_owned(),
            ),
            (
                MailboxError::QueueFull {
                    id,
                    queued_bytes: 16_000_000,
                    message_bytes: 900_000,
                    limit_bytes: 16_777_216,
                },
                "queue_full",
                format!(
                    "send queue of connection {name} holds 16000000 bytes; a message of 900000 more exceeds the limit \
                     of 16777216"
                ),
            ),
        ] {
            assert_eq!((error.error_code(), error.to_string()), (word, text));
        }
    }
}

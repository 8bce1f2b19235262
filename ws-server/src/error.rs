//! What can go wrong when a server starts, runs or stops, and when a message is sent.

use std::{error, fmt, io};

use crate::connection_id::ConnectionId;

/// The part of a server's life in which an error arose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Checking the configuration.
    Config,
    /// Resolving the address to listen on.
    Resolve,
    /// Binding and listening.
    Listen,
    /// Starting the loops and their threads.
    Start,
    /// Waiting for and handling events.
    Run,
    /// Joining the loops.
    Stop,
}

/// The kind of an [`Error`], for programs that decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address is not one of this machine, or not an address.
    Address,
    /// A value of the configuration is not usable.
    Config,
    /// A loop's thread ended by a panic of its handler.
    HandlerPanicked,
    /// The system refused a resource; the source says which.
    Io,
    /// The process may not listen there (ports below 1024 need a right).
    PermissionDenied,
    /// Another server listens on the port.
    PortInUse,
}

/// Why a server could not start, or did not run or stop as it should.
///
/// Displays as one line: what failed, on what address. The printer joins the sources.
#[derive(Debug)]
pub struct Error {
    stage: Stage,
    kind: ErrorKind,
    target: String,
    source: Option<io::Error>,
}

impl Error {
    pub(crate) fn new(stage: Stage, kind: ErrorKind, target: impl Into<String>) -> Self {
        Self {
            stage,
            kind,
            target: target.into(),
            source: None,
        }
    }

    pub(crate) fn io(stage: Stage, target: impl Into<String>, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::AddrInUse => ErrorKind::PortInUse,
            io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::AlreadyExists => ErrorKind::Address,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Io,
        };
        Self {
            source: Some(source),
            ..Self::new(stage, kind, target)
        }
    }

    /// Returns the part of the server's life in which the error arose.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns what kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns what the failure is about: an address, the name of a setting or a loop.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the word of the method contract for this error. These words never change.
    pub fn error_code(&self) -> &'static str {
        match (self.kind, self.stage) {
            (ErrorKind::PortInUse, _) => "port_in_use",
            (_, Stage::Resolve) => "resolve",
            (ErrorKind::Address | ErrorKind::Config | ErrorKind::PermissionDenied, _) => "usage",
            (ErrorKind::HandlerPanicked | ErrorKind::Io, _) => "internal",
        }
    }

    /// Returns what the user may try, where something can be said.
    pub fn hint(&self) -> Option<&'static str> {
        match self.kind {
            ErrorKind::PortInUse if self.target.contains(std::path::is_separator) => {
                Some("stop the program that listens there, or choose another path")
            }
            ErrorKind::PortInUse => Some(
                "stop the program that listens there, or choose another port (0 picks a free one)",
            ),
            ErrorKind::PermissionDenied => Some("choose a port of 1024 or above"),
            ErrorKind::Address if self.target.contains(std::path::is_separator) => {
                Some("choose a path where there is no other file, in a folder that exists")
            }
            ErrorKind::Address => {
                Some("give an address of this machine with a port, such as 127.0.0.1:9894")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.target;
        match (self.stage, self.kind) {
            (_, ErrorKind::PortInUse) => {
                let what = if target.contains(std::path::is_separator) {
                    "another server listens there"
                } else {
                    "the port is in use"
                };
                write!(f, "cannot listen on {target}: {what}")
            }
            (_, ErrorKind::HandlerPanicked) => write!(f, "{target} ended: its handler panicked"),
            (Stage::Config, _) => write!(f, "unusable configuration: {target}"),
            (Stage::Resolve, _) => write!(f, "cannot resolve {target}"),
            (Stage::Listen, _) => write!(f, "cannot listen on {target}"),
            (Stage::Start, _) => write!(f, "cannot start {target}"),
            (Stage::Run, _) => write!(f, "{target} failed"),
            (Stage::Stop, _) => write!(f, "cannot stop {target}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}

/// Why a message was not taken for sending; the connection is unharmed and nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection's Close frame was sent or its peer's received.
    Closed,
    /// The frame is not allowed; the inner error says why.
    Frame(ws_core::SendError),
    /// No connection of this loop has the id: it ended, or the id is foreign.
    NotFound(ConnectionId),
    /// The peer does not read fast enough: the message would exceed the send queue's limit.
    QueueFull {
        /// Bytes that already wait for the socket.
        queued_bytes: usize,
        /// Size of the refused message in bytes.
        message_bytes: usize,
        /// The limit in bytes ([`Config::send_queue_bytes`](crate::Config::send_queue_bytes)).
        limit_bytes: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed for sending"),
            Self::Frame(error) => error.fmt(f),
            Self::NotFound(id) => write!(f, "no connection {id}"),
            Self::QueueFull {
                queued_bytes,
                message_bytes,
                limit_bytes,
            } => write!(
                f,
                "send queue of {queued_bytes} bytes plus a message of {message_bytes} exceeds the limit of {limit_bytes}"
            ),
        }
    }
}

impl error::Error for SendError {}

impl From<ws_core::SendError> for SendError {
    fn from(error: ws_core::SendError) -> Self {
        match error {
            ws_core::SendError::Closed => Self::Closed,
            other => Self::Frame(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_port_is_told_apart_and_named() {
        let error = Error::io(
            Stage::Listen,
            "127.0.0.1:9894",
            io::Error::from(io::ErrorKind::AddrInUse),
        );
        assert_eq!(error.kind(), ErrorKind::PortInUse);
        assert_eq!(
            error.to_string(),
            "cannot listen on 127.0.0.1:9894: the port is in use"
        );
        assert!(error.hint().unwrap().contains("another port"));
    }

    #[test]
    fn a_full_queue_says_the_figures() {
        let error = SendError::QueueFull {
            queued_bytes: 16_000_000,
            message_bytes: 900_000,
            limit_bytes: 16_777_216,
        };
        assert_eq!(
            error.to_string(),
            "send queue of 16000000 bytes plus a message of 900000 exceeds the limit of 16777216"
        );
    }
}

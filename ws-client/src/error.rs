//! What can go wrong, in one type: at which stage, with which address, and why.
//!
//! Invariant: `Display` is one whole line, and shows no secret: the target is the redacted address, text of the peer is
//! escaped, and what the peer echoes of our secrets is hidden.
//! Texts may change; [`Error::kind`] and [`Error::error_code`] do not.

mod words;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ws_core::handshake::{HandshakeError, PeerText, Response};
use ws_core::{CloseCode, ReceiveError, SendError};

use crate::address::AddressProblem;
use crate::message::Close;

/// Why a call has failed.
///
/// `Display` says it all on one line: what failed, with which (redacted) address, and why. What to try is
/// [`Error::hint`].
#[derive(Clone)]
pub struct Error(Box<Inner>);

/// What kind of failure it was: what a caller branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address is not one of a WebSocket.
    BadAddress,
    /// The call was given something that may not be sent; the connection is unharmed.
    Usage,
    /// The host name has no address, or could not be looked up.
    Resolve,
    /// The host refuses connections on that port.
    Refused,
    /// The host cannot be reached.
    Unreachable,
    /// The call's time is up; on an open connection the next call may succeed.
    Timeout,
    /// The proxy does not let the connection through.
    Proxy,
    /// The proxy wants a user name and password.
    ProxyAuth,
    /// TLS could not be set up.
    Tls,
    /// The server's certificate is not trusted.
    Certificate,
    /// The server has refused the opening handshake ([`Error::status`]), or is not a WebSocket server.
    Handshake,
    /// The peer broke the protocol; the connection is over.
    Protocol,
    /// The peer sent more than a limit allows; the connection is over.
    TooBig,
    /// A queue is full.
    QueueFull,
    /// The connection is over ([`Error::close_code`]).
    Closed,
    /// The operating system or this library failed.
    Internal,
}

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the address.
    Address,
    /// Looking up the host name.
    Resolve,
    /// Connecting to one of its addresses.
    Connect,
    /// Going through the proxy.
    Proxy,
    /// Setting up TLS.
    Tls,
    /// The opening handshake.
    Handshake,
    /// Sending a message.
    Send,
    /// Receiving a message.
    Receive,
    /// The closing handshake.
    Close,
}

impl Error {
    pub(crate) fn new(stage: Stage, target: impl Into<String>, cause: Cause) -> Self {
        Self(Box::new(Inner {
            stage,
            target: target.into(),
            cause,
        }))
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Address(_) => ErrorKind::BadAddress,
            Cause::Send(SendError::Closed) => ErrorKind::Closed,
            Cause::Send(_) | Cause::Request(_) => ErrorKind::Usage,
            Cause::Lookup(_) | Cause::NoAddress | Cause::LookupsBusy { .. } => ErrorKind::Resolve,
            Cause::Connect(failures) => connect_kind(failures),
            Cause::Timeout(_) => ErrorKind::Timeout,
            Cause::NoTls => ErrorKind::Tls,
            Cause::Handshake(_) | Cause::HandshakeIo(_) => ErrorKind::Handshake,
            Cause::Receive(error) if is_above_a_limit(error) => ErrorKind::TooBig,
            Cause::Receive(ReceiveError::OutOfMemory(_)) => ErrorKind::Internal,
            Cause::Receive(_) => ErrorKind::Protocol,
            Cause::Closed { .. } | Cause::Lost(_) | Cause::Silent(_) => ErrorKind::Closed,
            Cause::Io(_) | Cause::Internal(_) => ErrorKind::Internal,
        }
    }

    /// The kind as a word that never changes, shared by all frontends of this project.
    pub fn error_code(&self) -> &'static str {
        match self.kind() {
            ErrorKind::BadAddress | ErrorKind::Usage => "usage",
            ErrorKind::Resolve => "resolve",
            ErrorKind::Refused => "refused",
            ErrorKind::Unreachable => "unreachable",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Proxy => "proxy",
            ErrorKind::ProxyAuth => "proxy_auth",
            ErrorKind::Tls => "tls",
            ErrorKind::Certificate => "certificate",
            ErrorKind::Handshake => "handshake",
            ErrorKind::Protocol => "protocol",
            ErrorKind::TooBig => "too_big",
            ErrorKind::QueueFull => "queue_full",
            ErrorKind::Closed => "closed",
            ErrorKind::Internal => "internal",
        }
    }

    /// What was being done.
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// The address, without user information and query values; empty where there was none yet.
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// True if a deadline has passed. While connecting that is final; afterwards the next call may succeed.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// What to try, in a few words.
    pub fn hint(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Address(problem) => problem.hint(),
            Cause::Lookup(_) | Cause::NoAddress => Some("check the host name"),
            Cause::LookupsBusy { .. } => Some("wait until they end, or connect to an IP address"),
            Cause::Connect(_) if self.kind() == ErrorKind::Refused => {
                Some("is a server running on that port?")
            }
            Cause::NoTls => Some("use ws:// where the server offers it"),
            Cause::Handshake(failure) => handshake_hint(&failure.error),
            Cause::Receive(_) if self.kind() == ErrorKind::TooBig => {
                Some("raise the limits of what a message may be")
            }
            _ => None,
        }
    }

    /// The HTTP status with which the server refused the opening handshake.
    pub fn status(&self) -> Option<u16> {
        self.response().map(Response::status)
    }

    /// The server's refusal: status, headers and the first part of the body, as it sent them.
    pub fn response(&self) -> Option<&Response> {
        match &self.0.cause {
            Cause::Handshake(failure) => match &failure.error {
                HandshakeError::Refused(response) => Some(response),
                _ => None,
            },
            _ => None,
        }
    }

    /// The close code, if the connection is over: the peer's, or [`CloseCode::ABNORMAL`] (1006) if no Close came.
    pub fn close_code(&self) -> Option<CloseCode> {
        match &self.0.cause {
            Cause::Closed(close) => Some(close.code),
            Cause::Lost(_) | Cause::Silent(_) | Cause::Send(SendError::Closed) => {
                Some(CloseCode::ABNORMAL)
            }
            _ => None,
        }
    }

    /// The reason that came with the close code, as the peer sent it.
    pub fn close_reason(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Closed(close) => Some(&close.reason),
            _ => None,
        }
    }

    /// The operating system's error behind it; of several failed addresses the last one's.
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.0.cause {
            Cause::Lookup(error) | Cause::HandshakeIo(error) | Cause::Io(error) => Some(error),
            Cause::Connect(failures) => failures.last().map(|(_, error)| &**error),
            Cause::Lost(loss) => loss.error.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            stage,
            target,
            cause,
        } = &*self.0;
        match stage {
            Stage::Address => write!(f, "bad address: {cause}"),
            Stage::Resolve | Stage::Connect | Stage::Proxy | Stage::Tls | Stage::Handshake => {
                write!(f, "cannot connect to {target}: {cause}")
            }
            Stage::Send => write!(f, "cannot send to {target}: {cause}"),
            Stage::Receive => write!(f, "cannot receive from {target}: {cause}"),
            Stage::Close => write!(f, "cannot close the connection to {target}: {cause}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not derived: a refusal's headers and body may hold secrets.
        write!(f, "Error({:?}: {self})", self.kind())
    }
}

impl std::error::Error for Error {}

#[derive(Clone)]
struct Inner {
    stage: Stage,
    target: String,
    cause: Cause,
}

/// Why it failed.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    Address(AddressProblem),
    /// The request cannot be written as it was described.
    Request(HandshakeError),
    Lookup(Arc<io::Error>),
    NoAddress,
    LookupsBusy {
        limit: usize,
    },
    Connect(Vec<(SocketAddr, Arc<io::Error>)>),
    /// Says what was not done within which time.
    Timeout(String),
    NoTls,
    Handshake(HandshakeFailure),
    HandshakeIo(Arc<io::Error>),
    Send(SendError),
    Receive(ReceiveError),
    Closed(Close),
    Lost(Loss),
    /// No answer to a keepalive ping within this time.
    Silent(Duration),
    Io(Arc<io::Error>),
    Internal(&'static str),
}

/// A failed opening handshake, and how it may be shown.
#[derive(Clone, Debug)]
pub(crate) struct HandshakeFailure {
    error: HandshakeError,
    text: String,
}

impl HandshakeFailure {
    /// Hides in the text for people each of `secrets` that the server has echoed.
    pub(crate) fn new(error: HandshakeError, secrets: &[String]) -> Self {
        let mut text = error.to_string();
        if let HandshakeError::Refused(response) = &error {
            let body = String::from_utf8_lossy(response.body());
            if let Some(words) = words::first_words(&body) {
                text.push_str(&format!(", saying \"{}\"", PeerText::new(&words)));
            }
        }
        for secret in secrets.iter().filter(|s| s.len() >= MIN_SECRET_BYTES) {
            text = text.replace(secret.as_str(), "***");
        }
        Self { error, text }
    }
}

/// An end of the connection without a Close.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    /// Whole messages received before.
    pub(crate) messages: u64,
    /// Bytes of one more message that never became whole.
    pub(crate) mid_message: bool,
    /// `None`: the peer has ended its side in order.
    pub(crate) error: Option<Arc<io::Error>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(problem) => problem.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Lookup(error) => write_io_error(error, f),
            Self::NoAddress => f.write_str("the host name has no address"),
            Self::LookupsBusy { limit } => write!(
                f,
                "{limit} name lookups are still running in this process, the most allowed at once"
            ),
            Self::Connect(failures) => write_connect_failures(failures, f),
            Self::Timeout(text) => f.write_str(text),
            Self::NoTls => f.write_str("wss:// needs TLS, which this build does not have yet"),
            Self::Handshake(failure) => f.write_str(&failure.text),
            Self::HandshakeIo(error) => {
                f.write_str("connection was lost during the opening handshake: ")?;
                write_io_error(error, f)
            }
            Self::Send(error) => error.fmt(f),
            Self::Receive(error @ ReceiveError::OutOfMemory(_)) => error.fmt(f),
            Self::Receive(error) if is_above_a_limit(error) => error.fmt(f),
            Self::Receive(error) => write!(f, "peer broke the protocol: {error}"),
            Self::Closed(close) if close.code == CloseCode::NO_STATUS => {
                f.write_str("connection is closed, without a code")
            }
            Self::Closed(close) => {
                write!(f, "connection is closed with code {}", close.code)?;
                if close.reason.is_empty() {
                    return Ok(());
                }
                write!(f, ", saying \"{}\"", PeerText::new(&close.reason))
            }
            Self::Lost(loss) => loss.fmt(f),
            Self::Silent(timeout) => {
                write!(f, "peer has not answered a ping within {}", Span(*timeout))
            }
            Self::Io(error) => write_io_error(error, f),
            Self::Internal(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.messages == 1 { "" } else { "s" };
        write!(
            f,
            "connection ended without a Close after {} received message{s}",
            self.messages
        )?;
        if self.mid_message {
            f.write_str(", in the middle of the next")?;
        }
        if let Some(error) = &self.error {
            f.write_str(": ")?;
            write_io_error(error, f)?;
        }
        Ok(())
    }
}

/// A duration as people write it: `30 s`, `1.5 s`, `250 ms`.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(
                f,
                "{} s",
                f64::from(u32::try_from(self.0.as_millis()).unwrap_or(u32::MAX)) / 1000.0
            )
        }
    }
}

fn is_above_a_limit(error: &ReceiveError) -> bool {
    matches!(
        error,
        ReceiveError::FrameTooBig { .. }
            | ReceiveError::MessageTooBig { .. }
            | ReceiveError::TooManyFragments(_)
    )
}

fn connect_kind(failures: &[(SocketAddr, Arc<io::Error>)]) -> ErrorKind {
    let any = |kind| failures.iter().any(|(_, error)| error.kind() == kind);
    if any(io::ErrorKind::ConnectionRefused) {
        ErrorKind::Refused
    } else if any(io::ErrorKind::TimedOut) {
        ErrorKind::Timeout
    } else {
        ErrorKind::Unreachable
    }
}

fn write_connect_failures(
    failures: &[(SocketAddr, Arc<io::Error>)],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, (address, error)) in failures.iter().take(MAX_SHOWN_ADDRESSES).enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        write_io_error(error, f)?;
        write!(f, " ({address})")?;
    }
    match failures.len().saturating_sub(MAX_SHOWN_ADDRESSES) {
        0 => Ok(()),
        more => write!(f, "; and {more} more addresses"),
    }
}

/// The same words on every system for what happens often.
fn write_io_error(error: &io::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset by the peer",
        io::ErrorKind::ConnectionAborted => "connection aborted",
        io::ErrorKind::BrokenPipe => "connection closed by the peer",
        io::ErrorKind::HostUnreachable => "host is unreachable",
        io::ErrorKind::NetworkUnreachable => "network is unreachable",
        io::ErrorKind::TimedOut => "no answer",
        _ => return write!(f, "{}", PeerText::new(&error.to_string())),
    };
    f.write_str(text)
}

fn handshake_hint(error: &HandshakeError) -> Option<&'static str> {
    Some(match error.status()? {
        400 => "check path, subprotocols and headers",
        401 => "send credentials: an Authorization header, or user:password@ in the address",
        403 => "the server may not allow this origin, host or user",
        404 => "check the path",
        429 | 503 => "try again later",
        _ => return None,
    })
}

/// Shorter ones occur in any text; hiding them would only garble it.
const MIN_SECRET_BYTES: usize = 4;
const MAX_SHOWN_ADDRESSES: usize = 4;
const _: () = assert!(size_of::<Error>() == size_of::<usize>());

#[cfg(test)]
mod tests;

//! What can go wrong, in one type: at which stage, with which address, and why.
//!
//! Invariant: `Display` is one whole line, and shows no secret: the target is the redacted address, text of the peer is
//! escaped, and what the peer echoes of our secrets is hidden.
//! Texts may change; [`Error::kind`] and [`Error::error_code`] do not.

use std::fmt;
use std::io;

use ws_core::handshake::{HandshakeError, Response};
use ws_core::{CloseCode, SendError};

pub(crate) use self::cause::{Cause, HandshakeFailure, Loss, Span};
pub(crate) use self::proxy::{ProxyAnswer, ProxyFailure};
use crate::secret::Secrets;

use crate::wire::is_cut_off;

mod cause;
mod proxy;
mod words;

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
            secrets: Secrets::default(),
        }))
    }

    /// The same error, which does not show any of `secrets` should the peer have repeated it.
    pub(crate) fn hiding(mut self, secrets: &Secrets) -> Self {
        self.0.secrets = secrets.clone();
        self
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.cause.kind()
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
            Cause::UnixSocket(..) => Some("is a server running on that socket?"),
            Cause::ProxyMistake(mistake) => Some(mistake.hint()),
            Cause::Proxy(failure) => failure.hint(),
            Cause::Tls(error) => error.hint(),
            Cause::TlsEnded => Some("does the server speak TLS on that port?"),
            Cause::TlsFile { .. } => Some("give a file in PEM format that can be read"),
            Cause::NoRoots(_) => Some("install the system's root certificates, or give a CA file"),
            Cause::HandshakeIo(error) if is_cut_off(error) => {
                Some("the server may want a client certificate")
            }
            Cause::Handshake(failure) => handshake_hint(&failure.error),
            Cause::QueueFull { .. } | Cause::NotQueued(_) => {
                Some("wait until the peer has read some of it")
            }
            Cause::Overflow { .. } => Some("receive more often, or raise the limits of the queue"),
            Cause::Receive(_) if self.kind() == ErrorKind::TooBig => {
                Some("raise the limits of what a message may be")
            }
            _ => None,
        }
    }

    /// The HTTP status with which the server refused the opening handshake.
    pub fn status(&self) -> Option<u16> {
        match &self.0.cause {
            Cause::Redirect(status, _) => Some(*status),
            _ => self.response().map(Response::status),
        }
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

    /// Where the server says that the endpoint is instead, if its refusal is a redirect (301, 302, 303, 307, 308).
    ///
    /// [`ConnectRequest::redirected`](crate::ConnectRequest::redirected) goes there. The text is the server's own.
    pub fn redirect(&self) -> Option<&str> {
        let response = self.response()?;
        match response.status() {
            301 | 302 | 303 | 307 | 308 => response.header("location"),
            _ => None,
        }
    }

    /// The close code, if the connection is over: the peer's, or [`CloseCode::ABNORMAL`] (1006) if no Close came.
    pub fn close_code(&self) -> Option<CloseCode> {
        match &self.0.cause {
            Cause::Closed(close) => Some(close.code),
            Cause::Lost(_)
            | Cause::Silent(_)
            | Cause::NotOpen(_)
            | Cause::NeverOpen(_)
            | Cause::Send(SendError::Closed) => Some(CloseCode::ABNORMAL),
            Cause::Overflow { .. } => Some(CloseCode::POLICY_VIOLATION),
            _ => None,
        }
    }

    /// The reason that came with the close code, as the peer sent it.
    pub fn close_reason(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Closed(close) => Some(&close.reason),
            Cause::Overflow { .. } => Some(OVERFLOW_REASON),
            _ => None,
        }
    }

    /// True if the peer was given up because it has not answered a keepalive ping.
    pub fn is_peer_silent(&self) -> bool {
        matches!(self.0.cause, Cause::Silent(_))
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// There was no connection yet.
    pub(crate) fn is_about_dialling(&self) -> bool {
        !matches!(self.0.stage, Stage::Send | Stage::Receive | Stage::Close)
    }

    /// The operating system's error behind it; of several failed addresses the last one's.
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.0.cause {
            Cause::Lookup(error)
            | Cause::HandshakeIo(error)
            | Cause::TlsIo(error)
            | Cause::UnixSocket(_, error)
            | Cause::Io(error) => Some(error),
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
            secrets,
        } = &*self.0;
        let cause = secrets.hide(&cause.to_string());
        match stage {
            Stage::Address => write!(f, "bad address: {cause}"),
            Stage::Proxy if target.is_empty() => cause.fmt(f),
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
    /// Not to be shown, whatever the cause says.
    secrets: Secrets,
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

/// What the peer is told when it sends more than is read.
pub(crate) const OVERFLOW_REASON: &str = "receive queue is full";
const _: () = assert!(size_of::<Error>() == size_of::<usize>());

#[cfg(test)]
mod tests;

//! Why something failed, in all detail, and how it is shown.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ws_core::handshake::{HandshakeError, PeerText, Response};
use ws_core::tls::{TlsConfigError, TlsError};
use ws_core::{CloseCode, ReceiveError, SendError};

use super::{ErrorKind, ProxyFailure, words};
use crate::address::AddressProblem;
use crate::message::Close;
use crate::proxy::ProxyMistake;
use crate::secret::Secrets;

/// Why it failed.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    Address(AddressProblem),
    /// Says which argument of the call cannot be used, and why.
    Argument(String),
    /// The request cannot be written as it was described.
    Request(HandshakeError),
    Lookup(Arc<io::Error>),
    NoAddress,
    LookupsBusy {
        limit: usize,
    },
    Connect(Vec<(SocketAddr, Arc<io::Error>)>),
    /// No connection to the Unix socket at this path.
    #[cfg_attr(not(any(unix, test)), expect(dead_code, reason = "there are none"))]
    UnixSocket(PathBuf, Arc<io::Error>),
    /// Where the server sends us, with this status, is not a place to go to.
    Redirect(u16, String),
    /// Says what was not done within which time.
    Timeout(String),
    ProxyMistake(ProxyMistake),
    Proxy(Box<ProxyFailure>),
    Tls(TlsError),
    TlsConfig(TlsConfigError),
    /// The peer has ended the connection in the middle of the TLS handshake.
    TlsEnded,
    /// A file of certificates or keys cannot be used; what is in it is not shown.
    TlsFile {
        path: PathBuf,
        why: String,
    },
    TlsIo(Arc<io::Error>),
    /// The system has no root certificates; why, where it is known.
    NoRoots(String),
    Handshake(HandshakeFailure),
    HandshakeIo(Arc<io::Error>),
    Send(SendError),
    Receive(ReceiveError),
    Closed(Close),
    Lost(Loss),
    /// No answer to a keepalive ping within this time.
    Silent(Duration),
    /// The receive queue was full and the configuration says to close then.
    Overflow {
        messages: usize,
        bytes: usize,
    },
    /// The send queue was full.
    QueueFull {
        messages: usize,
        bytes: usize,
        limit: usize,
    },
    /// What was sent before had not left in time; says how much it is.
    NotQueued(String),
    /// There is no connection, for this reason.
    NotOpen(&'static str),
    /// There never was one, because it was not made in time.
    NeverOpen(String),
    Io(Arc<io::Error>),
    Internal(&'static str),
}

impl Cause {
    pub(crate) fn tls_file(path: &Path, error: &TlsConfigError) -> Self {
        Self::TlsFile {
            path: path.to_owned(),
            why: error.to_string(),
        }
    }

    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Address(_) => ErrorKind::BadAddress,
            Self::Send(SendError::Closed) => ErrorKind::Closed,
            Self::Argument(_)
            | Self::Send(_)
            | Self::Request(_)
            | Self::ProxyMistake(_)
            | Self::TlsFile { .. } => ErrorKind::Usage,
            Self::Lookup(_) | Self::NoAddress | Self::LookupsBusy { .. } => ErrorKind::Resolve,
            Self::Connect(failures) => connect_kind(failures.iter().map(|(_, error)| &**error)),
            Self::UnixSocket(_, error) => connect_kind(std::iter::once(&**error)),
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Proxy(failure) => failure.kind(),
            Self::Tls(error) if error.is_certificate() => ErrorKind::Certificate,
            Self::Tls(_)
            | Self::TlsConfig(_)
            | Self::TlsEnded
            | Self::TlsIo(_)
            | Self::NoRoots(_) => ErrorKind::Tls,
            Self::Handshake(_) | Self::HandshakeIo(_) | Self::Redirect(..) => ErrorKind::Handshake,
            Self::Receive(error) if is_above_a_limit(error) => ErrorKind::TooBig,
            Self::Receive(ReceiveError::OutOfMemory(_)) => ErrorKind::Internal,
            Self::Receive(_) => ErrorKind::Protocol,
            Self::Closed { .. }
            | Self::Lost(_)
            | Self::Silent(_)
            | Self::Overflow { .. }
            | Self::NotOpen(_)
            | Self::NeverOpen(_) => ErrorKind::Closed,
            Self::QueueFull { .. } | Self::NotQueued(_) => ErrorKind::QueueFull,
            Self::Io(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }
}

/// A failed opening handshake, and how it may be shown.
#[derive(Clone, Debug)]
pub(crate) struct HandshakeFailure {
    pub(super) error: HandshakeError,
    text: String,
}

impl HandshakeFailure {
    /// Hides in the text for people each of `secrets` that the server has echoed.
    pub(crate) fn new(error: HandshakeError, secrets: &Secrets) -> Self {
        let mut text = secrets.hide(&error.to_string());
        if let HandshakeError::Refused(response) = &error
            && let Some(words) = words::first_words(&body_text(response))
        {
            // Before it is cut, by whole secrets.
            let words = secrets.hide(&words);
            text.push_str(&format!(", saying \"{}\"", PeerText::new(&words)));
        }
        Self { error, text }
    }
}

/// A refusal's body, with a mark where more of it may have come than is kept.
fn body_text(response: &Response) -> Cow<'_, str> {
    let body = response.body();
    let text = String::from_utf8_lossy(body);
    if body.len() < Response::MAX_BODY_BYTES {
        return text;
    }
    // A character may have been cut, too.
    Cow::Owned(format!(
        "{}…",
        text.trim_end_matches(char::REPLACEMENT_CHARACTER)
    ))
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
            Self::Argument(text) => f.write_str(text),
            Self::Request(error) => error.fmt(f),
            Self::Lookup(error) => write_io_error(error, f),
            Self::NoAddress => f.write_str("the host name has no address"),
            Self::LookupsBusy { limit } => write!(
                f,
                "{limit} name lookups are still running in this process, the most allowed at once"
            ),
            Self::Connect(failures) => write_connect_failures(failures, f),
            Self::UnixSocket(path, error) => {
                write_io_error(error, f)?;
                write!(f, " ({})", path.display())
            }
            Self::Redirect(_, text) | Self::Timeout(text) | Self::NotQueued(text) => {
                f.write_str(text)
            }
            Self::ProxyMistake(mistake) => mistake.fmt(f),
            Self::Proxy(failure) => failure.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::TlsConfig(error) => error.fmt(f),
            Self::TlsEnded => f.write_str("the peer ended the connection in the TLS handshake"),
            Self::TlsFile { path, why } => write!(f, "cannot use {}: {why}", path.display()),
            Self::TlsIo(error) => {
                f.write_str("connection was lost in the TLS handshake: ")?;
                write_io_error(error, f)
            }
            Self::NoRoots(why) => {
                f.write_str("the system has no root certificates")?;
                if why.is_empty() {
                    return Ok(());
                }
                write!(f, " ({})", PeerText::new(why))
            }
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
            Self::Overflow { messages, bytes } => write!(
                f,
                "connection was closed with code 1008, because {messages} messages of {bytes} bytes were unread"
            ),
            Self::QueueFull {
                messages,
                bytes,
                limit,
            } => write!(
                f,
                "send queue is full: {messages} messages and {bytes} bytes wait, the limit is {limit} bytes"
            ),
            Self::NotOpen(text) => f.write_str(text),
            Self::NeverOpen(text) => write!(f, "there is no connection: {text}"),
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

fn connect_kind<'a>(errors: impl Iterator<Item = &'a io::Error> + Clone) -> ErrorKind {
    let any = |kind| errors.clone().any(|error| error.kind() == kind);
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
pub(super) fn write_io_error(error: &io::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

const MAX_SHOWN_ADDRESSES: usize = 4;

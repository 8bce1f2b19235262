//! What can go wrong on the way through a proxy, each with its own text.

use std::fmt;
use std::io;
use std::sync::Arc;

use ws_core::tls::TlsError;

use super::cause::write_io_error;
use super::{Cause, ErrorKind};

/// A proxy that does not let the connection through.
#[derive(Clone, Debug)]
pub(crate) struct ProxyFailure {
    /// Its kind and address, without the login.
    proxy: String,
    why: Why,
}

#[derive(Clone, Debug)]
enum Why {
    /// It could not be reached, or not trusted.
    Unreached(Cause),
    Answer(ProxyAnswer),
}

/// What a proxy has answered, or done instead.
#[derive(Clone, Debug)]
pub(crate) enum ProxyAnswer {
    /// Too many dials wait for this SOCKS proxy.
    Busy {
        limit: usize,
    },
    /// It ended the connection instead of answering.
    Ended,
    /// The rules of the proxy forbid it.
    Forbidden,
    Lost(Arc<io::Error>),
    LoginRefused,
    /// It wants a login, and none was given.
    LoginWanted,
    /// It wants a login of another kind; names what it offers.
    LoginUnsupported(String),
    /// Its first bytes are not those of such a proxy.
    NotAProxy(&'static str),
    /// It has refused with this HTTP status; the text has the reason.
    Status(u16, String),
    /// It cannot do what it was asked for; the text says what.
    Unable(&'static str),
    /// It has not reached the target; the text says why.
    Unreachable(String),
}

impl ProxyFailure {
    pub(crate) fn unreached(proxy: String, cause: Cause) -> Self {
        let why = Why::Unreached(cause);
        Self { proxy, why }
    }

    pub(crate) fn answered(proxy: String, answer: ProxyAnswer) -> Self {
        let why = Why::Answer(answer);
        Self { proxy, why }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match &self.why {
            Why::Unreached(cause @ Cause::Tls(TlsError::Certificate(_))) => cause.kind(),
            Why::Unreached(cause) if cause.kind() == ErrorKind::Internal => ErrorKind::Internal,
            Why::Answer(
                ProxyAnswer::LoginRefused
                | ProxyAnswer::LoginWanted
                | ProxyAnswer::LoginUnsupported(_),
            ) => ErrorKind::ProxyAuth,
            _ => ErrorKind::Proxy,
        }
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        let answer = match &self.why {
            Why::Unreached(Cause::Tls(TlsError::NotTls)) => {
                return Some("use http instead of https as the kind of the proxy");
            }
            Why::Unreached(Cause::Tls(error)) => return error.hint(),
            Why::Unreached(_) => return Some("check address and port of the proxy"),
            Why::Answer(answer) => answer,
        };
        Some(match answer {
            ProxyAnswer::Busy { .. } => "wait until they end; the proxy does not answer",
            ProxyAnswer::Ended | ProxyAnswer::Lost(_) | ProxyAnswer::NotAProxy(_) => {
                "check address, port and kind of the proxy"
            }
            ProxyAnswer::Forbidden | ProxyAnswer::Status(403, _) => {
                "the rules of the proxy must allow this host and port"
            }
            ProxyAnswer::LoginRefused => "check login and password of the proxy",
            ProxyAnswer::LoginWanted => "give a login and password for the proxy",
            ProxyAnswer::LoginUnsupported(_) => {
                "only logins by password are supported (Basic, RFC 1929)"
            }
            ProxyAnswer::Status(502..=504, _) | ProxyAnswer::Unreachable(_) => {
                "check that the proxy's machine can reach the server"
            }
            ProxyAnswer::Status(400 | 404 | 405 | 501, _) => {
                "is it a proxy at all? it must allow CONNECT"
            }
            ProxyAnswer::Status(429, _) => "try again later",
            ProxyAnswer::Status(..) | ProxyAnswer::Unable(_) => "try another kind of proxy",
        })
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.proxy)?;
        match &self.why {
            Why::Unreached(cause) => cause.fmt(f),
            Why::Answer(answer) => answer.fmt(f),
        }
    }
}

impl fmt::Display for ProxyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { limit } => write!(
                f,
                "{limit} connections of this process still wait for its answer, the most allowed at once"
            ),
            Self::Ended => f.write_str("it ended the connection without a whole answer"),
            Self::Forbidden => f.write_str("its rules do not allow the connection"),
            Self::Lost(error) => {
                f.write_str("connection was lost: ")?;
                write_io_error(error, f)
            }
            Self::LoginRefused => f.write_str("wrong login or password"),
            Self::LoginWanted => f.write_str("it wants a login, and none was given"),
            Self::LoginUnsupported(offered) => {
                write!(f, "it wants a login of another kind ({offered})")
            }
            Self::NotAProxy(kind) => write!(f, "it does not answer as {kind} does"),
            Self::Status(502..=504, text) => {
                write!(f, "it has not reached the target and answered {text}")
            }
            Self::Status(_, text) => write!(f, "it refused with {text}"),
            Self::Unable(what) => f.write_str(what),
            Self::Unreachable(why) => write!(f, "it has not reached the target: {why}"),
        }
    }
}

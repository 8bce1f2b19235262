//! What can go wrong in an opening handshake.

use std::error::Error;
use std::fmt;

use super::response::Response;
#[cfg(feature = "deflate")]
use crate::extension::DeflateMismatch;

/// A head that is not well-formed HTTP/1.1, or exceeds a limit.
///
/// RFC 9112 [§2.2](https://www.rfc-editor.org/rfc/rfc9112#section-2.2), [§5](https://www.rfc-editor.org/rfc/rfc9112#section-5)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// A CR that no LF follows.
    BareCr,
    /// An LF without the CR before it.
    BareLf,
    /// A NUL, or another control character.
    ControlCharacter,
    /// A header line that continues the one before it (obs-fold).
    FoldedHeader,
    /// More than [`HeadLimits::max_bytes`](super::HeadLimits::max_bytes) without an end.
    HeadTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// One header line above [`HeadLimits::max_line_bytes`](super::HeadLimits::max_line_bytes).
    HeaderLineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A header name that is empty or not a token.
    InvalidHeaderName,
    /// A first line that is neither a request line nor a status line.
    InvalidStartLine,
    /// White space between a header's name and the colon.
    SpaceBeforeColon,
    /// A first line above [`HeadLimits::max_line_bytes`](super::HeadLimits::max_line_bytes).
    StartLineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// More headers than [`HeadLimits::max_headers`](super::HeadLimits::max_headers).
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
    /// An HTTP version that is not spoken here.
    UnsupportedVersion,
}

impl HeadError {
    /// Returns the HTTP status that tells a client of this error: 400, 414, 431 or 505.
    pub fn status(self) -> u16 {
        match self {
            Self::StartLineTooLong { .. } => 414,
            Self::HeadTooLong { .. }
            | Self::HeaderLineTooLong { .. }
            | Self::TooManyHeaders { .. } => 431,
            Self::UnsupportedVersion => 505,
            Self::BareCr
            | Self::BareLf
            | Self::ControlCharacter
            | Self::FoldedHeader
            | Self::InvalidHeaderName
            | Self::InvalidStartLine
            | Self::SpaceBeforeColon => 400,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareCr => f.write_str("head has a CR without LF"),
            Self::BareLf => f.write_str("head has an LF without CR"),
            Self::ControlCharacter => f.write_str("head has a control character"),
            Self::FoldedHeader => f.write_str("head has a folded header line"),
            Self::HeadTooLong { limit } => write!(f, "head exceeds the limit of {limit} bytes"),
            Self::HeaderLineTooLong { limit } => {
                write!(f, "header line exceeds the limit of {limit} bytes")
            }
            Self::InvalidHeaderName => f.write_str("head has a header name that is not a token"),
            Self::InvalidStartLine => f.write_str("first line of the head is not HTTP/1.1"),
            Self::SpaceBeforeColon => f.write_str("head has white space before a header's colon"),
            Self::StartLineTooLong { limit } => write!(
                f,
                "first line of the head exceeds the limit of {limit} bytes"
            ),
            Self::TooManyHeaders { limit } => {
                write!(f, "head exceeds the limit of {limit} headers")
            }
            Self::UnsupportedVersion => f.write_str("HTTP version is not supported, HTTP/1.1 is"),
        }
    }
}

impl Error for HeadError {}

/// An opening handshake that failed, or that the caller described wrongly.
///
/// No variant but [`Refused`](Self::Refused) holds text of the peer, and none shows the value of a header.
///
/// RFC 6455 [§4](https://www.rfc-editor.org/rfc/rfc6455#section-4)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    // The caller's faults: nothing was written.
    /// A header that may be there once was given twice.
    DuplicateHeader {
        /// Its name.
        name: Box<str>,
    },
    /// The same subprotocol was offered twice.
    DuplicateSubprotocol,
    /// The handshake is over; no more input belongs to it.
    Finished,
    /// A header name that is not a token.
    InvalidHeaderName {
        /// The name, escaped and cut at 64 characters.
        name: Box<str>,
    },
    /// A header value with a control character in it.
    InvalidHeaderValue {
        /// Its name; never its value.
        name: Box<str>,
    },
    /// A host that is not `name`, `name:port`, `address` or `[IPv6 address]:port`.
    InvalidHost,
    /// A method that is not a token.
    InvalidMethod,
    /// An entry of a [`Policy`](super::Policy) that can never match.
    InvalidRule {
        /// The entry, escaped and cut at 64 characters.
        entry: Box<str>,
    },
    /// A subprotocol that is not a token.
    InvalidSubprotocol,
    /// A request target with a space, a `#`, a control or non-ASCII character, or that does not begin with `/`.
    InvalidTarget,
    /// The request does not ask for a WebSocket by the rules, so it cannot be accepted.
    NotAnUpgrade,
    /// A header that the handshake writes itself.
    ReservedHeader {
        /// Its name.
        name: Box<str>,
    },
    /// The subprotocol to accept is not among those that the client offered.
    SubprotocolNotOffered,

    // The peer's faults.
    /// The peer closed the connection before its answer was complete.
    ClosedEarly {
        /// How many bytes of an answer had come.
        received_bytes: usize,
    },
    /// The answer is not a well-formed head.
    Head(HeadError),
    /// `Sec-WebSocket-Accept` does not answer our key (§4.1 step 4).
    InvalidAccept,
    /// The 101 answer has no `Connection: Upgrade` (§4.1 step 3).
    InvalidConnection,
    /// The 101 answer selects permessage-deflate with parameters that do not fit the offer (RFC 7692 §5.1).
    #[cfg(feature = "deflate")]
    InvalidDeflateAnswer(DeflateMismatch),
    /// The 101 answer has no `Upgrade: websocket` (§4.1 step 2).
    InvalidUpgrade,
    /// The 101 answer has no `Sec-WebSocket-Accept`, or several (§4.1 step 4).
    MissingAccept,
    /// The first bytes are not those of an HTTP answer.
    NotHttp,
    /// The peer refused: any status but 101, with reason, headers and the first 1 KiB of the body.
    Refused(Box<Response>),
    /// The peer speaks TLS where plain text was sent.
    SpeaksTls,
    /// More informational answers (1xx) than anyone needs.
    TooManyInterim {
        /// The limit.
        limit: u32,
    },
    /// The 101 answer selects an extension that was not offered (§4.1 step 5).
    UnofferedExtension,
    /// The 101 answer selects a subprotocol that was not offered, or several (§4.1 step 6).
    UnofferedSubprotocol,
}

const _: () = assert!(size_of::<HandshakeError>() <= 32);

impl HandshakeError {
    /// Returns the HTTP status of a refusal; `None` for every other error.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(response) => Some(response.status()),
            _ => None,
        }
    }

    /// Says whether the peer answered, but not as a WebSocket server does.
    pub fn is_not_websocket(&self) -> bool {
        #[cfg(feature = "deflate")]
        if matches!(self, Self::InvalidDeflateAnswer(_)) {
            return true;
        }
        matches!(
            self,
            Self::Head(_)
                | Self::InvalidAccept
                | Self::InvalidConnection
                | Self::InvalidUpgrade
                | Self::MissingAccept
                | Self::NotHttp
                | Self::SpeaksTls
                | Self::TooManyInterim { .. }
                | Self::UnofferedExtension
                | Self::UnofferedSubprotocol
        )
    }

    /// Says whether the caller described the handshake wrongly; the peer had no part in it.
    pub fn is_caller_fault(&self) -> bool {
        matches!(
            self,
            Self::DuplicateHeader { .. }
                | Self::DuplicateSubprotocol
                | Self::Finished
                | Self::InvalidHeaderName { .. }
                | Self::InvalidHeaderValue { .. }
                | Self::InvalidHost
                | Self::InvalidMethod
                | Self::InvalidRule { .. }
                | Self::InvalidSubprotocol
                | Self::InvalidTarget
                | Self::NotAnUpgrade
                | Self::ReservedHeader { .. }
                | Self::SubprotocolNotOffered
        )
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateHeader { name } => write!(f, "header {name} is given twice"),
            Self::DuplicateSubprotocol => f.write_str("a subprotocol is offered twice"),
            Self::Finished => f.write_str("opening handshake is already over"),
            Self::InvalidHeaderName { name } => {
                write!(f, "header name \"{name}\" is not a token (letters, digits, -, _ and the like)")
            }
            Self::InvalidHeaderValue { name } => {
                write!(f, "value of header {name} has a control character (CR, LF, NUL, …)")
            }
            Self::InvalidHost => f.write_str("host is not a name or address with an optional port"),
            Self::InvalidMethod => f.write_str("HTTP method is not a token"),
            Self::InvalidRule { entry } => write!(
                f,
                "rule \"{entry}\" can never match: an origin is scheme://host[:port], a host is name[:port]"
            ),
            Self::InvalidSubprotocol => {
                f.write_str("subprotocol is not a token (letters, digits, -, _ and the like; no space or comma)")
            }
            Self::InvalidTarget => f.write_str(
                "path or query has a space, a #, a control or non-ASCII character, or does not begin with / \
                 (percent-encode it)",
            ),
            Self::NotAnUpgrade => f.write_str("request does not ask for a WebSocket by the rules of RFC 6455"),
            Self::ReservedHeader { name } => write!(f, "header {name} is written by the handshake itself"),
            Self::SubprotocolNotOffered => f.write_str("subprotocol to accept was not offered by the client"),
            Self::ClosedEarly { received_bytes: 0 } => {
                f.write_str("server closed the connection without an answer to the opening handshake")
            }
            Self::ClosedEarly { received_bytes } => {
                write!(f, "server closed the connection after {received_bytes} bytes of its answer")
            }
            Self::Head(error) => write!(f, "answer is not from a WebSocket server: {error}"),
            Self::InvalidAccept => {
                f.write_str("not a WebSocket server: Sec-WebSocket-Accept does not match the key that was sent")
            }
            Self::InvalidConnection => f.write_str("not a WebSocket server: 101 answer lacks \"Connection: Upgrade\""),
            #[cfg(feature = "deflate")]
            Self::InvalidDeflateAnswer(mismatch) => {
                write!(f, "server selected permessage-deflate, but {mismatch}")
            }
            Self::InvalidUpgrade => f.write_str("not a WebSocket server: 101 answer must have \"Upgrade: websocket\" and no other protocol in it"),
            Self::MissingAccept => f.write_str("not a WebSocket server: 101 answer lacks one Sec-WebSocket-Accept"),
            Self::NotHttp => f.write_str("not a WebSocket server: what it sent is not even HTTP"),
            Self::Refused(response) => write!(f, "server refused the opening handshake: {}", response.summary()),
            Self::SpeaksTls => f.write_str("server speaks TLS on this port (try wss:// instead of ws://)"),
            Self::TooManyInterim { limit } => {
                write!(f, "not a WebSocket server: more than {limit} informational (1xx) answers")
            }
            Self::UnofferedExtension => f.write_str("server selected an extension that was not offered"),
            Self::UnofferedSubprotocol => f.write_str("server selected a subprotocol that was not offered"),
        }
    }
}

impl Error for HandshakeError {}

impl From<HeadError> for HandshakeError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn tells_in_one_line_what_failed_and_what_to_try() {
        let name = || "X-Name".into();
        let caller = [
            HandshakeError::DuplicateHeader { name: name() },
            HandshakeError::DuplicateSubprotocol,
            HandshakeError::Finished,
            HandshakeError::InvalidHeaderName { name: name() },
            HandshakeError::InvalidHeaderValue { name: name() },
            HandshakeError::InvalidHost,
            HandshakeError::InvalidMethod,
            HandshakeError::InvalidRule { entry: name() },
            HandshakeError::InvalidSubprotocol,
            HandshakeError::InvalidTarget,
            HandshakeError::NotAnUpgrade,
            HandshakeError::ReservedHeader { name: name() },
            HandshakeError::SubprotocolNotOffered,
        ];
        let peer = [
            HandshakeError::ClosedEarly { received_bytes: 0 },
            HandshakeError::ClosedEarly { received_bytes: 17 },
            HandshakeError::InvalidAccept,
            HandshakeError::InvalidConnection,
            HandshakeError::InvalidUpgrade,
            HandshakeError::MissingAccept,
            HandshakeError::NotHttp,
            HandshakeError::SpeaksTls,
            HandshakeError::TooManyInterim { limit: 8 },
            HandshakeError::UnofferedExtension,
            HandshakeError::UnofferedSubprotocol,
        ];
        let heads = [
            HeadError::BareCr,
            HeadError::BareLf,
            HeadError::ControlCharacter,
            HeadError::FoldedHeader,
            HeadError::HeadTooLong { limit: 16_384 },
            HeadError::HeaderLineTooLong { limit: 8_192 },
            HeadError::InvalidHeaderName,
            HeadError::InvalidStartLine,
            HeadError::SpaceBeforeColon,
            HeadError::StartLineTooLong { limit: 8_192 },
            HeadError::TooManyHeaders { limit: 100 },
            HeadError::UnsupportedVersion,
        ];
        assert!(
            caller
                .iter()
                .all(|error| error.is_caller_fault() && !error.is_not_websocket())
        );
        assert!(peer.iter().all(|error| !error.is_caller_fault()));
        let mut texts = String::new();
        for error in caller
            .into_iter()
            .chain(peer)
            .chain([HandshakeError::Head(heads[0])])
        {
            texts += &format!("{error}\n");
        }
        for error in heads {
            texts += &format!("{} {error}\n", error.status());
        }
        expect![[r#"
            header X-Name is given twice
            a subprotocol is offered twice
            opening handshake is already over
            header name "X-Name" is not a token (letters, digits, -, _ and the like)
            value of header X-Name has a control character (CR, LF, NUL, …)
            host is not a name or address with an optional port
            HTTP method is not a token
            rule "X-Name" can never match: an origin is scheme://host[:port], a host is name[:port]
            subprotocol is not a token (letters, digits, -, _ and the like; no space or comma)
            path or query has a space, a #, a control or non-ASCII character, or does not begin with / (percent-encode it)
            request does not ask for a WebSocket by the rules of RFC 6455
            header X-Name is written by the handshake itself
            subprotocol to accept was not offered by the client
            server closed the connection without an answer to the opening handshake
            server closed the connection after 17 bytes of its answer
            not a WebSocket server: Sec-WebSocket-Accept does not match the key that was sent
            not a WebSocket server: 101 answer lacks "Connection: Upgrade"
            not a WebSocket server: 101 answer must have "Upgrade: websocket" and no other protocol in it
            not a WebSocket server: 101 answer lacks one Sec-WebSocket-Accept
            not a WebSocket server: what it sent is not even HTTP
            server speaks TLS on this port (try wss:// instead of ws://)
            not a WebSocket server: more than 8 informational (1xx) answers
            server selected an extension that was not offered
            server selected a subprotocol that was not offered
            answer is not from a WebSocket server: head has a CR without LF
            400 head has a CR without LF
            400 head has an LF without CR
            400 head has a control character
            400 head has a folded header line
            431 head exceeds the limit of 16384 bytes
            431 header line exceeds the limit of 8192 bytes
            400 head has a header name that is not a token
            400 first line of the head is not HTTP/1.1
            400 head has white space before a header's colon
            414 first line of the head exceeds the limit of 8192 bytes
            431 head exceeds the limit of 100 headers
            505 HTTP version is not supported, HTTP/1.1 is
        "#]].assert_eq(&texts);
    }
}

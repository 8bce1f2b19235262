//! A whole request head, the rules of a WebSocket upgrade, and the 101 answer to it.

use std::fmt;

use data_encoding::BASE64;
use tungstenite::handshake::derive_accept_key;

use super::answer::HttpAnswer;
use super::authority::Authority;
use super::error::{HandshakeError, HeadError};
use super::extensions::{ExtensionOffer, parse_extensions};
use super::fields::Fields;
use super::head::HeadReader;
use super::tokens::{is_token, list_contains, list_elements};
use super::write::{HeadWriter, check_not_reserved, is_target};

/// The most subprotocols in one head; more are refused.
const MAX_SUBPROTOCOLS: usize = 32;

/// A whole, well-formed HTTP/1.1 request head, owned: a WebSocket upgrade or plain HTTP.
///
/// It has exactly one valid `Host`, and no contradiction about a body. `Debug` shows names, never values.
///
/// RFC 6455 [§4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1)
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    method: Box<str>,
    target: Box<str>,
    path_start: usize,
    fields: Fields,
}

/// What a server puts into its 101 answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accept<'a> {
    /// The subprotocol to use, one of [`Request::subprotocols`]. Default: none.
    pub subprotocol: Option<&'a str>,
    /// Further header lines, such as a cookie. Default: none.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Request {
    /// Reads the head that `reader` has completed.
    pub(crate) fn parse(reader: &HeadReader) -> Result<Self, HeadError> {
        let mut lines = vec![httparse::EMPTY_HEADER; reader.header_count()];
        let mut parsed = httparse::Request::new(&mut lines);
        match parsed.parse(reader.bytes()) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(HeadError::InvalidStartLine),
            Err(error) => return Err(classify(error, reader.bytes())),
        }
        if parsed.version != Some(1) {
            return Err(HeadError::UnsupportedVersion);
        }
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
            return Err(HeadError::InvalidStartLine);
        };
        let path_start = path_start(method, target).ok_or(HeadError::InvalidStartLine)?;
        Ok(Self {
            method: method.into(),
            target: target.into(),
            path_start,
            fields: Fields::copy_from(parsed.headers),
        })
    }

    /// Checks what RFC 9112 demands of every request: one valid `Host`, and one opinion about the body.
    pub(crate) fn check_http(&self) -> Result<(), HttpAnswer> {
        // §3.2, §3.2.2
        let host = self.host().and_then(Authority::parse);
        let Some(host) = host else {
            return Err(HttpAnswer::new(
                400,
                "request needs exactly one valid Host header",
            ));
        };
        if self.path_start > 0 {
            let target_host = self.target[..self.path_start]
                .split_once("//")
                .map(|(_, authority)| authority);
            let target_host = target_host.and_then(Authority::parse);
            if !target_host
                .is_some_and(|other| other.is_same_host(&host) && other.port() == host.port())
            {
                return Err(HttpAnswer::new(
                    400,
                    "request target and Host header name different hosts",
                ));
            }
        }
        // §6.1, §6.3
        let has_length = self.fields.has("content-length");
        if has_length && self.fields.has("transfer-encoding") {
            return Err(HttpAnswer::new(
                400,
                "request has both Content-Length and Transfer-Encoding",
            ));
        }
        if has_length && self.content_length().is_none() {
            return Err(HttpAnswer::new(
                400,
                "request needs at most one Content-Length, a number",
            ));
        }
        Ok(())
    }

    /// Returns the method, such as `GET`; methods are case-sensitive.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the request target as it came: path and query, or a whole URL.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the path, not decoded; it begins with `/` (or is `*`, for `OPTIONS`).
    pub fn path(&self) -> &str {
        let path = self.path_and_query().split('?').next().unwrap_or_default();
        if path.is_empty() { "/" } else { path }
    }

    /// Returns what follows the first `?` of the target, not decoded.
    pub fn query(&self) -> Option<&str> {
        self.path_and_query()
            .split_once('?')
            .map(|(_, query)| query)
    }

    fn path_and_query(&self) -> &str {
        &self.target[self.path_start..]
    }

    /// Returns the first value of the header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields.first(name)
    }

    /// Yields the values of every line of the header `name`, in any case.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.all(name)
    }

    /// Yields all header lines as `(name, value)`, in their order; values not in UTF-8 are read as Latin-1.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter()
    }

    /// Returns the value of the one `Host` header.
    pub fn host(&self) -> Option<&str> {
        self.fields.only("host")
    }

    /// Returns the first `Origin` header, which browsers always send and others seldom.
    pub fn origin(&self) -> Option<&str> {
        self.fields.first("origin")
    }

    /// Yields the subprotocols that the client offers, the one it likes best first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        list_elements(self.fields.all("sec-websocket-protocol"))
    }

    /// Returns the extensions that the client offers, the one it likes best first; none if the list is malformed
    /// (then [`check_upgrade`](Self::check_upgrade) refuses the request).
    pub fn extension_offers(&self) -> Vec<ExtensionOffer<'_>> {
        parse_extensions(self.fields.all("sec-websocket-extensions")).unwrap_or_default()
    }

    /// Says whether the client asks for a WebSocket at all, by the rules or not; otherwise it is plain HTTP.
    ///
    /// It does if `Upgrade` names `websocket`, or if there is a `Sec-WebSocket-Key` or `-Version`.
    pub fn is_upgrade(&self) -> bool {
        list_contains(self.fields.all("upgrade"), "websocket")
            || self.fields.has("sec-websocket-key")
            || self.fields.has("sec-websocket-version")
    }

    /// Checks all rules for the request of a WebSocket upgrade.
    ///
    /// # Errors
    /// The refusal to write: 405 unless the method is GET; 426 without `Upgrade: websocket` or for another version
    /// than 13; 400 for anything else.
    ///
    /// RFC 6455 [§4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1)
    pub fn check_upgrade(&self) -> Result<(), HttpAnswer> {
        if &*self.method != "GET" {
            return Err(HttpAnswer::new(405, "a WebSocket is asked for with GET")
                .with_owned_header("Allow", "GET"));
        }
        if !list_contains(self.fields.all("upgrade"), "websocket") {
            return Err(HttpAnswer::upgrade_required());
        }
        if !list_contains(self.fields.all("connection"), "upgrade") {
            return Err(HttpAnswer::new(
                400,
                "a WebSocket request needs the header Connection: Upgrade",
            ));
        }
        // A body would leave bytes that another hop might read as a request.
        if self.fields.has("transfer-encoding")
            || self.content_length().is_some_and(|length| length > 0)
        {
            return Err(HttpAnswer::new(400, "a WebSocket request has no body"));
        }
        if self.fields.all("sec-websocket-version").nth(1).is_some() {
            return Err(HttpAnswer::new(
                400,
                "a WebSocket request needs exactly one Sec-WebSocket-Version",
            ));
        }
        if self.fields.first("sec-websocket-version") != Some("13") {
            return Err(HttpAnswer::new(
                426,
                "the WebSocket version spoken here is 13 (RFC 6455)",
            ));
        }
        if self.key().is_none() {
            return Err(HttpAnswer::new(
                400,
                "a WebSocket request needs exactly one Sec-WebSocket-Key, 16 bytes in base64",
            ));
        }
        self.check_lists()
    }

    fn check_lists(&self) -> Result<(), HttpAnswer> {
        let mut subprotocols = 0;
        for subprotocol in self.subprotocols() {
            subprotocols += 1;
            if subprotocols > MAX_SUBPROTOCOLS {
                return Err(HttpAnswer::new(
                    400,
                    "more than 32 subprotocols are offered",
                ));
            }
            if !is_token(subprotocol) {
                return Err(HttpAnswer::new(
                    400,
                    "Sec-WebSocket-Protocol is not a list of tokens",
                ));
            }
        }
        if parse_extensions(self.fields.all("sec-websocket-extensions")).is_err() {
            return Err(HttpAnswer::new(
                400,
                "Sec-WebSocket-Extensions is malformed or too long",
            ));
        }
        Ok(())
    }

    /// Appends the 101 answer to `output`.
    ///
    /// # Errors
    /// [`HandshakeError::NotAnUpgrade`] where [`check_upgrade`](Self::check_upgrade) refuses;
    /// [`HandshakeError::SubprotocolNotOffered`], [`HandshakeError::ReservedHeader`] and the errors of
    /// [`HeadWriter::header`] for what the caller adds. Nothing is appended then.
    ///
    /// RFC 6455 [§4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2)
    pub fn encode_accept(
        &self,
        accept: &Accept<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), HandshakeError> {
        let key = self
            .key()
            .filter(|_| self.check_upgrade().is_ok())
            .ok_or(HandshakeError::NotAnUpgrade)?;
        let mut head = HeadWriter::response(101, output);
        head.header("Upgrade", "websocket")?;
        head.header("Connection", "Upgrade")?;
        head.header("Sec-WebSocket-Accept", &derive_accept_key(key.as_bytes()))?;
        if let Some(subprotocol) = accept.subprotocol {
            if !self.subprotocols().any(|offered| offered == subprotocol) {
                return Err(HandshakeError::SubprotocolNotOffered);
            }
            head.header("Sec-WebSocket-Protocol", subprotocol)?;
        }
        for (name, value) in accept.headers {
            check_not_reserved(name)?;
            head.header(name, value)?;
        }
        head.finish();
        Ok(())
    }

    /// Returns the one `Sec-WebSocket-Key`, if it is 16 bytes in base64.
    fn key(&self) -> Option<&str> {
        let key = self.fields.only("sec-websocket-key")?;
        // 16 bytes are 24 characters; longer ones need not be decoded to be refused.
        let decoded = if key.len() == 24 {
            BASE64.decode(key.as_bytes()).ok()?
        } else {
            return None;
        };
        (decoded.len() == 16).then_some(key)
    }

    /// Returns the one `Content-Length`, if it is a number.
    fn content_length(&self) -> Option<u64> {
        parse_length(self.fields.only("content-length")?)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("has_query", &self.query().is_some())
            .field("headers", &self.fields)
            .finish()
    }
}

/// Reads a `Content-Length`: digits only, no sign.
pub(crate) fn parse_length(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Returns where the path begins in a target of origin form, absolute form or (for `OPTIONS`) asterisk form.
///
/// RFC 9112 §3.2
fn path_start(method: &str, target: &str) -> Option<usize> {
    if !is_target(target) {
        return None;
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Some(0);
    }
    let (scheme, rest) = target.split_once("://")?;
    if !["http", "https", "ws", "wss"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return None;
    }
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(target.len() - rest.len() + authority)
}

/// Tells an unknown HTTP version from a line that is no request line.
pub(crate) fn classify(error: httparse::Error, head: &[u8]) -> HeadError {
    match error {
        httparse::Error::HeaderName => HeadError::InvalidHeaderName,
        httparse::Error::HeaderValue => HeadError::ControlCharacter,
        httparse::Error::Version => {
            let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
            let is_version = |part: &[u8]| {
                part.strip_prefix(b"HTTP/")
                    .is_some_and(|digits| matches!(digits, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit()))
            };
            let mut parts = line.split(|&byte| byte == b' ');
            if parts.clone().next().is_some_and(is_version)
                || parts.next_back().is_some_and(is_version)
            {
                HeadError::UnsupportedVersion
            } else {
                HeadError::InvalidStartLine
            }
        }
        _ => HeadError::InvalidStartLine,
    }
}

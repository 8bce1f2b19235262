//! The request of a client, as its caller describes it.

use std::fmt;

use super::authority::Authority;
use super::error::HandshakeError;
use super::tokens::is_token;
use super::write::{HeadWriter, check_header, check_not_reserved};

/// Describes the request of a client; checked by [`ClientHandshake::new`].
///
/// `Debug` shows names, never values.
#[derive(Clone)]
pub struct ClientRequest {
    host: Box<str>,
    target: Box<str>,
    origin: Option<Box<str>>,
    subprotocols: Vec<Box<str>>,
    headers: Vec<(Box<str>, Box<str>)>,
}

impl ClientRequest {
    /// Begins a request: `host` goes into the `Host` header (`name`, or `name:port` unless it is the scheme's default
    /// port), `target` is path and query, percent-encoded; an empty one means `/`.
    pub fn new(host: &str, target: &str) -> Self {
        Self {
            host: host.into(),
            target: if target.is_empty() { "/" } else { target }.into(),
            origin: None,
            subprotocols: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Adds a header line, such as `Authorization`; several of one name are allowed.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol, the one liked best first.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: &str) -> Self {
        self.subprotocols.push(subprotocol.into());
        self
    }

    /// Sets the `Origin` header. Default: none, as it is for browsers.
    #[must_use]
    pub fn origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.into());
        self
    }

    fn check(&self) -> Result<(), HandshakeError> {
        if Authority::parse(&self.host).is_none() {
            return Err(HandshakeError::InvalidHost);
        }
        if !self.target.starts_with('/') {
            return Err(HandshakeError::InvalidTarget);
        }
        for (index, subprotocol) in self.subprotocols.iter().enumerate() {
            if !is_token(subprotocol) {
                return Err(HandshakeError::InvalidSubprotocol);
            }
            if self.subprotocols[..index].contains(subprotocol) {
                return Err(HandshakeError::DuplicateSubprotocol);
            }
        }
        let origins = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("origin"))
            .count();
        if origins + usize::from(self.origin.is_some()) > 1 {
            return Err(HandshakeError::DuplicateHeader {
                name: "Origin".into(),
            });
        }
        for (name, value) in &self.headers {
            check_header(name, value)?;
            check_not_reserved(name)?;
        }
        Ok(())
    }

    /// Returns what `subprotocol` was called with.
    pub(crate) fn offered_subprotocols(&self) -> &[Box<str>] {
        &self.subprotocols
    }

    /// Checks and encodes the request.
    ///
    /// RFC 6455 §4.1
    pub(crate) fn encode(&self, key: &str) -> Result<Vec<u8>, HandshakeError> {
        self.check()?;
        let mut output = Vec::with_capacity(512);
        let mut head = HeadWriter::request("GET", &self.target, &mut output)?;
        head.header("Host", &self.host)?;
        head.header("Upgrade", "websocket")?;
        head.header("Connection", "Upgrade")?;
        head.header("Sec-WebSocket-Key", key)?;
        head.header("Sec-WebSocket-Version", "13")?;
        if !self.subprotocols.is_empty() {
            head.header("Sec-WebSocket-Protocol", &self.subprotocols.join(", "))?;
        }
        if let Some(origin) = &self.origin {
            head.header("Origin", origin)?;
        }
        for (name, value) in &self.headers {
            head.header(name, value)?;
        }
        head.finish();
        Ok(output)
    }
}

impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientRequest")
            .field("host", &self.host)
            .field("subprotocols", &self.subprotocols.len())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

//! The request of a client, as its caller describes it.

use std::fmt;

use super::authority::Authority;
use super::error::HandshakeError;
use super::tokens::is_token;
use super::write::{HeadWriter, check_header, check_not_reserved};
#[cfg(feature = "deflate")]
use crate::extension::DeflateOffer;

/// Describes the request of a client; checked by [`ClientHandshake::new`](super::ClientHandshake::new).
///
/// `Debug` shows names, never values.
#[derive(Clone)]
pub struct ClientRequest {
    host: Box<str>,
    target: Box<str>,
    origin: Option<Box<str>>,
    subprotocols: Vec<Box<str>>,
    headers: Vec<(Box<str>, Box<str>)>,
    #[cfg(feature = "deflate")]
    deflate: Vec<DeflateOffer>,
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
            #[cfg(feature = "deflate")]
            deflate: Vec::new(),
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

    /// Offers permessage-deflate. Default: no extension is offered.
    ///
    /// Called again it offers another set of parameters, for a server that cannot take those before
    /// (RFC 7692 [§5.1](https://www.rfc-editor.org/rfc/rfc7692#section-5.1)).
    ///
    /// RFC 7692 [§7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1)
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, offer: DeflateOffer) -> Self {
        self.deflate.push(offer);
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

    /// Returns what `deflate` was called with, in that order.
    #[cfg(feature = "deflate")]
    pub(crate) fn offered_deflate(&self) -> &[DeflateOffer] {
        &self.deflate
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
        #[cfg(feature = "deflate")]
        if !self.deflate.is_empty() {
            let offers: Vec<_> = self.deflate.iter().map(DeflateOffer::to_string).collect();
            head.header("Sec-WebSocket-Extensions", &offers.join(", "))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(request: &ClientRequest) -> Result<String, HandshakeError> {
        request
            .encode("KEY")
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn writes_the_handshake_first_and_the_caller_s_headers_last() {
        let request = ClientRequest::new("example.com:8080", "/chat?room=1")
            .header("Authorization", " Bearer x ")
            .header("x-twice", "1")
            .header("x-twice", "2")
            .subprotocol("v2")
            .subprotocol("v1")
            .origin("https://example.com");
        assert_eq!(
            encoded(&request).unwrap(),
            "GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v2, v1\r\n\
             Origin: https://example.com\r\nAuthorization: Bearer x\r\nx-twice: 1\r\nx-twice: 2\r\n\r\n"
        );
    }

    #[test]
    fn takes_no_path_for_the_root() {
        assert!(
            encoded(&ClientRequest::new("a", ""))
                .unwrap()
                .starts_with("GET / HTTP/1.1\r\n")
        );
    }

    #[test]
    fn names_what_is_wrong() {
        let good = || ClientRequest::new("a", "/");
        let name = |name: &str| name.into();
        for (request, error) in [
            (ClientRequest::new("", "/"), HandshakeError::InvalidHost),
            (
                ClientRequest::new("a\r\nb", "/"),
                HandshakeError::InvalidHost,
            ),
            (
                ClientRequest::new("user@a", "/"),
                HandshakeError::InvalidHost,
            ),
            (
                ClientRequest::new("a", "chat"),
                HandshakeError::InvalidTarget,
            ),
            (
                ClientRequest::new("a", "/a b"),
                HandshakeError::InvalidTarget,
            ),
            (
                ClientRequest::new("a", "/#x"),
                HandshakeError::InvalidTarget,
            ),
            (
                good().subprotocol("a b"),
                HandshakeError::InvalidSubprotocol,
            ),
            (
                good().subprotocol("a,b"),
                HandshakeError::InvalidSubprotocol,
            ),
            (good().subprotocol(""), HandshakeError::InvalidSubprotocol),
            (
                good().subprotocol("a").subprotocol("a"),
                HandshakeError::DuplicateSubprotocol,
            ),
            (
                good().header("Host", "b"),
                HandshakeError::ReservedHeader { name: name("Host") },
            ),
            (
                good().header("a b", ""),
                HandshakeError::InvalidHeaderName { name: name("a b") },
            ),
            (
                good().header("A", "\n"),
                HandshakeError::InvalidHeaderValue { name: name("A") },
            ),
            (
                good().origin("a\rb"),
                HandshakeError::InvalidHeaderValue {
                    name: name("Origin"),
                },
            ),
            (
                good().origin("a").header("origin", "b"),
                HandshakeError::DuplicateHeader {
                    name: name("Origin"),
                },
            ),
        ] {
            assert!(error.is_caller_fault() && !error.is_not_websocket());
            assert_eq!(encoded(&request), Err(error));
        }
    }

    #[test]
    fn hides_values_in_its_debug_text() {
        let request = ClientRequest::new("a", "/?token=secret")
            .header("Cookie", "secret")
            .subprotocol("secret");
        let text = format!("{request:?}");
        assert!(
            text.contains("Cookie") && !text.contains("secret"),
            "{text}"
        );
    }
}

//! A whole request head of a client: what it asks for.

use std::fmt;

use super::answer::HttpAnswer;
use super::authority::Authority;
use super::error::HeadError;
use super::extensions::{ExtensionOffer, parse_extensions};
use super::fields::Fields;
use super::head::HeadReader;
use super::start_line::{classify, path_start};
use super::tokens::{list_contains, list_elements};
#[cfg(feature = "deflate")]
use crate::extension::{DeflateAgreement, DeflateConfig};

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
    pub(super) fields: Fields,
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
        if has_length && self.fields.content_length().is_none() {
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

    /// Agrees on permessage-deflate as `config` wants it: the first offer that breaks no rule; `None` without one.
    ///
    /// The answer goes into [`Accept::deflate`](super::Accept::deflate).
    ///
    /// RFC 7692 [§5.1](https://www.rfc-editor.org/rfc/rfc7692#section-5.1)
    #[cfg(feature = "deflate")]
    pub fn agree_deflate(&self, config: &DeflateConfig) -> Option<DeflateAgreement> {
        config.agree(&self.extension_offers())
    }

    /// Says whether the client asks for a WebSocket at all, by the rules or not; otherwise it is plain HTTP.
    ///
    /// It does if `Upgrade` names `websocket`, or if there is a `Sec-WebSocket-Key` or `-Version`.
    pub fn is_upgrade(&self) -> bool {
        list_contains(self.fields.all("upgrade"), "websocket")
            || self.fields.has("sec-websocket-key")
            || self.fields.has("sec-websocket-version")
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

#[cfg(test)]
mod tests;

//! The rules of a WebSocket upgrade request, and the 101 answer to it.

use tungstenite::handshake::derive_accept_key;

use super::answer::HttpAnswer;
use super::error::HandshakeError;
use super::extensions::parse_extensions;
use super::request::Request;
use super::tokens::{is_token, list_contains};
use super::write::{HeadWriter, check_not_reserved};
#[cfg(feature = "deflate")]
use crate::extension::DeflateAgreement;

/// The most subprotocols in one head; more are refused.
const MAX_SUBPROTOCOLS: usize = 32;

/// What a server puts into its 101 answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accept<'a> {
    /// The subprotocol to use, one of [`Request::subprotocols`]. Default: none.
    pub subprotocol: Option<&'a str>,
    /// The compression that was agreed on ([`Request::agree_deflate`]). Default: none.
    #[cfg(feature = "deflate")]
    pub deflate: Option<DeflateAgreement>,
    /// Further header lines, such as a cookie. Default: none.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Request {
    /// Checks all rules for the request of a WebSocket upgrade.
    ///
    /// # Errors
    /// The refusal to write: 405 unless the method is GET; 426 without `Upgrade: websocket` or for another version
    /// than 13; 400 for anything else.
    ///
    /// RFC 6455 [§4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1)
    pub fn check_upgrade(&self) -> Result<(), HttpAnswer> {
        if self.method() != "GET" {
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
            || self
                .fields
                .content_length()
                .is_some_and(|length| length > 0)
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
        let subprotocols = self.subprotocols().take(MAX_SUBPROTOCOLS + 1).count();
        if subprotocols > MAX_SUBPROTOCOLS {
            return Err(HttpAnswer::new(
                400,
                "more than 32 subprotocols are offered",
            ));
        }
        // Of a header that is there, the grammar wants one element at least.
        let names_none = subprotocols == 0 && self.fields.has("sec-websocket-protocol");
        if names_none || !self.subprotocols().all(is_token) {
            return Err(HttpAnswer::new(
                400,
                "Sec-WebSocket-Protocol is not a list of tokens",
            ));
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
        #[cfg(feature = "deflate")]
        if let Some(agreement) = &accept.deflate {
            head.header("Sec-WebSocket-Extensions", &agreement.to_string())?;
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
        // Not decoded: the last digit's unused bits may be set, as they are in the example of RFC 6455 §4.1.
        let digits = key.strip_suffix("==")?;
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        (digits.len() == 22 && digits.bytes().all(is_digit)).then_some(key)
    }
}

#[cfg(test)]
mod tests;

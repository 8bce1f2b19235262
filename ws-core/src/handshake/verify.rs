//! What a client demands of a 101 answer.

use super::error::HandshakeError;
use super::response::Response;
use super::tokens::{list_contains, list_elements};

/// Checks the answer against what was asked for.
///
/// RFC 6455 [§4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), the numbered steps after "once the client's
/// opening handshake has been sent"
pub(crate) fn verify(
    response: &Response,
    expected_accept: &str,
    offered_subprotocols: &[Box<str>],
) -> Result<(), HandshakeError> {
    let fields = response.fields();
    if !response.is_http_1_1() || !list_contains(fields.all("upgrade"), "websocket") {
        return Err(HandshakeError::InvalidUpgrade);
    }
    if !list_contains(fields.all("connection"), "upgrade") {
        return Err(HandshakeError::InvalidConnection);
    }
    let accept = fields
        .only("sec-websocket-accept")
        .ok_or(HandshakeError::MissingAccept)?;
    if accept != expected_accept {
        return Err(HandshakeError::InvalidAccept);
    }
    // No extension is ever offered yet, so whatever is selected was not.
    if list_elements(fields.all("sec-websocket-extensions"))
        .next()
        .is_some()
    {
        return Err(HandshakeError::UnofferedExtension);
    }
    if fields.has("sec-websocket-protocol") {
        let selected = fields
            .only("sec-websocket-protocol")
            .ok_or(HandshakeError::UnofferedSubprotocol)?;
        if !offered_subprotocols
            .iter()
            .any(|offered| **offered == *selected)
        {
            return Err(HandshakeError::UnofferedSubprotocol);
        }
    }
    Ok(())
}

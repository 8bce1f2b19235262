//! What a client demands of a 101 answer.

use super::error::HandshakeError;
use super::extensions::parse_extensions;
use super::response::Response;
use super::tokens::{list_contains, list_is_only};
#[cfg(feature = "deflate")]
use crate::extension::{DeflateAgreement, DeflateOffer, Unacceptable};

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
    // A second name would be a second protocol, spoken inside or below this one.
    if !response.is_http_1_1() || !list_is_only(fields.all("upgrade"), "websocket") {
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

/// Checks the extensions that the server selects against what was offered; a malformed list was not.
///
/// RFC 6455 §4.1 step 5, §9.1; RFC 7692 [§5.1](https://www.rfc-editor.org/rfc/rfc7692#section-5.1)
#[cfg(feature = "deflate")]
pub(crate) fn verify_extensions(
    response: &Response,
    offers: &[DeflateOffer],
) -> Result<Option<DeflateAgreement>, HandshakeError> {
    let selected = parse_extensions(response.fields().all("sec-websocket-extensions"))
        .map_err(|_| HandshakeError::UnofferedExtension)?;
    DeflateOffer::check_answer(offers, &selected).map_err(|problem| match problem {
        Unacceptable::Extension => HandshakeError::UnofferedExtension,
        Unacceptable::Deflate(mismatch) => HandshakeError::InvalidDeflateAnswer(mismatch),
    })
}

/// Checks that the server selects no extension, since none was offered.
///
/// RFC 6455 §4.1 step 5
#[cfg(not(feature = "deflate"))]
pub(crate) fn verify_extensions(response: &Response) -> Result<(), HandshakeError> {
    match parse_extensions(response.fields().all("sec-websocket-extensions")) {
        Ok(selected) if selected.is_empty() => Ok(()),
        _ => Err(HandshakeError::UnofferedExtension),
    }
}

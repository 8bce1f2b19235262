//! `ws serve --echo`: what arrives is sent back.

use ws_core::CloseCode;
use ws_server::{Context, Message};

use super::handler::State;
use super::reporter::Reporter;
use crate::output::Peer;

/// Sends a message back.
pub(super) fn handle(
    reporter: &mut Reporter,
    context: &mut Context<'_, State>,
    peer: Option<&Peer>,
    message: Message<'_>,
) {
    reporter.received(peer, message);
    match context.send(message) {
        Ok(()) => reporter.sent(peer, message),
        Err(error) => {
            log::warn!("cannot echo to {}: {error}", context.peer_address());
            if context
                .close(CloseCode::INTERNAL_ERROR, "cannot echo")
                .is_err()
            {
                context.abort();
            }
        }
    }
}

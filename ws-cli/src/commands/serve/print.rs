//! `ws serve` without a mode: what arrives is printed.

use ws_server::Message;

use super::reporter::{Reporter, event};
use crate::output::{Direction, Peer};

/// Prints a message.
pub(super) fn handle(reporter: &mut Reporter, peer: Option<&Peer>, message: Message<'_>) {
    reporter.count_received(message);
    reporter.print(Direction::In, peer, event(message));
}

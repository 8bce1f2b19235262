//! What other threads may ask of a loop.

use std::time::Duration;

use crate::net::PeerAddress;

/// An entry of a loop's command queue.
#[derive(Debug)]
pub(crate) enum Command<S, T> {
    /// Serve a connection that another loop accepted.
    Adopt(S, PeerAddress),
    /// Hand this to the handler.
    Handler(T),
    /// Close every connection and end, within this time.
    Stop(Duration),
}

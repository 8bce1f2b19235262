//! WebSocket server on a readiness loop: handlers in the loop, or a mailbox to poll.

mod connection_id;

pub use connection_id::{ConnectionId, ConnectionIdError};

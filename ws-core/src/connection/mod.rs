//! One WebSocket connection after its opening handshake: bytes in, events out.
//!
//! Invariant: the receiving half never writes; its automatic answers leave as [`Reply`] values.
//! Invariant: an idle connection owns no heap memory, but where permessage-deflate takes a context over.

mod keepalive;
mod receive;
mod reply;
mod send;

pub use self::{
    keepalive::{Keepalive, KeepaliveAction, TICK},
    receive::{Receive, Receiver},
    reply::Reply,
    send::{Compression, Pressure, Sender},
};
#[cfg(feature = "deflate")]
use crate::extension::{DeflateConfig, DeflateParameters};
use crate::role::Role;

/// Both halves of a connection, in the state open until a Close has gone each way.
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    sender: Sender,
}

impl Connection {
    /// A connection whose opening handshake is done; `role` is this endpoint's.
    pub fn new(role: Role) -> Self {
        Self {
            receiver: Receiver::new(role),
            sender: Sender::new(role),
        }
    }

    /// A connection whose opening handshake agreed on permessage-deflate with these parameters.
    #[cfg(feature = "deflate")]
    pub fn with_deflate(
        role: Role,
        parameters: &DeflateParameters,
        config: &DeflateConfig,
    ) -> Self {
        let mut connection = Self::new(role);
        connection.receiver.set_deflate(parameters);
        connection.sender.set_deflate(parameters, config);
        connection
    }

    /// Lends the halves, so that one can encode while an event of the other is in use.
    pub fn split(&mut self) -> (&mut Receiver, &mut Sender) {
        (&mut self.receiver, &mut self.sender)
    }

    /// Gives the halves away, to be kept apart.
    pub fn into_halves(self) -> (Receiver, Sender) {
        (self.receiver, self.sender)
    }

    /// Whether the closing handshake is complete: a Close was sent and one was received
    /// (RFC 6455 [§7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4)).
    ///
    /// The server closes the TCP connection first, the client waits for that
    /// ([§7.1.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1)).
    pub fn is_closed(&self) -> bool {
        self.receiver.close_received() && self.sender.close_sent()
    }
}

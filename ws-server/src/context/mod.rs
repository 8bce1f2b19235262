//! What a handler can do: everything with its connections, nothing with sockets.

mod connections;
mod slots;

use std::time::{Duration, Instant};

pub use self::connections::Connections;
pub(crate) use self::slots::slot_number;
use crate::{connection_id::ConnectionId, error::SendError, handler::Message, net::PeerAddress};
use ws_core::{CloseCode, Compression, extension::DeflateAgreement};

/// The connection a callback is about, and through [`Context::connections`] all others of the loop.
///
/// What is sent while a message is handled leaves after all messages of that read, in one call of the system where
/// possible; from 256 KiB on, or with a message as long that is sent back, after that message.
#[derive(Debug)]
pub struct Context<'a, C> {
    pub(crate) connections: &'a mut Connections<C>,
    pub(crate) slot: u32,
}

impl<C> Context<'_, C> {
    /// Returns the connection's name.
    pub fn id(&self) -> ConnectionId {
        self.connections.id_of(self.slot)
    }

    /// Returns the address of the connection's other end.
    pub fn peer_address(&self) -> PeerAddress {
        self.connections.slots[self.slot as usize].peer
    }

    /// Returns the compression that the opening handshake agreed on, while
    /// [`Handler::on_open`](crate::Handler::on_open) runs; its `Display` is as in the header.
    pub fn compression(&self) -> Option<DeflateAgreement> {
        self.connections.opening_compression
    }

    /// Returns the loop's time, read once a turn.
    pub fn now(&self) -> Instant {
        self.connections.now()
    }

    /// Sends a message, text or binary.
    ///
    /// # Errors
    ///
    /// As [`Context::send_text`].
    pub fn send(&mut self, message: Message<'_>) -> Result<(), SendError> {
        self.send_with(message, Compression::Auto)
    }

    /// Sends a message, compressed or not as asked for. Without permessage-deflate it goes as it is.
    ///
    /// [`Compression::Never`] is for data that is compressed already, and for secrets beside text that an attacker
    /// chooses.
    ///
    /// # Errors
    ///
    /// As [`Context::send_text`].
    pub fn send_with(
        &mut self,
        message: Message<'_>,
        compression: Compression,
    ) -> Result<(), SendError> {
        self.connections.send_to(self.slot, message, compression)
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] once either side has closed; [`SendError::QueueFull`] if the peer reads too slowly.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send(Message::Text(text))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// As [`Context::send_text`].
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Message::Binary(data))
    }

    /// Sends a ping of at most 125 bytes; the answer comes to [`Handler::on_pong`](crate::Handler::on_pong).
    ///
    /// # Errors
    ///
    /// As [`Context::send_text`], and [`SendError::Frame`] above 125 bytes.
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.connections.ping_to(self.slot, payload)
    }

    /// Sends a pong that nobody asked for, of at most 125 bytes; pings are answered without it.
    ///
    /// # Errors
    ///
    /// As [`Context::send_ping`].
    pub fn send_pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.connections.pong_to(self.slot, payload)
    }

    /// Begins the closing handshake. What was sent before still leaves; messages that still come are discarded.
    ///
    /// [`Handler::on_close`](crate::Handler::on_close) follows right after this callback.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if it has begun; [`SendError::Frame`] for a code that may not be sent or a reason above
    /// 123 bytes. Nothing happens then.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.connections.close_slot(self.slot, code, reason)
    }

    /// Ends the TCP connection without a Close frame; unsent messages are lost.
    pub fn abort(&mut self) {
        self.connections.abort_slot(self.slot);
    }

    /// Stops reading the connection. As [`Flow::Pause`](crate::Flow::Pause), for other callbacks.
    pub fn pause(&mut self) {
        self.connections.pause_slot(self.slot);
    }

    /// Goes on reading the connection, with what was held back first.
    pub fn resume(&mut self) {
        self.connections.resume_slot(self.slot);
    }

    /// Calls [`Handler::on_timer`](crate::Handler::on_timer) once after this time. Replaces the timer set before.
    ///
    /// Resolution: 1 ms.
    pub fn set_timer(&mut self, after: Duration) {
        self.connections.set_timer_of(self.slot, Some(after));
    }

    /// Takes back the timer.
    pub fn clear_timer(&mut self) {
        self.connections.set_timer_of(self.slot, None);
    }

    /// Returns how many bytes of this connection the socket has not taken yet.
    pub fn queued_bytes(&self) -> usize {
        self.connections.unsent_of(self.slot)
    }

    /// Returns all connections of the loop, this one included.
    pub fn connections(&mut self) -> &mut Connections<C> {
        self.connections
    }
}

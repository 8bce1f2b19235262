//! What can be read of a background client at any time.

use std::time::Instant;

use crate::error::Error;

/// Where a [`BackgroundClient`](crate::BackgroundClient) is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The first connection is being made.
    Connecting,
    /// Messages can be sent and received.
    Open,
    /// The connection was lost; there will be another.
    Reconnecting {
        /// The number of the attempt, from 1.
        attempt: u32,
        /// When it begins, or has begun.
        next: Instant,
    },
    /// The closing handshake runs.
    Closing,
    /// Nothing more can be sent; what was received can still be taken.
    Closed,
}

/// What a [`BackgroundClient`](crate::BackgroundClient) has done, over all its connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Text and binary messages received.
    pub messages_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Text and binary messages handed over to the connection.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Pongs sent in answer to the peer's pings.
    pub pings_answered: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Messages that were accepted for sending and that the system had not taken whole when a connection ended.
    pub messages_unsent: u64,
    /// Unread messages.
    pub receive_queue_messages: usize,
    /// Their bytes, 64 at least for each.
    pub receive_queue_bytes: usize,
    /// True while a full receive queue keeps the client from reading.
    pub is_paused: bool,
    /// Messages that wait to be sent.
    pub send_queue_messages: usize,
    /// Their bytes, 64 at least for each, and what the system has not taken.
    pub send_queue_bytes: usize,
    /// When the newest text or binary message came.
    pub last_message: Option<Instant>,
}

/// What has happened to the connection of a [`BackgroundClient`](crate::BackgroundClient).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// A connection is open.
    Opened {
        /// The number of the attempt that succeeded; 0 for the first connection.
        attempt: u32,
    },
    /// The connection has ended, and another will be tried.
    Lost {
        /// Why.
        error: Error,
        /// Messages that were accepted for sending and have not left, or not whole; they will not. Of those that have,
        /// some may not have arrived.
        unsent_messages: usize,
    },
    /// An attempt to connect again has failed.
    AttemptFailed {
        /// Its number, from 1.
        attempt: u32,
        /// Why.
        error: Error,
    },
    /// The client is over.
    Closed {
        /// What every further call answers.
        error: Error,
    },
}

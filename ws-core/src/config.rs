//! Limits and their defaults.

use std::time::Duration;

/// What a receiver accepts at most; beyond it the connection is failed, with nothing reserved before.
///
/// RFC 6455 [§10.4](https://www.rfc-editor.org/rfc/rfc6455#section-10.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest message in bytes, all fragments together. Default: 16 MiB. Beyond it: Close 1009.
    pub max_message_bytes: usize,
    /// The largest payload of one frame in bytes. Default: 16 MiB. Beyond it: Close 1009.
    pub max_frame_bytes: usize,
    /// The most fragments of one message, empty ones included. Default: 131,072. Beyond it: Close 1008.
    pub max_fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 << 20,
            max_frame_bytes: 16 << 20,
            max_fragments: 131_072,
        }
    }
}

impl Limits {
    /// Sets the largest message and, since no frame need be larger, the largest frame.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self.max_frame_bytes = bytes;
        self
    }

    /// Sets the largest payload of one frame.
    #[must_use]
    pub fn max_frame_bytes(mut self, bytes: usize) -> Self {
        self.max_frame_bytes = bytes;
        self
    }

    /// Sets the most fragments of one message.
    #[must_use]
    pub fn max_fragments(mut self, fragments: u32) -> Self {
        self.max_fragments = fragments;
        self
    }
}

/// When to ask a silent peer for a sign of life, and when to give it up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepaliveConfig {
    /// How long nothing may have come before a ping is sent. Default: 25 s. `None`: no pings.
    pub interval: Option<Duration>,
    /// How long after that ping anything must have come. Default: 20 s.
    pub timeout: Duration,
}

impl Default for KeepaliveConfig {
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_secs(25)),
            timeout: Duration::from_secs(20),
        }
    }
}

impl KeepaliveConfig {
    /// Sets the silence before a ping; `None` turns keepalive off.
    #[must_use]
    pub fn interval(mut self, interval: Option<Duration>) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long the peer has to answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

//! Deadlines, limits and their defaults, all in one place.

use std::time::Duration;

use ws_core::handshake::HeadLimits;
use ws_core::{KeepaliveConfig, Limits};

/// Deadlines and limits of a connection.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let config = ws_client::Config::default()
///     .connect_timeout(Duration::from_secs(5))
///     .limits(ws_client::Limits::default().max_message_bytes(1 << 20));
/// assert_eq!(config.close_timeout, Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Time for resolving, connecting, a proxy, TLS and the opening handshake together. Default: 30 s.
    pub connect_timeout: Duration,
    /// Time for one call that sends, however large the message. Default: 60 s.
    pub send_timeout: Duration,
    /// Time for the closing handshake, whatever the peer sends meanwhile. Default: 5 s.
    pub close_timeout: Duration,
    /// Head start of one address of the host before the next is tried beside it (RFC 8305 §5). Default: 250 ms.
    pub attempt_delay: Duration,
    /// What one message may be. Default: 64 MiB a message and a frame, 131,072 fragments. Beyond it the connection is
    /// failed with Close 1008 or 1009.
    pub limits: Limits,
    /// What the head of the server's answer may be. Default: that of [`HeadLimits`].
    pub head_limits: HeadLimits,
    /// Most unread messages. Default: 16,384. Beyond it the client stops reading until one is taken.
    pub max_queued_messages: usize,
    /// Most bytes of unread messages, 64 at least for each; the last message may exceed it. Default: 64 MiB. Beyond it
    /// the client stops reading until one is taken.
    pub max_queued_bytes: usize,
    /// When to ping a silent server and when to give it up. Default: after 25 s and 20 s.
    ///
    /// With [`Client`](crate::Client) it works only while a call runs: between calls nothing is sent and nothing is
    /// noticed. [`BackgroundClient`](crate::BackgroundClient) has a thread for it.
    pub keepalive: KeepaliveConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            send_timeout: Duration::from_secs(60),
            close_timeout: Duration::from_secs(5),
            attempt_delay: Duration::from_millis(250),
            limits: Limits::default()
                .max_message_bytes(64 << 20)
                .max_frame_bytes(64 << 20),
            head_limits: HeadLimits::default(),
            max_queued_messages: 16_384,
            max_queued_bytes: 64 << 20,
            keepalive: KeepaliveConfig::default(),
        }
    }
}

impl Config {
    /// Sets [`Config::connect_timeout`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`Config::send_timeout`].
    #[must_use]
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = timeout;
        self
    }

    /// Sets [`Config::close_timeout`].
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Sets [`Config::attempt_delay`].
    #[must_use]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Sets [`Config::limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`Config::head_limits`].
    #[must_use]
    pub fn head_limits(mut self, limits: HeadLimits) -> Self {
        self.head_limits = limits;
        self
    }

    /// Sets [`Config::max_queued_messages`].
    #[must_use]
    pub fn max_queued_messages(mut self, messages: usize) -> Self {
        self.max_queued_messages = messages;
        self
    }

    /// Sets [`Config::max_queued_bytes`].
    #[must_use]
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    /// Sets [`Config::keepalive`].
    #[must_use]
    pub fn keepalive(mut self, keepalive: KeepaliveConfig) -> Self {
        self.keepalive = keepalive;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one list of defaults is in the project's reliability notes, section 6.
    #[test]
    fn defaults_are_the_documented_ones() {
        // All of them, so that a new one cannot be forgotten here.
        let Config {
            connect_timeout,
            send_timeout,
            close_timeout,
            attempt_delay,
            limits,
            head_limits,
            max_queued_messages,
            max_queued_bytes,
            keepalive,
        } = Config::default();
        assert_eq!(connect_timeout, Duration::from_secs(30));
        assert_eq!(send_timeout, Duration::from_secs(60));
        assert_eq!(close_timeout, Duration::from_secs(5));
        assert_eq!(attempt_delay, Duration::from_millis(250));
        assert_eq!(limits.max_message_bytes, 64 << 20);
        assert_eq!(limits.max_frame_bytes, 64 << 20);
        assert_eq!(limits.max_fragments, 131_072);
        assert_eq!(head_limits.max_bytes, 16 << 10);
        assert_eq!(head_limits.max_line_bytes, 8 << 10);
        assert_eq!(head_limits.max_headers, 100);
        assert_eq!(max_queued_messages, 16_384);
        assert_eq!(max_queued_bytes, 64 << 20);
        assert_eq!(keepalive.interval, Some(Duration::from_secs(25)));
        assert_eq!(keepalive.timeout, Duration::from_secs(20));
    }
}

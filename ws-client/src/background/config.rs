//! What a background client needs beside the [`Config`](crate::Config) of its connection.

use std::fmt;
use std::time::Duration;

use ws_core::{CloseCode, Hook, LoggingSettings};

use crate::message::Message;

/// Queues, reconnecting and the event log of a [`BackgroundClient`](crate::BackgroundClient).
///
/// # Examples
///
/// ```
/// use ws_client::{BackgroundConfig, OnFull, Reconnect};
///
/// let config = BackgroundConfig::default()
///     .on_full(OnFull::Close)
///     .reconnect(Some(Reconnect::default().repeat_text("subscribe prices")));
/// assert_eq!(config.max_send_queue_bytes, 16 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackgroundConfig {
    /// What happens when nobody takes the messages that come. Default: [`OnFull::Pause`].
    pub on_full: OnFull,
    /// Most bytes of messages that wait to be sent, 64 at least for each, what the system has not taken included; one
    /// message may always wait. Default: 16 MiB. Beyond it a send waits for its timeout and then fails.
    pub max_send_queue_bytes: usize,
    /// Whether to connect again when the connection is lost. Default: no.
    pub reconnect: Option<Reconnect>,
    /// Where events are written. Default: the newest 300 in memory.
    pub logging: LoggingSettings,
    /// What is called when there is something to [`receive`](crate::BackgroundClient::receive). Default: nothing.
    pub hook: Option<Hook<Alert>>,
}

/// Why a [`BackgroundConfig::hook`] is called, from the client's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alert {
    /// The receive queue was empty and is no more; it is not called again before the queue has been emptied.
    Message,
    /// The client is over, whoever ended it. What was received can still be taken.
    Closed,
}

/// What happens when the receive queue is full ([`Config::max_queued_messages`](crate::Config::max_queued_messages),
/// [`Config::max_queued_bytes`](crate::Config::max_queued_bytes)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFull {
    /// Reading stops until a quarter of the queue is free again. Nothing is lost, but meanwhile pings are not seen, and
    /// the peer may give the connection up. One warning with the figures is logged.
    #[default]
    Pause,
    /// The connection is closed with 1008 when one more message comes; that message is lost, what is queued is not.
    Close,
}

/// When and how to connect again after a connection was lost.
///
/// Attempt n is made after a random time between zero and `first_delay` · 2ⁿ⁻¹, at most `max_delay`. The count begins
/// anew once a connection has lasted for `max_delay`. There is no further attempt after a Close with another code than
/// `close_codes`, after a message that broke the protocol or a limit, after a certificate that is not trusted, and after
/// a refusal with 401, 403 or 407.
///
/// What the application has sent is never sent again by itself; see [`ConnectionEvent::Lost`](crate::ConnectionEvent::Lost).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// The longest wait before the first attempt. Default: 1 s.
    pub first_delay: Duration,
    /// The longest wait before any attempt. Default: 60 s.
    pub max_delay: Duration,
    /// Attempts in a row before giving up; `u32::MAX` = never give up, the default.
    pub max_attempts: u32,
    /// Close codes of the peer after which to connect again; 1006 is a loss without a Close. Default: 1001, 1005, 1006 and
    /// 1011 to 1014.
    pub close_codes: Vec<CloseCode>,
    pub(super) repeated: Vec<Message>,
}

impl Default for BackgroundConfig {
    fn default() -> Self {
        Self {
            on_full: OnFull::default(),
            max_send_queue_bytes: 16 << 20,
            reconnect: None,
            logging: LoggingSettings::default(),
            hook: None,
        }
    }
}

impl BackgroundConfig {
    /// Sets [`BackgroundConfig::on_full`].
    #[must_use]
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// Sets [`BackgroundConfig::max_send_queue_bytes`].
    #[must_use]
    pub fn max_send_queue_bytes(mut self, bytes: usize) -> Self {
        self.max_send_queue_bytes = bytes;
        self
    }

    /// Sets [`BackgroundConfig::reconnect`].
    #[must_use]
    pub fn reconnect(mut self, reconnect: Option<Reconnect>) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sets [`BackgroundConfig::logging`].
    #[must_use]
    pub fn logging(mut self, logging: LoggingSettings) -> Self {
        self.logging = logging;
        self
    }

    /// Sets [`BackgroundConfig::hook`]: `hook` is called from the client's thread and must return soon.
    #[must_use]
    pub fn hook(mut self, hook: Option<Hook<Alert>>) -> Self {
        self.hook = hook;
        self
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_attempts: u32::MAX,
            close_codes: [1001, 1005, 1006, 1011, 1012, 1013, 1014]
                .map(CloseCode::new)
                .to_vec(),
            repeated: Vec::new(),
        }
    }
}

impl Reconnect {
    /// Sets [`Reconnect::first_delay`].
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets [`Reconnect::max_delay`].
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets [`Reconnect::max_attempts`].
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets [`Reconnect::close_codes`].
    #[must_use]
    pub fn close_codes(mut self, codes: impl IntoIterator<Item = CloseCode>) -> Self {
        self.close_codes = codes.into_iter().collect();
        self
    }

    /// Adds a text message that is sent after each reconnection, before anything else: a login, a subscription.
    ///
    /// It is not sent after the first connection.
    #[must_use]
    pub fn repeat_text(mut self, text: impl Into<String>) -> Self {
        self.repeated.push(Message::Text(text.into()));
        self
    }

    /// Adds a binary message that is sent after each reconnection, in the order of adding.
    #[must_use]
    pub fn repeat_binary(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.repeated.push(Message::Binary(data.into()));
        self
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not derived: a login is a secret.
        f.debug_struct("Reconnect")
            .field("first_delay", &self.first_delay)
            .field("max_delay", &self.max_delay)
            .field("max_attempts", &self.max_attempts)
            .field("close_codes", &self.close_codes)
            .field("repeated_messages", &self.repeated.len())
            .finish()
    }
}

//! What a mailbox keeps for its readers.

use ws_core::Hook;

use crate::{Config, ConnectionId};

/// The server under a mailbox, and how much it may queue.
///
/// [`Config::send_queue_bytes`] bounds what each connection may have waiting in both directions of the thread
/// border: a message counts from the call that sends it until the socket has taken it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MailboxConfig {
    /// The server's own limits and times.
    pub server: Config,
    /// Messages received from one connection and not yet taken, then it is not read. Default: 1,024.
    pub max_queued_messages: usize,
    /// Their bytes, at least 64 a message. Default: 16 MiB. An empty queue takes one message of any size.
    pub max_queued_bytes: usize,
    /// The same of all connections together. Default: 512 MiB.
    ///
    /// From three quarters on a connection is not read while 1 MiB of it waits to be taken, and at the limit while
    /// 64 KiB of it wait.
    ///
    /// At the limit newcomers get HTTP 503 until something is taken: what closed connections have left counts as well, and
    /// each new one could leave more. Before the first poll nobody is refused.
    pub max_queued_bytes_in_all: usize,
    /// Headers of the opening request to be kept with the connection, by name in any case; `*` stands for all.
    /// Default: none. They cost memory as long as the connection is listed.
    pub kept_headers: Vec<String>,
    /// Whether readers get a [`MessageKind::Opened`](super::MessageKind::Opened) notice before the first message of a
    /// connection. Default: no.
    pub open_notices: bool,
    /// Whether readers get a [`MessageKind::Closed`](super::MessageKind::Closed) notice after the last message of a
    /// connection. Default: no. With it, a closed connection is listed until its notice has been taken.
    pub close_notices: bool,
    /// What is called when there is something to take, and when a connection ends. Default: nothing.
    pub hook: Option<Hook<Alert>>,
}

/// Why a [`MailboxConfig::hook`] is called, from the thread of an event loop or from that of a
/// [`Mailbox::close`](super::Mailbox::close).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alert {
    /// The receive queues were all empty and are no more; it is not called again before they have been emptied. A
    /// message that is given to a waiting thread is not told.
    Message,
    /// This connection has ended, but not by [`Mailbox::close`](super::Mailbox::close) or a stop. What it sent before
    /// can still be taken.
    Closed(ConnectionId),
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self {
            server: Config::default(),
            max_queued_messages: 1024,
            max_queued_bytes: 16 << 20,
            max_queued_bytes_in_all: 512 << 20,
            kept_headers: Vec::new(),
            open_notices: false,
            close_notices: false,
            hook: None,
        }
    }
}

impl MailboxConfig {
    /// Sets the server's own limits and times.
    #[must_use]
    pub fn server(mut self, server: Config) -> Self {
        self.server = server;
        self
    }

    /// Sets the messages of one connection that may wait to be taken; 0 counts as 1.
    #[must_use]
    pub const fn max_queued_messages(mut self, messages: usize) -> Self {
        self.max_queued_messages = messages;
        self
    }

    /// Sets the bytes of one connection that may wait to be taken.
    #[must_use]
    pub const fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    /// Sets the bytes of all connections together that may wait to be taken; 0 counts as 1.
    #[must_use]
    pub const fn max_queued_bytes_in_all(mut self, bytes: usize) -> Self {
        self.max_queued_bytes_in_all = bytes;
        self
    }

    /// Sets the headers of the opening request to be kept; `["*"]` keeps all.
    #[must_use]
    pub fn kept_headers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.kept_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Turns notices of new connections on or off.
    #[must_use]
    pub const fn open_notices(mut self, on: bool) -> Self {
        self.open_notices = on;
        self
    }

    /// Turns notices of ended connections on or off.
    #[must_use]
    pub const fn close_notices(mut self, on: bool) -> Self {
        self.close_notices = on;
        self
    }

    /// Sets what is called when there is something to take; `hook` is called from the threads that [`Alert`] names and
    /// must return soon.
    #[must_use]
    pub fn hook(mut self, hook: Option<Hook<Alert>>) -> Self {
        self.hook = hook;
        self
    }
}

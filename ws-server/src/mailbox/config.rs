//! What a mailbox keeps for its readers.

use crate::Config;

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
    pub max_queued_bytes_in_all: usize,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self {
            server: Config::default(),
            max_queued_messages: 1024,
            max_queued_bytes: 16 << 20,
            max_queued_bytes_in_all: 512 << 20,
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

    /// Sets the bytes of all connections together that may wait to be taken.
    #[must_use]
    pub const fn max_queued_bytes_in_all(mut self, bytes: usize) -> Self {
        self.max_queued_bytes_in_all = bytes;
        self
    }
}

//! A server whose messages other threads take and answer.
//!
//! ```text
//! event loops ── MailboxHandler ──> Inbox (one lock: fair queue, waiters) ──> next, next_from
//!      ^                                                                         any threads
//!      └────────────── commands, one wake a batch <────────── send, broadcast, close
//! ```
//!
//! Invariants: a call that waits has a timeout, holds no lock while it waits, and is woken by exactly the message,
//! close or stop it waits for. What a caller sees follows the wire: a connection is listed before its client can
//! know that it is open, and marked as closed before its client can know that the Close was answered.
//!
//! Tested in `tests/mailbox` over real sockets; the parts beside their code, and all schedules of their threads in
//! `models`.

mod by_id;
mod config;
mod error;
mod fair_queue;
mod handler;
mod inbox;
mod limits;
mod message;
#[cfg(test)]
mod models;
mod room;
mod run;
mod signal;
mod sync;
mod unsent;
mod waiters;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use ws_core::{CloseCode, Compression, MAX_REASON_BYTES, PreparedFrame, tls::ServerTls};

use self::fair_queue::Outgoing;
use self::handler::Command;
use self::inbox::Over;
use self::run::Run;
use self::signal::signal;
use self::sync::{Arc, Mutex, RwLock, deadline};
pub use self::{
    config::{Alert, MailboxConfig},
    error::MailboxError,
    message::{
        Broadcast, ConnectionDetails, ConnectionEnd, ConnectionInfo, MessageKind, QueueDepth,
        Received, Statistics,
    },
};
use crate::{ClosedBy, ConnectionId, Error, ErrorKind, Message, Server, Stage};

/// A running server, to be used from any number of threads.
///
/// Every connection has a receive queue ([`MailboxConfig`]). When it is full the connection is not read, and TCP
/// slows its peer down; nothing is dropped. Only while nobody has called [`Mailbox::next`] or
/// [`Mailbox::next_from`] at all, as in a server that only sends, the oldest messages make room for new ones.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ws_server::{Message, mailbox::{Mailbox, MailboxConfig}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mailbox = Mailbox::start("127.0.0.1:0", MailboxConfig::default())?;
/// println!("listening on {}", mailbox.local_addr());
/// while let Some(received) = mailbox.next(Duration::from_millis(10))? {
///     let text = String::from_utf8_lossy(&received.payload);
///     mailbox.send(received.id, Message::Text(&text))?;
/// }
/// mailbox.stop()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Mailbox {
    /// Replaced when it is started again.
    run: RwLock<Arc<Run>>,
    /// Held by whoever starts it again.
    starting: Mutex<()>,
}

impl Mailbox {
    /// Starts a server that listens on `address` when this returns; port 0 picks a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, the configuration is not usable, or there are no resources for the
    /// threads. Nothing is left running.
    pub fn start(
        address: impl ToSocketAddrs + fmt::Debug,
        config: MailboxConfig,
    ) -> Result<Self, Error> {
        Run::start(config, |server| Server::bind(address, server)).map(Self::new)
    }

    /// Starts a server that listens at a Unix socket; see [`Server::bind_unix`](crate::Server::bind_unix).
    ///
    /// # Errors
    ///
    /// As [`Mailbox::start`]; where there are no Unix sockets, an error that says so.
    pub fn start_unix(path: impl AsRef<Path>, config: MailboxConfig) -> Result<Self, Error> {
        Run::start(config, |server| Server::bind_unix(path, server)).map(Self::new)
    }

    /// Starts a stopped mailbox again, at any address. Connections, figures and the event log begin anew.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is running; else as [`Mailbox::start`]. It stays as it was.
    pub fn start_again(
        &self,
        address: impl ToSocketAddrs + fmt::Debug,
        config: MailboxConfig,
    ) -> Result<(), Error> {
        self.replace(|| Run::start(config, |server| Server::bind(address, server)))
    }

    /// Starts a stopped mailbox again, at a Unix socket.
    ///
    /// # Errors
    ///
    /// As [`Mailbox::start_again`] and [`Mailbox::start_unix`].
    pub fn start_unix_again(
        &self,
        path: impl AsRef<Path>,
        config: MailboxConfig,
    ) -> Result<(), Error> {
        self.replace(|| Run::start(config, |server| Server::bind_unix(path, server)))
    }

    fn new(run: Run) -> Self {
        Self {
            run: RwLock::new(Arc::new(run)),
            starting: Mutex::new(()),
        }
    }

    fn replace(&self, start: impl FnOnce() -> Result<Run, Error>) -> Result<(), Error> {
        let _starting = self.starting.lock();
        let old = self.run();
        if old.is_running() {
            let text = format!("this server already runs at {}", old.local_addr);
            return Err(Error::new(Stage::Config, ErrorKind::Config, text));
        }
        let run = start()?;
        *self.run.write() = Arc::new(run);
        Ok(())
    }

    /// Replaces the certificates, for connections that come from now on; see
    /// [`Running::set_tls`](crate::Running::set_tls).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it was not started with [`Config::tls`](crate::Config::tls).
    pub fn set_tls(&self, tls: ServerTls) -> Result<(), Error> {
        if self.run().set_tls(tls) {
            return Ok(());
        }
        let text = "the server was started without TLS";
        Err(Error::new(Stage::Config, ErrorKind::Config, text))
    }

    /// Returns the address it listens on, with the real port; `0.0.0.0:0` for a Unix socket.
    pub fn local_addr(&self) -> SocketAddr {
        self.run().local_addr
    }

    fn run(&self) -> Arc<Run> {
        Arc::clone(&self.run.read())
    }

    /// Takes the next message, of the connections that have any in turns, and in order within each.
    ///
    /// Waits for at most `timeout`; 0 does not wait, [`Duration::MAX`] waits without end. `None` if none came.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] once the mailbox is stopped, also by another thread while this one waits;
    /// [`MailboxError::Failed`].
    pub fn next(&self, timeout: Duration) -> Result<Option<Received>, MailboxError> {
        self.take(None, timeout)
    }

    /// Takes the next message of one connection; what others send stays for others.
    ///
    /// The timeout is as in [`Mailbox::next`]. The messages of a closed connection can be taken until none is left.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Closed`] if the connection has ended and nothing of it is left, [`MailboxError::NotFound`];
    /// else as [`Mailbox::next`].
    pub fn next_from(
        &self,
        id: ConnectionId,
        timeout: Duration,
    ) -> Result<Option<Received>, MailboxError> {
        self.take(Some(id), timeout)
    }

    fn take(
        &self,
        target: Option<ConnectionId>,
        timeout: Duration,
    ) -> Result<Option<Received>, MailboxError> {
        let run = self.run();
        let mut taken = run.inbox.try_next(target)?;
        if taken.is_none() && !timeout.is_zero() {
            taken = run.inbox.wait(target, deadline(timeout))?;
        }
        Ok(taken.map(|taken| run.taken(taken)))
    }

    /// Sends a message, as one frame. Does not wait: when this returns, it is queued.
    ///
    /// # Errors
    ///
    /// [`MailboxError::QueueFull`] with the figures if the peer does not read fast enough,
    /// [`MailboxError::Closed`], [`MailboxError::NotFound`], [`MailboxError::NotStarted`] or
    /// [`MailboxError::Failed`]. Nothing is sent then.
    pub fn send(&self, id: ConnectionId, message: Message<'_>) -> Result<(), MailboxError> {
        self.send_within(id, message, Duration::ZERO)
    }

    /// Sends a message, and waits for at most `timeout` for room in the connection's send queue.
    ///
    /// Threads that wait for the same connection get room in the order they came, and nobody before them. The timeout is as
    /// in [`Mailbox::next`].
    ///
    /// # Errors
    ///
    /// As [`Mailbox::send`]; [`MailboxError::QueueFull`] if there was no room in time.
    pub fn send_within(
        &self,
        id: ConnectionId,
        message: Message<'_>,
        timeout: Duration,
    ) -> Result<(), MailboxError> {
        self.send_with(id, message, Compression::Auto, timeout)
    }

    /// Sends a message, compressed or not as asked for, and waits for room as [`Mailbox::send_within`].
    ///
    /// [`Compression::Never`] is for data that is compressed already, and for secrets beside text that an attacker
    /// chooses. Without permessage-deflate every message goes as it is.
    ///
    /// # Errors
    ///
    /// As [`Mailbox::send_within`].
    pub fn send_with(
        &self,
        id: ConnectionId,
        message: Message<'_>,
        compression: Compression,
        timeout: Duration,
    ) -> Result<(), MailboxError> {
        let (frame, outgoing) = prepare(message, compression);
        let run = self.run();
        run.inbox.send(id, outgoing, run.unsent_limit, timeout, || {
            run.command(id, Command::Send { id, frame })
        })
    }

    /// Sends a message to all connections that are open, or to those at one `path`; it is encoded once, and compressed
    /// once for all connections with the same window.
    ///
    /// A path is compared exactly, without a query. The answer names those it was queued for, and those whose send
    /// queue had no room.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn broadcast(
        &self,
        message: Message<'_>,
        path: Option<&str>,
    ) -> Result<Broadcast, MailboxError> {
        self.broadcast_with(message, path, Compression::Auto)
    }

    /// Sends a message to many as [`Mailbox::broadcast`], compressed or not as asked for.
    ///
    /// # Errors
    ///
    /// As [`Mailbox::broadcast`].
    pub fn broadcast_with(
        &self,
        message: Message<'_>,
        path: Option<&str>,
        compression: Compression,
    ) -> Result<Broadcast, MailboxError> {
        let (frame, outgoing) = prepare(message, compression);
        let run = self.run();
        run.inbox
            .broadcast(path, outgoing, run.unsent_limit, |open| {
                (0..).zip(&run.commands).all(|(index, commands)| {
                    let ids: Vec<_> = open
                        .iter()
                        .copied()
                        .filter(|id| id.loop_index() == index)
                        .collect();
                    ids.is_empty()
                        || commands
                            .send(Command::Broadcast {
                                ids,
                                frame: Arc::clone(&frame),
                            })
                            .is_ok()
                })
            })
    }

    /// Lists the open connections, and the closed ones with messages to be taken, in no order.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn connections(&self) -> Result<Vec<ConnectionInfo>, MailboxError> {
        self.run().inbox.connections()
    }

    /// Counts what waits to be taken.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn queue_depth(&self) -> Result<QueueDepth, MailboxError> {
        self.run().inbox.depth()
    }

    /// Counts what has happened since the start, and what waits.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn statistics(&self) -> Result<Statistics, MailboxError> {
        self.run().statistics()
    }

    /// Returns the newest `count` lines of the event log, oldest first, and how many are kept; `None` if none are kept
    /// in memory ([`Config::logging`](crate::Config::logging)).
    ///
    /// It can be read after the mailbox was stopped, too, until it is started again.
    pub fn log(&self, count: usize) -> Option<(Vec<String>, usize)> {
        self.run().log.lines(count)
    }

    /// Closes a connection. It counts as closed at once: nothing more is received from it or can be sent to it.
    ///
    /// With `remove_immediately` it leaves the list at once, with all messages not yet taken; without, these can
    /// still be taken. That also takes a connection out of the list that its peer has closed. Returns when the
    /// Close frame was offered to the socket, so that the peer learns of it before it learns of anything the
    /// caller does next; the closing handshake goes on without the caller, bounded by
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    ///
    /// # Errors
    ///
    /// [`MailboxError::InvalidClose`] if `code` may not be sent or `reason` has more than 123 bytes,
    /// [`MailboxError::Closed`] if it has been closed before, [`MailboxError::NotFound`],
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn close(
        &self,
        id: ConnectionId,
        remove_immediately: bool,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), MailboxError> {
        check_close(code, reason)?;
        let (done, offered) = signal();
        let end = ConnectionEnd {
            code,
            reason: reason.to_owned(),
            by: ClosedBy::Handler,
        };
        let close = Command::Close {
            id,
            code,
            reason: reason.to_owned(),
            done,
        };
        let run = self.run();
        run.inbox.end(id, remove_immediately, &Arc::new(end), || {
            run.command(id, close)
        })?;
        if !offered.wait_until(deadline(CLOSE_WAIT)) {
            log::warn!(
                "connection {id} is closed, but its event loop has been too busy to say so for {CLOSE_WAIT:?}"
            );
        }
        Ok(())
    }

    /// Stops the server: sends Close 1001 to all, waits at most 5 s for their answers, and frees the port.
    ///
    /// Whoever waits in another thread is woken at once. Every later call is an error.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] if it was stopped before; [`MailboxError::Failed`] if a thread of it had
    /// panicked. It is stopped in any case.
    pub fn stop(&self) -> Result<(), MailboxError> {
        self.run().stop()
    }

    /// Stops the server as [`Mailbox::stop`] does, but waits for the clients for 1 s at most, also where another thread
    /// waits in a stop already. A stopped one stays as it is.
    pub fn abort(&self) {
        self.run().abort();
    }
}

impl Drop for Mailbox {
    /// Stops the server as [`Mailbox::stop`] does.
    fn drop(&mut self) {
        self.run().inbox.stop(Over::Stopped);
    }
}

fn prepare(message: Message<'_>, compression: Compression) -> (Arc<PreparedFrame>, Outgoing) {
    let frame = match message {
        Message::Text(text) => PreparedFrame::text(text),
        Message::Binary(data) => PreparedFrame::binary(data),
    };
    let outgoing = Outgoing {
        payload_bytes: message.as_bytes().len(),
        frame_bytes: frame.as_bytes().len(),
    };
    (Arc::new(frame.with_compression(compression)), outgoing)
}

fn check_close(code: CloseCode, reason: &str) -> Result<(), MailboxError> {
    if !code.may_be_sent() {
        Err(MailboxError::InvalidClose(
            ws_core::SendError::InvalidCloseCode(code),
        ))
    } else if reason.len() > MAX_REASON_BYTES {
        Err(MailboxError::InvalidClose(
            ws_core::SendError::CloseReasonTooLong(reason.len()),
        ))
    } else {
        Ok(())
    }
}

/// How long [`Mailbox::close`] waits at most for the loop to write the Close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

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
//! Tested in `tests/mailbox` over real sockets; the parts beside their code.

mod config;
mod error;
mod fair_queue;
mod handler;
mod inbox;
mod message;
mod room;
mod signal;
mod sync;
mod unsent;
mod waiters;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use ws_core::{CloseCode, MAX_REASON_BYTES, PreparedFrame};

use self::fair_queue::{Outgoing, QueueLimits, Taken};
use self::handler::{Command, MailboxHandler};
use self::inbox::{Inbox, Notices, Over};
use self::signal::signal;
use self::sync::{Arc, Mutex, now};
pub use self::{
    config::MailboxConfig,
    error::MailboxError,
    message::{
        Broadcast, ConnectionDetails, ConnectionEnd, ConnectionInfo, MessageKind, QueueDepth,
        Received, Statistics,
    },
};
use crate::{ClosedBy, CommandSender, ConnectionId, Error, Message, Running, Server};

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
    inbox: Arc<Inbox>,
    /// One for each loop.
    commands: Vec<CommandSender<Command>>,
    running: Mutex<Option<Running<Command>>>,
    local_addr: SocketAddr,
    unsent_limit: usize,
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
        let MailboxConfig {
            mut server,
            max_queued_messages,
            max_queued_bytes,
            max_queued_bytes_in_all,
            kept_headers,
            open_notices,
            close_notices,
        } = config;
        let limits = QueueLimits {
            messages: max_queued_messages.max(1),
            bytes: max_queued_bytes,
            total_bytes: max_queued_bytes_in_all,
        };
        let notices = Notices {
            open: open_notices,
            close: close_notices,
        };
        let inbox = Arc::new(Inbox::new(limits, notices));
        // The limit is checked here, before a message is on its way: the loop must not refuse what was accepted.
        let unsent_limit = std::mem::replace(&mut server.send_queue_bytes, usize::MAX);
        let subprotocols = server.subprotocols.clone();
        let running = Server::bind(address, server)?.spawn(|_| {
            MailboxHandler::new(
                Arc::clone(&inbox),
                subprotocols.clone(),
                kept_headers.clone(),
            )
        })?;
        let commands = (0..running.loops())
            .filter_map(|index| running.commands(index).cloned())
            .collect();
        let local_addr = running.local_addr();
        Ok(Self {
            inbox,
            commands,
            running: Mutex::new(Some(running)),
            local_addr,
            unsent_limit,
        })
    }

    /// Returns the address it listens on, with the real port.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
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
        let taken = self.inbox.next(deadline(timeout))?;
        Ok(taken.map(|taken| self.taken(taken)))
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
        let taken = self.inbox.next_from(id, deadline(timeout))?;
        Ok(taken.map(|taken| self.taken(taken)))
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
    /// Threads that wait for the same connection get room in the order they came. The timeout is as in
    /// [`Mailbox::next`].
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
        let (frame, outgoing) = prepare(message);
        let deadline = deadline(timeout);
        self.inbox
            .send(id, outgoing, self.unsent_limit, deadline, || {
                self.command(id, Command::Send { id, frame })
            })
    }

    /// Sends a message to all connections that are open, or to those at one `path`; it is encoded once.
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
        let (frame, outgoing) = prepare(message);
        self.inbox
            .broadcast(path, outgoing, self.unsent_limit, |open| {
                (0..).zip(&self.commands).all(|(index, commands)| {
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
        self.inbox.connections()
    }

    /// Counts what waits to be taken.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn queue_depth(&self) -> Result<QueueDepth, MailboxError> {
        self.inbox.depth()
    }

    /// Counts what has happened since the start, and what waits.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NotStarted`] or [`MailboxError::Failed`].
    pub fn statistics(&self) -> Result<Statistics, MailboxError> {
        self.inbox.statistics()
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
        self.inbox.end(id, remove_immediately, &Arc::new(end), || {
            self.command(id, close)
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
        self.inbox.stop(Over::Stopped);
        let Some(mut running) = self.running.lock().take() else {
            return Err(MailboxError::NotStarted);
        };
        running.stop(STOP_WAIT).map_err(|error| {
            log::error!("mailbox on {}: {error}", self.local_addr);
            MailboxError::Failed
        })
    }

    /// Passes a command on to the loop of a connection. `false` if the loop has gone.
    fn command(&self, id: ConnectionId, command: Command) -> bool {
        self.commands
            .get(usize::from(id.loop_index()))
            .is_some_and(|commands| commands.send(command).is_ok())
    }

    fn taken(&self, taken: Taken) -> Received {
        let Taken { received, resume } = taken;
        if resume {
            // A loop that has gone reads nothing more anyway.
            self.command(received.id, Command::Resume(received.id));
        }
        received
    }
}

impl Drop for Mailbox {
    /// Stops the server as [`Mailbox::stop`] does.
    fn drop(&mut self) {
        self.inbox.stop(Over::Stopped);
    }
}

/// `None` is without end.
fn deadline(timeout: Duration) -> Option<Instant> {
    now().checked_add(timeout)
}

fn prepare(message: Message<'_>) -> (Arc<PreparedFrame>, Outgoing) {
    let frame = match message {
        Message::Text(text) => PreparedFrame::text(text),
        Message::Binary(data) => PreparedFrame::binary(data),
    };
    let outgoing = Outgoing {
        payload_bytes: message.as_bytes().len(),
        frame_bytes: frame.as_bytes().len(),
    };
    (Arc::new(frame), outgoing)
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
/// How long [`Mailbox::stop`] waits at most for the closing handshakes.
const STOP_WAIT: Duration = Duration::from_secs(5);

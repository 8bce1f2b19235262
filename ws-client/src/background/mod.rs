//! A client whose connection is kept alive by a thread of its own.
//!
//! ```text
//!  callers ──► Shared (queues, state) ◄──► Worker ──► Engine ──► socket
//!                                            └──► Journal (event log)
//! ```
//! [`BackgroundClient`] is the callers' side; the [`Worker`] is the thread. They share [`Shared`] and nothing else.
//! Tested step by step with a virtual clock in `worker/tests.rs`, with all schedules of its threads in `models`, over
//! sockets in `tests/it`.

mod backoff;
mod config;
mod journal;
#[cfg(test)]
mod models;
mod shared;
mod status;
mod sync;
mod worker;

use std::fmt;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ws_core::extension::DeflateAgreement;
use ws_core::handshake::Response;
use ws_core::{CloseCode, Compression};

pub use self::backoff::Backoff;
pub use self::config::{Alert, BackgroundConfig, OnFull, Reconnect};
use self::journal::Journal;
use self::shared::Shared;
use self::shared::calls::Outgoing;
pub use self::status::{ConnectionEvent, State, Statistics};
use self::sync::{Arc, Mutex, Waker};
use self::worker::{Dialler, Facts, Opened, Worker};
use crate::address::Address;
use crate::cancel::Cancel;
use crate::deadline::Deadline;
use crate::dial::{self, Dialled};
use crate::error::{Cause, Error, ErrorKind, Stage};
use crate::message::{Close, Message};
use crate::net::now;
use crate::net::tcp::{self, TcpNet};
use crate::request::ConnectRequest;

/// A WebSocket connection that stays alive while the caller is busy, and that several threads may use.
///
/// A thread of its own answers pings, asks a silent peer for a sign of life
/// ([`Config::keepalive`](crate::Config::keepalive)), receives into a bounded queue and sends from another. All methods
/// take `&self`; share it by reference or in an `Arc`.
///
/// Optionally it connects again when the connection is lost ([`BackgroundConfig::reconnect`]).
///
/// Dropping it without [`BackgroundClient::close`] sends Close 1001 if that is possible at once, gives up what is still
/// queued and ends the thread.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use ws_client::{BackgroundClient, CloseCode, Message};
///
/// let client = BackgroundClient::connect("ws://127.0.0.1:9894")?;
/// client.send_text("hello", Duration::ZERO)?;
/// // However long this takes, pings are answered.
/// std::thread::sleep(Duration::from_secs(60));
/// if let Some(Message::Text(text)) = client.receive(Duration::from_secs(10))? {
///     println!("{text}");
/// }
/// client.close(CloseCode::NORMAL, "")?;
/// # Ok::<(), ws_client::Error>(())
/// ```
pub struct BackgroundClient {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    address: Address,
    connect_timeout: Duration,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl BackgroundClient {
    /// Connects to `address` with the default configuration.
    ///
    /// # Errors
    /// As [`Client::connect`](crate::Client::connect).
    pub fn connect(address: &str) -> Result<Self, Error> {
        Self::connect_with(&ConnectRequest::new(address)?, &BackgroundConfig::default())
    }

    /// Connects and does the opening handshake, within
    /// [`Config::connect_timeout`](crate::Config::connect_timeout).
    ///
    /// # Errors
    /// As [`Client::connect_with`](crate::Client::connect_with). The first connection is tried once, also with
    /// [`BackgroundConfig::reconnect`].
    pub fn connect_with(
        request: &ConnectRequest,
        config: &BackgroundConfig,
    ) -> Result<Self, Error> {
        let client = Self::start(request, config)?;
        client.wait_open(client.connect_timeout.saturating_add(CONNECT_GRACE))?;
        Ok(client)
    }

    /// Begins to connect and returns at once; [`BackgroundClient::wait_open`] tells what became of it.
    ///
    /// So another thread can [`destroy`](BackgroundClient::destroy) a client that still connects.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a header or subprotocol that may not be sent,
    /// [`ErrorKind::Internal`] if no thread can be started.
    pub fn start(request: &ConnectRequest, config: &BackgroundConfig) -> Result<Self, Error> {
        // What cannot be sent is the caller's to know at once.
        request.handshake()?;
        let address = request.address().clone();
        let target = address.to_string();
        let cancel = Cancel::default();
        let mut request = request.clone();
        request.cancel = cancel.clone();
        let secrets = request.secrets();
        let shared = Shared::new(
            target.clone(),
            secrets.clone(),
            &request.config,
            config.max_send_queue_bytes,
            cancel,
        );
        let shared = Arc::new(shared.with_hook(config.hook.clone()));
        let journal = Arc::new(Journal::new(&config.logging, secrets));
        journal.note(&journal::describe(&request, config));
        let connect_timeout = request.config.connect_timeout;
        let mut worker = Worker::new(
            TcpDialler {
                request: request.clone(),
            },
            Arc::clone(&shared),
            Arc::clone(&journal),
            request.config,
            config,
        );
        let exit = Exit(Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name(String::from("ws-client"))
            .spawn(move || {
                let _exit = exit;
                while worker.step(Deadline::NEVER) {}
            })
            .map_err(|error| Error::new(Stage::Connect, target, Cause::Io(error.into())))?;
        Ok(Self {
            shared,
            journal,
            address,
            connect_timeout,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits until the first connection is open, at most for `timeout`.
    ///
    /// # Errors
    /// Why it could not be made; [`ErrorKind::Timeout`] if that is not known yet.
    pub fn wait_open(&self, timeout: Duration) -> Result<(), Error> {
        self.shared.wait_open(timeout)
    }

    /// Queues a text message for sending; waits up to `timeout` for room in the send queue, `Duration::ZERO` = not at
    /// all.
    ///
    /// Messages of one thread leave in its order. [`BackgroundClient::flush`] waits until they have left.
    ///
    /// # Errors
    /// [`ErrorKind::QueueFull`] if there was no room
    /// ([`BackgroundConfig::max_send_queue_bytes`]): nothing is queued.
    /// [`ErrorKind::Closed`] once the connection is over or is being closed, and while it is
    /// being made again.
    pub fn send_text(&self, text: &str, timeout: Duration) -> Result<(), Error> {
        self.send_text_with(text, Compression::Auto, timeout)
    }

    /// Queues a binary message for sending.
    ///
    /// # Errors
    /// As [`BackgroundClient::send_text`].
    pub fn send_binary(&self, data: &[u8], timeout: Duration) -> Result<(), Error> {
        self.send_binary_with(data, Compression::Auto, timeout)
    }

    /// Queues a text message for sending, compressed or not as asked for. Without permessage-deflate it goes as it is.
    ///
    /// [`Compression::Never`] is for data that is compressed already, and for secrets beside text that an attacker
    /// chooses.
    ///
    /// # Errors
    /// As [`BackgroundClient::send_text`].
    pub fn send_text_with(
        &self,
        text: &str,
        compression: Compression,
        timeout: Duration,
    ) -> Result<(), Error> {
        self.send(Outgoing::Text(text, compression), timeout)
    }

    /// Queues a binary message for sending, compressed or not as asked for; see
    /// [`BackgroundClient::send_text_with`].
    ///
    /// # Errors
    /// As [`BackgroundClient::send_text`].
    pub fn send_binary_with(
        &self,
        data: &[u8],
        compression: Compression,
        timeout: Duration,
    ) -> Result<(), Error> {
        self.send(Outgoing::Binary(data, compression), timeout)
    }

    /// Queues a ping of at most 125 bytes; the answer comes as [`Message::Pong`] with the same payload.
    ///
    /// # Errors
    /// As [`BackgroundClient::send_text`]; [`ErrorKind::Usage`] for a longer payload.
    pub fn send_ping(&self, payload: &[u8], timeout: Duration) -> Result<(), Error> {
        self.send(Outgoing::Ping(payload), timeout)
    }

    /// Queues a pong that nobody has asked for, a sign of life of at most 125 bytes. Pings are answered without it.
    ///
    /// # Errors
    /// As [`BackgroundClient::send_ping`].
    pub fn send_pong(&self, payload: &[u8], timeout: Duration) -> Result<(), Error> {
        self.send(Outgoing::Pong(payload), timeout)
    }

    /// Waits until the system has taken everything that was queued before.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] after `timeout`: what is left stays queued.
    /// [`ErrorKind::Closed`] once the connection is over, or was lost with what was queued, until the next one is open.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        self.shared.flush(timeout)
    }

    /// Takes the next message; waits for one up to `timeout`, `Duration::MAX` = for ever.
    ///
    /// `None`: nothing has come, or [`BackgroundClient::interrupt`] was called. Queued messages come first, then the
    /// peer's [`Message::Close`] once, then an error. Of unread pings, and of unread pongs, only the newest is given;
    /// pongs that answer the client's own keepalive are not.
    ///
    /// While a lost connection is being made again it waits; see [`BackgroundClient::next_event`].
    ///
    /// # Errors
    /// As [`Client::receive`](crate::Client::receive). With [`OnFull::Close`] also
    /// [`ErrorKind::Closed`] with code 1008.
    pub fn receive(&self, timeout: Duration) -> Result<Option<Message>, Error> {
        self.shared.receive(timeout)
    }

    /// Sends what is queued and does the closing handshake, all within
    /// [`Config::close_timeout`](crate::Config::close_timeout) whatever the peer does. Ends reconnecting.
    ///
    /// What has come stays readable with [`BackgroundClient::receive`], and then the peer's Close.
    ///
    /// # Errors
    /// As [`Client::close`](crate::Client::close).
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.shared.close(code, reason)
    }

    /// Makes one running, or else the next, [`BackgroundClient::receive`] return `None`.
    pub fn interrupt(&self) {
        self.shared.interrupt();
    }

    /// Ends every call of this client that waits, with an error, and the client's thread.
    ///
    /// Sends Close 1001 if that is possible at once. Takes 2 s at most; every later call answers
    /// [`ErrorKind::Closed`]. Dropping the client does the same.
    pub fn destroy(&self) {
        self.shared.destroy();
        if !self.shared.wait_exit(EXIT_TIMEOUT) {
            log::error!("{}: the client's thread does not end", self.shared.target());
            return;
        }
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // It has nothing left to do; a panic was reported where it happened.
            let _ = thread.join();
        }
    }

    /// Where the client is in its life.
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// Counters over all connections, and how full the queues are.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }

    /// True if a receive answers at once: with a message, with the peer's Close or with why the client is over.
    pub fn is_readable(&self) -> bool {
        self.shared.is_readable()
    }

    /// Takes the oldest event of the connection that was not taken yet, of the newest 64; waits for one up to `timeout`.
    ///
    /// `None`: nothing has happened, or the client is over and there is nothing more to tell.
    pub fn next_event(&self, timeout: Duration) -> Option<ConnectionEvent> {
        self.shared.next_event(timeout)
    }

    /// The newest `count` lines of the event log, oldest first, and how many there are; `None` if none are
    /// kept in memory.
    pub fn log(&self, count: usize) -> Option<(Vec<String>, usize)> {
        self.journal.lines(count)
    }

    /// The address that was connected to; its `Display` is redacted.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The IP address and port that answered last; `None` before the first connection.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.shared.facts()?.peer_address
    }

    /// This side's IP address and port of the last connection.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.shared.facts()?.local_address
    }

    /// How the last connection is encrypted: `TLS 1.2` or `TLS 1.3`; `None` if it is not.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.shared.facts()?.tls_version
    }

    /// The subprotocol that the server has selected, if any.
    pub fn subprotocol(&self) -> Option<String> {
        self.with_response(|response| response.subprotocol().map(String::from))
    }

    /// The compression of the last connection, after [`ConnectRequest::compress`]; its `Display` is as in the header.
    pub fn compression(&self) -> Option<DeflateAgreement> {
        self.shared.facts()?.compression
    }

    /// The first value of a header of the server's answer; `name` in any case.
    pub fn response_header(&self, name: &str) -> Option<String> {
        self.with_response(|response| response.header(name).map(String::from))
    }

    /// The peer's Close as soon as it has come, also before [`BackgroundClient::receive`] gives it.
    pub fn close_received(&self) -> Option<Close> {
        self.shared.peer_close()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.shared.has_unsent()
    }

    fn send(&self, message: Outgoing<'_>, timeout: Duration) -> Result<(), Error> {
        self.shared.send(message, timeout).inspect_err(|error| {
            if error.kind() == ErrorKind::QueueFull {
                let text = error.to_string();
                self.journal.note_limited(now(), "send queue", &text);
            }
        })
    }

    fn with_response<T>(&self, read: impl FnOnce(&Response) -> Option<T>) -> Option<T> {
        self.shared.facts()?.response.as_ref().and_then(read)
    }
}

impl Drop for BackgroundClient {
    fn drop(&mut self) {
        self.destroy();
    }
}

impl fmt::Debug for BackgroundClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundClient")
            .field("address", &self.address)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Dials over TCP, again and again.
struct TcpDialler {
    request: ConnectRequest,
}

impl Dialler for TcpDialler {
    type Net = TcpNet;

    fn dial(&mut self) -> Result<Opened<TcpNet>, Error> {
        let Dialled {
            wire,
            response,
            deflate,
            surplus,
            tls_version,
        } = dial::dial(&self.request, dial::system_resolver())?;
        let facts = Facts {
            response: Some(response),
            compression: deflate.as_ref().map(|deflate| deflate.agreement),
            tls_version,
            peer_address: wire.net.peer_address,
            local_address: wire.net.local_address,
        };
        let waker = Some(Waker::new(wire.net.interrupter()));
        Ok(Opened {
            wire,
            deflate,
            surplus,
            facts,
            waker,
        })
    }

    fn now(&self) -> Instant {
        now()
    }

    fn wait(&mut self, shared: &Shared, until: Deadline) {
        let until = until
            .remaining(now())
            .and_then(|left| now().checked_add(left));
        shared.wait_stop(until);
    }

    fn random(&mut self) -> u64 {
        tcp::random()
    }
}

/// Tells the callers that the thread has ended, also by a panic.
struct Exit(Arc<Shared>);

impl Drop for Exit {
    fn drop(&mut self) {
        self.0.exit();
    }
}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<BackgroundClient>();
};

/// The dial keeps its own deadline; this is only against a thread that does not run.
const CONNECT_GRACE: Duration = Duration::from_secs(1);
/// Longest wait for the end of the thread.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// R-51: a thread that ends by a panic leaves no caller waiting.
    #[test]
    fn the_end_of_the_thread_ends_every_call() {
        let shared = Arc::new(Shared::mock(&Config::default(), 1));
        let exit = Exit(Arc::clone(&shared));
        let calls = thread::scope(|scope| {
            let receive = scope.spawn(|| shared.receive(Duration::MAX).unwrap_err());
            let open = scope.spawn(|| shared.wait_open(Duration::MAX).unwrap_err());
            let panicked = scope.spawn(move || {
                let _exit = exit;
                panic!("a test of a panic");
            });
            panicked.join().unwrap_err();
            [receive.join().unwrap(), open.join().unwrap()]
        });
        for error in calls {
            assert_eq!(
                error.kind(),
                ErrorKind::Internal,
                "what those who wait are told: {error}"
            );
            assert!(
                error.to_string().contains("has ended unexpectedly"),
                "{error}"
            );
        }
        assert_eq!(shared.state(), State::Closed);
        shared.close(CloseCode::NORMAL, "").unwrap_err();
        shared
            .send(Outgoing::Text("x", Compression::Auto), Duration::MAX)
            .unwrap_err();
        assert!(shared.wait_exit(Duration::MAX));
    }
}

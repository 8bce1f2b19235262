//! The server's functions: one object is one server, which can be started again.
//!
//! Invariant: no lock is held while a call waits, so every other call, and [`Server::abort`], goes on beside it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use parking_lot::Mutex;
use ws_core::Hook;
use ws_server::Message;
use ws_server::contract as functions;
use ws_server::mailbox::{Alert, ConnectionInfo, Mailbox, Received};

use super::arguments::{Arguments, Content};
use super::held::{Held, Payload, Receipt};
use super::object::{Notice, Object, check_file, log_value};
use super::room::check_room;
use super::server_settings;
use super::settings::logging;
use super::table::Function;
use super::value::{Map, Value};
use crate::error::Failure;

/// A server, not started at first.
///
/// All methods take `&self` and may be called from several threads. Dropping it ends every call that waits, and its
/// threads, within 2 s.
#[derive(Default)]
pub struct Server {
    object: Object,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Stays when it is stopped, for its log.
    mailbox: Option<Arc<Mailbox>>,
    is_starting: bool,
}

impl Server {
    /// A server that does not run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls a function of a server, or one that belongs to no object; as [`Client::call`](super::Client::call).
    pub fn call(&self, function: &'static Function, arguments: &[Value]) -> Value {
        if RECEIVE.contains(&function.english) {
            return self.receive(function, arguments).into_value();
        }
        self.object
            .call(function, arguments, |arguments| self.answer(arguments))
    }

    /// GetNextConnectionData and GetConnectionData in two halves: the answer without `message`, which waits for
    /// [`Server::take_payload`].
    ///
    /// What was received before and not taken counts as read.
    pub fn receive(&self, function: &'static Function, arguments: &[Value]) -> Receipt<'_> {
        let answer =
            Arguments::new(function, arguments).and_then(|arguments| self.next(&arguments));
        answer.unwrap_or_else(|failure| self.object.hold.failed(self.object.fail(failure)))
    }

    /// Lets `take` have the payload of the message that was received last and confirmed; `None` if there is none, or if
    /// `take` says so, and then it stays. `take` runs under no lock.
    pub fn take_payload<R>(&self, take: impl FnOnce(&Payload) -> Option<R>) -> Option<R> {
        self.object.hold.take_payload(take)
    }

    /// The host had no memory for the payload: it can still be taken, and else the next receive tells of it again, up to
    /// eight times.
    pub fn keep_payload(&self) {
        self.object.hold.keep_payload();
    }

    /// The text of the last failure; empty if there was none.
    pub fn last_error(&self) -> String {
        self.object.last_error()
    }

    /// Sets what is told without being asked for, from now on; as [`Client::set_notify`](super::Client::set_notify), from
    /// the server's thread.
    pub fn set_notify(&self, notify: Option<Hook<Notice>>) {
        self.object.set_notify(notify);
    }

    /// Whether a receive answers at once.
    pub fn has_waiting(&self) -> bool {
        let mailbox = self.inner.lock().mailbox.clone();
        mailbox
            .and_then(|mailbox| mailbox.statistics().ok())
            .is_some_and(|statistics| statistics.queued_messages > 0)
    }

    /// Ends every call that waits, the server and its threads; every later call is an error.
    ///
    /// Clients are told with Close 1001 and have 1 s. A lookup of a name may outlive it in a thread that owns all it
    /// needs.
    pub fn abort(&self) {
        self.object.abort.set();
        let mailbox = self.inner.lock().mailbox.clone();
        if let Some(mailbox) = mailbox {
            mailbox.abort();
        }
    }

    fn answer(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        let success = Map::success();
        Ok(match arguments.function() {
            "StartServer" => self.start(arguments)?,
            "StopServer" => {
                functions::stop_server(&*self.mailbox()?)?;
                self.object.hold.forget(None);
                success
            }
            "SendData" => {
                self.send(arguments)?;
                success
            }
            "Broadcast" => self.broadcast(arguments)?,
            "CloseIncomingConnection" => {
                let (id, remove) = (arguments.text(0)?, arguments.boolean(1)?);
                let (code, reason) = (arguments.small(2)?, arguments.text(3)?);
                let mailbox = self.mailbox()?;
                functions::close_incoming_connection(&mailbox, id, remove, Some(code), reason)?;
                if remove {
                    self.object.hold.forget(Some(id));
                }
                success
            }
            "GetConnectionList" => {
                let connections = functions::get_connection_list(&*self.mailbox()?)?;
                success.with("connections", Value::List(connections.iter().map(entry).collect()))
            }
            "GetLog" => {
                let (as_string, count) = (arguments.boolean(0)?, arguments.integer(1)?);
                return Ok(log_value(functions::get_log(&*self.mailbox()?, count)?, as_string));
            }
            "GetStatistics" => self.statistics()?,
            name => {
                return Err(Failure::new(
                    "not_an_object",
                    format!("{name} needs a client, but this is a server; give the result of CreateConnection"),
                ));
            }
        }
        .into())
    }

    fn start(&self, arguments: &Arguments<'_>) -> Result<Map, Failure> {
        let port = arguments.small(0)?;
        let pool_size = usize::try_from(arguments.within(1, 1, MAX_POOL_SIZE)?).ok();
        let logging = logging(arguments, 2)?;
        let _starting = Starting::begin(self)?;
        let mut settings = server_settings::server(arguments, 3, &self.object.abort)?;
        let hook = self.object.hook(|alert| match alert {
            Alert::Message => Some(Notice::Message),
            Alert::Closed(id) => Some(Notice::Closed(Some(id.to_string()))),
            _ => None,
        });
        settings.mailbox = settings.mailbox.hook(Some(hook));
        let is_unix = settings.address.starts_with("unix:");
        let address = settings.address.clone();
        let before = self.inner.lock().mailbox.clone();
        let mailbox = match before {
            Some(mailbox) => {
                functions::start_server_again(
                    &mailbox,
                    port,
                    pool_size,
                    Some(&logging),
                    Some(settings),
                )?;
                self.object.hold.forget(None);
                mailbox
            }
            None => {
                let mailbox =
                    functions::start_server(port, pool_size, Some(&logging), Some(settings))?;
                let mailbox = Arc::new(mailbox);
                self.inner.lock().mailbox = Some(Arc::clone(&mailbox));
                mailbox
            }
        };
        // Whoever aborts has either seen the server, or is seen here.
        if self.object.abort.is_set() {
            mailbox.abort();
            return Err(Failure::new("not_started", ABORTED));
        }
        let bound = mailbox.local_addr();
        Ok(match is_unix {
            true => Map::success().with("address", address),
            false => Map::success()
                .with("address", bound.to_string())
                .with("port", bound.port()),
        })
    }

    fn next(&self, arguments: &Arguments<'_>) -> Result<Receipt<'_>, Failure> {
        let is_named = arguments.function() == RECEIVE[1];
        let id = is_named.then(|| arguments.text(0)).transpose()?;
        let timeout = arguments.millis(usize::from(is_named))?;
        if let Some(again) = self.object.hold.begin(id) {
            return Ok(again);
        }
        let mailbox = self.mailbox()?;
        let received = match id {
            None => functions::get_next_connection_data(&mailbox, timeout, None),
            Some(id) => functions::get_connection_data(&mailbox, id, timeout, None),
        };
        Ok(self.object.hold.hold(held(received?)))
    }

    fn send(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let id = arguments.text(0)?;
        let content = arguments.content(1)?;
        let (from_file, kind) = (arguments.boolean(2)?, arguments.optional_text(3)?);
        let kind = kind.filter(|kind| !kind.is_empty());
        let mailbox = self.mailbox()?;
        check_room(arguments.function(), content.len())?;
        if let (Content::Text(path), true) = (&content, from_file) {
            check_file(arguments.function(), path)?;
        }
        Ok(functions::send_data(
            &mailbox,
            id,
            message(&content),
            from_file,
            kind,
        )?)
    }

    fn broadcast(&self, arguments: &Arguments<'_>) -> Result<Map, Failure> {
        let (content, path) = (arguments.content(0)?, arguments.text(1)?);
        check_room(arguments.function(), content.len())?;
        let reached = functions::broadcast(&*self.mailbox()?, message(&content), path)?;
        let full = reached.full.iter().map(|id| Value::Text(id.to_string()));
        Ok(Map::success()
            .with("sent", reached.sent.len())
            .with("full", Value::List(full.collect())))
    }

    fn statistics(&self) -> Result<Map, Failure> {
        let statistics = functions::get_statistics(&*self.mailbox()?)?;
        Ok(Map::success()
            .with("connections", statistics.connections)
            .with("connectionsOpened", statistics.connections_opened)
            .with("refusedHandshakes", statistics.refused_handshakes)
            .with("messagesReceived", statistics.messages_received)
            .with("bytesReceived", statistics.bytes_received)
            .with("messagesSent", statistics.messages_sent)
            .with("bytesSent", statistics.bytes_sent)
            .with("queuedMessages", statistics.queued_messages)
            .with("queuedBytes", statistics.queued_bytes)
            .with("unsentBytes", statistics.unsent_bytes)
            .with("lostMessages", statistics.dropped))
    }

    fn mailbox(&self) -> Result<Arc<Mailbox>, Failure> {
        let mailbox = self.inner.lock().mailbox.clone();
        mailbox.ok_or_else(|| {
            Failure::new(
                "not_started",
                match self.object.abort.is_set() {
                    true => ABORTED,
                    false => "the server is not running; call StartServer first",
                },
            )
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abort();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// Only one thread starts an object at a time.
struct Starting<'a>(&'a Server);

impl<'a> Starting<'a> {
    fn begin(server: &'a Server) -> Result<Self, Failure> {
        if server.object.abort.is_set() {
            return Err(Failure::new("not_started", ABORTED));
        }
        if std::mem::replace(&mut server.inner.lock().is_starting, true) {
            return Err(Failure::usage(
                "this server is being started by another call; wait for it, or make another server",
            ));
        }
        Ok(Self(server))
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().is_starting = false;
    }
}

fn message<'a>(content: &'a Content<'_>) -> Message<'a> {
    match content {
        Content::Text(text) => Message::Text(text),
        Content::Binary(bytes) => Message::Binary(bytes),
    }
}

/// A line of the list of connections.
fn entry(info: &ConnectionInfo) -> Value {
    Map::new()
        .with("connectionId", info.id.to_string())
        .with("address", info.connection.address.to_string())
        .with("isActive", info.is_active)
        .with("path", info.connection.path.as_str())
        .with_some("subprotocol", info.connection.subprotocol.as_deref())
        .with_some(
            "compression",
            info.connection.compression.map(|agreed| agreed.to_string()),
        )
        .with("queuedMessages", info.queued_messages)
        .with("queuedBytes", info.queued_bytes)
        .with("unsentBytes", info.unsent_bytes)
        .into()
}

/// What the contract says of a message.
fn held(received: Received) -> Held {
    let id = received.id.to_string();
    let connection = &received.connection;
    let mut metadata = Map::success()
        .with("connectionId", id.as_str())
        .with("address", connection.address.to_string())
        .with("isActive", received.is_active)
        .with("type", received.kind.as_str())
        .with("size", received.payload.len())
        .with("path", connection.path.as_str())
        .with("more", received.more)
        .with_some("query", connection.query.as_deref())
        .with_some("subprotocol", connection.subprotocol.as_deref());
    if !connection.headers.is_empty() {
        metadata = metadata.with("headers", Value::Map(joined(&connection.headers)));
    }
    if let Some(end) = &received.end {
        metadata = metadata
            .with("closeCode", end.code.as_u16())
            .with("closeReason", end.reason.as_str());
    }
    Held {
        metadata: metadata.into(),
        payload: Some(("message", Payload::Binary(received.payload))),
        id: Some(id),
        refusals: AtomicU8::new(0),
    }
}

/// Headers with one key each: the values of one that was sent twice are a list (RFC 9110 §5.3).
fn joined(headers: &[(String, String)]) -> Vec<(String, Value)> {
    let mut joined: Vec<(String, Value)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let known = joined
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        match known {
            Some((_, Value::Text(values))) => {
                values.push_str(", ");
                values.push_str(value);
            }
            _ => joined.push((name.clone(), Value::from(value.as_str()))),
        }
    }
    joined
}

/// The functions of a server that receive; the second one from one connection.
const RECEIVE: [&str; 2] = ["GetNextConnectionData", "GetConnectionData"];
const ABORTED: &str = "the server was destroyed";
/// More file descriptors than any system has.
const MAX_POOL_SIZE: i64 = 1 << 24;

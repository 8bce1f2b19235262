//! The client's functions: one object is one connection, of which there may be one after the other.
//!
//! Invariant: no lock is held while a call waits, so every other call, and [`Client::abort`], goes on beside it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use parking_lot::Mutex;
use ws_client::contract as functions;
use ws_client::contract::{BinaryData, BinarySource};
use ws_client::{Alert, BackgroundClient, BackgroundConfig, Message, State};
use ws_core::Hook;

use super::arguments::{Arguments, Content};
use super::download::download;
use super::held::{Held, Payload, Receipt};
use super::object::{Notice, Object, check_file, log_value};
use super::room::check_room;
use super::settings::{logging, request};
use super::table::Function;
use super::value::{Map, Value};
use crate::error::Failure;

/// A client, not connected at first.
///
/// All methods take `&self` and may be called from several threads. Dropping it ends every call that waits, and its
/// threads, within 2 s.
#[derive(Default)]
pub struct Client {
    object: Object,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The newest; it stays when it is over, for its log and for what it has still to give.
    connection: Option<Arc<BackgroundClient>>,
    /// The one before, which is over, for what it has still to give until the newest has opened.
    previous: Option<Arc<BackgroundClient>>,
    is_connecting: bool,
}

impl Client {
    /// A client without a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls a function of a client, or one that belongs to no object.
    ///
    /// `arguments` are those of the table without the object; missing ones and Undefined take their default. The answer
    /// is the contract's map; that of a function of another class is `not_an_object`.
    pub fn call(&self, function: &'static Function, arguments: &[Value]) -> Value {
        if function.english == RECEIVE {
            return self.receive(function, arguments).into_value();
        }
        self.object
            .call(function, arguments, |arguments| self.answer(arguments))
    }

    /// GetMessage in two halves: the answer without `data`, whose message waits for [`Client::take_payload`].
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

    /// Sets what is told without being asked for, from now on; what waits already is not. `None`, as at first, is
    /// nothing.
    ///
    /// The hook is called from the client's thread, under no lock; it must return soon and must not abort or drop the
    /// client. Once [`Client::abort`] has
    /// returned it is not called any more.
    pub fn set_notify(&self, notify: Option<Hook<Notice>>) {
        self.object.set_notify(notify);
    }

    /// Whether a receive answers at once.
    pub fn has_waiting(&self) -> bool {
        let inner = self.inner.lock();
        let connections = [&inner.previous, &inner.connection];
        connections
            .into_iter()
            .flatten()
            .any(|connection| connection.is_readable())
    }

    /// Ends every call that waits, the connection and its thread; every later call is an error.
    ///
    /// Takes 2 s at most. Lookups of a name, dials through a SOCKS proxy and downloads may outlive it in a thread that
    /// owns all it needs.
    pub fn abort(&self) {
        self.object.abort.set();
        let inner = self.inner.lock();
        let connections = [inner.connection.clone(), inner.previous.clone()];
        drop(inner);
        for connection in connections.iter().flatten() {
            connection.destroy();
        }
    }

    fn answer(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        match arguments.function() {
            "CreateConnection" => self.connect(arguments)?,
            "CloseConnection" => {
                let (code, reason) = (arguments.small(0)?, arguments.text(1)?);
                functions::close_connection(&*self.connection()?, Some(code), reason)?;
            }
            "SendPing" => functions::send_ping(&*self.connection()?)?,
            "SendPong" => functions::send_pong(&*self.connection()?)?,
            "SendTextMessage" => self.send_text(arguments)?,
            "SendBinaryMessage" => self.send_binary(arguments)?,
            "GetLog" => {
                let (as_string, count) = (arguments.boolean(0)?, arguments.integer(1)?);
                let lines = functions::get_log(&*self.connection()?, count)?;
                return Ok(log_value(lines, as_string));
            }
            "GetStatistics" => return Ok(statistics(&*self.connection()?)),
            "GetConnectionStatus" => return Ok(self.status()),
            name => {
                return Err(Failure::new(
                    "not_an_object",
                    format!(
                        "{name} needs a server, but this is a client; give the result of StartServer"
                    ),
                ));
            }
        }
        Ok(Map::success().into())
    }

    fn connect(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let request = request(arguments)?;
        let logging = logging(arguments, 4)?;
        let _connecting = Connecting::begin(self)?;
        let hook = self.object.hook(|alert| match alert {
            Alert::Message => Some(Notice::Message),
            Alert::Closed => Some(Notice::Closed(None)),
            _ => None,
        });
        let config = BackgroundConfig::default()
            .logging(logging)
            .hook(Some(hook));
        let connection = Arc::new(BackgroundClient::start(&request, &config)?);
        let mut inner = self.inner.lock();
        let mut old = inner.connection.replace(Arc::clone(&connection));
        // One that has not opened has nothing to give.
        if inner.previous.is_none() {
            inner.previous = old.take();
        }
        drop(inner);
        // Not under the lock: it may have a thread to end.
        drop(old);
        // Whoever aborts has either seen the connection, or is seen here.
        if self.object.abort.is_set() {
            connection.destroy();
        }
        // It keeps a deadline of its own.
        connection.wait_open(Duration::MAX)?;
        let mut inner = self.inner.lock();
        let previous = inner.previous.take();
        // Under the lock: nobody has a message of the newest yet.
        if previous.is_some() {
            self.object.hold.forget(None);
        }
        drop(inner);
        drop(previous);
        Ok(())
    }

    fn next(&self, arguments: &Arguments<'_>) -> Result<Receipt<'_>, Failure> {
        let timeout = arguments.millis(0)?;
        if let Some(again) = self.object.hold.begin(None) {
            return Ok(again);
        }
        let previous = self.inner.lock().previous.clone();
        let connection = previous.map_or_else(|| self.connection(), Ok)?;
        let message = functions::get_message(&connection, timeout)?;
        Ok(self.object.hold.hold(held(message)))
    }

    fn send_text(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let from_file = arguments.boolean(1)?;
        let content = arguments.content(0)?;
        check_room(arguments.function(), content.len())?;
        let text = match &content {
            Content::Text(text) => text,
            Content::Binary(bytes) => std::str::from_utf8(bytes).map_err(|error| {
                Failure::usage(format!(
                    "SendTextMessage: Text is BinaryData that is not UTF-8 at byte {}; send it with SendBinaryMessage",
                    error.valid_up_to()
                ))
            })?,
        };
        let connection = self.connection()?;
        if from_file {
            check_file(arguments.function(), text)?;
        }
        Ok(functions::send_text_message(&connection, text, from_file)?)
    }

    fn send_binary(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let content = arguments.content(0)?;
        let connection = self.connection()?;
        check_room(arguments.function(), content.len())?;
        let text = match (&content, arguments.raw(0)) {
            (Content::Binary(bytes), _) => {
                return Ok(functions::send_binary_message(
                    &connection,
                    BinaryData::Bytes(bytes),
                )?);
            }
            (Content::Text(text), Some(Value::Text(_))) => text,
            // A number or a collection names no file.
            (Content::Text(text), _) => {
                let bytes = BinaryData::Bytes(text.as_bytes());
                return Ok(functions::send_binary_message(&connection, bytes)?);
            }
        };
        match BinarySource::of(text) {
            BinarySource::Url(url) => {
                let bytes = download(url, &self.object.abort)?;
                check_room(arguments.function(), bytes.len())?;
                functions::send_binary_message(&connection, BinaryData::Bytes(&bytes))?;
            }
            BinarySource::File(_) => {
                check_file(arguments.function(), text)?;
                functions::send_binary_message(&connection, BinaryData::Text(text))?;
            }
            _ => functions::send_binary_message(&connection, BinaryData::Text(text))?,
        }
        Ok(())
    }

    fn status(&self) -> Value {
        let connection = self.inner.lock().connection.clone();
        let Some(connection) = connection else {
            return Map::success()
                .with("state", "not_connected")
                .with("isActive", false)
                .into();
        };
        let state = connection.state();
        let word = match state {
            State::Connecting => "connecting",
            State::Open => "open",
            State::Reconnecting { .. } => "reconnecting",
            State::Closing => "closing",
            _ => "closed",
        };
        let close = connection.close_received();
        Map::success()
            .with("state", word)
            .with("isActive", state == State::Open)
            .with("target", connection.address().to_string())
            .with_some(
                "address",
                connection.peer_address().map(|address| address.to_string()),
            )
            .with_some(
                "localAddress",
                connection
                    .local_address()
                    .map(|address| address.to_string()),
            )
            .with_some("tlsVersion", connection.tls_version())
            .with_some("subprotocol", connection.subprotocol())
            .with_some(
                "compression",
                connection.compression().map(|agreed| agreed.to_string()),
            )
            .with_some("closeCode", close.as_ref().map(|close| close.code.as_u16()))
            .with_some("closeReason", close.map(|close| close.reason))
            .into()
    }

    fn connection(&self) -> Result<Arc<BackgroundClient>, Failure> {
        let connection = self.inner.lock().connection.clone();
        connection.ok_or_else(|| {
            Failure::closed(match self.object.abort.is_set() {
                true => ABORTED,
                false => "the client is not connected; call CreateConnection first",
            })
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.abort();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Only one thread connects an object at a time.
struct Connecting<'a>(&'a Client);

impl<'a> Connecting<'a> {
    fn begin(client: &'a Client) -> Result<Self, Failure> {
        if client.object.abort.is_set() {
            return Err(Failure::closed(ABORTED));
        }
        let mut inner = client.inner.lock();
        // While the old connection is on its way out there may be a new one: CloseConnection has returned by then.
        let is_over = |state| matches!(state, State::Closing | State::Closed);
        let open = inner.connection.as_ref();
        let open = open.filter(|connection| !is_over(connection.state()));
        if let Some(connection) = open {
            return Err(Failure::usage(format!(
                "this client is connected to {}; close it first, or make another one",
                connection.address()
            )));
        }
        if std::mem::replace(&mut inner.is_connecting, true) {
            return Err(Failure::usage(
                "this client is being connected by another call; wait for it, or make another client",
            ));
        }
        Ok(Self(client))
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().is_connecting = false;
    }
}

/// What the contract says of a message.
fn held(message: Message) -> Held {
    let metadata = Map::success().with("type", message.kind());
    let metadata = match &message {
        Message::Close(close) => metadata
            .with("code", close.code.as_u16())
            .with("reason", close.reason.as_str()),
        message => metadata.with("size", message.payload().len()),
    };
    let payload = match message {
        Message::Text(text) => Some(Payload::Text(text)),
        Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => {
            Some(Payload::Binary(data))
        }
        _ => None,
    };
    Held {
        metadata: metadata.into(),
        payload: payload.map(|payload| ("data", payload)),
        id: None,
        refusals: AtomicU8::new(0),
    }
}

fn statistics(connection: &BackgroundClient) -> Value {
    let statistics = connection.statistics();
    Map::success()
        .with("messagesReceived", statistics.messages_received)
        .with("bytesReceived", statistics.bytes_received)
        .with("messagesSent", statistics.messages_sent)
        .with("bytesSent", statistics.bytes_sent)
        .with("pingsAnswered", statistics.pings_answered)
        .with("queuedMessages", statistics.receive_queue_messages)
        .with("queuedBytes", statistics.receive_queue_bytes)
        .with("isPaused", statistics.is_paused)
        .with("unsentMessages", statistics.send_queue_messages)
        .with("unsentBytes", statistics.send_queue_bytes)
        .with("lostMessages", statistics.messages_unsent)
        .into()
}

/// The one function of a client that receives.
const RECEIVE: &str = "GetMessage";
const ABORTED: &str = "the client was destroyed";

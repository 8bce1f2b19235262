//! The client's functions: one object is one connection, of which there may be one after the other.
//!
//! Invariant: no lock is held while a call waits, so every other call, and [`Client::abort`], goes on beside it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ws_client::contract as functions;
use ws_client::{BackgroundClient, Message, State};

use super::arguments::{Arguments, Content};
use super::held::{Held, Hold, Payload, Receipt};
use super::settings::{logging, request};
use super::table::{Class, Function};
use super::value::{Map, Value};
use super::{free, log_value};
use crate::error::Failure;

/// A client, not connected at first.
///
/// All methods take `&self` and may be called from several threads. Dropping it ends every call that waits, and its
/// threads, within 2 s.
#[derive(Default)]
pub struct Client {
    inner: Mutex<Inner>,
    hold: Hold,
    last_error: Mutex<String>,
}

#[derive(Default)]
struct Inner {
    /// The newest; it stays when it is over, for its log and for what it has still to give.
    connection: Option<Arc<BackgroundClient>>,
    is_connecting: bool,
    is_aborted: bool,
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
        let answer = match function.class {
            Class::None => return self.note(free::call(function, arguments)),
            _ => Arguments::new(function, arguments).and_then(|arguments| self.answer(&arguments)),
        };
        answer.unwrap_or_else(|failure| self.fail(failure))
    }

    /// GetMessage in two halves: the answer without `data`, whose message waits for [`Client::take_payload`].
    ///
    /// What was received before and not taken counts as read.
    pub fn receive(&self, function: &'static Function, arguments: &[Value]) -> Receipt<'_> {
        if let Some(again) = self.hold.begin(None) {
            return again;
        }
        match Arguments::new(function, arguments).and_then(|arguments| self.next(&arguments)) {
            Ok(held) => self.hold.hold(held),
            Err(failure) => Receipt::failed(&self.hold, self.fail(failure)),
        }
    }

    /// Lets `take` have the payload of the message that was received last and confirmed; `None` if there is none, or if
    /// `take` says so, and then it stays. `take` runs under no lock.
    pub fn take_payload<R>(&self, take: impl FnOnce(&Payload) -> Option<R>) -> Option<R> {
        self.hold.take_payload(take)
    }

    /// The text of the last failure; empty if there was none.
    pub fn last_error(&self) -> String {
        self.last_error.lock().clone()
    }

    /// Ends every call that waits, the connection and its thread; every later call is an error.
    ///
    /// Takes 2 s at most. Lookups of a name and dials through a SOCKS proxy may outlive it in a thread that owns all it
    /// needs.
    pub fn abort(&self) {
        let connection = {
            let mut inner = self.inner.lock();
            inner.is_aborted = true;
            inner.connection.clone()
        };
        if let Some(connection) = connection {
            connection.destroy();
        }
    }

    fn answer(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        match arguments.function() {
            "CreateConnection" => return self.connect(arguments),
            "CloseConnection" => {
                let (code, reason) = (arguments.small(0)?, arguments.text(1)?);
                functions::close_connection(&*self.connection()?, Some(code), reason)?;
            }
            "SendPing" => functions::send_ping(&*self.connection()?)?,
            "SendPong" => functions::send_pong(&*self.connection()?)?,
            "SendTextMessage" => self.send_text(arguments)?,
            "SendBinaryMessage" => self.send_binary(arguments)?,
            "GetLog" => return self.log(arguments),
            name => {
                return Err(Failure::new(
                    "not_an_object",
                    format!("{name} needs a server, but this is a client"),
                ));
            }
        }
        Ok(Map::success().into())
    }

    fn connect(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        let request = request(arguments)?;
        let config = ws_client::BackgroundConfig::default().logging(logging(arguments, 4)?);
        let _connecting = Connecting::begin(self)?;
        let connection = Arc::new(BackgroundClient::start(&request, &config)?);
        self.hold.forget(None);
        let is_aborted = {
            let mut inner = self.inner.lock();
            inner.connection = Some(Arc::clone(&connection));
            inner.is_aborted
        };
        if is_aborted {
            connection.destroy();
        }
        // It keeps a deadline of its own.
        connection.wait_open(Duration::MAX)?;
        Ok(Map::success().into())
    }

    fn next(&self, arguments: &Arguments<'_>) -> Result<Held, Failure> {
        let timeout = arguments.millis(0)?;
        let message = functions::get_message(&*self.connection()?, timeout)?;
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
        Ok(Held {
            metadata: metadata.into(),
            payload: payload.map(|payload| ("data", payload)),
            id: None,
        })
    }

    fn send_text(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let from_file = arguments.boolean(1)?;
        let content = arguments.content(0)?;
        let text = match &content {
            Content::Text(text) => text,
            Content::Binary(bytes) => std::str::from_utf8(bytes).map_err(|error| {
                Failure::usage(format!(
                    "SendTextMessage: Text is BinaryData that is not UTF-8 at byte {}; send it with SendBinaryMessage",
                    error.valid_up_to()
                ))
            })?,
        };
        functions::send_text_message(&*self.connection()?, text, from_file)?;
        Ok(())
    }

    fn send_binary(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let content = arguments.content(0)?;
        let data = match &content {
            Content::Text(text) => functions::BinaryData::Text(text),
            Content::Binary(bytes) => functions::BinaryData::Bytes(bytes),
        };
        functions::send_binary_message(&*self.connection()?, data)?;
        Ok(())
    }

    fn log(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        let (as_string, count) = (arguments.boolean(0)?, arguments.integer(1)?);
        let lines = functions::get_log(&*self.connection()?, count)?;
        Ok(log_value(lines, as_string))
    }

    fn connection(&self) -> Result<Arc<BackgroundClient>, Failure> {
        let inner = self.inner.lock();
        match &inner.connection {
            Some(connection) => Ok(Arc::clone(connection)),
            None if inner.is_aborted => Err(Failure::closed(ABORTED)),
            None => Err(Failure::closed(
                "the client is not connected; call CreateConnection first",
            )),
        }
    }

    fn fail(&self, failure: Failure) -> Value {
        failure.text().clone_into(&mut self.last_error.lock());
        failure.into_value()
    }

    fn note(&self, answer: Value) -> Value {
        if let (false, Some(text)) = (
            answer.is_success(),
            answer.get("error").and_then(Value::as_text),
        ) {
            text.clone_into(&mut self.last_error.lock());
        }
        answer
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
        let mut inner = client.inner.lock();
        if inner.is_aborted {
            return Err(Failure::closed(ABORTED));
        }
        let open = inner.connection.as_ref();
        let open = open.filter(|connection| connection.state() != State::Closed);
        if let Some(connection) = open {
            return Err(Failure::usage(format!(
                "this client is connected to {}; close it first, or make another one",
                connection.address()
            )));
        }
        if std::mem::replace(&mut inner.is_connecting, true) {
            return Err(Failure::usage(
                "this client is being connected by another call",
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

/// The one function of a client that receives.
const RECEIVE: &str = "GetMessage";
const ABORTED: &str = "the client was destroyed";

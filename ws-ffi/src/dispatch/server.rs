//! The server's functions: one object is one server, which can be started again.
//!
//! Invariant: no lock is held while a call waits, so every other call, and [`Server::abort`], goes on beside it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use ws_server::Message;
use ws_server::contract as functions;
use ws_server::mailbox::{Mailbox, Received};

use super::arguments::{Arguments, Content};
use super::held::{Held, Hold, Payload, Receipt};
use super::settings::logging;
use super::table::{Class, Function};
use super::value::{Map, Value};
use super::{free, log_value};
use crate::error::Failure;

/// A server, not started at first.
///
/// All methods take `&self` and may be called from several threads. Dropping it ends every call that waits, and its
/// threads, within 2 s.
#[derive(Default)]
pub struct Server {
    inner: Mutex<Inner>,
    hold: Hold,
    last_error: Mutex<String>,
}

#[derive(Default)]
struct Inner {
    /// Stays when it is stopped, for its log.
    mailbox: Option<Arc<Mailbox>>,
    is_aborted: bool,
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
        let answer = match function.class {
            Class::None => return self.note(free::call(function, arguments)),
            _ => Arguments::new(function, arguments).and_then(|arguments| self.answer(&arguments)),
        };
        answer.unwrap_or_else(|failure| self.fail(failure))
    }

    /// GetNextConnectionData and GetConnectionData in two halves: the answer without `message`, which waits for
    /// [`Server::take_payload`].
    ///
    /// What was received before and not taken counts as read.
    pub fn receive(&self, function: &'static Function, arguments: &[Value]) -> Receipt<'_> {
        match Arguments::new(function, arguments).and_then(|arguments| self.next(&arguments)) {
            Ok(receipt) => receipt,
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

    /// Ends every call that waits, the server and its threads; every later call is an error.
    pub fn abort(&self) {
        let mailbox = {
            let mut inner = self.inner.lock();
            inner.is_aborted = true;
            inner.mailbox.clone()
        };
        if let Some(mailbox) = mailbox {
            mailbox.abort();
        }
    }

    fn answer(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        let success = Map::success();
        Ok(match arguments.function() {
            "StartServer" => return self.start(arguments),
            "StopServer" => {
                functions::stop_server(&*self.mailbox()?)?;
                self.hold.forget(None);
                success
            }
            "SendData" => {
                self.send(arguments)?;
                success
            }
            "CloseIncomingConnection" => {
                let (id, remove) = (arguments.text(0)?, arguments.boolean(1)?);
                let (code, reason) = (arguments.small(2)?, arguments.text(3)?);
                functions::close_incoming_connection(
                    &*self.mailbox()?,
                    id,
                    remove,
                    Some(code),
                    reason,
                )?;
                if remove {
                    self.hold.forget(Some(id));
                }
                success
            }
            "GetConnectionList" => {
                let connections = functions::get_connection_list(&*self.mailbox()?)?;
                let list = connections.iter().map(|info| {
                    Map::new()
                        .with("connectionId", info.id.to_string())
                        .with("address", info.connection.address.to_string())
                        .with("isActive", info.is_active)
                        .with("path", info.connection.path.as_str())
                        .with("queued", info.queued_messages)
                        .into()
                });
                success.with("connections", Value::List(list.collect()))
            }
            "GetLog" => {
                let (as_string, count) = (arguments.boolean(0)?, arguments.integer(1)?);
                return Ok(log_value(
                    functions::get_log(&*self.mailbox()?, count)?,
                    as_string,
                ));
            }
            name => {
                return Err(Failure::new(
                    "not_an_object",
                    format!("{name} needs a client, but this is a server"),
                ));
            }
        }
        .into())
    }

    fn start(&self, arguments: &Arguments<'_>) -> Result<Value, Failure> {
        let port = arguments.small(0)?;
        let pool_size = usize::try_from(arguments.within(1, 1, i64::from(u32::MAX))?).ok();
        let logging = logging(arguments, 2)?;
        let settings = super::settings::server(arguments, 3)?;
        let mut inner = self.inner.lock();
        match &inner.mailbox {
            Some(mailbox) => {
                functions::start_server_again(
                    mailbox,
                    port,
                    pool_size,
                    Some(&logging),
                    Some(settings),
                )?;
            }
            None => {
                let mailbox =
                    functions::start_server(port, pool_size, Some(&logging), Some(settings))?;
                inner.mailbox = Some(Arc::new(mailbox));
            }
        }
        let address = inner.mailbox.as_ref().map(|mailbox| mailbox.local_addr());
        Ok(Map::success()
            .with_some("address", address.map(|address| address.to_string()))
            .with_some("port", address.map(|address| address.port()))
            .into())
    }

    fn next(&self, arguments: &Arguments<'_>) -> Result<Receipt<'_>, Failure> {
        let id = (arguments.function() == RECEIVE[1])
            .then(|| arguments.text(0))
            .transpose()?;
        let timeout = arguments.millis(usize::from(id.is_some()))?;
        if let Some(again) = self.hold.begin(id) {
            return Ok(again);
        }
        let mailbox = self.mailbox()?;
        let received = match id {
            None => functions::get_next_connection_data(&mailbox, timeout, None),
            Some(id) => functions::get_connection_data(&mailbox, id, timeout, None),
        };
        Ok(self.hold.hold(held(received?)))
    }

    fn send(&self, arguments: &Arguments<'_>) -> Result<(), Failure> {
        let id = arguments.text(0)?;
        let content = arguments.content(1)?;
        let (from_file, kind) = (arguments.boolean(2)?, arguments.optional_text(3)?);
        let message = match &content {
            Content::Text(text) => Message::Text(text),
            Content::Binary(bytes) => Message::Binary(bytes),
        };
        let kind = kind.filter(|kind| !kind.is_empty());
        functions::send_data(&*self.mailbox()?, id, message, from_file, kind)?;
        Ok(())
    }

    fn mailbox(&self) -> Result<Arc<Mailbox>, Failure> {
        let inner = self.inner.lock();
        inner.mailbox.clone().ok_or_else(|| {
            Failure::new(
                "not_started",
                "the server is not running; call StartServer first",
            )
        })
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
        let headers = connection.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        metadata = metadata.with("headers", Value::Map(headers.collect()));
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

/// The functions of a server that receive.
const RECEIVE: [&str; 2] = ["GetNextConnectionData", "GetConnectionData"];

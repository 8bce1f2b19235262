//! What a client and a server have in common as an object of a host.

use std::fs;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use ws_core::Hook;
use ws_core::contract::LogLines;
use ws_core::handshake::PeerText;

use super::abort::Abort;
use super::arguments::Arguments;
use super::free;
use super::held::Hold;
use super::room::check_room;
use super::table::{Class, Function};
use super::value::{Map, Value};
use crate::error::Failure;

/// What a host may be told without asking for it; see [`Client::set_notify`](super::Client::set_notify).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// There was no message waiting, and now there is. It is not told again before all have been taken.
    Message,
    /// The client's connection is over; on a server, the connection with this id. What it sent before can still be
    /// taken.
    Closed(Option<String>),
}

/// State and services beside the connection or the server itself.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) hold: Hold,
    pub(super) abort: Abort,
    last_error: Mutex<String>,
    notify: Arc<RwLock<Option<Hook<Notice>>>>,
}

impl Object {
    /// Calls a function of no object, or else `answer`; keeps the text of a failure.
    pub(super) fn call(
        &self,
        function: &'static Function,
        arguments: &[Value],
        answer: impl FnOnce(&Arguments<'_>) -> Result<Value, Failure>,
    ) -> Value {
        if function.class == Class::None {
            let value = free::call(function, arguments);
            if let (false, Some(text)) = (value.is_success(), value.get("error")) {
                text.as_text()
                    .unwrap_or_default()
                    .clone_into(&mut self.last_error.lock());
            }
            return value;
        }
        let answer = Arguments::new(function, arguments).and_then(|arguments| answer(&arguments));
        answer.unwrap_or_else(|failure| self.fail(failure))
    }

    pub(super) fn fail(&self, failure: Failure) -> Value {
        failure.text().clone_into(&mut self.last_error.lock());
        failure.into_value()
    }

    pub(super) fn last_error(&self) -> String {
        self.last_error.lock().clone()
    }

    pub(super) fn set_notify(&self, notify: Option<Hook<Notice>>) {
        *self.notify.write() = notify;
    }

    /// Passes on what a connection or a server tells, to whoever is to be told by then.
    pub(super) fn hook<A: 'static>(
        &self,
        notice: impl Fn(A) -> Option<Notice> + Send + Sync + 'static,
    ) -> Hook<A> {
        let notify = Arc::clone(&self.notify);
        Hook::new(move |alert| {
            // Not under the lock: whoever is called may call back.
            let hook = notify.read().clone();
            if let Some((hook, notice)) = hook.zip(notice(alert)) {
                hook.call(notice);
            }
        })
    }
}

/// What GetLog answers.
pub(super) fn log_value(lines: LogLines, as_string: bool) -> Value {
    if as_string {
        return Value::Text(lines.to_string());
    }
    let returned = lines.lines.len();
    let logs = lines.lines.into_iter().map(Value::Text).collect();
    Map::success()
        .with("logs", Value::List(logs))
        .with("returned", returned)
        .with("total", lines.total)
        .into()
}

/// Refuses what cannot be read as a whole: a pipe without a writer would never end, a device never be full.
///
/// Nor what there is no memory for.
pub(super) fn check_file(function: &str, path: &str) -> Result<(), Failure> {
    let shown = PeerText::new(path);
    let metadata = fs::metadata(path).map_err(|error| {
        Failure::usage(format!(
            "{function}: cannot read file {shown}: {error}; check the path"
        ))
    })?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{function}: {shown} is not a file; give the path of one"
        )));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(Failure::new(
            "too_big",
            format!(
                "{function}: file {shown} has {} bytes, but at most {MAX_FILE_BYTES} can be sent as a message; send it in parts",
                metadata.len()
            ),
        ));
    }
    check_room(
        function,
        usize::try_from(metadata.len()).unwrap_or(usize::MAX),
    )
}

/// A message is one piece of memory, at both ends.
const MAX_FILE_BYTES: u64 = 1 << 30;

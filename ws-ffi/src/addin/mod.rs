//! One object of the add-in, in safe Rust: what a script can call, and what it gets.
//!
//! ```text
//!  native_api ──► Addin::call ──► dispatch::Client or Server ──► give ──► native_api
//!                    └─ TakeText, TakeData, SetEvents, LastError, ThrowErrors
//! ```
//! Objects, maps and Undefined do not cross to the host. So a method takes the arguments of the contract's function
//! without the object, an empty text or -1 stands for Undefined, and a result is JSON text. The payload of a received
//! message crosses by itself: a receive call answers what it is, TakeText and TakeData then give it.
//!
//! Invariant: a message counts as read when its payload was given to the host, or when the next receive starts. If the
//! host has no memory for what it is told or for the payload, the next receive tells of it again; the payload can also be
//! taken again before that.

mod class;
mod events;
mod gate;
mod json;
mod object;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

pub(crate) use self::class::{Action, Class, ClassName, Method, Property, PropertyKind};
use self::events::Events;
pub(crate) use self::gate::{Gate, Pass};
use self::object::Object;
use crate::boundary::Panicked;
use crate::dispatch::{Function, Payload, Value};

/// What an object asks of its host; nothing is done once the host has taken it back.
pub(crate) trait Host: Send + Sync {
    /// Makes `text` the exception that the host raises when the running call fails.
    fn add_error(&self, text: &str) -> bool;
    /// Sets how many events may wait for the script.
    fn set_event_depth(&self, depth: i32) -> bool;
    /// Queues an event; `false` if there is no room, or no script that takes events.
    fn raise_event(&self, source: &str, message: &str, data: &str) -> bool;
}

/// A value as it crosses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Given<'a> {
    Undefined,
    Boolean(bool),
    Number(f64),
    Text(&'a str),
    Binary(&'a [u8]),
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The host has the result.
    Given,
    /// The host had no memory for it. Nothing is lost.
    NotGiven,
    /// The host is to raise this text.
    Exception(String),
}

/// An object of one of the two classes.
pub(crate) struct Addin {
    class: &'static Class,
    events: Events,
    /// Gone after the end.
    object: Mutex<Option<Arc<Object>>>,
    last_error: Mutex<String>,
    throws: AtomicBool,
    /// What a panic has said; the object does nothing any more.
    broken: Mutex<Option<String>>,
    #[cfg(test)]
    pub(crate) panics: AtomicBool,
    #[cfg(test)]
    pub(crate) method_panics: AtomicBool,
}

/// Takes a result to the host; `false` if the host has no memory for it.
pub(crate) type Give<'a> = &'a mut dyn FnMut(Given<'_>) -> bool;

impl Addin {
    pub(crate) fn new(class: ClassName, host: Arc<dyn Host>) -> Self {
        Self {
            class: class.class(),
            events: Events::new(host),
            object: Mutex::new(Some(Arc::new(Object::new(class)))),
            last_error: Mutex::default(),
            throws: AtomicBool::new(false),
            broken: Mutex::default(),
            #[cfg(test)]
            panics: AtomicBool::new(false),
            #[cfg(test)]
            method_panics: AtomicBool::new(false),
        }
    }

    pub(crate) fn class(&self) -> &'static Class {
        self.class
    }

    /// Runs a method and hands its result to `give`.
    pub(crate) fn call(&self, method: &Method, arguments: &mut [Value], give: Give<'_>) -> Outcome {
        if let Some(what) = self.broken.lock().clone() {
            return self.fail("internal", &what, give);
        }
        #[cfg(test)]
        assert!(
            !self.method_panics.load(Ordering::Relaxed),
            "a test wants this"
        );
        let Some(object) = self.object.lock().clone() else {
            return self.fail("usage", "the object has ended", give);
        };
        if arguments.len() > method.parameters.len() {
            let text = format!(
                "{} takes {} arguments and got {}",
                method.english,
                method.parameters.len(),
                arguments.len()
            );
            return self.fail("usage", &text, give);
        }
        for (argument, parameter) in arguments.iter_mut().zip(&method.parameters) {
            parameter.undo_sentinel(argument);
        }
        match method.action {
            Action::Function(function) => {
                let value = object.call(function, arguments);
                self.answer(&value, false, give)
            }
            Action::Receive(function) => self.receive(&object, function, arguments, give),
            Action::TakeText => self.take(&object, give, |payload| match payload {
                Payload::Text(text) => Ok(Given::Text(text)),
                Payload::Binary(data) => std::str::from_utf8(data)
                    .map(Given::Text)
                    .map_err(|_| "the message is binary; take it with TakeData"),
            }),
            Action::TakeData => self.take(&object, give, |payload| {
                Ok(Given::Binary(match payload {
                    Payload::Text(text) => text.as_bytes(),
                    Payload::Binary(data) => data,
                }))
            }),
            Action::SetEvents => self.set_events(&object, arguments, give),
        }
    }

    /// Answers a call whose arguments cannot be used.
    pub(crate) fn refuse(&self, why: &str, give: Give<'_>) -> Outcome {
        self.fail("usage", why, give)
    }

    /// The value of a property.
    pub(crate) fn with_property<R>(
        &self,
        property: &Property,
        read: impl FnOnce(Given<'_>) -> R,
    ) -> R {
        match property.kind {
            PropertyKind::LastError => {
                let text = self.last_error.lock().clone();
                read(Given::Text(&text))
            }
            PropertyKind::ThrowErrors => read(Given::Boolean(self.throws.load(Ordering::Relaxed))),
        }
    }

    /// Sets a property; `false` if it cannot be set, or not to this.
    pub(crate) fn set_property(&self, property: &Property, value: &Value) -> bool {
        match (property.kind, value) {
            (PropertyKind::ThrowErrors, Value::Boolean(throws)) => {
                self.throws.store(*throws, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// After a panic: every later call is refused with its text.
    pub(crate) fn set_broken(&self, panicked: Panicked) {
        let Panicked(text) = panicked;
        let text = format!(
            "the add-in has failed: {text}; make a new object, and report this to its authors"
        );
        self.broken.lock().get_or_insert(text);
    }

    /// Ends every call that waits.
    pub(crate) fn abort(&self) {
        let object = self.object.lock().clone();
        if let Some(object) = object {
            // That it ends is no news to a script that has let go of it.
            object.set_notify(None);
            object.abort();
        }
    }

    /// Gives the object up, with its threads; nothing can be called any more.
    pub(crate) fn end(&self, deadline: Instant) {
        self.events.end(deadline);
        let object = self.object.lock().take();
        // Without the lock: it joins threads.
        drop(object);
    }

    /// Panics where a test wants it.
    pub(crate) fn trip(&self) {
        #[cfg(test)]
        assert!(!self.panics.load(Ordering::Relaxed), "a test wants this");
    }

    fn receive(
        &self,
        object: &Object,
        function: &'static Function,
        arguments: &[Value],
        give: Give<'_>,
    ) -> Outcome {
        let receipt = object.receive(function, arguments);
        let outcome = match receipt.payload() {
            // The modules make a Map or an Array of it; the server's messages are bytes to them.
            Some(Payload::Text(text))
                if self.class.name == ClassName::Client && json::is_object_or_array(text) =>
            {
                let mut metadata = receipt.metadata().clone();
                if let Value::Map(entries) = &mut metadata {
                    entries.push((String::from("json"), true.into()));
                }
                self.answer(&metadata, true, give)
            }
            _ => self.answer(receipt.metadata(), true, give),
        };
        if outcome == Outcome::Given {
            receipt.confirm();
        }
        outcome
    }

    /// Gives the payload of the last message, if `pick` finds it to be of the right type; Undefined if not.
    fn take(
        &self,
        object: &Object,
        give: Give<'_>,
        pick: fn(&Payload) -> Result<Given<'_>, &'static str>,
    ) -> Outcome {
        let mut why = None;
        let mut is_given = None;
        object.take_payload(|payload| match pick(payload) {
            Ok(given) => {
                let done = give(given);
                is_given = Some(done);
                done.then_some(())
            }
            Err(text) => {
                why = Some(text);
                None
            }
        });
        if is_given == Some(true) {
            self.last_error.lock().clear();
            return Outcome::Given;
        }
        if is_given == Some(false) {
            object.keep_payload();
            return Outcome::NotGiven;
        }
        let why = why.unwrap_or(
            "there is no message to take; a receive call has to tell of one before, and it can be taken once",
        );
        self.note(why);
        if self.throws.load(Ordering::Relaxed) {
            return Outcome::Exception(why.to_owned());
        }
        outcome(give(Given::Undefined))
    }

    /// Turns events on or off: `Enabled`, `Source`, `Depth`.
    fn set_events(&self, object: &Object, arguments: &[Value], give: Give<'_>) -> Outcome {
        let set = match read_events(arguments) {
            Ok(None) => {
                object.set_notify(None);
                self.events.set(None, 0)
            }
            Ok(Some((source, depth))) => self.events.set(Some(source), depth).inspect(|()| {
                object.set_notify(Some(self.events.hook()));
                if object.has_waiting() {
                    self.events.note_waiting();
                }
            }),
            Err(why) => Err(why),
        };
        match set {
            Ok(()) => {
                let success = (String::from("result"), Value::Boolean(true));
                self.answer(&Value::Map(vec![success]), false, give)
            }
            Err(why) => self.fail("usage", why, give),
        }
    }

    fn fail(&self, word: &str, text: &str, give: Give<'_>) -> Outcome {
        let field = |name: &str, value| (String::from(name), value);
        let value = Value::Map(vec![
            field("result", Value::Boolean(false)),
            field("error", Value::from(text)),
            field("errorCode", Value::from(word)),
        ]);
        self.answer(&value, false, give)
    }

    /// Gives a result, and keeps what it says of a failure.
    fn answer(&self, value: &Value, is_receive: bool, give: Give<'_>) -> Outcome {
        if value.is_success() {
            self.last_error.lock().clear();
        } else {
            let text = value
                .get("error")
                .and_then(Value::as_text)
                .unwrap_or_default();
            self.note(text);
            // Nothing has come: that is an answer, and no reason to stop a script.
            let is_timeout =
                is_receive && value.get("errorCode").and_then(Value::as_text) == Some("timeout");
            if self.throws.load(Ordering::Relaxed) && !is_timeout {
                return Outcome::Exception(text.to_owned());
            }
        }
        outcome(match value {
            Value::Undefined => give(Given::Undefined),
            Value::Boolean(is_true) => give(Given::Boolean(*is_true)),
            Value::Number(number) => give(Given::Number(*number)),
            Value::Text(text) => give(Given::Text(text)),
            Value::Binary(data) => give(Given::Binary(data)),
            Value::List(_) | Value::Map(_) => give(Given::Text(&value.to_json_text())),
        })
    }

    /// Makes `text` what LastError says.
    pub(crate) fn note(&self, text: &str) {
        text.clone_into(&mut self.last_error.lock());
    }
}

impl std::fmt::Debug for Addin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Addin")
            .field("class", &self.class.name)
            .field("object", &self.object.lock())
            .finish_non_exhaustive()
    }
}

/// The source and the depth, or `None` for no events.
fn read_events(arguments: &[Value]) -> Result<Option<(String, i32)>, &'static str> {
    let is_enabled = match arguments.first() {
        None | Some(Value::Undefined) => true,
        Some(Value::Boolean(is_enabled)) => *is_enabled,
        Some(_) => return Err("SetEvents: Enabled is not a Boolean"),
    };
    let source = match arguments.get(1) {
        None | Some(Value::Undefined) => class::EVENT_SOURCE,
        Some(Value::Text(source)) => source,
        Some(_) => return Err("SetEvents: Source is not a string"),
    };
    let depth = match arguments.get(2) {
        None | Some(Value::Undefined) => class::EVENT_DEPTH,
        Some(Value::Number(depth)) if (1.0..=MAX_EVENT_DEPTH).contains(depth) => *depth,
        Some(_) => return Err("SetEvents: Depth is not a number from 1 to 10,000"),
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "was just looked at; a fraction of an event is none"
    )]
    Ok(is_enabled.then(|| (source.to_owned(), depth as i32)))
}

fn outcome(is_given: bool) -> Outcome {
    if is_given {
        Outcome::Given
    } else {
        Outcome::NotGiven
    }
}

/// More events than that nobody lets wait.
const MAX_EVENT_DEPTH: f64 = 10_000.0;

//! Calls at work: each to its object, in order, on threads of their own.
//!
//! ```text
//! line → request → no object: done at once      ┌→ result → outlet
//!                → object → lane → pool thread ─┤
//!                                               └→ finds nothing to take: its own thread, in line
//! ```
//!
//! Invariant: every admitted call is answered exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ws_ffi::dispatch::{self, Class, Function, Value};

use super::answer;
use super::objects::{Call, Found, Kind, Object, Objects, error_code, failure};
use super::outlet::Outlet;
use super::pool::Pool;
use super::request::{self, is_question};
use super::wait::Wait;

/// Everything that calls need, for every thread.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    pub(super) objects: Arc<Objects>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) pool: Pool,
    /// No more lines are taken.
    closed: Arc<AtomicBool>,
}

impl Calls {
    pub(super) fn new(outlet: Outlet) -> Self {
        Self {
            objects: Arc::default(),
            outlet: Arc::new(outlet),
            pool: Pool::default(),
            closed: Arc::default(),
        }
    }

    /// Takes a line; what comes of it is answered now or later. Whether more lines are wanted.
    pub(super) fn take(&self, line: &[u8]) -> bool {
        if self.closed.load(Ordering::Acquire) {
            return false;
        }
        let (id, request) = request::parse(line);
        match request {
            Err(refusal) => self.outlet.refuse(&id, &refusal),
            Ok(request) => {
                if self.outlet.admit(&id) {
                    self.start(Call { id, request });
                }
            }
        }
        true
    }

    /// Takes no more lines.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn start(&self, call: Call) {
        let function = call.request.function;
        let object = match &call.request.object {
            Some(Value::Text(name)) => match self.objects.find(name) {
                Found::Object(object) => object,
                Found::Forgotten(kind) => {
                    return self.answer(&call, &forgotten(name, kind, function));
                }
                Found::Unknown => return self.answer(&call, &not_an_object(name, function)),
            },
            Some(value) => return self.answer(&call, &not_an_object(value.kind(), function)),
            None => match created(function) {
                Some(kind) => self.objects.create(kind),
                None => {
                    let result = dispatch::call(function, &call.request.arguments);
                    return self.answer(&call, &result);
                }
            },
        };
        if object.lane.push(call) {
            let calls = self.clone();
            self.pool.run(move || {
                while let Some(call) = object.lane.next() {
                    calls.perform(&object, call);
                }
            });
        }
    }

    /// The next call of an object, with all before it over or waiting.
    fn perform(&self, object: &Arc<Object>, mut call: Call) {
        let function = call.request.function;
        if is_question(function) {
            let is = object.fits(function) && self.objects.contains(object);
            return self.answer(&call, &Value::Boolean(is));
        }
        if !object.fits(function) || !self.objects.contains(object) {
            return self.answer(&call, &not_an_object(&object.name, function));
        }
        let Some(wait) = Wait::of(function, &call.request.arguments) else {
            let result = object.call(function, &call.request.arguments);
            return self.finish(object, &call, result);
        };
        let deadline = Instant::now() + wait.timeout;
        if !object.lane.has_waits(&wait.queue) {
            let mut look = call.request.arguments.clone();
            wait.not_at_all(&mut look);
            let result = object.call(function, &look);
            if error_code(&result) != Some("timeout") {
                return self.finish(object, &call, result);
            }
        }
        let place = object.lane.line_up(wait.queue.clone());
        let (calls, object) = (self.clone(), Arc::clone(object));
        self.pool.run(move || {
            object.lane.await_turn(&place, Some(deadline));
            wait.until(deadline, &mut call.request.arguments);
            let result = object.call(function, &call.request.arguments);
            object.lane.leave(&place);
            calls.finish(&object, &call, result);
        });
    }

    /// Notes what a result says of the object, and answers.
    fn finish(&self, object: &Arc<Object>, call: &Call, mut result: Value) {
        let function = call.request.function;
        let failed = error_code(&result);
        if created(function).is_some() {
            if failed.is_some() {
                self.objects.remove(object);
            } else if let Value::Map(fields) = &mut result {
                let name = Value::Text(object.name.clone());
                fields.push((String::from("object"), name));
            }
        } else {
            let ended = match (function.english, failed) {
                ("CloseConnection" | "StopServer", _) => true,
                // Everything that had arrived has been taken.
                ("GetMessage", Some("closed")) => true,
                _ => false,
            };
            if ended {
                self.objects.closed(object);
            }
        }
        self.answer(call, &result);
    }

    fn answer(&self, call: &Call, result: &Value) {
        let encode = if call.request.parse {
            answer::parsed_result
        } else {
            answer::result
        };
        self.outlet.answer(|line| encode(&call.id, result, line));
    }
}

/// The kind of object that a function makes.
fn created(function: &Function) -> Option<Kind> {
    match function.english {
        "CreateConnection" => Some(Kind::Client),
        "StartServer" => Some(Kind::Server),
        _ => None,
    }
}

fn not_an_object(name: &str, function: &Function) -> Value {
    if is_question(function) {
        return Value::Boolean(false);
    }
    let wanted = match function.class {
        Class::Server => "server; StartServer makes one and names it, as in \"s1\"",
        Class::Client => "client; CreateConnection makes one and names it, as in \"c1\"",
        Class::Both | Class::None => {
            "client or server; CreateConnection and StartServer make and name them"
        }
    };
    let shown: String = name.chars().take(40).collect();
    failure("not_an_object", &format!("{shown:?} is no {wanted}"))
}

/// What a closed object would say.
fn forgotten(name: &str, kind: Kind, function: &Function) -> Value {
    let (is_client, is_server) = (kind == Kind::Client, kind == Kind::Server);
    match function.english {
        "IsClientObject" => Value::Boolean(is_client),
        "IsServerObject" => Value::Boolean(is_server),
        _ => match (function.class, kind) {
            (Class::Client, Kind::Server) | (Class::Server, Kind::Client) => {
                not_an_object(name, function)
            }
            (_, Kind::Client) => failure(
                "closed",
                &format!("{name} was closed long ago and its log is gone"),
            ),
            (_, Kind::Server) => failure(
                "not_started",
                &format!("{name} was stopped long ago and its log is gone"),
            ),
        },
    }
}

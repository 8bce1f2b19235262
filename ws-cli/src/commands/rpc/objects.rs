//! The objects that calls name: clients `c1`, `c2` …, servers `s1`, `s2` ….
//!
//! Invariant: a name is given once. A closed object stays whole, with its log and what nobody has read, until
//! [`KEPT`] others have been closed after it; then only that it existed is known, which costs nothing.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use parking_lot::Mutex;
use ws_ffi::dispatch::{Class, Client, Function, Server, Value};

use super::lane::Lane;
use super::request::Request;

/// Closed objects kept whole.
const KEPT: usize = 1_000;

/// A call with its id.
#[derive(Debug)]
pub(super) struct Call {
    /// JSON, as it came.
    pub(super) id: String,
    pub(super) request: Request,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Server,
}

impl Kind {
    const fn letter(self) -> char {
        match self {
            Self::Client => 'c',
            Self::Server => 's',
        }
    }

    /// The kind and number of a name, if a name can look so.
    fn parse(name: &str) -> Option<(Self, u64)> {
        let (kind, digits) = match name.split_at_checked(1)? {
            ("c", digits) => (Self::Client, digits),
            ("s", digits) => (Self::Server, digits),
            _ => return None,
        };
        let number = digits.parse().ok()?;
        // Only as it was written: not c01 and not c+1.
        (format!("{number}") == digits).then_some((kind, number))
    }
}

enum Endpoint {
    Client(Client),
    Server(Server),
}

/// One object and the order of its calls.
pub(super) struct Object {
    pub(super) name: String,
    pub(super) lane: Lane<Call>,
    endpoint: Endpoint,
}

impl Object {
    pub(super) const fn kind(&self) -> Kind {
        match self.endpoint {
            Endpoint::Client(_) => Kind::Client,
            Endpoint::Server(_) => Kind::Server,
        }
    }

    /// Is this what the function works on, or what it asks for?
    pub(super) fn fits(&self, function: &Function) -> bool {
        match (function.english, function.class) {
            ("IsClientObject", _) | (_, Class::Client) => self.kind() == Kind::Client,
            ("IsServerObject", _) | (_, Class::Server) => self.kind() == Kind::Server,
            (_, Class::Both | Class::None) => true,
        }
    }

    /// Calls a function and waits for its result.
    pub(super) fn call(&self, function: &'static Function, arguments: &[Value]) -> Value {
        // No input is known to make it panic. If one does, its caller must get an answer all the same.
        let called = panic::catch_unwind(AssertUnwindSafe(|| match &self.endpoint {
            Endpoint::Client(client) => client.call(function, arguments),
            Endpoint::Server(server) => server.call(function, arguments),
        }));
        called.unwrap_or_else(|_| {
            let text = format!(
                "{} has failed inside ws, which is a defect",
                function.english
            );
            failure("internal", &text)
        })
    }

    /// Ends every call that waits inside the object or for its turn, for good.
    pub(super) fn abort(&self) {
        self.lane.end();
        match &self.endpoint {
            Endpoint::Client(client) => client.abort(),
            Endpoint::Server(server) => server.abort(),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Found {
    Object(Arc<Object>),
    /// It was closed long ago.
    Forgotten(Kind),
    Unknown,
}

#[derive(Debug, Default)]
struct State {
    whole: HashMap<String, Arc<Object>>,
    /// Names of closed objects that are still whole, the oldest first.
    closed: VecDeque<String>,
    /// Names given, by kind.
    given: [u64; 2],
    /// The highest number forgotten, by kind.
    forgotten: [u64; 2],
}

/// All objects of the process.
#[derive(Debug, Default)]
pub(super) struct Objects {
    state: Mutex<State>,
}

impl Objects {
    /// An object with the next name, not connected and not started.
    pub(super) fn create(&self, kind: Kind) -> Arc<Object> {
        let endpoint = match kind {
            Kind::Client => Endpoint::Client(Client::new()),
            Kind::Server => Endpoint::Server(Server::new()),
        };
        let mut state = self.state.lock();
        state.given[kind as usize] += 1;
        let name = format!("{}{}", kind.letter(), state.given[kind as usize]);
        let object = Arc::new(Object {
            name: name.clone(),
            lane: Lane::new(),
            endpoint,
        });
        state.whole.insert(name, Arc::clone(&object));
        object
    }

    pub(super) fn find(&self, name: &str) -> Found {
        let state = self.state.lock();
        if let Some(object) = state.whole.get(name) {
            return Found::Object(Arc::clone(object));
        }
        match Kind::parse(name) {
            Some((kind, number)) if (1..=state.forgotten[kind as usize]).contains(&number) => {
                Found::Forgotten(kind)
            }
            _ => Found::Unknown,
        }
    }

    /// Is `object` one that can be named?
    pub(super) fn contains(&self, object: &Object) -> bool {
        self.state.lock().whole.contains_key(&object.name)
    }

    /// Takes away an object that could not be connected or started: its name means nothing.
    pub(super) fn remove(&self, object: &Object) {
        self.state.lock().whole.remove(&object.name);
    }

    /// Notes that an object has been closed; the one closed longest ago may be forgotten for it.
    pub(super) fn closed(&self, object: &Object) {
        let mut state = self.state.lock();
        if state.closed.contains(&object.name) || !state.whole.contains_key(&object.name) {
            return;
        }
        state.closed.push_back(object.name.clone());
        if state.closed.len() <= KEPT {
            return;
        }
        let forgotten = state.closed.pop_front().and_then(|name| {
            if let Some((kind, number)) = Kind::parse(&name) {
                let highest = &mut state.forgotten[kind as usize];
                *highest = number.max(*highest);
            }
            state.whole.remove(&name)
        });
        drop(state);
        // Outside the lock: it may join threads.
        drop(forgotten);
    }

    /// Every object that has not been forgotten.
    pub(super) fn all(&self) -> Vec<Arc<Object>> {
        self.state.lock().whole.values().map(Arc::clone).collect()
    }
}

/// The contract's map for a failure.
pub(super) fn failure(error_code: &str, text: &str) -> Value {
    Value::Map(vec![
        (String::from("result"), Value::Boolean(false)),
        (String::from("error"), Value::Text(text.to_owned())),
        (
            String::from("errorCode"),
            Value::Text(error_code.to_owned()),
        ),
    ])
}

/// The `errorCode` of a result; `None` for a success.
pub(super) fn error_code(value: &Value) -> Option<&str> {
    value.get("errorCode")?.as_text()
}

#[cfg(test)]
mod tests {
    use ws_ffi::dispatch::find;

    use super::*;

    #[test]
    fn names_count_up_by_kind() {
        let objects = Objects::default();
        let names: Vec<String> = [Kind::Client, Kind::Server, Kind::Client]
            .map(|kind| objects.create(kind).name.clone())
            .into();
        assert_eq!(names, ["c1", "s1", "c2"]);
        assert!(matches!(objects.find("c2"), Found::Object(object) if object.name == "c2"));
        for name in [
            "c3",
            "c0",
            "c01",
            "c+1",
            "s2",
            "x1",
            "c",
            "",
            "ж1",
            "c99999999999999999999",
        ] {
            assert!(matches!(objects.find(name), Found::Unknown), "{name}");
        }
    }

    #[test]
    fn a_client_is_no_server() {
        let objects = Objects::default();
        let [client, server] = [Kind::Client, Kind::Server].map(|kind| objects.create(kind));
        for (name, is_client, is_server) in [
            ("IsClientObject", true, false),
            ("IsServerObject", false, true),
            ("SendPing", true, false),
            ("StopServer", false, true),
            ("GetLog", true, true),
        ] {
            let function = find(name).unwrap();
            let fits = (client.fits(function), server.fits(function));
            assert_eq!(fits, (is_client, is_server), "{name}");
        }
    }

    #[test]
    fn what_could_not_be_connected_is_nobody() {
        let objects = Objects::default();
        let object = objects.create(Kind::Client);
        objects.remove(&object);
        assert!(!objects.contains(&object));
        assert!(matches!(objects.find("c1"), Found::Unknown));
        assert_eq!(objects.create(Kind::Client).name, "c2");
    }

    #[test]
    fn closed_objects_are_forgotten_when_many_have_followed() {
        let objects = Objects::default();
        let living = objects.create(Kind::Client);
        for _ in 0..KEPT + 1 {
            let object = objects.create(Kind::Client);
            objects.closed(&object);
            objects.closed(&object);
        }
        assert!(
            matches!(objects.find("c1"), Found::Object(_)),
            "{living:?} lives"
        );
        assert!(matches!(objects.find("c2"), Found::Forgotten(Kind::Client)));
        assert!(matches!(objects.find("c3"), Found::Object(_)));
        assert!(matches!(objects.find("s1"), Found::Unknown));
        assert_eq!(objects.all().len(), KEPT + 1);
    }
}

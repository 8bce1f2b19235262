//! Calls by name, and a client and a server that are connected.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ws_core::contract::ERROR_CODES;
use ws_ffi::dispatch::{Client, Server, Value, call, find};

/// Longer than anything here takes, in milliseconds; reaching it fails the test.
pub(crate) const PATIENCE: i32 = 60_000;

pub(crate) trait Object {
    fn ask(&self, name: &str, arguments: &[Value]) -> Value;

    /// A call that is to succeed.
    #[track_caller]
    fn ok(&self, name: &str, arguments: &[Value]) -> Value {
        let answer = self.ask(name, arguments);
        assert_eq!(
            answer.get("result"),
            Some(&Value::Boolean(true)),
            "{name}: {answer:?}"
        );
        answer
    }

    /// A call that is to fail with this word.
    #[track_caller]
    fn fails(&self, name: &str, arguments: &[Value], word: &str) -> Value {
        let answer = self.ask(name, arguments);
        check_failure(name, &answer);
        assert_eq!(text(&answer, "errorCode"), word, "{name}: {answer:?}");
        answer
    }
}

impl Object for Client {
    fn ask(&self, name: &str, arguments: &[Value]) -> Value {
        self.call(find(name).unwrap(), arguments)
    }
}

impl Object for Server {
    fn ask(&self, name: &str, arguments: &[Value]) -> Value {
        self.call(find(name).unwrap(), arguments)
    }
}

/// A function of no object.
pub(crate) fn free(name: &str, arguments: &[Value]) -> Value {
    call(find(name).unwrap(), arguments)
}

/// The fields that every failure has.
#[track_caller]
pub(crate) fn check_failure(name: &str, answer: &Value) {
    assert_eq!(
        answer.get("result"),
        Some(&Value::Boolean(false)),
        "{name}: {answer:?}"
    );
    let word = text(answer, "errorCode");
    assert!(ERROR_CODES.contains(&word.as_str()), "{name}: {word}");
    let error = text(answer, "error");
    assert!(
        !error.is_empty() && !error.contains('\n'),
        "{name}: {error:?}"
    );
    if word == "closed" {
        assert!(number(answer, "code") >= 1000.0, "{name}: {answer:?}");
        text(answer, "reason");
    }
}

pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.map(|(key, value)| (key.to_owned(), value));
    Value::Map(entries.into())
}

pub(crate) fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|&text| Value::from(text)).collect())
}

#[track_caller]
pub(crate) fn text(answer: &Value, field: &str) -> String {
    let found = answer.get(field).and_then(Value::as_text);
    found
        .unwrap_or_else(|| panic!("no text {field} in {answer:?}"))
        .to_owned()
}

#[track_caller]
pub(crate) fn number(answer: &Value, field: &str) -> f64 {
    let found = answer.get(field).and_then(Value::as_number);
    found.unwrap_or_else(|| panic!("no number {field} in {answer:?}"))
}

/// The port that a server has started at.
#[track_caller]
pub(crate) fn port_of(started: &Value) -> u16 {
    number(started, "port").to_string().parse().unwrap()
}

/// The names of all fields, in order.
pub(crate) fn fields(answer: &Value) -> Vec<&str> {
    match answer {
        Value::Map(entries) => entries.iter().map(|(key, _)| key.as_str()).collect(),
        other => panic!("not a map: {other:?}"),
    }
}

/// A server on a free port of this machine.
pub(crate) fn serve_with(logging: Value, settings: Value) -> (Server, u16) {
    let server = Server::new();
    let settings = match settings {
        Value::Map(mut entries) => {
            if !entries.iter().any(|(key, _)| key == "address") {
                entries.push((String::from("address"), "127.0.0.1".into()));
            }
            Value::Map(entries)
        }
        other => other,
    };
    let started = server.ok("StartServer", &[0.into(), 100.into(), logging, settings]);
    let port = port_of(&started);
    (server, port)
}

/// A server that shows a certificate of its own making, and the folder with `chain.pem` and `key.pem`.
pub(crate) fn serve_self_signed() -> (Server, u16, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed([String::from("127.0.0.1")]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Value::from(path.to_str().unwrap())
    };
    let settings = map([
        ("tls_cert_path", write("chain.pem", made.cert.pem())),
        (
            "tls_key_path",
            write("key.pem", made.signing_key.serialize_pem()),
        ),
    ]);
    let (server, port) = serve_with(Value::Undefined, settings);
    (server, port, folder)
}

pub(crate) fn serve() -> (Server, u16) {
    serve_with(Value::Undefined, map([]))
}

pub(crate) fn connect(port: u16) -> Client {
    let client = Client::new();
    client.ok("CreateConnection", &[url(port)]);
    client
}

pub(crate) fn url(port: u16) -> Value {
    Value::from(format!("ws://127.0.0.1:{port}/room?key=1"))
}

/// A client and its server, and the connection's id there.
pub(crate) fn pair() -> (Client, Server, Value) {
    let (server, port) = serve();
    let client = connect(port);
    let id = only_id(&server);
    (client, server, id)
}

/// The id of the one connection.
pub(crate) fn only_id(server: &Server) -> Value {
    match listed(server).as_slice() {
        [one] => one.get("connectionId").unwrap().clone(),
        list => panic!("{list:?}"),
    }
}

pub(crate) fn listed(server: &Server) -> Vec<Value> {
    let answer = server.ok("GetConnectionList", &[]);
    match answer.get("connections") {
        Some(Value::List(list)) => list.clone(),
        _ => panic!("{answer:?}"),
    }
}

/// The next message that the server gets.
pub(crate) fn next(server: &Server) -> Value {
    server.ok("GetNextConnectionData", &[PATIENCE.into()])
}

/// The next message that the client gets.
pub(crate) fn receive(client: &Client) -> Value {
    client.ok("GetMessage", &[PATIENCE.into()])
}

/// A port where nobody listens.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Spins until `condition` holds: for what happens on the other side without telling us.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

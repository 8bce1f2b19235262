//! The method contract, called by name: what the add-in and `ws rpc` have in common.
//!
//! ```text
//!  find(name) ──► Function ──► Client::call, Server::call, call ──► Value (a map of the contract's fields)
//! ```
//! One table ([`functions`]) says what there is; it is the project's data file, from which modules, documentation and
//! tests come as well.
//!
//! Invariant: no argument makes a call panic or raise. A failed call answers a map with `result` false, `error` and
//! `errorCode`, one of [`ws_core::contract::ERROR_CODES`].
//! Invariant: no text made here shows a password, a token, a header's value or a payload.
//!
//! # Examples
//!
//! ```
//! use ws_ffi::dispatch::{Client, Server, Value, find};
//!
//! let server = Server::new();
//! let start = find("ЗапуститьСервер").unwrap();
//! let settings = Value::from(r#"{"address": "127.0.0.1"}"#);
//! let started = server.call(start, &[0.into(), Value::Undefined, Value::Undefined, settings]);
//! let port = started.get("port").and_then(Value::as_number).unwrap();
//!
//! let client = Client::new();
//! let address = Value::from(format!("ws://127.0.0.1:{port}/"));
//! let connected = client.call(find("CreateConnection").unwrap(), &[address]);
//! assert!(connected.is_success(), "{connected:?}");
//! client.call(find("sendTextMessage").unwrap(), &["привет".into()]);
//! let data = server.call(find("getnextconnectiondata").unwrap(), &[]);
//! assert_eq!(data.get("message"), Some(&Value::Binary("привет".into())));
//! ```

mod abort;
mod arguments;
mod client;
mod compression;
mod download;
mod free;
mod held;
mod object;
mod room;
mod server;
mod server_settings;
mod settings;
mod table;
mod value;

pub use self::{
    client::Client,
    free::call,
    held::{Payload, Receipt},
    object::Notice,
    server::Server,
    table::{Class, Default, Function, Parameter, Returns, find, functions},
    value::{MAX_EXACT, Value},
};

//! Blocking WebSocket client ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)) with a deadline on every call.
//!
//! ```text
//!  ConnectRequest ── dial: resolve, connect, opening handshake ──► Client
//!                                                                    │ send_*, receive, close
//!                                                              Engine, turned by each call
//!                                                                    │
//!                                                    ws_core halves, queues, one socket
//! ```
//!
//! # Examples
//!
//! A first message and its answer:
//!
//! ```
//! use std::time::Duration;
//! use ws_client::{Client, CloseCode, Message};
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address = format!("ws://{}", listener.local_addr()?);
//! # let server = std::thread::spawn(move || {
//! #     let mut peer = tungstenite::accept(listener.accept().unwrap().0).unwrap();
//! #     let message = peer.read().unwrap();
//! #     peer.send(message).unwrap();
//! #     while peer.read().is_ok() {}
//! # });
//! let mut client = Client::connect(&address)?; // such as "ws://127.0.0.1:9894"
//! client.send_text("hello")?;
//! let answer = client.receive(Duration::from_secs(10))?;
//! assert_eq!(answer, Some(Message::Text("hello".into())));
//! client.close(CloseCode::NORMAL, "")?;
//! # server.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//! - Every call ends by its deadline, name lookup and closing handshake included; no traffic moves a deadline.
//! - Every call reads and writes, so two peers that send each other much at once both finish.
//! - Nothing received is lost by an error: messages come first, then the Close, then the error.
//! - Memory is bounded: one message under assembly, the receive queue, one message being sent.
//! - A reset connection is an error and never a signal; the process's signal handling is not touched.
//! - No error and no `Debug` shows passwords, header values or the values of a query.
//!
//! Not in this version: TLS (`wss://` is understood and refused with a clear error) and proxies.

mod address;
mod calls;
mod client;
mod config;
mod deadline;
mod dial;
mod engine;
mod error;
mod message;
mod net;
mod queue;
mod request;
mod wire;

pub use ws_core::handshake::{HeadLimits, Response};
pub use ws_core::{CloseCode, KeepaliveConfig, Limits};

pub use crate::address::Address;
pub use crate::client::Client;
pub use crate::config::Config;
pub use crate::error::{Error, ErrorKind, Stage};
pub use crate::message::{Close, Message};
pub use crate::net::tcp::Interrupter;
pub use crate::request::ConnectRequest;

//! Blocking WebSocket client ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)) with a deadline on every call.
//!
//! ```text
//!  ConnectRequest ── dial: resolve, connect, (proxy), (TLS), opening handshake ──► Client
//!                                                                    │ send_*, receive, close
//!                                                              Engine, turned by each call
//!                                                                    │
//!                                          ws_core halves, queues, one wire: (TLS layers), one socket
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
//! `wss://` is encrypted and verified against the authorities of the system; [`TlsSettings`] adds others, shows a client
//! certificate, or switches the verification off. [`ProxySettings`] leads through a SOCKS or HTTP proxy:
//!
//! ```no_run
//! use ws_client::{Client, ConnectRequest, ProxySettings, TlsSettings};
//!
//! let request = ConnectRequest::new("wss://intranet.example/events")?
//!     .tls(TlsSettings::new().ca_file("our-authority.pem"))
//!     .proxy(ProxySettings::parse("socks5://me:secret@proxy.example:1080")?);
//! let client = Client::connect_with(&request)?;
//! # Ok::<(), ws_client::Error>(())
//! ```
//!
//! [`Client`] works only while one of its methods runs. [`BackgroundClient`] has a thread of its own, which answers pings,
//! receives and sends while the program is busy; several threads may use it, and it connects again if it is told to.
//! A [`Swarm`] drives thousands of connections in one thread.
//!
//! # Invariants
//! - Every call ends by its deadline, name lookup and closing handshake included; no traffic moves a deadline.
//! - Every call reads and writes, so two peers that send each other much at once both finish.
//! - Nothing received is lost by an error: messages come first, then the Close, then the error.
//! - Memory is bounded: one message under assembly, the receive queue, one message being sent.
//! - A reset connection is an error and never a signal; the process's signal handling is not touched.
//! - No error and no `Debug` shows passwords, header values or the values of a query.
//! - `wss://` never becomes plain, and no certificate goes unverified but where a caller has asked for it in so many words.

mod address;
mod background;
mod calls;
mod cancel;
mod client;
mod config;
mod connected;
pub mod contract;
mod deadline;
mod dial;
mod engine;
mod error;
mod message;
mod net;
mod proxy;
mod queue;
mod request;
mod secret;
mod swarm;
mod tls;
mod wire;

pub use ws_core::extension::{DeflateAgreement, DeflateConfig, DeflateParameters, WindowBits};
pub use ws_core::handshake::{HeadLimits, Response};
pub use ws_core::{
    CloseCode, Compression, Hook, KeepaliveConfig, Limits, LoggingMode, LoggingSettings,
};

pub use crate::address::Address;
pub use crate::background::{
    Alert, BackgroundClient, BackgroundConfig, Backoff, ConnectionEvent, OnFull, Reconnect, State,
    Statistics,
};
pub use crate::client::Client;
pub use crate::config::Config;
pub use crate::connected::Connected;
pub use crate::error::{Error, ErrorKind, Stage};
pub use crate::message::{Close, Message};
pub use crate::net::tcp::Interrupter;
pub use crate::proxy::{ProxyKind, ProxySettings};
pub use crate::request::ConnectRequest;
pub use crate::swarm::{Link, Swarm, SwarmEvent};
pub use crate::tls::TlsSettings;

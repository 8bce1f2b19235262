//! WebSocket server on a readiness loop: handlers in the loop, or a mailbox to poll.
//!
//! ```text
//!   listener ──► event loop ──► Handler::on_open, on_message, on_close, …      (this crate's thread)
//!                    ▲                  │ Context::send, close, pause
//!                    └── CommandSender ◄┴─ other threads: Handler::on_command
//! ```
//!
//! An event loop is one thread that serves all its connections; [`Config::workers`] makes several. The application
//! implements [`Handler`] and is called on the loop's thread with a [`Context`] to reply, broadcast, close and set
//! timers. Other threads reach a handler by [`CommandSender`].
//!
//! ```
//! use std::{io::{Read, Write}, net::TcpStream, time::Duration};
//! use ws_core::handshake::{HttpAnswer, Request};
//! use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     type Connection = (); // what to keep for each connection
//!     type Command = (); // what other threads may ask for
//!
//!     fn on_open(&mut self, _: &mut Context<'_, ()>, _: &Request) -> Result<Accepted<()>, HttpAnswer> {
//!         Ok(Accepted::new(()))
//!     }
//!
//!     fn on_message(&mut self, context: &mut Context<'_, ()>, _: &mut (), message: Message<'_>) -> Flow {
//!         if context.send(message).is_err() {
//!             context.abort();
//!         }
//!         Flow::Continue
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut server = Server::bind("127.0.0.1:0", Config::default())?.spawn(|_| Echo)?;
//!
//! let mut client = TcpStream::connect(server.local_addr())?;
//! client.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
//!
//! server.stop(Duration::from_secs(1))?; // Close 1001 to everybody; the port is free afterwards
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//! - Nothing a peer does makes a loop block, spin, panic or grow beyond [`Config`]'s limits.
//! - A connection whose send queue is above its high-water mark, or whose handler paused it, is not read: TCP slows
//!   the peer down, and nothing is dropped.
//! - Each successful [`Handler::on_open`] is called before the 101 is written and followed by exactly one
//!   [`Handler::on_close`], called before the Close reply is written.
//! - A live connection is never thrown out for a new one; beyond the limit the new one gets HTTP 503.
//! - The same port answers plain HTTP: 200 to `/health`, and to any other request that is no WebSocket what
//!   [`Handler::on_request`] has for it, or 426. A long answer is never held in memory as a whole.
//! - No deadline is extended by traffic but those of keepalive and idleness.
//!
//! Tested over a mock of the system with a virtual clock and one seed (`event_loop/tests`), and over real sockets
//! (`ws-server/tests`).

mod auth;
mod config;
mod connection_id;
mod context;
pub mod contract;
mod descriptors;
mod error;
mod event_loop;
mod handler;
mod http;
mod journal;
mod listener;
pub mod mailbox;
mod net;
mod plain_answer;
mod proxies;
mod server;
mod shutdown;
mod statistics;
#[cfg(unix)]
mod unix;

pub use ws_core::extension::{DeflateAgreement, DeflateConfig, DeflateParameters, WindowBits};

pub use self::{
    auth::Auth,
    config::Config,
    connection_id::{ConnectionId, ConnectionIdError},
    context::{Connections, Context},
    error::{Error, ErrorKind, SendError, Stage},
    handler::{Accepted, CloseInfo, ClosedBy, Flow, Handler, Message},
    journal::ServerLog,
    net::{
        PeerAddress,
        commands::{CommandSender, LoopGone},
    },
    plain_answer::PlainAnswer,
    proxies::{ForwardedHeader, TrustedProxies},
    server::{ListenAddress, Server},
    shutdown::{Running, Stopper},
    statistics::{Limit, Statistics},
};

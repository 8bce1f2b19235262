//! A tunnel through a SOCKS proxy, asked for by the `socks` crate in a helper thread.
//!
//! The crate blocks and knows no deadline, so each dial runs in a thread that owns only its inputs and a channel. A dial
//! whose deadline passes leaves its thread behind; it ends when the proxy answers or goes away.
//! Invariant: at most [`LIMIT`] threads of a process wait for one proxy; one more dial to it fails at once. Each proxy has
//! a count of its own: a silent one keeps its places for as long as it keeps the connections, and no other must pay for it.
//! Invariant: the thread reads no byte behind the proxy's answer: those belong to the tunnel.
#![expect(
    clippy::disallowed_types,
    reason = "the crate gives a socket, which becomes a Net here"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use parking_lot::Mutex;
use socks::{Socks4Stream, Socks5Stream, TargetAddr, ToTargetAddr};

use super::place::Place;
use crate::cancel::Cancel;
use crate::deadline::Deadline;
use crate::error::{Cause, ProxyAnswer};
use crate::proxy::ProxyKind;
use crate::secret::Secret;

/// Most dials of one process that wait for one proxy at once.
pub(super) const LIMIT: usize = 8;

/// Everything that one dial needs; owned by its thread.
pub(super) struct SocksDial {
    pub(super) kind: ProxyKind,
    /// Where the proxy has answered.
    pub(super) proxy: SocketAddr,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: Option<(Secret, Secret)>,
}

/// Why there is no tunnel.
#[derive(Debug)]
pub(super) enum Failure {
    Answer(ProxyAnswer),
    Internal(Cause),
    Timeout,
}

/// The count of dials that wait for `proxy`, one in a process.
pub(super) fn in_flight(proxy: SocketAddr) -> Arc<AtomicUsize> {
    static IN_FLIGHT: Mutex<BTreeMap<SocketAddr, Arc<AtomicUsize>>> = Mutex::new(BTreeMap::new());
    let mut counts = IN_FLIGHT.lock();
    // Whoever dials or waits has one, too.
    counts.retain(|_, count| Arc::strong_count(count) > 1);
    Arc::clone(counts.entry(proxy).or_default())
}

impl SocksDial {
    /// Asks for the tunnel and waits until `deadline` at most.
    pub(super) fn run(
        self,
        in_flight: &Arc<AtomicUsize>,
        cancel: &Cancel,
        deadline: Deadline,
    ) -> Result<TcpStream, Failure> {
        let busy = Failure::Answer(ProxyAnswer::Busy { limit: LIMIT });
        let place = Place::take(in_flight, LIMIT).ok_or(busy)?;
        let (kind, has_login) = (self.kind, self.login.is_some());
        let (sender, answer) = mpsc::channel();
        thread::Builder::new()
            .name(String::from("ws-socks"))
            .spawn(move || {
                let result = self.connect();
                // Freed before the answer: who has it can start the next dial at once.
                drop(place);
                // Nobody waits any more when the deadline has passed; the socket is then closed here.
                let _ = sender.send(result);
            })
            .map_err(|error| Failure::Internal(Cause::Io(Arc::new(error))))?;
        match cancel.receive(&answer, deadline) {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Failure::Answer(explain(error, kind, has_login))),
            Err(RecvTimeoutError::Timeout) => Err(Failure::Timeout),
            Err(RecvTimeoutError::Disconnected) => Err(Failure::Internal(Cause::Internal(
                "the dial through the proxy has panicked",
            ))),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let target: TargetAddr = (self.host.as_str(), self.port).to_target_addr()?;
        let login = self.login.as_ref();
        match (self.kind, login) {
            (ProxyKind::Socks5, None) => {
                Socks5Stream::connect(self.proxy, target).map(Socks5Stream::into_inner)
            }
            (ProxyKind::Socks5, Some((login, password))) => {
                let (login, password) = (login.reveal(), password.reveal());
                Socks5Stream::connect_with_password(self.proxy, target, login, password)
                    .map(Socks5Stream::into_inner)
            }
            _ => {
                let user = login.map_or("", |(login, _)| login.reveal());
                Socks4Stream::connect(self.proxy, target, user).map(Socks4Stream::into_inner)
            }
        }
    }
}

/// What the crate's error means; it tells most of them apart by their text only.
fn explain(error: io::Error, kind: ProxyKind, has_login: bool) -> ProxyAnswer {
    let is_io = error.get_ref().is_none();
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return ProxyAnswer::Ended;
    }
    if is_io {
        return ProxyAnswer::Lost(Arc::new(error));
    }
    let text = error.to_string();
    match text.as_str() {
        "password authentication failed" => ProxyAnswer::LoginRefused,
        "no acceptable auth methods" | "unknown auth method" if has_login => {
            ProxyAnswer::LoginUnsupported(String::from("not by password"))
        }
        "no acceptable auth methods" | "unknown auth method" => ProxyAnswer::LoginWanted,
        "connection not allowed by ruleset" => ProxyAnswer::Forbidden,
        "command not supported" => ProxyAnswer::Unable("it makes no connections (CONNECT)"),
        "address kind not supported" => {
            ProxyAnswer::Unable("it does not take this kind of address")
        }
        "unknown error" => ProxyAnswer::Unable("it answered with an unknown error"),
        "general SOCKS server failure"
        | "network unreachable"
        | "host unreachable"
        | "connection refused"
        | "TTL expired"
        | "request rejected or failed" => ProxyAnswer::Unreachable(text),
        text if text.contains("ident") || text.contains("idnetd") => {
            ProxyAnswer::Unable("it asks for an identd service on this machine")
        }
        _ => ProxyAnswer::NotAProxy(match kind {
            ProxyKind::Socks5 => "a SOCKS5 proxy",
            _ => "a SOCKS4 proxy",
        }),
    }
}

#[cfg(test)]
mod tests;

//! From a request to an open connection, one stage after the other and one deadline through all.
//!
//! ```text
//! request ─ check ─ resolve ─ connect (race of addresses) ─ opening handshake ─ open
//! ```
//! Invariant: nothing is looked up or sent before the whole request has been checked.
//! Invariant: the deadline is made once; the call returns when it has passed, whatever stage it is in.

pub(crate) mod connect;
pub(crate) mod handshake;
mod race;
pub(crate) mod resolve;

use std::net::ToSocketAddrs;
use std::sync::{Arc, LazyLock};

use ws_core::handshake::Response;

use self::resolve::Resolver;
use crate::deadline::Deadline;
use crate::error::{Cause, Error, Span, Stage};
use crate::net::now;
use crate::net::tcp::{Poller, TcpNet};
use crate::request::ConnectRequest;
use crate::wire::Wire;

/// An open connection before its first frame is looked at.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) wire: Wire<TcpNet>,
    pub(crate) response: Response,
    /// Frames that came in the same piece as the answer.
    pub(crate) surplus: Vec<u8>,
}

/// Connects as `request` says; names are looked up by `resolver`.
pub(crate) fn dial(request: &ConnectRequest, resolver: &Resolver) -> Result<Dialled, Error> {
    let timeout = request.config.connect_timeout;
    let deadline = Deadline::after(now(), timeout);
    let address = request.address();
    let failed = |(stage, cause)| {
        let cause = match cause {
            Cause::Timeout(what) => {
                Cause::Timeout(format!("not done within {}: {what}", Span(timeout)))
            }
            cause => cause,
        };
        Error::new(stage, address.to_string(), cause)
    };

    let opening = request.handshake()?;
    if address.is_secure() {
        return Err(failed((Stage::Tls, Cause::NoTls)));
    }
    let addresses = resolver.resolve(address, deadline).map_err(failed)?;
    let poller =
        Poller::new().map_err(|error| failed((Stage::Connect, Cause::Io(error.into()))))?;
    let delay = request.config.attempt_delay;
    let net = connect::connect(poller, &addresses, delay, deadline).map_err(failed)?;
    log::debug!("{address}: connected to {}", net.peer_address);
    let mut wire = Wire::new(net);
    let limits = &request.config.head_limits;
    let (response, surplus) = handshake::open(&mut wire, opening, limits, deadline)
        .map_err(|failure| failed((Stage::Handshake, failure.into_cause(&request.secrets()))))?;
    Ok(Dialled {
        wire,
        response,
        surplus,
    })
}

/// The system's resolver, with the process's one count of lookups in flight.
pub(crate) fn system_resolver() -> &'static Resolver {
    static RESOLVER: LazyLock<Resolver> = LazyLock::new(|| {
        Resolver::new(Arc::new(|host, port| {
            Ok((host, port).to_socket_addrs()?.collect())
        }))
    });
    &RESOLVER
}

#[cfg(test)]
mod tests;

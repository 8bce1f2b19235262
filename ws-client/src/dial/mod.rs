//! From a request to an open connection, one stage after the other and one deadline through all.
//!
//! ```text
//! request ─ check ─┬─ resolve ─ connect (race of addresses) ─┬─ (TLS) ─ opening handshake ─ open
//!                  └─ proxy: resolve, connect, ask for it ───┘
//! ```
//! Invariant: nothing is looked up or sent before the whole request has been checked.
//! Invariant: the deadline is made once; the call returns when it has passed, whatever stage it is in.

pub(crate) mod connect;
pub(crate) mod handshake;
pub(crate) mod http_connect;
mod place;
mod proxy;
mod race;
pub(crate) mod resolve;
mod socks;
pub(crate) mod tls;
mod transcript;
#[cfg(unix)]
mod unix;

use std::net::ToSocketAddrs;
use std::sync::{Arc, LazyLock};

use ws_core::handshake::{HandshakeError, Response};
use ws_core::tls::Tls;

use self::handshake::Answer;
use self::proxy::Tunnel;
use self::resolve::Resolver;
use crate::deadline::Deadline;
use crate::engine::Deflate;
use crate::error::{Cause, Error, Span, Stage};
use crate::net::now;
use crate::net::tcp::{Poller, TcpNet};
use crate::proxy::{ProxyKind, ProxySettings};
use crate::request::ConnectRequest;
use crate::tls::TlsSettings;
use crate::wire::Wire;

/// An open connection before its first frame is looked at.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) wire: Wire<TcpNet>,
    pub(crate) response: Response,
    pub(crate) deflate: Option<Deflate>,
    /// Frames that came in the same piece as the answer.
    pub(crate) surplus: Vec<u8>,
    /// Of the connection to the server; one that goes no further than a proxy does not count.
    pub(crate) tls_version: Option<&'static str>,
}

/// Connects as `request` says; names are looked up by `resolver`.
pub(crate) fn dial(request: &ConnectRequest, resolver: &Resolver) -> Result<Dialled, Error> {
    let config = &request.config;
    let deadline = Deadline::after(now(), config.connect_timeout);
    let address = request.address();
    let failed = |(stage, cause)| {
        let cause = match cause {
            Cause::Timeout(what) => {
                let timeout = Span(config.connect_timeout);
                Cause::Timeout(format!("not done within {timeout}: {what}"))
            }
            cause => cause,
        };
        Error::new(stage, address.to_string(), cause)
    };

    let opening = request.handshake()?;
    let resolver = &resolver.cancelled_by(&request.cancel);
    let Security { tls, proxy } = Security::prepare(request).map_err(failed)?;
    let (host, port) = (address.host(), request.port());
    let mut wire = match proxy {
        Some((proxy, proxy_tls)) => {
            let tunnel = Tunnel {
                proxy: &proxy,
                tls: proxy_tls,
                host,
                port,
                authority: &address.authority(request.is_secure()),
            };
            tunnel.dig(resolver, config, deadline).map_err(failed)?
        }
        None => Wire::new(dial_directly(request, resolver, deadline).map_err(failed)?),
    };
    log::debug!("{address}: connected to {}", wire.net.describe_peer());
    let mut tls_version = None;
    if let Some(tls) = tls {
        tls::establish(&mut wire, tls, deadline).map_err(|cause| failed((Stage::Tls, cause)))?;
        tls_version = wire.tls_version();
        log::debug!("{address}: {}", tls_version.unwrap_or_default());
    }
    let secrets = request.secrets();
    transcript::log_request(opening.request(), &secrets);
    let opened = handshake::open(&mut wire, opening, &config.head_limits, deadline);
    match &opened {
        Ok(answer) => transcript::log_response(&answer.response, &secrets),
        Err(handshake::Failure::Handshake(HandshakeError::Refused(response))) => {
            transcript::log_response(response, &secrets);
        }
        Err(_) => {}
    }
    let Answer {
        response,
        deflate,
        surplus,
    } = opened.map_err(|failure| failed(failure.into_cause(&secrets)))?;
    wire.net.forget_cancel();
    wire.begin_frames(&surplus);
    let deflate = Deflate::new(deflate, request.compression.as_ref());
    if let Some(deflate) = &deflate {
        log::debug!("{address}: {}", deflate.agreement);
    }
    Ok(Dialled {
        wire,
        response,
        deflate,
        surplus,
        tls_version,
    })
}

/// To the Unix socket, if there is one, or to the host.
fn dial_directly(
    request: &ConnectRequest,
    resolver: &Resolver,
    deadline: Deadline,
) -> Result<TcpNet, (Stage, Cause)> {
    let poller = || {
        Poller::new()
            .map(|poller| poller.cancelled_by(&request.cancel))
            .map_err(|error| (Stage::Connect, Cause::Io(error.into())))
    };
    #[cfg(unix)]
    if let Some(path) = &request.unix_socket {
        return unix::connect(poller()?, path, deadline);
    }
    let (host, port) = (request.address().host(), request.port());
    let addresses = resolver.resolve(host, port, deadline)?;
    let delay = request.config.attempt_delay;
    connect::connect(poller()?, &addresses, delay, deadline)
}

/// The TLS connections of a dial, made before it so that a bad file or name costs no connection.
struct Security {
    tls: Option<Tls>,
    proxy: Option<(ProxySettings, Option<Tls>)>,
}

impl Security {
    fn prepare(request: &ConnectRequest) -> Result<Self, (Stage, Cause)> {
        let in_proxy = |cause| (Stage::Proxy, cause);
        let mistaken = |mistake| in_proxy(Cause::ProxyMistake(mistake));
        let address = request.address();
        let settings = request.tls.clone().unwrap_or_default();
        let tls = match request.is_secure() {
            true => Some(client(&settings, address.certificate_name())),
            false => None,
        };
        let tls = tls.transpose().map_err(|cause| (Stage::Tls, cause))?;
        if tls.is_some() && settings.accepts_invalid_certs() {
            log::warn!("{address}: the server's certificate is not verified, as was asked for");
        }
        let Some(proxy) = request.choose_proxy().map_err(mistaken)? else {
            return Ok(Self { tls, proxy: None });
        };
        proxy.check(address.host()).map_err(mistaken)?;
        let mut proxy_tls = None;
        if proxy.kind() == ProxyKind::Https {
            let settings = match proxy.tls_settings() {
                Some(settings) => settings.clone(),
                None => settings.for_proxy(),
            };
            proxy_tls = Some(client(&settings, proxy.server()).map_err(in_proxy)?);
            if settings.accepts_invalid_certs() {
                log::warn!(
                    "{address}: the certificate of {proxy} is not verified, as was asked for"
                );
            }
        }
        Ok(Self {
            tls,
            proxy: Some((proxy, proxy_tls)),
        })
    }
}

fn client(settings: &TlsSettings, name: &str) -> Result<Tls, Cause> {
    Tls::client(&settings.load()?, name).map_err(Cause::Tls)
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

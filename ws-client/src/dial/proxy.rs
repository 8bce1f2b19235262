//! From a proxy's settings to a wire that leads to the target.
//!
//! ```text
//! resolve the proxy ─ connect to it ─┬─ (TLS to it) ─ CONNECT ─┬─ wire to the target
//!                                    └─ SOCKS, in a thread ────┘
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use ws_core::tls::Tls;

use super::http_connect::{self, Connect};
use super::resolve::Resolver;
use super::socks::{self, SocksDial};
use super::{connect, tls};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Cause, ProxyAnswer, ProxyFailure, Stage};
use crate::net::tcp::{Poller, TcpNet};
use crate::proxy::{ProxyKind, ProxyMistake, ProxySettings};
use crate::secret::{Secret, Secrets};
use crate::wire::Wire;

/// The way through one proxy to one target.
pub(super) struct Tunnel<'a> {
    pub(super) proxy: &'a ProxySettings,
    /// TLS to the proxy itself.
    pub(super) tls: Option<Tls>,
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Host and port as `CONNECT` names them.
    pub(super) authority: &'a str,
}

impl Tunnel<'_> {
    /// Goes through the proxy; the wire then leads to the target.
    pub(super) fn dig(
        self,
        resolver: &Resolver,
        config: &Config,
        deadline: Deadline,
    ) -> Result<Wire<TcpNet>, (Stage, Cause)> {
        let proxy = self.proxy;
        let unreached = |cause| match cause {
            Cause::Timeout(what) => (Stage::Proxy, Cause::Timeout(format!("{proxy}: {what}"))),
            cause => {
                let failure = ProxyFailure::unreached(proxy.to_string(), cause);
                (Stage::Proxy, Cause::Proxy(Box::new(failure)))
            }
        };
        let host = self.host_for_proxy(resolver, deadline)?;
        let addresses = resolver
            .resolve(proxy.server(), proxy.port(), deadline)
            .map_err(|(_, cause)| unreached(cause))?;
        let poller = Poller::new()
            .map_err(|error| unreached(Cause::Io(error.into())))?
            .cancelled_by(resolver.cancel());
        let net = connect::connect(poller, &addresses, config.attempt_delay, deadline)
            .map_err(|(_, cause)| unreached(cause))?;
        log::debug!("{proxy}: connected to {}", net.describe_peer());
        match proxy.kind() {
            ProxyKind::Http | ProxyKind::Https => {
                let mut wire = Wire::new(net);
                if let Some(tls) = self.tls {
                    tls::establish(&mut wire, tls, deadline).map_err(unreached)?;
                }
                let authorization = proxy.authorization();
                let connect = Connect {
                    authority: self.authority,
                    authorization: authorization.as_deref(),
                    secrets: &Secrets::new(proxy.secrets()),
                };
                http_connect::open(&mut wire, &connect, &config.head_limits, deadline).map_err(
                    |failure| match failure {
                        http_connect::Failure::Answer(answer) => answered(proxy, answer),
                        http_connect::Failure::Request(error) => {
                            (Stage::Proxy, Cause::Request(error))
                        }
                        http_connect::Failure::Timeout => silent(proxy),
                    },
                )?;
                Ok(wire)
            }
            ProxyKind::Socks5 | ProxyKind::Socks4 | ProxyKind::Socks4a => {
                let Some(address) = net.peer_address else {
                    return Err(unreached(Cause::Internal("a proxy without an IP address")));
                };
                let dial = SocksDial {
                    kind: proxy.kind(),
                    proxy: address,
                    host,
                    port: self.port,
                    login: proxy
                        .credentials()
                        .map(|(login, password)| (Secret::new(login), Secret::new(password))),
                };
                // That it answers is known now: only such a proxy is worth a thread.
                let poller = net.into_poller();
                let stream = dial
                    .run(&socks::in_flight(address), resolver.cancel(), deadline)
                    .map_err(|failure| match failure {
                        socks::Failure::Answer(answer) => answered(proxy, answer),
                        socks::Failure::Internal(cause) => unreached(cause),
                        socks::Failure::Timeout => silent(proxy),
                    })?;
                let net = TcpNet::adopt(poller, stream, address)
                    .map_err(|error| answered(proxy, ProxyAnswer::Lost(Arc::new(error))))?;
                Ok(Wire::new(net))
            }
        }
    }

    /// The target as the proxy is told it; SOCKS4 knows IPv4 addresses only.
    fn host_for_proxy(
        &self,
        resolver: &Resolver,
        deadline: Deadline,
    ) -> Result<String, (Stage, Cause)> {
        if self.proxy.kind() != ProxyKind::Socks4 || self.host.parse::<IpAddr>().is_ok() {
            return Ok(self.host.to_owned());
        }
        let addresses = resolver.resolve(self.host, self.port, deadline)?;
        let address = addresses.iter().find(|address| address.is_ipv4());
        address
            .map(|address| address.ip().to_string())
            .ok_or((Stage::Proxy, Cause::ProxyMistake(ProxyMistake::Ipv6Target)))
    }
}

fn answered(proxy: &ProxySettings, answer: ProxyAnswer) -> (Stage, Cause) {
    let failure = ProxyFailure::answered(proxy.to_string(), answer);
    (Stage::Proxy, Cause::Proxy(Box::new(failure)))
}

fn silent(proxy: &ProxySettings) -> (Stage, Cause) {
    let text = format!("{proxy} has not answered what it was asked");
    (Stage::Proxy, Cause::Timeout(text))
}

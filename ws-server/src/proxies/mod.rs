//! The balancers and proxies in front of a server, and what they say about who connects.
//!
//! Invariant: nothing is believed of a peer that is not listed.

mod forwarded;
mod header;

use std::{fmt, net::IpAddr};

use ws_core::handshake::Request;

pub(crate) use self::header::{ProxyHeader, ProxyStep};
use crate::{
    error::{Error, ErrorKind, Stage},
    net::PeerAddress,
};

/// The balancers and proxies that are believed when they say where a connection comes from.
///
/// Say what they send: [`TrustedProxies::proxy_protocol`], or one of the two headers
/// ([`TrustedProxies::forwarded_header`]). What they say becomes the address of the peer. The same from anybody who
/// is not listed is ignored.
///
/// # Examples
///
/// ```
/// use ws_server::{Config, ForwardedHeader, TrustedProxies};
///
/// let nginx = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8", "unix"])?
///     .forwarded_header(ForwardedHeader::XForwardedFor);
/// let config = Config::default().trusted_proxies(nginx);
/// # Ok::<(), ws_server::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    unix: bool,
    proxy_protocol: bool,
    header: Option<ForwardedHeader>,
}

/// The header in which a proxy notes where a request came from.
///
/// One only: a proxy that sets the one lets whatever a client wrote into the other pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: nginx, HAProxy and most others.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// Lists addresses (`192.0.2.1`, `::1`), networks (`10.0.0.0/8`, `fd00::/8`) and `unix` for every peer of a Unix
    /// socket.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if one is neither.
    pub fn new<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut proxies = Self {
            networks: Vec::new(),
            unix: false,
            proxy_protocol: false,
            header: None,
        };
        for text in addresses {
            if text == "unix" {
                proxies.unix = true;
            } else {
                proxies.networks.push(Network::parse(text).ok_or_else(|| {
                    let text = format!("{text:?} is no address and no network such as 10.0.0.0/8");
                    Error::new(Stage::Config, ErrorKind::Config, text)
                })?);
            }
        }
        Ok(proxies)
    }

    /// Takes the PROXY protocol, version 1 or 2, from those that are listed. They must send it: whoever does not is
    /// refused.
    #[must_use]
    pub fn proxy_protocol(mut self) -> Self {
        self.proxy_protocol = true;
        self
    }

    /// Takes the client's address from this header: the last that is not itself listed. A port that is not said is 0.
    #[must_use]
    pub fn forwarded_header(mut self, header: ForwardedHeader) -> Self {
        self.header = Some(header);
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.proxy_protocol || self.header.is_some() {
            return Ok(());
        }
        Err("trusted_proxies says neither proxy_protocol nor a forwarded_header")
    }

    /// Tells whether a peer must begin with a PROXY header.
    pub(crate) fn expects_header(&self, peer: PeerAddress) -> bool {
        self.proxy_protocol && self.trusts(peer)
    }

    /// Returns the client's address if a listed proxy sent the request.
    pub(crate) fn client(&self, peer: PeerAddress, request: &Request) -> Option<PeerAddress> {
        let header = self.header?;
        if !self.trusts(peer) {
            return None;
        }
        let hops = match header {
            ForwardedHeader::XForwardedFor => forwarded::x_forwarded_for(request),
            ForwardedHeader::Forwarded => forwarded::forwarded(request),
        };
        let mut client = None;
        for hop in hops {
            // Something unreadable ends the chain: what is before it cannot be believed.
            let Some(hop) = hop.map(PeerAddress::tcp) else {
                break;
            };
            client = Some(hop);
            if !self.trusts(hop) {
                break;
            }
        }
        client
    }

    fn trusts(&self, peer: PeerAddress) -> bool {
        match peer.ip() {
            Some(ip) => self.networks.iter().any(|network| network.contains(ip)),
            None => self.unix,
        }
    }
}

/// For the log: who is believed, and what.
impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} networks", self.networks.len())?;
        if self.unix {
            f.write_str(" and Unix sockets")?;
        }
        if self.proxy_protocol {
            f.write_str(", PROXY protocol")?;
        }
        match self.header {
            Some(ForwardedHeader::XForwardedFor) => f.write_str(", X-Forwarded-For"),
            Some(ForwardedHeader::Forwarded) => f.write_str(", Forwarded"),
            None => Ok(()),
        }
    }
}

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    prefix: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().ok()?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
        };
        let network = Self { first, prefix };
        // Bits beyond the prefix are most likely a mistake.
        (prefix <= bits && masked(first, prefix) == masked(first, bits)).then_some(network)
    }

    fn contains(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.first.is_ipv4()
            && masked(ip, self.prefix) == masked(self.first, self.prefix)
    }
}

/// The first `prefix` bits of an address.
fn masked(ip: IpAddr, prefix: u8) -> u128 {
    let (bits, width) = match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let shift = width - u32::from(prefix).min(width);
    bits.checked_shr(shift)
        .unwrap_or(0)
        .checked_shl(shift)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use ws_core::handshake::{HeadLimits, ServerHandshake, ServerStep};

    use super::*;

    fn request(headers: &[&str]) -> Request {
        let head = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n",
            headers.join("\r\n")
        );
        match ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default()) {
            ServerStep::Request(request) => request,
            other => panic!("{head}: {other:?}"),
        }
    }

    fn client(proxies: &TrustedProxies, peer: &str, headers: &[&str]) -> Option<String> {
        let peer = PeerAddress::tcp(peer.parse().unwrap());
        let client = proxies.client(peer, &request(headers));
        client.map(|client| client.to_string())
    }

    #[test]
    fn the_last_address_that_is_not_a_proxy_is_the_client() {
        let proxies = TrustedProxies::new(["10.0.0.0/8", "::1"])
            .unwrap()
            .forwarded_header(ForwardedHeader::XForwardedFor);
        for (headers, expected) in [
            (&["X-Forwarded-For: 192.0.2.7"][..], Some("192.0.2.7:0")),
            (&["X-Forwarded-For: 192.0.2.7:4711"], Some("192.0.2.7:4711")),
            (&["X-Forwarded-For: 2001:db8::7"], Some("[2001:db8::7]:0")),
            (
                &["X-Forwarded-For: [2001:db8::7]:1"],
                Some("[2001:db8::7]:1"),
            ),
            (&["X-Forwarded-For: ::ffff:192.0.2.7"], Some("192.0.2.7:0")),
            // The client made the first up.
            (
                &["X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.2.3"],
                Some("192.0.2.7:0"),
            ),
            (
                &["X-Forwarded-For: 6.6.6.6", "x-forwarded-for: 192.0.2.7"],
                Some("192.0.2.7:0"),
            ),
            (&["X-Forwarded-For: 10.0.0.9, 10.0.0.8"], Some("10.0.0.9:0")),
            // Whatever is before something unreadable.
            (&["X-Forwarded-For: 192.0.2.7, unknown"], None),
            (&["X-Forwarded-For: "], None),
            (&["X-Forwarded-For: 192.0.2.7,"], None),
            (&["Forwarded: for=192.0.2.7"], None),
        ] {
            let found = client(&proxies, "10.200.0.1:5000", headers);
            assert_eq!(found.as_deref(), expected, "{headers:?}");
            assert_eq!(
                client(&proxies, "11.0.0.1:5000", headers),
                None,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_says() {
        let proxies = TrustedProxies::new(["10.0.0.0/8"])
            .unwrap()
            .forwarded_header(ForwardedHeader::Forwarded);
        for (header, expected) in [
            ("Forwarded: for=192.0.2.43", Some("192.0.2.43:0")),
            (
                "Forwarded: For=\"[2001:db8:cafe::17]:4711\"",
                Some("[2001:db8:cafe::17]:4711"),
            ),
            (
                "Forwarded: proto=http;for=192.0.2.60;by=203.0.113.43",
                Some("192.0.2.60:0"),
            ),
            (
                "Forwarded: for=6.6.6.6, for=198.51.100.17;by=\"a,b;c\"",
                Some("198.51.100.17:0"),
            ),
            (
                "Forwarded: for=198.51.100.17;by=\"\\\",\"",
                Some("198.51.100.17:0"),
            ),
            (
                "Forwarded: for=192.0.2.43, for=10.0.0.1",
                Some("192.0.2.43:0"),
            ),
            ("Forwarded: for=_hidden", None),
            ("Forwarded: for=unknown", None),
            ("Forwarded: for=192.0.2.43;for=192.0.2.44", None),
            ("Forwarded: by=192.0.2.43", None),
            ("Forwarded: for=\"192.0.2.43", None),
            ("X-Forwarded-For: 192.0.2.43", None),
        ] {
            let found = client(&proxies, "10.0.0.2:1", &[header]);
            assert_eq!(found.as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        let contains = |network: &str, ip: &str| {
            Network::parse(network)
                .unwrap()
                .contains(ip.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "::1") && !contains("::/0", "1.1.1.1"));
        assert!(contains("fd00::/8", "fdff::1") && !contains("fd00::/8", "fe00::1"));
        assert!(contains("192.0.2.1", "192.0.2.1") && !contains("192.0.2.1", "192.0.2.2"));
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.1/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "localhost",
            "10.0.0",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        let error = TrustedProxies::new(["10.0.0.1/8"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unusable configuration: \"10.0.0.1/8\" is no address and no network such as 10.0.0.0/8"
        );
    }
}

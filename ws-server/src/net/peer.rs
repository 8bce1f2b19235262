//! The address of a peer.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// The address of a connection's other end.
///
/// An IPv4 peer of a dual-stack listener is reported as IPv4, not as a mapped IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerAddress {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over a Unix socket, whose clients have no name.
    Unix,
}

impl PeerAddress {
    /// Returns the IP address, if the transport has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }

    pub(crate) fn tcp(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        if ip == address.ip() {
            Self::Tcp(address)
        } else {
            Self::Tcp(SocketAddr::new(ip, address.port()))
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_reported_as_ipv4() {
        let unmapped = |text: &str| PeerAddress::tcp(text.parse().unwrap()).to_string();
        assert_eq!(unmapped("[::ffff:127.0.0.1]:52488"), "127.0.0.1:52488");
        assert_eq!(unmapped("[::1]:52488"), "[::1]:52488");
        assert_eq!(unmapped("10.0.0.1:1"), "10.0.0.1:1");
        assert_eq!(PeerAddress::Unix.to_string(), "unix");
    }
}

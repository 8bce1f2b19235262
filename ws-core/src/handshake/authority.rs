//! `host[:port]` as it stands in `Host`, in an origin and in an absolute request target.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host and its port, borrowed from a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// Name or address; an IPv6 address without its brackets.
    name: &'a str,
    is_ipv6: bool,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `name`, `name:port`, `address:port` or `[IPv6]:port`; `None` for anything else, user info included.
    ///
    /// RFC 3986 §3.2.2, without the marks that no host name in use has.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (name, rest, is_ipv6) = if let Some(rest) = text.strip_prefix('[') {
            let (name, rest) = rest.split_once(']')?;
            name.parse::<Ipv6Addr>().ok()?;
            (name, rest, true)
        } else {
            let end = text.find(':').unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            if name.is_empty() || !name.bytes().all(is_name_byte) {
                return None;
            }
            (name, rest, false)
        };
        let port = match rest.strip_prefix(':') {
            Some("") => None,
            Some(digits)
                if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self {
            name,
            is_ipv6,
            port,
        })
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Says whether both name the same host, ports aside.
    pub(crate) fn is_same_host(&self, other: &Authority<'_>) -> bool {
        if self.is_ipv6 != other.is_ipv6 {
            return false;
        }
        if self.is_ipv6 {
            // One address has many spellings.
            return self.name.parse::<Ipv6Addr>().ok() == other.name.parse::<Ipv6Addr>().ok();
        }
        self.name.eq_ignore_ascii_case(other.name)
    }

    /// Says whether this is `localhost`, a name below it, or a loopback address.
    ///
    /// RFC 6761 §6.3
    pub(crate) fn is_loopback(&self) -> bool {
        if self.is_ipv6 {
            return self
                .name
                .parse::<Ipv6Addr>()
                .is_ok_and(|address| address.to_canonical().is_loopback());
        }
        if self
            .name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        {
            return true;
        }
        let name = self.name.strip_suffix('.').unwrap_or(self.name);
        let (below, last) = name.rsplit_once('.').unwrap_or(("", name));
        last.eq_ignore_ascii_case("localhost") && !below.starts_with('.') && !below.ends_with('.')
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%')
}

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
        match name.rsplit_once('.') {
            None => name.eq_ignore_ascii_case("localhost"),
            Some((below, last)) => {
                last.eq_ignore_ascii_case("localhost")
                    && below.split('.').all(|label| !label.is_empty())
            }
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_addresses_and_ports() {
        for (text, port) in [
            ("example.com", None),
            ("example.com:8080", Some(8080)),
            ("a_b-c.example", None),
            ("127.0.0.1:65535", Some(65535)),
            ("[::1]", None),
            ("[2001:DB8::1]:443", Some(443)),
            ("name:", None),
        ] {
            let authority = Authority::parse(text).unwrap_or_else(|| panic!("{text} is valid"));
            assert_eq!(authority.port(), port, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_host() {
        for text in [
            "",
            ":80",
            "a b",
            "user@host",
            "user:pw@host",
            "host:80:80",
            "host:+1",
            "host:65536",
            "host:000080",
            "host:8o",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "[::1",
            "::1",
            "[]",
            "[::1]80",
            "[127.0.0.1]",
            "[::1%eth0]",
            "[::g]",
            "h\u{f6}st",
            "host\\x",
            "[::1]:x",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn compares_hosts_by_what_they_mean() {
        let same = |a, b| {
            Authority::parse(a)
                .unwrap()
                .is_same_host(&Authority::parse(b).unwrap())
        };
        assert!(same("Example.COM:1", "example.com:2"));
        assert!(same("[::1]", "[0:0:0:0:0:0:0:1]:80"));
        assert!(!same("example.com", "evil-example.com"));
        assert!(!same("example.com", "example.com.evil"));
        assert!(!same("[::1]", "127.0.0.1"));
    }

    /// what a rebinding page cannot be called.
    #[test]
    fn knows_loopback_names() {
        for text in [
            "localhost",
            "LOCALHOST:9894",
            "localhost.",
            "app.localhost",
            "a.b.localhost:80",
            "127.0.0.1",
            "127.255.255.254:1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(Authority::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "128.0.0.1",
            "0.0.0.0",
            "127.1",
            "[::2]",
            "[::]",
            ".localhost",
            "a..localhost",
            "127.0.0.1.",
            "localhost..",
            "192.168.0.1",
        ] {
            assert!(!Authority::parse(text).unwrap().is_loopback(), "{text}");
        }
    }
}

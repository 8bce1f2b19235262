//! The PROXY protocol, versions 1 and 2: what a balancer says before everything else.
//!
//! Strict: whoever is expected to send the header and sends anything else is refused, and nothing is guessed.
//! Invariant: at most [`MAX_V2_BYTES`] are kept, each byte is looked at once or twice, and whatever comes after the
//! header is left alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Takes one header, whatever the pieces it comes in.
#[derive(Debug, Default)]
pub(crate) struct ProxyHeader {
    bytes: Vec<u8>,
}

/// What a piece led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyStep {
    NeedMore,
    /// The header is whole, and so many bytes of this piece belonged to it.
    Done {
        /// The client; none if the balancer speaks for itself or does not know.
        source: Option<SocketAddr>,
        taken: usize,
    },
    Refused(&'static str),
}

impl ProxyHeader {
    /// Takes bytes of the header.
    pub(crate) fn receive(&mut self, input: &[u8]) -> ProxyStep {
        for (index, &byte) in input.iter().enumerate() {
            self.bytes.push(byte);
            let parsed = match self.bytes[0] {
                b'P' => self.parse_v1(byte),
                V2_SIGNATURE_START => self.parse_v2(),
                _ => Err(NO_HEADER),
            };
            match parsed {
                Ok(None) => {}
                Ok(Some(source)) => {
                    let taken = index + 1;
                    return ProxyStep::Done { source, taken };
                }
                Err(text) => return ProxyStep::Refused(text),
            }
        }
        ProxyStep::NeedMore
    }

    /// `PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n`, of at most 107 bytes.
    fn parse_v1(&self, last: u8) -> Result<Option<Option<SocketAddr>>, &'static str> {
        let bytes = &self.bytes;
        let common = bytes.len().min(V1_START.len());
        if bytes[..common] != V1_START[..common] {
            return Err(NO_HEADER);
        }
        if last != b'\n' {
            let is_too_long = bytes.len() >= MAX_V1_BYTES;
            return if is_too_long {
                Err(BROKEN_V1)
            } else {
                Ok(None)
            };
        }
        let line = bytes.strip_suffix(b"\r\n").ok_or(BROKEN_V1)?;
        let line = std::str::from_utf8(line).map_err(|_| BROKEN_V1)?;
        let mut words = line.split(' ').skip(1);
        let mut word = || words.next().ok_or(BROKEN_V1);
        let family = word()?;
        if family == "UNKNOWN" {
            return Ok(Some(None));
        }
        let addresses = [word()?, word()?];
        let ports = [port(word()?)?, port(word()?)?];
        if words.next().is_some() {
            return Err(BROKEN_V1);
        }
        let parse = |text: &str| -> Option<IpAddr> {
            match family {
                "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
                "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
                _ => None,
            }
        };
        match addresses.map(parse) {
            [Some(source), Some(_)] => Ok(Some(Some(SocketAddr::new(source, ports[0])))),
            _ => Err(BROKEN_V1),
        }
    }

    /// Signature, version and command, family, length, addresses; what follows them is skipped.
    fn parse_v2(&self) -> Result<Option<Option<SocketAddr>>, &'static str> {
        let bytes = &self.bytes;
        let common = bytes.len().min(V2_SIGNATURE.len());
        if bytes[..common] != V2_SIGNATURE[..common] {
            return Err(NO_HEADER);
        }
        let Some((head, rest)) = bytes.split_first_chunk::<V2_HEAD_BYTES>() else {
            return Ok(None);
        };
        let [.., command, family, high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_V2_BYTES - V2_HEAD_BYTES {
            return Err("the PROXY header is too long");
        }
        let is_local = match command {
            0x20 => true,
            0x21 => false,
            _ => return Err("the PROXY header has an unknown version or command"),
        };
        let least = match family {
            0x00 | 0x31 => 0,
            0x11 => 12,
            0x21 => 36,
            _ if is_local => 0,
            _ => return Err("the PROXY header is not of a stream"),
        };
        if !is_local && length < least {
            return Err("the PROXY header is shorter than its addresses");
        }
        if rest.len() < length {
            return Ok(None);
        }
        if is_local {
            return Ok(Some(None));
        }
        Ok(Some(match (family, rest) {
            (0x11, &[a, b, c, d, _, _, _, _, high, low, ..]) => {
                let port = u16::from_be_bytes([high, low]);
                Some(SocketAddr::from(([a, b, c, d], port)))
            }
            (0x21, _) => {
                let (address, rest) = rest.split_first_chunk::<16>().ok_or(NO_HEADER)?;
                let port = rest.get(16..18).ok_or(NO_HEADER)?;
                let port = u16::from_be_bytes([port[0], port[1]]);
                Some(SocketAddr::from((*address, port)))
            }
            _ => None,
        }))
    }
}

/// A port as version 1 writes it: digits, no zero in front.
fn port(text: &str) -> Result<u16, &'static str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = text == "0" || !text.starts_with('0');
    match text.parse() {
        Ok(port) if is_plain && is_canonical => Ok(port),
        _ => Err(BROKEN_V1),
    }
}

const NO_HEADER: &str = "a balancer that must send a PROXY header sent something else";
const BROKEN_V1: &str = "the PROXY header is broken";
const V1_START: &[u8] = b"PROXY ";
const MAX_V1_BYTES: usize = 107;
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_SIGNATURE_START: u8 = b'\r';
const V2_HEAD_BYTES: usize = 16;
/// With what balancers add: names, certificates' subjects, checksums.
const MAX_V2_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same bytes in two pieces, for every cut, and one by one: always the same end.
    fn parse(bytes: &[u8]) -> ProxyStep {
        let whole = ProxyHeader::default().receive(bytes);
        for cut in 0..=bytes.len() {
            let mut header = ProxyHeader::default();
            let step = match header.receive(&bytes[..cut]) {
                ProxyStep::NeedMore => match header.receive(&bytes[cut..]) {
                    ProxyStep::Done { source, taken } => {
                        let taken = cut + taken;
                        ProxyStep::Done { source, taken }
                    }
                    step => step,
                },
                step => step,
            };
            assert_eq!(step, whole, "cut at {cut}");
        }
        whole
    }

    fn done(source: Option<&str>, taken: usize) -> ProxyStep {
        let source = source.map(|text| text.parse().unwrap());
        ProxyStep::Done { source, taken }
    }

    #[test]
    fn takes_version_1_and_leaves_what_follows() {
        for (line, source) in [
            (
                "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n",
                Some("192.0.2.7:40000"),
            ),
            (
                "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
                Some("255.255.255.255:65535"),
            ),
            (
                "PROXY TCP6 2001:db8::7 ::1 1 0\r\n",
                Some("[2001:db8::7]:1"),
            ),
            ("PROXY UNKNOWN\r\n", None),
            (
                "PROXY UNKNOWN ffff:f...f:ffff whatever 65535 65535\r\n",
                None,
            ),
        ] {
            let bytes = [line.as_bytes(), b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse(&bytes), done(source, line.len()), "{line}");
        }
    }

    #[test]
    fn refuses_everything_else_as_version_1() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "proxy TCP4 192.0.2.7 198.51.100.1 40000 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 1\r\n",
            "PROXY TCP4 192.0.2.7  198.51.100.1 40000 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 040000 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +4000 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.07 198.51.100.1 4000 443\r\n",
            "PROXY TCP4 2001:db8::7 ::1 4000 443\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 4000 443\r\n",
            "PROXY UDP4 192.0.2.7 198.51.100.1 4000 443\r\n",
            "PROXY \r\n",
            "PROXY\r\n",
        ] {
            assert!(
                matches!(parse(line.as_bytes()), ProxyStep::Refused(_)),
                "{line}"
            );
        }
        let long = ["PROXY UNKNOWN ".as_bytes(), &[b'x'; 200]].concat();
        assert!(matches!(parse(&long), ProxyStep::Refused(_)));
        assert!(matches!(parse(&long[..106]), ProxyStep::NeedMore));
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [V2_SIGNATURE, &[command, family], &length, body].concat()
    }

    #[test]
    fn takes_version_2_with_whatever_is_added() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 1, 187];
        let mut v6 = [0; 36];
        v6[..2].copy_from_slice(&[0x20, 1]);
        v6[15] = 7;
        v6[32..34].copy_from_slice(&[0x9c, 0x40]);
        let unix = [b'/'; 216];
        for (command, family, body, source) in [
            (0x21, 0x11, &v4[..], Some("192.0.2.7:40000")),
            (0x21, 0x21, &v6[..], Some("[2001::7]:40000")),
            (0x21, 0x31, &unix[..], None),
            (0x21, 0x00, &[][..], None),
            (0x20, 0x00, &[][..], None),
            (0x20, 0x11, &v4[..], None),
        ] {
            for added in [&[][..], &[3, 0, 4, 1, 2, 3, 4]] {
                let header = v2(command, family, &[body, added].concat());
                let bytes = [&header[..], b"\x16\x03\x01"].concat();
                assert_eq!(
                    parse(&bytes),
                    done(source, header.len()),
                    "{command:x} {family:x}"
                );
            }
        }
    }

    #[test]
    fn refuses_everything_else_as_version_2() {
        for (command, family, length) in [
            (0x11, 0x11, 12),
            (0x22, 0x11, 12),
            (0x21, 0x12, 12),
            (0x21, 0x22, 36),
            (0x21, 0x32, 216),
            (0x21, 0x41, 12),
            (0x21, 0x11, 11),
            (0x21, 0x21, 35),
            (0x21, 0x11, 5000),
        ] {
            let header = v2(command, family, &vec![1; length]);
            assert!(
                matches!(parse(&header), ProxyStep::Refused(_)),
                "{command:x} {family:x} {length}"
            );
        }
        assert!(matches!(
            parse(b"\r\n\r\n\0\r\nQUIX\n"),
            ProxyStep::Refused(_)
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_end_somehow_and_the_same_however_cut(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 0..3) {
            let start: &[u8] = [&b""[..], V1_START, V2_SIGNATURE][usize::try_from(kind).unwrap()];
            parse(&[start, &bytes].concat());
        }
    }
}

//! Where `ws serve` listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::secret;

/// Where `ws serve` listens when no port is given.
const PORT: u16 = 9894;

/// Reads `ADDR:PORT`, `ADDR`, `PORT` (this machine only) or `:PORT` (all interfaces); a name is resolved.
pub(super) fn parse_address(text: &str) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = unbracketed.parse::<IpAddr>() {
        return Ok(vec![(address, PORT).into()]);
    }
    let (host, port) = match text.rsplit_once(':') {
        None => (text, Some(PORT)),
        Some((host, port)) => (host, port.parse().ok()),
    };
    // Resolvers take a bare number for an address: 99999 would be 0.1.134.159.
    let is_number = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit());
    let nameable = !text.is_empty() && !is_number && !host.contains([':', '/', '[', ']', ' ']);
    let Some(port) = port.filter(|_| nameable) else {
        let text = secret::shown(text);
        return Err(Failure::usage(format!(
            "'{text}' is not an address to listen on; write ADDR:PORT, [IPV6]:PORT, PORT or :PORT, with a port up to 65535"
        )));
    };
    if text.starts_with(':') {
        return Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into()]);
    }
    let resolved = (host, port).to_socket_addrs().map_err(|error| {
        Failure::new(
            Exit::Resolve,
            "resolve",
            format!("cannot listen on '{text}': the name {host} has no address ({error}); give an IP address"),
        )
    })?;
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    // "localhost" is where most clients look first.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> String {
        parse_address(text).unwrap()[0].to_string()
    }

    #[test]
    fn an_address_may_be_given_in_part() {
        assert_eq!(first("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(first("8080"), "127.0.0.1:8080");
        assert_eq!(first(":8080"), "[::]:8080");
        assert_eq!(first("[::1]:8080"), "[::1]:8080");
        assert_eq!(first("0"), "127.0.0.1:0");
        assert_eq!(first("0.0.0.0"), "0.0.0.0:9894");
        assert_eq!(first("::1"), "[::1]:9894");
        assert_eq!(first("[::1]"), "[::1]:9894");
        assert_eq!(first("localhost:8080"), "127.0.0.1:8080");
    }

    #[test]
    fn what_is_no_address_is_wrong_usage() {
        for text in [
            "",
            "ws://127.0.0.1:80",
            "127.0.0.1:65536",
            "127.0.0.1:",
            "::1:80:x",
            "[::1:80",
            "a b:80",
            "99999",
        ] {
            let failure = parse_address(text)
                .map(|addresses| format!("{text:?}: {addresses:?}"))
                .unwrap_err();
            assert!(
                matches!(failure.exit, Exit::Usage | Exit::Resolve),
                "{text:?}: {failure:?}"
            );
        }
    }
}

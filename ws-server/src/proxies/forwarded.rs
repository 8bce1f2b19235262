//! `X-Forwarded-For` and `Forwarded` (RFC 7239): the addresses that proxies noted, from the client to the last proxy.

use std::net::{IpAddr, SocketAddr};

use ws_core::handshake::Request;

/// Returns what the proxies noted, the last first; `None` stands for something that is no address.
///
/// The end of a list is what the nearest proxy wrote, its beginning what anybody may have made up.
pub(super) fn x_forwarded_for(request: &Request) -> Vec<Option<SocketAddr>> {
    let mut hops: Vec<_> = values(request, "x-forwarded-for")
        .flat_map(|value| value.split(','))
        .map(|text| address(text.trim_matches([' ', '\t'])))
        .collect();
    hops.reverse();
    hops
}

/// The same of `Forwarded: for=192.0.2.43, for="[2001:db8::7]:4711";proto=https`.
pub(super) fn forwarded(request: &Request) -> Vec<Option<SocketAddr>> {
    let mut hops: Vec<_> = values(request, "forwarded")
        .flat_map(|value| split_outside_quotes(value, ','))
        .map(|element| {
            let mut found = split_outside_quotes(element, ';').filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim_matches([' ', '\t'])
                    .eq_ignore_ascii_case("for")
                    .then(|| value.trim_matches([' ', '\t']))
            });
            let (Some(value), None) = (found.next(), found.next()) else {
                return None;
            };
            address(unquote(value))
        })
        .collect();
    hops.reverse();
    hops
}

fn values<'r>(request: &'r Request, name: &'static str) -> impl Iterator<Item = &'r str> {
    request
        .headers()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// `192.0.2.43`, `192.0.2.43:4711`, `2001:db8::7` or `[2001:db8::7]:4711`; port 0 where there is none.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, 0)),
        Err(_) => text.parse().ok(),
    }
}

/// Addresses have nothing to be escaped, so a quoted string with an escape is none.
fn unquote(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '"' if !was_escaped => is_quoted = !is_quoted,
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            _ => return c == separator && !is_quoted,
        }
        false
    })
}

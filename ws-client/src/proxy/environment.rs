//! A proxy as text, and as the environment names it.

use std::net::IpAddr;

use super::{ProxyKind, ProxyMistake, ProxySettings};
use crate::address::percent_decode;

/// Chooses by variables that `get` knows.
pub(super) fn choose(
    host: &str,
    port: u16,
    secure: bool,
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<ProxySettings>, ProxyMistake> {
    let set = |name: &&'static str| {
        let value = get(name).filter(|value| !value.trim().is_empty())?;
        Some((*name, value))
    };
    let names: &[&'static str] = if secure {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else if get("REQUEST_METHOD").is_some() {
        // In a CGI program this variable is the header "Proxy" of a remote client.
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    };
    let Some((name, value)) = names.iter().find_map(set) else {
        return Ok(None);
    };
    let exceptions = ["no_proxy", "NO_PROXY"].iter().find_map(set);
    if exceptions.is_some_and(|(_, list)| is_exempt(&list, host, port)) {
        return Ok(None);
    }
    parse(value.trim())
        .map(Some)
        .map_err(|_| ProxyMistake::Environment(name))
}

/// Reads `[kind://][login[:password]@]host[:port][/]`.
pub(super) fn parse(text: &str) -> Result<ProxySettings, ProxyMistake> {
    let (kind, rest) = match text.split_once("://") {
        Some((kind, rest)) => (parse_kind(kind)?, rest),
        None => (ProxyKind::Http, text),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (login, host_port) = match authority.rsplit_once('@') {
        Some((login, host_port)) => (Some(login), host_port),
        None => (None, authority),
    };
    if host_port.contains(['/', '?', '#']) {
        return Err(ProxyMistake::Text);
    }
    let (host, port) = split_port(host_port);
    let port = match port {
        Some(port) => port.parse().map_err(|_| ProxyMistake::Port)?,
        None => match kind {
            ProxyKind::Http => 80,
            ProxyKind::Https => 443,
            ProxyKind::Socks4 | ProxyKind::Socks4a | ProxyKind::Socks5 => 1080,
        },
    };
    let mut settings = ProxySettings::new(kind, host, port);
    if let Some(login) = login {
        let (login, password) = login.split_once(':').unwrap_or((login, ""));
        let decode = |text| String::from_utf8(percent_decode(text)).map_err(|_| ProxyMistake::Text);
        settings = settings.login(decode(login)?, decode(password)?);
    }
    // A name that any target allows: only the proxy itself is checked here.
    settings.check("localhost")?;
    Ok(settings)
}

pub(super) fn parse_kind(word: &str) -> Result<ProxyKind, ProxyMistake> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "socks5" | "socks5h" | "socks" => ProxyKind::Socks5,
        "socks4" => ProxyKind::Socks4,
        "socks4a" => ProxyKind::Socks4a,
        "http" => ProxyKind::Http,
        "https" => ProxyKind::Https,
        _ => return Err(ProxyMistake::Kind),
    })
}

/// Whether one entry of the list `exceptions` means `host`.
fn is_exempt(exceptions: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.');
    let entries = exceptions.split([',', ' ', '\t']);
    entries.filter(|entry| !entry.is_empty()).any(|entry| {
        let (name, entry_port) = split_port(entry);
        let port_fits = entry_port.is_none_or(|text| text.parse() == Ok(port));
        port_fits && names(name, host)
    })
}

fn names(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return match bare.split_once('/') {
            Some((network, bits)) => match (network.parse(), bits.parse()) {
                (Ok(network), Ok(bits)) => is_in_network(ip, network, bits),
                _ => false,
            },
            None => bare.parse() == Ok(ip),
        };
    }
    let name = entry
        .trim_start_matches("*.")
        .trim_matches('.')
        .to_ascii_lowercase();
    !name.is_empty()
        && host
            .strip_suffix(name.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn is_in_network(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    let prefix = |value: u128, width: u32| value.checked_shr(width - bits).unwrap_or(0);
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) if bits <= 32 => {
            let (ip, network) = (u32::from(ip).into(), u32::from(network).into());
            prefix(ip, 32) == prefix(network, 32)
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) if bits <= 128 => {
            prefix(ip.into(), 128) == prefix(network.into(), 128)
        }
        _ => false,
    }
}

/// `host` or `host:port`; a bare IPv6 address has no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

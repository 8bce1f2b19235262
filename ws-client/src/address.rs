//! Parses WebSocket addresses (`ws://…`, `wss://…`) and prints them without their secrets.
//!
//! ```text
//! "wss://user:pass@host:8443/path?token=1"
//!    scheme ─ userinfo ─ host ─ port ─ target        Display: "wss://host:8443/path?token=***"
//! ```
//! Invariant: neither `Display` nor `Debug` nor an error ever shows user information or the value of a query parameter.
//! Invariant: host and target are ASCII without control characters or spaces, so no line of HTTP can be smuggled in.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::error::{Cause, Error, Stage};
use crate::secret::Secret;

mod problem;
mod redirect;

pub(crate) use problem::{AddressProblem, Part};

/// The address of a WebSocket endpoint: `ws://host[:port][/path][?query]` or `wss://…`.
///
/// `Display` and `Debug` leave out user information and replace the values of query parameters by `***`.
/// Default ports are 80 and 443. Letters outside ASCII in path and query are percent-encoded as UTF-8.
///
/// # Examples
///
/// ```
/// let address: ws_client::Address = "ws://me:secret@[::1]:9894/chat?token=1".parse()?;
/// assert_eq!((address.host(), address.port(), address.target()), ("::1", 9894, "/chat?token=1"));
/// assert_eq!(address.to_string(), "ws://[::1]:9894/chat?token=***");
/// # Ok::<(), ws_client::Error>(())
/// ```
///
/// RFC 6455 [§3](https://www.rfc-editor.org/rfc/rfc6455#section-3)
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    ipv6: bool,
    port: Option<u16>,
    target: String,
    user_information: Option<Secret>,
}

impl Address {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`ErrorKind::BadAddress`](crate::ErrorKind::BadAddress) names the character's position (from 1) and what to
    /// write instead.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|problem| Error::new(Stage::Address, "", Cause::Address(problem)))
    }

    /// True for `wss://`: the connection is to be encrypted.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host name or IP address; IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port as given, else 80 (`ws`) or 443 (`wss`).
    pub fn port(&self) -> u16 {
        self.port_with(self.secure)
    }

    /// Port as given, else the default of a connection that is encrypted or not, whatever the scheme says.
    pub(crate) fn port_with(&self, secure: bool) -> u16 {
        self.port.unwrap_or(if secure { 443 } else { 80 })
    }

    /// Path and query as they go into the request line; at least `/`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The host as a certificate names it: IPv6 without brackets and zone.
    pub(crate) fn certificate_name(&self) -> &str {
        let zone = if self.ipv6 { self.host.find('%') } else { None };
        &self.host[..zone.unwrap_or(self.host.len())]
    }

    /// Host and port in any case, as a proxy is asked for them.
    pub(crate) fn authority(&self, secure: bool) -> String {
        let host = self.certificate_name();
        let port = self.port_with(secure);
        if self.ipv6 {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Value of the `Host` header: no port if it is the default, IPv6 in brackets without its zone.
    pub(crate) fn host_header(&self, secure: bool) -> String {
        let authority = self.authority(secure);
        let default = if secure { ":443" } else { ":80" };
        match authority.strip_suffix(default) {
            Some(host) => host.to_owned(),
            None => authority,
        }
    }

    /// Value of the `Authorization` header that the user information asks for (Basic, RFC 7617).
    pub(crate) fn authorization(&self) -> Option<String> {
        let information = self.user_information.as_ref()?.reveal();
        let (user, password) = information.split_once(':').unwrap_or((information, ""));
        let mut credentials = percent_decode(user);
        credentials.push(b':');
        credentials.extend(percent_decode(password));
        Some(format!(
            "Basic {}",
            data_encoding::BASE64.encode(&credentials)
        ))
    }

    /// What must never be printed: the user information, and the values in the query, as sent and decoded.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        let mut add = |text: &str| {
            secrets.push(text.to_owned());
            // Of a form, a plus is a space.
            for text in [text, &text.replace('+', " ")] {
                let decoded = percent_decode(text);
                secrets.push(String::from_utf8_lossy(&decoded).into_owned());
            }
        };
        if let Some(information) = &self.user_information {
            information.reveal().split(':').for_each(&mut add);
        }
        if let Some((_, query)) = self.target.split_once('?') {
            for parameter in query.split('&') {
                add(parameter
                    .split_once('=')
                    .map_or(parameter, |(_, value)| value));
            }
        }
        if let Some(authorization) = self.authorization() {
            secrets.extend(authorization.split(' ').nth(1).map(str::to_owned));
        }
        secrets
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "wss://" } else { "ws://" })?;
        if self.ipv6 {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if self.target == "/" {
            return Ok(());
        }
        f.write_str(&redacted_target(&self.target))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

fn parse(text: &str) -> Result<Address, AddressProblem> {
    if text.is_empty() {
        return Err(AddressProblem::Empty);
    }
    let (secure, scheme_len) = parse_scheme(text)?;
    let rest = &text[scheme_len..];
    // Positions are counted in characters, as an editor counts them, and the scheme is ASCII.
    let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(authority_len);

    let (user_information, host_port) = match authority.rsplit_once('@') {
        Some((information, host_port)) => (Some(information), host_port),
        None => (None, authority),
    };
    if let Some(information) = user_information {
        check_user_information(information, scheme_len + 1)?;
    }
    let host_position =
        scheme_len + 1 + user_information.map_or(0, |part| part.chars().count() + 1);
    let (host, ipv6, port) = parse_host_port(host_port, host_position)?;
    let target_position = scheme_len + 1 + authority.chars().count();
    Ok(Address {
        secure,
        host,
        ipv6,
        port,
        target: encode_target(target, target_position)?,
        user_information: user_information.map(Secret::new),
    })
}

fn parse_scheme(text: &str) -> Result<(bool, usize), AddressProblem> {
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(AddressProblem::NoScheme);
    };
    let known = |name: &str| scheme.eq_ignore_ascii_case(name);
    if known("ws") || known("wss") {
        return Ok((known("wss"), scheme.len() + 3));
    }
    if known("http") || known("https") {
        return Err(AddressProblem::HttpScheme {
            secure: known("https"),
        });
    }
    let is_scheme = !scheme.is_empty()
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    Err(if is_scheme {
        AddressProblem::OtherScheme
    } else {
        AddressProblem::NoScheme
    })
}

fn check_user_information(text: &str, first: usize) -> Result<(), AddressProblem> {
    for (index, c) in text.chars().enumerate() {
        // Wider than RFC 3986: what people type in a password is taken as it is. It leaves only as Base64.
        if c.is_control() || c == ' ' {
            return Err(AddressProblem::Character {
                position: first + index,
                shown: '?',
                part: Part::UserInformation,
            });
        }
    }
    check_percent(text, first, Part::UserInformation)
}

fn parse_host_port(
    text: &str,
    first: usize,
) -> Result<(String, bool, Option<u16>), AddressProblem> {
    let (host, ipv6, port) = if let Some(inner) = text.strip_prefix('[') {
        let (literal, after) = inner.split_once(']').ok_or(AddressProblem::Ipv6)?;
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(AddressProblem::Ipv6),
        };
        (parse_ipv6(literal)?, true, port)
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if port.contains(':') {
            return Err(AddressProblem::Ipv6);
        }
        for (index, c) in host.chars().enumerate() {
            if !(c.is_ascii_alphanumeric() || "-._~".contains(c)) {
                return Err(AddressProblem::Character {
                    position: first + index,
                    shown: c,
                    part: Part::Host,
                });
            }
        }
        (host.to_ascii_lowercase(), false, port)
    };
    if host.is_empty() {
        return Err(AddressProblem::NoHost);
    }
    if port.is_empty() {
        return Ok((host, ipv6, None));
    }
    // `u16::from_str` would take "+80".
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressProblem::Port);
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok((host, ipv6, Some(port))),
        _ => Err(AddressProblem::Port),
    }
}

/// An IPv6 literal, with a zone as RFC 6874 writes it (`%25eth0`) or as people do (`%eth0`).
fn parse_ipv6(literal: &str) -> Result<String, AddressProblem> {
    let (address, zone) = match literal.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (literal, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| AddressProblem::Ipv6)?;
    let Some(zone) = zone else {
        return Ok(IpAddr::V6(address).to_string());
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if zone.is_empty() || !zone.bytes().all(plain) {
        return Err(AddressProblem::Ipv6);
    }
    Ok(format!("{address}%{zone}"))
}

/// Path and query for the request line; what RFC 3986 does not allow there but is no control character or space is
/// percent-encoded, as browsers do.
fn encode_target(text: &str, first: usize) -> Result<String, AddressProblem> {
    let mut target = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        target.push('/');
    }
    let mut part = Part::Path;
    for (index, c) in text.chars().enumerate() {
        let position = first + index;
        match c {
            '#' => return Err(AddressProblem::Fragment { position }),
            ' ' => {
                return Err(AddressProblem::Character {
                    position,
                    shown: c,
                    part,
                });
            }
            c if c.is_control() => {
                return Err(AddressProblem::Character {
                    position,
                    shown: c,
                    part,
                });
            }
            '?' => {
                part = Part::Query;
                target.push(c);
            }
            c if c.is_ascii_alphanumeric() || "-._~:/@!$&'()*+,;=%".contains(c) => target.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    push_encoded(&mut target, byte);
                }
            }
        }
    }
    let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
    check_percent(path, first, Part::Path)?;
    check_percent(query, first + path.chars().count(), Part::Query)?;
    Ok(target)
}

fn check_percent(text: &str, first: usize, part: Part) -> Result<(), AddressProblem> {
    let bytes = text.as_bytes();
    for (index, _) in text.match_indices('%') {
        let digits = bytes.get(index + 1..index + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(AddressProblem::Percent {
                position: first + text[..index].chars().count(),
                part,
            });
        }
    }
    Ok(())
}

/// Encodes all but what RFC 3986 calls unreserved.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            push_encoded(&mut encoded, byte);
        }
    }
    encoded
}

fn push_encoded(text: &mut String, byte: u8) {
    text.push('%');
    text.push(hex_digit(byte >> 4));
    text.push(hex_digit(byte & 15));
}

pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let pair = bytes
            .get(index + 1..index + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                index += 3;
            }
            _ => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    decoded
}

/// Path and query without the values in the query.
pub(crate) fn redacted_target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let mut shown = path.to_owned();
    let mut separator = '?';
    for parameter in query.split('&') {
        shown.push(separator);
        separator = '&';
        match parameter.split_once('=') {
            Some((name, _)) => {
                shown.push_str(name);
                shown.push_str("=***");
            }
            // Without a name, the parameter itself may be the token.
            None if !parameter.is_empty() => shown.push_str("***"),
            None => {}
        }
    }
    shown
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests;

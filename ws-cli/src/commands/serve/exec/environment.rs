//! What a program is told of its connection: the variables of CGI (RFC 3875 §4.1), as far as a WebSocket has them.
//!
//! Invariant: no header becomes a variable that means something else. `Proxy` would be HTTP_PROXY, which programs obey;
//! `A_B` could not be told from `A-B`; the headers with passwords are for the server.

use ws_core::handshake::Request;
use ws_server::Context;

use super::super::handler::State;
use super::recipe::Recipe;

/// The variables of a connection's program.
pub(super) fn of(
    context: &Context<'_, State>,
    request: &Request,
    recipe: &Recipe,
) -> Vec<(String, String)> {
    let mut variables = of_request(request);
    let mut add = |name: &str, value: String| variables.push((name.to_owned(), value));
    add("CONNECTION_ID", context.id().to_string());
    match context.peer_address() {
        ws_server::PeerAddress::Tcp(address) => {
            add("REMOTE_ADDR", address.ip().to_string());
            add("REMOTE_PORT", address.port().to_string());
        }
        _ => add("REMOTE_ADDR", "unix".into()),
    }
    if let Some(port) = recipe.port {
        add("SERVER_PORT", port.to_string());
    }
    if recipe.has_tls {
        add("HTTPS", "on".into());
    }
    variables
}

fn of_request(request: &Request) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", concat!("ws/", env!("CARGO_PKG_VERSION"))),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", server_name(request)),
        ("REQUEST_METHOD", request.method()),
        ("REQUEST_URI", request.target()),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", request.path()),
        ("QUERY_STRING", request.query().unwrap_or_default()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in request.headers() {
        let Some(name) = variable(name) else {
            continue;
        };
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some((name, values)) => {
                // RFC 9110 §5.3, RFC 6265 §5.4
                values.push_str(if name == "HTTP_COOKIE" { "; " } else { ", " });
                values.push_str(value);
            }
            None => variables.push((name, value.to_owned())),
        }
    }
    variables
}

/// The host that the client asked for, without its port.
fn server_name(request: &Request) -> &str {
    let host = request.host().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The variable of a header; `None` if it must have none.
fn variable(header: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_kept_back = WITHHELD
        .iter()
        .any(|name| header.eq_ignore_ascii_case(name));
    (header.bytes().all(is_plain) && !is_kept_back).then(|| {
        let name = header.to_ascii_uppercase().replace('-', "_");
        format!("HTTP_{name}")
    })
}

/// The variables that not every connection has; those of our own environment would be taken for them.
pub(super) const SOMETIMES: [&str; 3] = ["HTTPS", "REMOTE_PORT", "SERVER_PORT"];
/// Passwords (RFC 3875 §4.1.18), and what would be taken for a setting.
const WITHHELD: [&str; 3] = ["Authorization", "Proxy", "Proxy-Authorization"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_variables_but_for_those_that_would_deceive() {
        let named = |header: &str| variable(header);
        assert_eq!(
            named("X-Forwarded-For").as_deref(),
            Some("HTTP_X_FORWARDED_FOR")
        );
        assert_eq!(named("host").as_deref(), Some("HTTP_HOST"));
        for header in [
            "Proxy",
            "PROXY",
            "authorization",
            "Proxy-Authorization",
            "X_Y",
            "X.Y",
        ] {
            assert_eq!(named(header), None, "{header}");
        }
    }
}

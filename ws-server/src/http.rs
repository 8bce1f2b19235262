//! What the port answers to a whole request: a WebSocket, or plain HTTP.
//!
//! ```text
//!   WebSocket:   check ─ handler's on_open ─ 101
//!   plain HTTP:  health? ─ check_plain: Host and Origin, who asks ─ handler's on_request ─ 426 or 404
//! ```

use ws_core::handshake::{HttpAnswer, Request};

use crate::config::Config;

/// Tells whether a request for a WebSocket may have one; if not, what to answer.
pub(crate) fn check(
    request: &Request,
    config: &Config,
    bound_to_loopback: bool,
) -> Result<(), HttpAnswer> {
    request.check_upgrade()?;
    config.policy.check(request, bound_to_loopback)?;
    authorise(request, config)?;
    if exists(request, config) {
        Ok(())
    } else {
        Err(not_found())
    }
}

/// Chooses the first of the server's subprotocols that the client offers.
pub(crate) fn choose_subprotocol<'c>(request: &Request, config: &'c Config) -> Option<&'c str> {
    config
        .subprotocols
        .iter()
        .map(String::as_str)
        .find(|name| request.subprotocols().any(|offered| offered == *name))
}

/// Answers the request of a balancer that wants to know whether the server lives, and `None` to any other.
pub(crate) fn health(request: &Request, config: &Config) -> Option<HttpAnswer> {
    if !config.health || request.path() != config.health_path {
        return None;
    }
    Some(match request.method() {
        "GET" | "HEAD" => HttpAnswer::new(200, "ok\n"),
        _ => with_header(HttpAnswer::new(405, "use GET"), "Allow", "GET, HEAD"),
    })
}

/// Tells whether the handler may be asked for an answer to a plain request.
///
/// The rules are those for WebSockets: a page that made its name lead here is to read nothing (DNS rebinding).
pub(crate) fn check_plain(
    request: &Request,
    config: &Config,
    bound_to_loopback: bool,
) -> Result<(), HttpAnswer> {
    config.policy.check(request, bound_to_loopback)?;
    authorise(request, config)
}

/// The answer to a plain request that the handler has none for.
pub(crate) fn unanswered(request: &Request, config: &Config) -> HttpAnswer {
    if exists(request, config) {
        HttpAnswer::upgrade_required()
    } else {
        not_found()
    }
}

/// Before the path is looked at, so that strangers cannot find out which there are.
fn authorise(request: &Request, config: &Config) -> Result<(), HttpAnswer> {
    config
        .auth
        .as_ref()
        .map_or(Ok(()), |auth| auth.admit(request))
}

fn exists(request: &Request, config: &Config) -> bool {
    let paths = config.paths.as_deref();
    paths.is_none_or(|paths| paths.iter().any(|path| path == request.path()))
}

fn not_found() -> HttpAnswer {
    HttpAnswer::new(404, "no WebSocket at this path")
}

/// The answer of a server that has all the connections it may have.
pub(crate) fn pool_full(limit: usize) -> HttpAnswer {
    busy(format!("all {limit} connections of this server are in use"))
}

/// The answer of a server whose program has as much left to read as may wait for it.
pub(crate) fn unread_full(limit_bytes: usize) -> HttpAnswer {
    busy(format!(
        "messages that this server's program has not read use up their limit of {limit_bytes} bytes; try again when it has \
         read some"
    ))
}

/// The answer of a server that stops.
pub(crate) fn stopping() -> HttpAnswer {
    HttpAnswer::new(503, "the server stops")
}

/// The answer of a server that cannot accept for want of descriptors.
pub(crate) fn no_descriptors() -> HttpAnswer {
    busy("the server has no file descriptors left".into())
}

/// The answer to a client that did not send its request in time.
pub(crate) fn too_slow(config: &Config) -> HttpAnswer {
    let seconds = config.handshake_timeout.as_secs_f64();
    HttpAnswer::new(408, format!("no whole request came within {seconds} s"))
}

/// The answer to a client that speaks something else to a port with TLS.
pub(crate) fn not_tls() -> HttpAnswer {
    HttpAnswer::new(400, "this port speaks TLS: use wss:// or https://")
}

/// The answer to a balancer that does not send the PROXY header it must send.
pub(crate) fn no_proxy_header(text: &str) -> HttpAnswer {
    HttpAnswer::new(400, text)
}

/// The answer when the handler's 101 cannot be written.
pub(crate) fn internal() -> HttpAnswer {
    HttpAnswer::new(500, "the server could not accept the connection")
}

fn busy(text: String) -> HttpAnswer {
    with_header(HttpAnswer::new(503, text), "Retry-After", "1")
}

fn with_header(answer: HttpAnswer, name: &str, value: &str) -> HttpAnswer {
    let plain = answer.clone();
    answer.with_header(name, value).unwrap_or(plain)
}

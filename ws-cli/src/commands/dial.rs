//! From options to an open connection, and from the client's errors to exit codes.

use std::time::Instant;

use ws_client::{Client, CloseCode, Config, ConnectRequest, Error, ErrorKind};

use super::access;
use crate::args::DialArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Direction, Event, Line, Output, Peer};
use crate::signals::Signals;

/// An open connection and what its events are printed with.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) client: Client,
    pub(super) peer: Peer,
    /// When `--max-time` is over.
    pub(super) deadline: Option<Instant>,
}

/// Connects as `args` say and tells of it.
pub(super) fn dial(
    args: &DialArgs,
    signals: &Signals,
    output: &mut Output,
) -> Result<Dialled, Stop> {
    let deadline = args.max_time.map(|time| Instant::now() + time);
    let request = request(args)?;
    let client = Client::connect_with(&request).map_err(|error| failure(&error))?;
    let target = client.address().target();
    let peer = Peer {
        connection_id: None,
        address: client.peer_address().to_string(),
        path: target.split('?').next().unwrap_or(target).to_owned(),
    };
    match client.compression() {
        Some(agreed) => log::info!("compression: {agreed}"),
        None if args.compress.is_some() => log::info!("compression: the server does without"),
        None => {}
    }
    // Before anybody hears that there is a connection: from here on a signal closes it.
    let interrupter = client.interrupter();
    signals.on_signal(move || interrupter.interrupt());
    match client.subprotocol() {
        Some(name) => output.status(format_args!(
            "connected to {} (subprotocol {name})",
            client.address()
        )),
        None => output.status(format_args!("connected to {}", client.address())),
    }
    output.event(&Line {
        direction: Some(Direction::Out),
        peer: Some(&peer),
        event: Event::Open,
    })?;
    Ok(Dialled {
        client,
        peer,
        deadline,
    })
}

/// The close code and reason to end with, checked before anything is dialled.
pub(super) fn close_frame(args: &DialArgs) -> Result<(CloseCode, &str), Failure> {
    const REASON_BYTES: usize = 123;
    let code = CloseCode::new(args.close_code);
    if !code.may_be_sent() {
        return Err(Failure::usage(format!(
            "close code {code} may not be sent; use 1000 (done), 1001 (going away) or your own from 3000 to 4999"
        )));
    }
    if args.close_reason.len() > REASON_BYTES {
        let length = args.close_reason.len();
        return Err(Failure::usage(format!(
            "close reason of {length} bytes exceeds the limit of {REASON_BYTES}"
        )));
    }
    Ok((code, &args.close_reason))
}

fn request(args: &DialArgs) -> Result<ConnectRequest, Failure> {
    let mut config = Config::default();
    config.connect_timeout = args
        .max_time
        .map_or(args.connect_timeout, |time| time.min(args.connect_timeout));
    if let Some(time) = args.max_time {
        config.close_timeout = config.close_timeout.min(time);
    }
    let mut request = ConnectRequest::new(&args.url)
        .map_err(|error| failure(&error))?
        .config(config);
    for header in &args.headers {
        let (name, value) = split_header(header)?;
        request = request.header(name, value);
    }
    if let Some(origin) = &args.origin {
        request = request.origin(origin);
    }
    if let Some(preset) = args.compress {
        request = request.compress(preset.config());
    }
    for name in &args.subprotocols {
        request = request.subprotocol(name);
    }
    access::apply(&args.access, &args.headers, request)
}

/// `Name: value` in two; the value is never shown, it may be a secret.
fn split_header(header: &str) -> Result<(&str, &str), Failure> {
    let Some((name, value)) = header.split_once(':') else {
        return Err(Failure::usage(
            "a header without a colon; write -H 'Name: value'",
        ));
    };
    let value = value.trim_matches([' ', '\t']);
    if name.contains(['\r', '\n']) || value.contains(['\r', '\n']) {
        return Err(Failure::usage(format!(
            "header {name} contains a line break, which would begin another header; give each header its own -H"
        )));
    }
    Ok((name, value))
}

/// One line, one word and one exit code for an error of the client.
pub(super) fn failure(error: &Error) -> Failure {
    let exit = exit(error);
    let mut text = error.to_string();
    if let Some(hint) = error.hint() {
        text.push_str("; ");
        text.push_str(hint);
    }
    let code = error
        .status()
        .or_else(|| error.close_code().map(CloseCode::as_u16));
    Failure::new(exit, error.error_code(), text).with_code(code)
}

fn exit(error: &Error) -> Exit {
    match error.kind() {
        ErrorKind::BadAddress => Exit::BadUrl,
        ErrorKind::Usage => Exit::Usage,
        ErrorKind::Resolve => Exit::Resolve,
        ErrorKind::Refused | ErrorKind::Unreachable => Exit::Connect,
        ErrorKind::Timeout => Exit::Timeout,
        ErrorKind::Proxy | ErrorKind::ProxyAuth => Exit::Proxy,
        ErrorKind::Tls => Exit::Tls,
        ErrorKind::Certificate => Exit::Certificate,
        ErrorKind::Handshake if error.status().is_some() => Exit::Refused,
        ErrorKind::Handshake => Exit::NotWebSocket,
        ErrorKind::Protocol | ErrorKind::TooBig | ErrorKind::Closed => Exit::Closed,
        _ => Exit::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        assert_eq!(
            split_header("X-Time:  12:30 ").unwrap(),
            ("X-Time", "12:30")
        );
        assert_eq!(split_header("X-Empty:").unwrap(), ("X-Empty", ""));
    }

    #[test]
    fn a_bad_header_is_usage_and_its_value_is_not_shown() {
        for header in [
            "secret",
            "X: secret\r\nY: 1",
            "X: secret\n",
            "X\r\nY: secret",
        ] {
            let failure = split_header(header).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(!failure.text.contains("secret"), "{failure}");
        }
    }
}

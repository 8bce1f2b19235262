//! From options to a request, along redirects, and from the client's errors to exit codes.

use ws_client::{CloseCode, ConnectRequest, Error, ErrorKind};

use super::access;
use crate::args::TargetArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// Redirects that are followed one after the other.
const MAX_REDIRECTS: u32 = 10;

const REDIRECT_HINT: &str = "--location follows redirects, at most ten in a row";

/// The request that `args` describe.
pub(super) fn request(args: &TargetArgs) -> Result<ConnectRequest, Failure> {
    let mut request = ConnectRequest::new(&args.url).map_err(|error| failure(&error))?;
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
    #[cfg(unix)]
    if let Some(path) = &args.unix_socket {
        request = request.unix_socket(path);
    }
    access::apply(&args.access, &args.headers, request)
}

/// Connects, and with `--location` goes where the server sends us.
pub(super) fn follow<T>(
    args: &TargetArgs,
    mut request: ConnectRequest,
    connect: impl Fn(&ConnectRequest) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut redirects = 0;
    loop {
        let error = match connect(&request) {
            Err(error) => error,
            opened => return opened,
        };
        if !args.location {
            return Err(error);
        }
        let Some(next) = request.redirected(&error)? else {
            return Err(error);
        };
        if redirects == MAX_REDIRECTS {
            log::warn!("more than {MAX_REDIRECTS} redirects are not followed");
            return Err(error);
        }
        redirects += 1;
        request = next;
        log::info!("redirected to {}", request.address());
    }
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
    let hint = error.hint();
    if let Some(hint) = hint.or_else(|| error.redirect().map(|_| REDIRECT_HINT)) {
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
        // A queue is full of what has not left in time.
        ErrorKind::Timeout | ErrorKind::QueueFull => Exit::Timeout,
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

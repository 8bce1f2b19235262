//! What SendBinaryMessage downloads when it is given a URL.
//!
//! Invariant: it ends by its deadline, holds no more than the limit in memory, and every byte leaves by a plain write on
//! a std socket, which raises no SIGPIPE. No text made here shows more of the URL than its host.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};
use ws_core::handshake::PeerText;

use super::abort::{Abort, Gone};
use crate::error::Failure;

/// Fetches `url` in a thread that may outlive the call.
pub(super) fn download(url: &str, abort: &Abort) -> Result<Vec<u8>, Failure> {
    let host = host(url);
    let owned = url.to_owned();
    let fetched = abort.run("ws-download", TIMEOUT + GRACE, move || fetch(&owned));
    let failed = |word, why: &str| {
        Failure::new(
            word,
            format!("SendBinaryMessage: cannot download from {host}: {why}"),
        )
    };
    match fetched {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(describe(&error, &failed)),
        Err(Gone::TimedOut) => Err(failed("timeout", "it takes too long")),
        Err(Gone::Aborted) => Err(Failure::closed("the client was destroyed")),
        Err(Gone::Failed) => Err(failed("internal", "the thread for it failed")),
    }
}

fn fetch(url: &str) -> Result<Vec<u8>, Error> {
    // As the client's own connections: the system's authorities, and no process-wide provider.
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = roots
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(MAX_REDIRECTS)
        .max_idle_connections(0)
        .proxy(None)
        .tls_config(tls)
        .build();
    let mut response = Agent::new_with_config(config).get(url).call()?;
    let body = response.body_mut();
    // What says so itself is not begun.
    if body
        .content_length()
        .is_some_and(|length| length > MAX_BYTES)
    {
        return Err(Error::BodyExceedsLimit(MAX_BYTES));
    }
    body.with_config().limit(MAX_BYTES).read_to_vec()
}

fn describe(error: &Error, failed: &dyn Fn(&'static str, &str) -> Failure) -> Failure {
    match error {
        Error::StatusCode(status) => {
            let why = format!("the server answers with HTTP {status}; check the URL");
            failed("usage", &why).with("status", *status)
        }
        Error::BodyExceedsLimit(limit) => {
            failed("too_big", &format!("it is larger than {limit} bytes"))
        }
        Error::Timeout(_) => {
            let seconds = TIMEOUT.as_secs();
            failed("timeout", &format!("not done within {seconds} s"))
        }
        Error::HostNotFound => failed("resolve", "the host name has no address; check it"),
        Error::ConnectionFailed => failed("unreachable", "the connection failed"),
        Error::BadUri(_) | Error::Http(_) => failed("usage", "it is not a URL that can be used"),
        Error::TooManyRedirects | Error::RedirectFailed => failed(
            "usage",
            &format!("the server redirects more than {MAX_REDIRECTS} times or nowhere"),
        ),
        Error::Tls(why) => failed("tls", why),
        Error::Rustls(rustls::Error::InvalidCertificate(why)) => failed(
            "certificate",
            &format!("the certificate is not trusted: {why}"),
        ),
        Error::Rustls(why) => failed("tls", &why.to_string()),
        Error::Io(error) => failed(word(error), &PeerText::new(&error.to_string()).to_string()),
        _ => failed("protocol", "the answer is not valid HTTP"),
    }
}

fn word(error: &io::Error) -> &'static str {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(_)), _) => "certificate",
        (Some(_), _) => "tls",
        (None, io::ErrorKind::ConnectionRefused) => "refused",
        (None, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => "timeout",
        (None, io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "unreachable",
        (None, _) => "unreachable",
    }
}

/// Host and port of a URL, without user, path and query.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    PeerText::new(host).max_chars(100).to_string()
}

/// For everything: name lookup, redirects, the last byte.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The library keeps the deadline itself; this is only against a thread that does not run.
const GRACE: Duration = Duration::from_secs(1);
const MAX_REDIRECTS: u32 = 5;
/// As large as a message that peers with our defaults accept.
const MAX_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_of_a_url_is_shown() {
        for (url, shown) in [
            (
                "https://me:canary@example.com:8443/canary?canary#x",
                "example.com:8443",
            ),
            ("http://example.com?canary", "example.com"),
            ("http://", ""),
            ("HTTPS://a\u{7}b/", "a\\u{7}b"),
        ] {
            assert_eq!(host(url), shown);
        }
    }
}

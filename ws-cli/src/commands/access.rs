//! Logins, TLS and the proxy of the commands that connect.
//!
//! Invariant: no text made here shows a login, a password, a token or the URL of a proxy.

use data_encoding::BASE64;
use ws_client::{ConnectRequest, ProxyKind, ProxySettings, TlsSettings};

use super::target::failure;
use crate::args::AccessArgs;
use crate::failure::Failure;

/// Adds what `args` ask for; `headers` are those of `-H`, to be told apart from a login.
pub(super) fn apply(
    args: &AccessArgs,
    headers: &[String],
    mut request: ConnectRequest,
) -> Result<ConnectRequest, Failure> {
    if let Some((option, value)) = authorization(args)? {
        let is_authorization = |header: &String| {
            let name = header.split(':').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("authorization")
        };
        if headers.iter().any(is_authorization) {
            return Err(Failure::usage(format!(
                "{option} and a header Authorization exclude each other; give one of them"
            )));
        }
        request = request.header("Authorization", value);
    }
    let proxy = proxy(args, &request)?;
    let is_used_by_proxy = proxy
        .as_ref()
        .is_some_and(|proxy| proxy.kind() == ProxyKind::Https);
    if request.address().is_secure() {
        if let Some(settings) = tls(args) {
            request = request.tls(settings);
        }
    } else if let Some(option) = tls_option(args, is_used_by_proxy) {
        return Err(Failure::usage(format!(
            "{option} has no use with ws://, which is not encrypted; write wss://"
        )));
    }
    if let Some(mut proxy) = proxy {
        if let Some(path) = &args.cacert {
            proxy = proxy.tls(TlsSettings::new().ca_file(path));
        }
        request = request.proxy(proxy);
    }
    Ok(request)
}

/// The option that was given and the header's value.
fn authorization(args: &AccessArgs) -> Result<Option<(&'static str, String)>, Failure> {
    if let Some(user) = &args.user {
        let login = user.reveal("--user")?;
        if !login.contains(':') {
            return Err(Failure::usage(
                "--user without a password; write USER:PASS, or @FILE with that in its first line",
            ));
        }
        let value = format!("Basic {}", BASE64.encode(login.as_bytes()));
        return Ok(Some(("--user", value)));
    }
    match &args.bearer {
        Some(token) => Ok(Some((
            "--bearer",
            format!("Bearer {}", token.reveal("--bearer")?),
        ))),
        None => Ok(None),
    }
}

/// `None` if nothing was asked for, which is verified TLS too.
fn tls(args: &AccessArgs) -> Option<TlsSettings> {
    let mut settings = TlsSettings::new().danger_accept_invalid_certs(args.insecure);
    if let Some(path) = &args.cacert {
        settings = settings.ca_file(path);
    }
    if let Some(chain) = &args.cert {
        settings = settings.client_certificate(chain, args.key.as_ref().unwrap_or(chain));
    }
    (settings != TlsSettings::new()).then_some(settings)
}

/// An option that only an encrypted connection has a use for.
fn tls_option(args: &AccessArgs, is_proxy_encrypted: bool) -> Option<&'static str> {
    let given = [
        ("--insecure", args.insecure),
        ("--cert", args.cert.is_some()),
        ("--cacert", args.cacert.is_some() && !is_proxy_encrypted),
    ];
    given
        .into_iter()
        .find_map(|(option, is_given)| is_given.then_some(option))
}

fn proxy(args: &AccessArgs, request: &ConnectRequest) -> Result<Option<ProxySettings>, Failure> {
    if args.proxy_env {
        return ProxySettings::from_environment(request.address()).map_err(|error| failure(&error));
    }
    let Some(url) = &args.proxy else {
        return Ok(None);
    };
    let url = url.reveal("--proxy")?;
    ProxySettings::parse(&url)
        .map(Some)
        .map_err(|error| failure(&error))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::exit::Exit;

    fn applied(url: &str, options: &[&str]) -> Result<ConnectRequest, Failure> {
        let arguments = ["ws", "connect", url];
        let cli = Cli::try_parse_from(arguments.iter().chain(options)).unwrap();
        let Command::Connect(args) = cli.command else {
            panic!("another command");
        };
        let request = ConnectRequest::new(url).unwrap();
        apply(&args.dial.target.access, &args.dial.target.headers, request)
    }

    #[test]
    fn tls_options_need_an_encrypted_connection() {
        for options in [
            &["-k"][..],
            &["--cacert", "f"],
            &["--cert", "f"],
            &["--cacert", "f", "-x", "http://proxy:1"],
            &["-k", "-x", "https://proxy:1"],
        ] {
            let failure = applied("ws://h/", options).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.text.contains("wss://"), "{failure}");
            assert!(applied("wss://h/", options).unwrap().is_secure());
        }
        let request = applied("ws://h/", &["--cacert", "f", "-x", "https://p"]).unwrap();
        assert!(!request.is_secure(), "only the proxy is spoken to in TLS");
    }

    #[test]
    fn a_login_is_whole_and_the_only_one() {
        for options in [
            &["-u", "canary"][..],
            &["-u", "canary:x", "-H", "authorization : x"],
            &["--bearer", "canary", "-H", "Authorization: x"],
            &["--bearer", "@"],
        ] {
            let failure = applied("ws://h/", options).unwrap_err();
            assert!(!failure.text.contains("canary"), "{failure}");
        }
        assert!(applied("ws://h/", &["-u", "me:", "-H", "X: y"]).is_ok());
    }

    #[test]
    fn a_bad_proxy_is_usage_and_not_shown() {
        for url in ["ftp://canary:canary@h", "http://canary:canary@h:p", ""] {
            let failure = applied("ws://h/", &["-x", url]).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{failure}");
            assert!(!failure.text.contains("canary"), "{failure}");
        }
    }
}

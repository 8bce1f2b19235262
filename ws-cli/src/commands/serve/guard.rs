//! Whom `ws serve` lets in: certificates, tokens and origins.

use std::path::Path;

use ws_core::handshake::OriginRule;
use ws_core::tls::{Certificates, ClientCertificates, Identity, ServerTls, TlsConfigError};
use ws_server::{Auth, Config};

use crate::args::ServeArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// Adds what `args` ask for to `config`; all files are read here.
pub(super) fn apply(args: &ServeArgs, mut config: Config) -> Result<Config, Failure> {
    if let (Some(chain), Some(key)) = (&args.tls_cert, &args.tls_key) {
        config = config.tls(tls(chain, key, args.client_ca.as_deref())?);
    }
    if !args.tokens.is_empty() {
        let mut auth = Auth::new();
        for token in &args.tokens {
            auth = auth.token(token.reveal("--token")?);
        }
        config = config.auth(auth);
    }
    if !args.origins.is_empty() {
        let rule = OriginRule::List(args.origins.clone());
        let policy = config.policy.clone().origins(rule);
        policy.validate().map_err(|error| {
            Failure::usage(format!(
                "--origin: {error}; write scheme://host[:port], or null"
            ))
        })?;
        config = config.policy(policy);
    }
    Ok(config)
}

fn tls(chain: &Path, key: &Path, clients: Option<&Path>) -> Result<ServerTls, Failure> {
    let identity = Identity::from_pem(&read(chain)?, &read(key)?).map_err(|error| {
        let is_about_key = matches!(error, TlsConfigError::NoPrivateKey);
        unusable(if is_about_key { key } else { chain }, &error)
    })?;
    let clients = match clients {
        None => ClientCertificates::Ignored,
        Some(path) => ClientCertificates::Required(
            Certificates::from_pem(&read(path)?).map_err(|error| unusable(path, &error))?,
        ),
    };
    ServerTls::new(&[identity], &clients)
        .map_err(|error| Failure::usage(format!("TLS cannot be used: {error}")))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::new(
            Exit::Other,
            "usage",
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

fn unusable(path: &Path, error: &TlsConfigError) -> Failure {
    Failure::usage(format!("cannot use {}: {error}", path.display()))
}

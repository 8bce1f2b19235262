//! What a client trusts and shows, as files and switches; and the system's root certificates.
//!
//! Invariant: files are read before anything is dialled, and an unreadable one is an error that names it.
//! Invariant: the crypto provider is chosen in `ws_core::tls`; nothing here depends on a process-wide default.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ws_core::tls::{Certificates, ClientTls, Identity, TlsConfigError};

use crate::error::Cause;

/// How the connection is encrypted and whom it trusts.
///
/// The default trusts the authorities of the system and checks the server's name; `wss://` without settings is the same.
/// With settings a `ws://` address is encrypted too. TLS 1.2 and 1.3 are spoken, whichever is newer.
///
/// Files are in PEM and read anew for each connection. The system's authorities are read once in a process; the
/// environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them.
///
/// # Examples
///
/// ```no_run
/// use ws_client::{Client, ConnectRequest, TlsSettings};
///
/// let settings = TlsSettings::new().ca_file("our-authority.pem");
/// let client = Client::connect_with(&ConnectRequest::new("wss://intranet/")?.tls(settings))?;
/// # Ok::<(), ws_client::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    ca_file: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    accepts_invalid_certs: bool,
}

impl TlsSettings {
    /// Verified TLS with the authorities of the system.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also trusts the authorities in the PEM file at `path`, beside those of the system. The server's name is checked
    /// all the same.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Shows a certificate to a server that asks for one: the chain, own certificate first, and its unencrypted private
    /// key. Both may be in one file.
    #[must_use]
    pub fn client_certificate(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some((chain.into(), key.into()));
        self
    }

    /// Accepts **any** certificate if `accept` is true: the connection is encrypted, but anybody may be at its other end.
    ///
    /// Takes precedence over [`TlsSettings::ca_file`], which is then not read. Each connection logs a warning.
    #[must_use]
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.accepts_invalid_certs = accept;
        self
    }

    /// True if any certificate is accepted.
    pub fn accepts_invalid_certs(&self) -> bool {
        self.accepts_invalid_certs
    }

    /// The file of additional authorities.
    pub fn ca_path(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// What a proxy is met with: the same authorities, but always verified and without our certificate.
    pub(crate) fn for_proxy(&self) -> Self {
        Self {
            ca_file: self.ca_file.clone(),
            ..Self::default()
        }
    }

    /// The same without our certificate.
    pub(crate) fn without_client_certificate(mut self) -> Self {
        self.identity = None;
        self
    }

    /// Reads the files and the system's authorities.
    pub(crate) fn load(&self) -> Result<ClientTls, Cause> {
        let identity = match &self.identity {
            Some((chain, key)) => Some(read_identity(chain, key)?),
            None => None,
        };
        if self.accepts_invalid_certs {
            return ClientTls::dangerous_without_verification(identity.as_ref()).map_err(unusable);
        }
        let Some(path) = &self.ca_file else {
            if identity.is_none() {
                return system_tls();
            }
            let roots = system_roots()?;
            return ClientTls::new(&roots, identity.as_ref()).map_err(unusable);
        };
        let mut roots =
            Certificates::from_pem(&read(path)?).map_err(|error| Cause::tls_file(path, &error))?;
        match system_roots() {
            Ok(system) => roots.extend(&system),
            // The file may be meant to stand alone.
            Err(cause) => log::debug!("{cause}"),
        }
        ClientTls::new(&roots, identity.as_ref()).map_err(|error| Cause::tls_file(path, &error))
    }
}

/// The configuration of every connection without settings, made once: tickets for resumption are shared through it.
fn system_tls() -> Result<ClientTls, Cause> {
    static SYSTEM: Mutex<Option<ClientTls>> = Mutex::new(None);
    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tls) = &*system {
        return Ok(tls.clone());
    }
    // A failure is not kept: certificates may be installed while we run.
    let tls = ClientTls::new(&system_roots()?, None).map_err(unusable)?;
    Ok(system.insert(tls).clone())
}

fn system_roots() -> Result<Certificates, Cause> {
    static ROOTS: Mutex<Option<Certificates>> = Mutex::new(None);
    let mut roots = ROOTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(roots) = &*roots {
        return Ok(roots.clone());
    }
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::debug!("system root certificates: {error}");
    }
    if found.certs.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(Cause::NoRoots(why.join("; ")));
    }
    let certificates = Certificates::from_der(found.certs.iter().map(|der| der.to_vec()));
    log::debug!("{} root certificates of the system", certificates.len());
    Ok(roots.insert(certificates).clone())
}

fn read_identity(chain_path: &Path, key_path: &Path) -> Result<Identity, Cause> {
    let chain = read(chain_path)?;
    let key = read(key_path)?;
    Identity::from_pem(&chain, &key).map_err(|error| {
        let is_about_key = matches!(error, TlsConfigError::NoPrivateKey);
        Cause::tls_file(if is_about_key { key_path } else { chain_path }, &error)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Cause> {
    fs::read(path).map_err(|error| Cause::TlsFile {
        path: path.to_owned(),
        why: match error.kind() {
            io::ErrorKind::NotFound => String::from("there is no such file"),
            io::ErrorKind::PermissionDenied => String::from("permission denied"),
            io::ErrorKind::IsADirectory => String::from("it is a directory"),
            _ => error.to_string(),
        },
    })
}

fn unusable(error: TlsConfigError) -> Cause {
    Cause::TlsConfig(error)
}

#[cfg(test)]
mod tests;

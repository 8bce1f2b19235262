//! What a server shows and whom it lets in.

use std::{fmt, sync::Arc};

use rustls::{
    ServerConfig,
    client::verify_server_name,
    pki_types::ServerName,
    server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};

use crate::tls::{
    TlsConfigError,
    pem::{Certificates, Identity, provider},
};

/// Whether clients must show a certificate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// None is asked for.
    #[default]
    Ignored,
    /// One is asked for; who has none is let in, who has a bad one is not.
    Optional(Certificates),
    /// Only who shows one issued by these authorities is let in.
    Required(Certificates),
}

/// A server's TLS settings, cheap to clone. To reload certificates make another one and use it for
/// new connections; those that are open keep theirs.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Shows the first of `identities` that is valid for the name the client asked for, and the first
    /// of all if none is or it asked for none.
    ///
    /// # Errors
    /// [`TlsConfigError::NoCertificate`] without an identity; [`TlsConfigError::Unusable`] for authorities that cannot be used.
    pub fn new(
        identities: &[Identity],
        clients: &ClientCertificates,
    ) -> Result<Self, TlsConfigError> {
        let unusable = |error: &dyn fmt::Display| TlsConfigError::Unusable(error.to_string());
        let keys: Vec<_> = identities
            .iter()
            .map(|identity| Arc::clone(identity.certified_key()))
            .collect();
        if keys.is_empty() {
            return Err(TlsConfigError::NoCertificate);
        }
        let provider = Arc::new(provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let (authorities, required) = match clients {
            ClientCertificates::Ignored => (None, false),
            ClientCertificates::Optional(authorities) => (Some(authorities), false),
            ClientCertificates::Required(authorities) => (Some(authorities), true),
        };
        let builder = match authorities {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let roots = Arc::new(authorities.to_root_store()?);
                let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                if !required {
                    verifier = verifier.allow_unauthenticated();
                }
                builder
                    .with_client_cert_verifier(verifier.build().map_err(|error| unusable(&error))?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(ByName(keys)));
        // A ticket is 1 to 2 KiB on the wire and pays only for clients that come back.
        config.send_tls13_tickets = 1;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    pub(crate) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

/// A configuration made with rustls directly.
impl From<Arc<ServerConfig>> for ServerTls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self { config }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Chooses among several identities by SNI.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello
            .server_name()
            .and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| self.0.iter().find(|key| is_valid_for(key, &name)));
        named.or_else(|| self.0.first()).cloned()
    }
}

fn is_valid_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = key
        .end_entity_cert()
        .ok()
        .and_then(|der| ParsedCertificate::try_from(der).ok());
    certificate.is_some_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

//! What a client trusts and shows.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};

use crate::tls::{
    TlsConfigError,
    pem::{Certificates, Identity, provider},
};

/// A client's TLS settings, cheap to clone and shared by its connections (and their resumption tickets).
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    verifies: bool,
}

impl ClientTls {
    /// Verifies the server's chain against `roots`, and its name; shows `identity` if it is asked for one.
    ///
    /// # Errors
    /// [`TlsConfigError::Unusable`] if no root can be read or none is given.
    pub fn new(roots: &Certificates, identity: Option<&Identity>) -> Result<Self, TlsConfigError> {
        let store = roots.to_root_store()?;
        if store.is_empty() {
            return Err(TlsConfigError::Unusable(
                "there is no authority to trust".to_owned(),
            ));
        }
        let builder = builder()?.with_root_certificates(store);
        let mut config = builder.with_no_client_auth();
        show(&mut config, identity);
        Ok(Self {
            config: Arc::new(config),
            verifies: true,
        })
    }

    /// Accepts **any** certificate: the connection is encrypted, but with whom is not known.
    ///
    /// # Errors
    /// What rustls finds wrong, which is nothing.
    pub fn dangerous_without_verification(
        identity: Option<&Identity>,
    ) -> Result<Self, TlsConfigError> {
        let verifier = Arc::new(NoVerification(provider()));
        let builder = builder()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = builder.with_no_client_auth();
        show(&mut config, identity);
        Ok(Self {
            config: Arc::new(config),
            verifies: false,
        })
    }

    /// Whether the server's certificate is verified.
    pub fn verifies(&self) -> bool {
        self.verifies
    }

    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }
}

/// A configuration made with rustls directly; it is taken to verify.
impl From<Arc<ClientConfig>> for ClientTls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self {
            config,
            verifies: true,
        }
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("verifies", &self.verifies)
            .finish_non_exhaustive()
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TlsConfigError> {
    ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsConfigError::Unusable(error.to_string()))
}

fn show(config: &mut ClientConfig, identity: Option<&Identity>) {
    if let Some(identity) = identity {
        config.client_auth_cert_resolver =
            Arc::new(OneIdentity(Arc::clone(identity.certified_key())));
    }
}

#[derive(Debug)]
struct OneIdentity(Arc<CertifiedKey>);

impl ResolvesClientCert for OneIdentity {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0
            .key
            .choose_scheme(schemes)
            .map(|_| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Asks nothing of the certificate, but still that the peer holds its key.
#[derive(Debug)]
struct NoVerification(CryptoProvider);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

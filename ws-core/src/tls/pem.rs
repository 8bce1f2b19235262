//! Certificates and keys from PEM text; reading the file is the caller's.

use std::{fmt, sync::Arc};

use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};

use crate::tls::TlsConfigError;

/// Certificates of authorities.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Vec<CertificateDer<'static>>);

impl Certificates {
    /// All certificates in a PEM text.
    ///
    /// # Errors
    /// [`TlsConfigError::NoCertificate`], [`TlsConfigError::InvalidPem`].
    pub fn from_pem(mut pem: &[u8]) -> Result<Self, TlsConfigError> {
        let certificates: Result<Vec<_>, _> = rustls_pemfile::certs(&mut pem).collect();
        let certificates =
            certificates.map_err(|error| TlsConfigError::InvalidPem(error.to_string()))?;
        if certificates.is_empty() {
            return Err(TlsConfigError::NoCertificate);
        }
        Ok(Self(certificates))
    }

    /// Certificates as the system's store gives them, in DER.
    pub fn from_der(certificates: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(certificates.into_iter().map(CertificateDer::from).collect())
    }

    /// Adds other certificates to these.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The authorities to trust: those which can be; a system's store has some that cannot.
    pub(crate) fn to_root_store(&self) -> Result<RootCertStore, TlsConfigError> {
        let mut store = RootCertStore::empty();
        let (added, ignored) = store.add_parsable_certificates(self.0.iter().cloned());
        if added == 0 && ignored > 0 {
            return Err(TlsConfigError::Unusable(format!(
                "none of {ignored} certificates is valid DER"
            )));
        }
        Ok(store)
    }
}

/// A certificate chain with its private key: what an endpoint shows of itself.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// The chain (own certificate first) and its key, each from a PEM text; both may be the same text.
    ///
    /// # Errors
    /// No certificate or key in the text, damaged PEM, or a key that does not fit the certificate.
    pub fn from_pem(chain: &[u8], mut key: &[u8]) -> Result<Self, TlsConfigError> {
        let chain = Certificates::from_pem(chain)?.0;
        let key = rustls_pemfile::private_key(&mut key)
            .map_err(|error| TlsConfigError::InvalidPem(error.to_string()))?
            .ok_or(TlsConfigError::NoPrivateKey)?;
        Self::new(chain, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsConfigError> {
        let certified = CertifiedKey::from_der(chain, key, &provider());
        certified
            .map(|key| Self(Arc::new(key)))
            .map_err(|error| TlsConfigError::Unusable(error.to_string()))
    }

    pub(crate) fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(chain of {})", self.0.cert.len())
    }
}

/// The one provider, never a process-wide default.
pub(crate) fn provider() -> CryptoProvider {
    ring::default_provider()
}

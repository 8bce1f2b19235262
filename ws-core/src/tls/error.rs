//! What can go wrong with TLS, in words for people.

use std::{error::Error, fmt};

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why a TLS connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The name to connect to is neither a host name nor an IP address.
    InvalidServerName,
    /// The peer does not speak TLS at all; most often a plain-text server.
    NotTls,
    /// The peer's certificate was refused; the text says why.
    Certificate(String),
    /// The server asks for a client certificate, or refused the one it was shown.
    ClientCertificate(String),
    /// The peer refused the handshake or ended the connection with this alert.
    Alert(String),
    /// No protocol version, cipher suite or the like in common.
    Incompatible(String),
    /// The peer broke the protocol.
    Protocol(String),
    /// The keys of this TLS 1.2 connection have encrypted as many records as they may (RFC 9325 §4.4; AES-GCM: 2²⁴).
    KeysUsedUp,
    /// Something that should not happen.
    Internal,
}

impl TlsError {
    /// Whether a certificate was the reason.
    pub fn is_certificate(&self) -> bool {
        matches!(self, Self::Certificate(_))
    }

    /// What to try, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotTls => Some("use ws:// if the server has no TLS, or check the port"),
            Self::Certificate(_) => Some(
                "check the host name and the clock, or add the certificate authority of the server as a PEM file",
            ),
            Self::ClientCertificate(_) => {
                Some("give a client certificate and key that the server trusts")
            }
            Self::KeysUsedUp => Some("connect again; TLS 1.3 changes its keys by itself"),
            Self::Incompatible(_) => Some("TLS 1.2 and 1.3 are supported; older versions are not"),
            _ => None,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidServerName => {
                f.write_str("the server's name is neither a host name nor an IP address")
            }
            Self::NotTls => f.write_str("the peer does not speak TLS"),
            Self::Certificate(why) => write!(f, "the peer's certificate was refused: {why}"),
            Self::ClientCertificate(why) => write!(f, "the client certificate was refused: {why}"),
            Self::Alert(alert) => write!(f, "the peer ended the TLS connection: {alert}"),
            Self::Incompatible(why) => write!(f, "no common TLS settings: {why}"),
            Self::Protocol(why) => write!(f, "the peer broke the TLS protocol: {why}"),
            Self::KeysUsedUp => f.write_str(
                "the keys of this TLS 1.2 connection have encrypted as much as they may",
            ),
            Self::Internal => f.write_str("an unexpected condition inside TLS"),
        }
    }
}

impl Error for TlsError {}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::Certificate(certificate_text(&error)),
            rustls::Error::NoCertificatesPresented => {
                Self::ClientCertificate("none was presented".to_owned())
            }
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired => {
                    Self::ClientCertificate(format!("alert {alert:?}"))
                }
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
                    Self::Incompatible(format!("alert {alert:?}"))
                }
                _ => Self::Alert(format!("alert {alert:?}")),
            },
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            rustls::Error::PeerIncompatible(why) => Self::Incompatible(format!("{why:?}")),
            error => Self::Protocol(error.to_string()),
        }
    }
}

/// The reason in words; rustls prints the variant's name.
fn certificate_text(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::Revoked => "it was revoked".to_owned(),
        CertificateError::UnknownIssuer => {
            "its issuer is not among the trusted authorities".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is not for this host name".to_owned()
        }
        CertificateError::BadEncoding => "it is damaged".to_owned(),
        CertificateError::BadSignature => "its signature is wrong".to_owned(),
        // rustls has no name for what webpki calls so.
        error if format!("{error:?}").contains("CaUsedAsEndEntity") => {
            "it is an authority's certificate (CA:TRUE), which may not be a server's own; make one without CA:TRUE"
                .to_owned()
        }
        error => format!("{error:?}"),
    }
}

/// Why certificates or keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The PEM text has no certificate in it.
    NoCertificate,
    /// The PEM text has no private key in it.
    NoPrivateKey,
    /// The PEM text is damaged; the text says how.
    InvalidPem(String),
    /// A certificate or key cannot be used; the text says why.
    Unusable(String),
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no certificate in the PEM text"),
            Self::NoPrivateKey => f.write_str("no unencrypted private key in the PEM text"),
            Self::InvalidPem(why) => write!(f, "damaged PEM text: {why}"),
            Self::Unusable(why) => write!(f, "the certificate or key cannot be used: {why}"),
        }
    }
}

impl Error for TlsConfigError {}

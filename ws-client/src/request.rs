//! What to connect to, and how.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;

use data_encoding::BASE64;
use ws_core::extension::{DeflateConfig, DeflateOffer};
use ws_core::handshake::{ClientHandshake, ClientRequest};

use crate::address::Address;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::error::{Cause, Error, Stage};
use crate::net::tcp;
use crate::proxy::{ProxyChoice, ProxyMistake, ProxySettings};
use crate::secret::Secrets;
use crate::tls::TlsSettings;

/// An address with what the opening handshake is to carry, and the deadlines and limits of the connection.
///
/// `Debug` shows the redacted address and no header.
///
/// # Examples
///
/// ```
/// let request = ws_client::ConnectRequest::new("ws://127.0.0.1:9894/chat")?
///     .header("Authorization", "Bearer 0123")
///     .subprotocol("chat.v2")
///     .subprotocol("chat.v1");
/// assert_eq!(request.address().port(), 9894);
/// # Ok::<(), ws_client::Error>(())
/// ```
#[derive(Clone)]
pub struct ConnectRequest {
    address: Address,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    origin: Option<String>,
    pub(crate) tls: Option<TlsSettings>,
    proxy: ProxyChoice,
    #[cfg(unix)]
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) compression: Option<DeflateConfig>,
    pub(crate) config: Config,
    /// Ends the dial; never used by [`Client`](crate::Client).
    pub(crate) cancel: Cancel,
}

impl ConnectRequest {
    /// Begins a request for the endpoint at `address`, with the default [`Config`].
    ///
    /// User information in the address becomes an `Authorization` header (Basic), unless [`ConnectRequest::header`]
    /// gives one.
    ///
    /// # Errors
    /// [`ErrorKind::BadAddress`](crate::ErrorKind::BadAddress).
    pub fn new(address: &str) -> Result<Self, Error> {
        Ok(Self {
            address: Address::parse(address)?,
            headers: Vec::new(),
            subprotocols: Vec::new(),
            origin: None,
            tls: None,
            proxy: ProxyChoice::None,
            #[cfg(unix)]
            unix_socket: None,
            compression: None,
            config: Config::default(),
            cancel: Cancel::default(),
        })
    }

    /// Adds a header line. Names and values are checked before anything is sent.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol, the one liked best first.
    ///
    /// RFC 6455 [§1.9](https://www.rfc-editor.org/rfc/rfc6455#section-1.9)
    #[must_use]
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocols.push(name.into());
        self
    }

    /// Sets the `Origin` header, which browsers send and other clients need not.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Encrypts the connection with these settings, also for a `ws://` address; its default port is then 443.
    ///
    /// Without settings `wss://` is verified against the authorities of the system.
    #[must_use]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Goes through this proxy. The server's name in TLS stays that of the address.
    #[must_use]
    pub fn proxy(mut self, settings: ProxySettings) -> Self {
        self.proxy = ProxyChoice::Settings(Box::new(settings));
        self
    }

    /// Goes through the proxy that the environment names, if any: see [`ProxySettings::from_environment`].
    #[must_use]
    pub fn proxy_from_environment(mut self) -> Self {
        self.proxy = ProxyChoice::Environment;
        self
    }

    /// Connects to the Unix socket at `path`; the address gives only `Host`, path, query and the server's name in TLS.
    ///
    /// No proxy is asked then, whatever [`ConnectRequest::proxy`] says.
    #[cfg(unix)]
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix_socket = Some(path.into());
        self
    }

    /// The same request for where a server's `refusal` of it leads; `None` if that is no redirect
    /// ([`Error::redirect`]).
    ///
    /// Another host, port or scheme is told no secret: user information, every header of [`ConnectRequest::header`],
    /// subprotocols of more than 32 bytes and the client certificate stay behind. From `ws://` to `wss://` on the same host
    /// and the default ports they are kept. Bounding the number of redirects is the caller's business.
    ///
    /// # Errors
    /// [`ErrorKind::Handshake`](crate::ErrorKind::Handshake), with the status of the refusal, if it leads to no address of a
    /// WebSocket, or from an encrypted connection to a plain one.
    ///
    /// RFC 6455 [§4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)
    pub fn redirected(&self, refusal: &Error) -> Result<Option<Self>, Error> {
        match (refusal.redirect(), refusal.status()) {
            (Some(location), Some(status)) => self.follow(location, status).map(Some),
            _ => Ok(None),
        }
    }

    fn follow(&self, location: &str, status: u16) -> Result<Self, Error> {
        let failed = |text: String| {
            let cause = Cause::Redirect(status, text);
            Error::new(Stage::Handshake, self.address.to_string(), cause)
        };
        let address = self.address.join(location).map_err(|problem| {
            failed(format!("the server redirects to a bad address: {problem}"))
        })?;
        // TLS settings, by which `ws://` is encrypted, too, are those of the new request.
        if self.address.is_secure() && !address.is_secure() {
            let text = format!("a redirect to {address}, which is not encrypted, is not followed");
            return Err(failed(text));
        }
        let mut request = Self {
            address,
            ..self.clone()
        };
        if self.address.trusts_with_secrets(&request.address) {
            request.address.keep_login_of(&self.address);
        } else {
            request.headers.clear();
            request
                .subprotocols
                .retain(|name| name.len() <= LONGEST_PUBLIC_SUBPROTOCOL);
            request.tls = request.tls.map(TlsSettings::without_client_certificate);
        }
        Ok(request)
    }

    /// Offers compression (permessage-deflate); the server may do without.
    ///
    /// [`Client::compression`](crate::Client::compression) tells what was agreed on. Default: nothing is offered.
    /// Limits count inflated bytes.
    ///
    /// RFC 7692 [§7](https://www.rfc-editor.org/rfc/rfc7692#section-7)
    ///
    /// # Examples
    ///
    /// ```
    /// use ws_client::{ConnectRequest, DeflateConfig};
    ///
    /// let request = ConnectRequest::new("wss://example.com/feed")?.compress(DeflateConfig::dedicated());
    /// # Ok::<(), ws_client::Error>(())
    /// ```
    #[must_use]
    pub fn compress(mut self, config: DeflateConfig) -> Self {
        self.compression = Some(config);
        self
    }

    /// Sets deadlines and limits.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The address to connect to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// True if the connection is to be encrypted: by the address, or by [`ConnectRequest::tls`].
    pub fn is_secure(&self) -> bool {
        self.address.is_secure() || self.tls.is_some()
    }

    /// The port of the server.
    pub(crate) fn port(&self) -> u16 {
        self.address.port_with(self.is_secure())
    }

    pub(crate) fn choose_proxy(&self) -> Result<Option<ProxySettings>, ProxyMistake> {
        #[cfg(unix)]
        if self.unix_socket.is_some() {
            return Ok(None);
        }
        match &self.proxy {
            ProxyChoice::None => Ok(None),
            ProxyChoice::Settings(settings) => Ok(Some((**settings).clone())),
            ProxyChoice::Environment => {
                ProxySettings::from_environment_with(&self.address, self.is_secure())
            }
        }
    }

    /// Checks everything that will be sent, before there is a connection.
    pub(crate) fn handshake(&self) -> Result<ClientHandshake, Error> {
        let failed = |cause| Error::new(Stage::Handshake, self.address.to_string(), cause);
        let mut request = ClientRequest::new(
            &self.address.host_header(self.is_secure()),
            self.address.target(),
        );
        if let Some(config) = &self.compression {
            request = request.deflate(DeflateOffer::from(config));
        }
        for name in &self.subprotocols {
            request = request.subprotocol(name);
        }
        if let Some(origin) = &self.origin {
            request = request.origin(origin);
        }
        let has_authorization = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some(authorization) = self.address.authorization().filter(|_| !has_authorization) {
            request = request.header("Authorization", &authorization);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let nonce = tcp::nonce().map_err(|error| failed(Cause::Io(error.into())))?;
        ClientHandshake::new(&request, nonce).map_err(|error| failed(Cause::Request(error)))
    }

    /// How the connection is encrypted, for the event log.
    pub(crate) fn describe_tls(&self) -> String {
        match &self.tls {
            Some(settings) => format!("{settings:?}"),
            None if self.is_secure() => String::from("TLS with the system's authorities"),
            None => String::from("no TLS"),
        }
    }

    /// Through which proxy, for the event log.
    pub(crate) fn describe_proxy(&self) -> String {
        match self.choose_proxy() {
            Ok(Some(proxy)) => format!("through {proxy}"),
            Ok(None) => String::from("no proxy"),
            Err(_) => String::from("a proxy that cannot be used"),
        }
    }

    /// What is offered, for the event log.
    pub(crate) fn describe_compression(&self) -> String {
        match &self.compression {
            Some(config) => format!("compression offered as {}", DeflateOffer::from(config)),
            None => String::from("no compression"),
        }
    }

    /// Names of the extra headers; their values may be secrets.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn subprotocol_count(&self) -> usize {
        self.subprotocols.len()
    }

    /// Everything in the request that must not be printed, should the server echo it.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = self.address.secrets();
        for (_, value) in &self.headers {
            secrets.push(value.clone());
            // "id=0123; …": each value alone is the secret.
            let pairs = value
                .split([';', ',', ' '])
                .filter_map(|word| word.split_once('='));
            secrets.extend(pairs.map(|(_, value)| value.trim_matches('"').to_owned()));
            // "Bearer 0123": the second word alone is the secret.
            for word in value.split_whitespace().skip(1) {
                secrets.push(word.to_owned());
                // What Basic wraps (RFC 7617).
                let login = BASE64.decode(word.as_bytes()).unwrap_or_default();
                if let Some((user, password)) = String::from_utf8_lossy(&login).split_once(':') {
                    secrets.extend([user.to_owned(), password.to_owned()]);
                }
            }
        }
        // Tokens are smuggled in here where headers cannot be set.
        secrets.extend(
            self.subprotocols
                .iter()
                .filter(|name| name.len() > LONGEST_PUBLIC_SUBPROTOCOL)
                .cloned(),
        );
        if let ProxyChoice::Settings(settings) = &self.proxy {
            secrets.extend(settings.secrets());
        }
        Secrets::new(secrets)
    }
}

/// Longer names of subprotocols are taken for tokens.
const LONGEST_PUBLIC_SUBPROTOCOL: usize = 32;

impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("address", &self.address)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn sent(request: &ConnectRequest) -> String {
        let handshake = request.handshake().unwrap();
        String::from_utf8(handshake.request().to_vec()).unwrap()
    }

    fn request(address: &str) -> ConnectRequest {
        ConnectRequest::new(address)
            .unwrap()
            .header("X-Token", "canary-1")
            .subprotocol("chat")
            .subprotocol("canary-2-which-is-a-token-by-its-length")
            .tls(TlsSettings::new().client_certificate("c", "k"))
            .origin("https://page")
    }

    #[test]
    fn each_handshake_has_a_key_of_its_own() {
        let request = request("wss://h/");
        let key = || {
            let head = sent(&request);
            let (_, key) = head.split_once("\r\nSec-WebSocket-Key: ").unwrap();
            key[..24].to_owned()
        };
        assert_ne!(key(), key());
    }

    /// R-32: a server may echo the one value of a header that it does not like.
    #[test]
    fn what_a_header_holds_is_a_secret_by_itself() {
        let request = request("ws://h/")
            .header("Cookie", "id=canary-4; theme=canary-5")
            .header("Authorization", "Digest nonce=\"canary-6\", uri=\"/\"")
            .header("X-Login", "Basic Y2FuYXJ5LTc6Y2FuYXJ5LTg=");
        let echo = "canary-1, canary-4, canary-5, canary-6, canary-7, canary-8";
        assert_eq!(request.secrets().hide(echo), "***, ***, ***, ***, ***, ***");
    }

    #[test]
    fn a_redirect_on_the_same_host_keeps_the_secrets() {
        let request = request("wss://me:canary-3@h/a").follow("/b", 302).unwrap();
        let head = sent(&request);
        assert!(head.starts_with("GET /b HTTP/1.1\r\nHost: h\r\n"), "{head}");
        for part in ["canary-1", "canary-2", "Authorization: Basic "] {
            assert!(head.contains(part), "{part} in {head}");
        }
        let settings = TlsSettings::new().client_certificate("c", "k");
        assert_eq!(request.tls, Some(settings));
    }

    #[test]
    fn a_redirect_to_another_host_or_port_takes_no_secret_along() {
        for location in ["wss://other/", "wss://h:8443/", "//h.other/", "https://o/"] {
            let request = request("wss://me:canary-3@h/a")
                .follow(location, 302)
                .unwrap();
            let head = sent(&request);
            assert!(!head.contains("canary"), "{location}: {head}");
            assert!(!head.contains("Authorization"), "{location}: {head}");
            assert!(head.contains("chat") && head.contains("Origin: https://page"));
            assert_eq!(request.tls, Some(TlsSettings::new()));
        }
    }

    #[test]
    fn a_redirect_never_leads_out_of_encryption() {
        let error = request("wss://h/")
            .follow("ws://h/?t=canary", 302)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Handshake);
        assert_eq!(error.status(), Some(302));
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(request("wss://h/").follow("ftp://h/", 302).is_err());
        let followed = request("ws://h/").follow("ws://h/b", 302).unwrap();
        assert!(followed.is_secure(), "by its TLS settings, as before");
    }
}

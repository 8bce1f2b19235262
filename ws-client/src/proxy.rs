//! Which proxy a connection goes through, and how it is asked.
//!
//! Invariant: login and password are in no `Debug`, `Display`, error or log line.
//! Invariant: what the proxy's protocol cannot carry is refused before anything is dialled.

mod environment;

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::address::Address;
use crate::error::{Cause, Error, Stage};
use crate::secret::Secret;
use crate::tls::TlsSettings;

/// How a proxy is asked for a connection.
///
/// The words of `Display` and `FromStr` are `socks5`, `socks4`, `socks4a`, `http` and `https`; `socks5h` is read as
/// `socks5` and `socks` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// SOCKS version 5 (RFC 1928), with or without a login (RFC 1929). The proxy looks the host name up.
    Socks5,
    /// SOCKS version 4: IPv4 only, and this side looks the host name up.
    Socks4,
    /// SOCKS version 4a: as [`ProxyKind::Socks4`], but the proxy looks the host name up.
    Socks4a,
    /// HTTP `CONNECT` (RFC 9110 §9.3.6), with or without a Basic login.
    Http,
    /// HTTP `CONNECT` inside TLS to the proxy.
    Https,
}

/// A proxy with its login.
///
/// `Debug` and `Display` show neither login nor password.
///
/// # Examples
///
/// ```no_run
/// use ws_client::{Client, ConnectRequest, ProxyKind, ProxySettings};
///
/// let proxy = ProxySettings::new(ProxyKind::Socks5, "proxy.example", 1080).login("me", "secret");
/// let client = Client::connect_with(&ConnectRequest::new("wss://example.com/")?.proxy(proxy))?;
/// # Ok::<(), ws_client::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ProxySettings {
    kind: ProxyKind,
    server: String,
    port: u16,
    login: Option<(Secret, Secret)>,
    tls: Option<TlsSettings>,
}

impl ProxySettings {
    /// A proxy without a login. `server` is a host name or an IP address, checked when it is used.
    pub fn new(kind: ProxyKind, server: impl Into<String>, port: u16) -> Self {
        let server = server.into();
        let bare = server
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .map(str::to_owned);
        Self {
            kind,
            server: bare.unwrap_or(server),
            port,
            login: None,
            tls: None,
        }
    }

    /// Reads `kind://[login:password@]host[:port]`; without a kind it is `http`.
    ///
    /// Default ports: 80 for http, 443 for https, 1080 for the others. Login and password may be percent-encoded. A path
    /// of `/` is allowed behind it.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) says what is wrong, and shows nothing of `text`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        environment::parse(text).map_err(|mistake| mistake.into_error(""))
    }

    /// The proxy that the environment names for `address`; `None` if it names none.
    ///
    /// For `wss://` `https_proxy` and `HTTPS_PROXY` are looked at, for `ws://` `http_proxy` and `HTTP_PROXY`, then
    /// `all_proxy` and `ALL_PROXY`; the first that is set and not empty counts. `HTTP_PROXY` in capitals is ignored
    /// where `REQUEST_METHOD` is set: in a CGI program a remote client chooses it. `no_proxy` and `NO_PROXY` list, between
    /// commas, who is connected to directly: `*`, host names (with all their subdomains), IP addresses, networks such as
    /// `10.0.0.0/8`; each may have a port.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if the variable is not a proxy's address; names the variable.
    pub fn from_environment(address: &Address) -> Result<Option<Self>, Error> {
        Self::from_environment_with(address, address.is_secure())
            .map_err(|mistake| mistake.into_error(&address.to_string()))
    }

    pub(crate) fn from_environment_with(
        address: &Address,
        secure: bool,
    ) -> Result<Option<Self>, ProxyMistake> {
        let port = address.port_with(secure);
        environment::choose(address.host(), port, secure, &|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// Sets login and password. SOCKS4 knows no password: it gets the login only.
    #[must_use]
    pub fn login(mut self, login: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((Secret::new(login), Secret::new(password)));
        self
    }

    /// Sets how an `https` proxy is trusted. Default: the authorities of the connection's own [`TlsSettings`], always
    /// verified, without our certificate.
    #[must_use]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// How it is asked.
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Its host name or IP address; IPv6 without brackets.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True if it has a login.
    pub fn has_login(&self) -> bool {
        self.login.is_some()
    }

    pub(crate) fn tls_settings(&self) -> Option<&TlsSettings> {
        self.tls.as_ref()
    }

    /// Login and password as they go to the proxy.
    pub(crate) fn credentials(&self) -> Option<(&str, &str)> {
        let (login, password) = self.login.as_ref()?;
        Some((login.reveal(), password.reveal()))
    }

    /// Value of the `Proxy-Authorization` header (Basic, RFC 7617).
    pub(crate) fn authorization(&self) -> Option<String> {
        let (login, password) = self.credentials()?;
        let credentials = format!("{login}:{password}");
        Some(format!(
            "Basic {}",
            data_encoding::BASE64.encode(credentials.as_bytes())
        ))
    }

    /// What must never be printed.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        if let Some((login, password)) = self.credentials() {
            secrets.extend([password.to_owned(), login.to_owned()]);
        }
        if let Some(authorization) = self.authorization() {
            secrets.extend(authorization.split(' ').nth(1).map(str::to_owned));
        }
        secrets
    }

    /// Checks what the proxy's protocol can carry, before anything is dialled.
    pub(crate) fn check(&self, target_host: &str) -> Result<(), ProxyMistake> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._~:%".contains(c);
        if self.server.is_empty() || !self.server.chars().all(is_name) {
            return Err(ProxyMistake::Server);
        }
        if self.port == 0 {
            return Err(ProxyMistake::Port);
        }
        let (login, password) = self.credentials().unwrap_or(("x", "x"));
        match self.kind {
            ProxyKind::Socks5 if target_host.len() > MAX_SOCKS_BYTES => {
                Err(ProxyMistake::LongTarget)
            }
            ProxyKind::Socks5 => {
                let fits = |text: &str| (1..=MAX_SOCKS_BYTES).contains(&text.len());
                if fits(login) && fits(password) {
                    Ok(())
                } else {
                    Err(ProxyMistake::SocksLogin)
                }
            }
            ProxyKind::Socks4 | ProxyKind::Socks4a => {
                if target_host.parse::<Ipv6Addr>().is_ok() {
                    return Err(ProxyMistake::Ipv6Target);
                }
                if login.contains('\0') || login.len() > MAX_SOCKS_BYTES {
                    return Err(ProxyMistake::UserId);
                }
                Ok(())
            }
            ProxyKind::Http | ProxyKind::Https => {
                let has_control = |text: &str| text.chars().any(char::is_control);
                if login.contains(':') || has_control(login) || has_control(password) {
                    return Err(ProxyMistake::BasicLogin);
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind, server, port, ..
        } = self;
        if server.contains(':') {
            write!(f, "{kind} proxy [{server}]:{port}")
        } else {
            write!(f, "{kind} proxy {server}:{port}")
        }
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("kind", &self.kind)
            .field("server", &self.server)
            .field("port", &self.port)
            .field("has_login", &self.has_login())
            .field("tls", &self.tls)
            .finish()
    }
}

impl fmt::Display for ProxyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socks5 => "socks5",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl FromStr for ProxyKind {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        environment::parse_kind(word).map_err(|mistake| mistake.into_error(""))
    }
}

/// Which proxy a request goes through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum ProxyChoice {
    #[default]
    None,
    Environment,
    Settings(Box<ProxySettings>),
}

/// What is wrong with the description of a proxy; holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyMistake {
    BasicLogin,
    /// What an environment variable names is not a proxy.
    Environment(&'static str),
    Ipv6Target,
    Kind,
    LongTarget,
    Port,
    Server,
    SocksLogin,
    Text,
    UserId,
}

impl ProxyMistake {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::BasicLogin => "a login has no colon, and neither has control characters",
            Self::Environment(_) | Self::Text => {
                "write kind://[login:password@]host[:port], such as socks5://127.0.0.1:1080"
            }
            Self::Ipv6Target => "use socks5 or http",
            Self::Kind => "it is one of socks5, socks4, socks4a, http and https",
            Self::LongTarget | Self::UserId => "it has at most 255 bytes, and no NUL",
            Self::Port => "a port is a number from 1 to 65,535",
            Self::Server => "give a host name or an IP address, without kind and port",
            Self::SocksLogin => "each has 1 to 255 bytes",
        }
    }

    pub(crate) fn into_error(self, target: &str) -> Error {
        Error::new(Stage::Proxy, target, Cause::ProxyMistake(self))
    }
}

impl fmt::Display for ProxyMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BasicLogin => "login or password of the proxy cannot be sent",
            Self::Environment(name) => {
                return write!(
                    f,
                    "the environment variable {name} is not a proxy's address"
                );
            }
            Self::Ipv6Target => "a SOCKS4 proxy cannot reach IPv6 addresses",
            Self::Kind => "unknown kind of proxy",
            Self::LongTarget => "the host name is too long for a SOCKS proxy",
            Self::Port => "bad port of the proxy",
            Self::Server => "bad host name of the proxy",
            Self::SocksLogin => "login or password of the proxy is empty or too long for SOCKS5",
            Self::Text => "bad address of a proxy",
            Self::UserId => "the login of the proxy cannot be sent to a SOCKS4 proxy",
        })
    }
}

/// Lengths in SOCKS5 are one byte.
const MAX_SOCKS_BYTES: usize = 255;

#[cfg(test)]
mod tests;

//! The client's functions of the method contract, one to one and with its defaults.
//!
//! | function | here | by |
//! | --- | --- | --- |
//! | CreateConnection | [`create_connection`] | [`BackgroundClient::connect_with`] |
//! | CloseConnection | [`close_connection`] | [`BackgroundClient::close`] |
//! | SendPing, SendPong | [`send_ping`], [`send_pong`] | [`BackgroundClient::send_ping`], [`BackgroundClient::send_pong`] |
//! | GetMessage | [`get_message`] | [`BackgroundClient::receive`] |
//! | SendTextMessage | [`send_text_message`] | [`BackgroundClient::send_text`] |
//! | SendBinaryMessage | [`send_binary_message`] | [`BackgroundClient::send_binary`] |
//! | GetTlsSettings | [`get_tls_settings`] | [`TlsSettings`] |
//! | GetProxySettings | [`get_proxy_settings`] | [`ProxySettings`] |
//! | GetLoggingSettings | [`get_logging_settings`] | [`LoggingSettings`] |
//! | GetLog | [`get_log`] | [`BackgroundClient::log`] |
//! | IsClientObject | [`is_client_object`] | its type |
//!
//! Failures are [`Error`], with the contract's word as [`Error::error_code`]. Where the contract returns maps, these
//! return typed values; the fields are named in each function.
//!
//! A send returns when the system has taken the message, or has not for a second; then it stays queued. So a send
//! looks at what has come, and fails once the peer has closed.
//!
//! Invariant: nothing here keeps a state or knows a format such as JSON; the meaning is in [`BackgroundClient`].

mod payload;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ws_core::CloseCode;
pub use ws_core::contract::{LogLines, get_logging_settings};
use ws_core::contract::{LogOff, log_count, timeout};
use ws_core::extension::DeflateConfig;

pub use self::payload::{BinaryData, BinarySource};
use crate::background::{BackgroundClient, BackgroundConfig};
use crate::error::{Cause, Error, ErrorKind, Span, Stage};
use crate::message::Message;
use crate::proxy::{ProxyKind, ProxySettings};
use crate::request::ConnectRequest;
use crate::tls::TlsSettings;
use crate::{Address, LoggingSettings};

/// What GetTlsSettings gives: how a connection is encrypted. The fields are those of the contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsParameters {
    /// False is the same as no settings.
    pub use_tls: bool,
    /// Accepts any certificate; takes precedence over `ca_cert_path`.
    pub accept_invalid_certs: bool,
    /// A PEM file of more authorities; absent when it was not given.
    pub ca_cert_path: Option<String>,
}

impl From<&TlsParameters> for TlsSettings {
    fn from(parameters: &TlsParameters) -> Self {
        let settings = Self::new().danger_accept_invalid_certs(parameters.accept_invalid_certs);
        match &parameters.ca_cert_path {
            Some(path) => settings.ca_file(path),
            None => settings,
        }
    }
}

/// What GetProxySettings gives: a proxy and its login. The fields are those of the contract; `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyParameters {
    /// Host name or IP address.
    pub server: String,
    /// Port.
    pub port: u16,
    /// A word of [`ProxyKind`].
    pub proxy_type: String,
    /// Absent when it was not given.
    pub login: Option<String>,
    /// Absent when it was not given.
    pub password: Option<String>,
}

impl ProxyParameters {
    fn settings(&self) -> Result<ProxySettings, Error> {
        let kind: ProxyKind = self.proxy_type.parse()?;
        let settings = ProxySettings::new(kind, self.server.as_str(), self.port);
        Ok(match (&self.login, &self.password) {
            (None, None) => settings,
            (login, password) => settings.login(
                login.as_deref().unwrap_or_default(),
                password.as_deref().unwrap_or_default(),
            ),
        })
    }
}

impl fmt::Debug for ProxyParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyParameters")
            .field("server", &self.server)
            .field("port", &self.port)
            .field("proxy_type", &self.proxy_type)
            .field("has_login", &self.login.is_some())
            .field("has_password", &self.password.is_some())
            .finish()
    }
}

/// What CreateConnection takes as `Proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// `"env"`: the one the environment names, if any ([`ProxySettings::from_environment`]).
    Environment,
    /// This one.
    Parameters(ProxyParameters),
}

impl From<ProxyParameters> for Proxy {
    fn from(parameters: ProxyParameters) -> Self {
        Self::Parameters(parameters)
    }
}

/// What CreateConnection takes as `Settings`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionSettings {
    /// Compression to offer; [`ConnectRequest::compress`]. Default: none.
    pub compression: Option<DeflateConfig>,
}

impl ConnectionSettings {
    /// Offers compression.
    #[must_use]
    pub fn compression(mut self, config: DeflateConfig) -> Self {
        self.compression = Some(config);
        self
    }
}

/// CreateConnection: connects to `address`, through the proxy if one is given, with the extra headers.
///
/// `wss://` without `tls` is verified against the authorities of the system; `ws://` with it is encrypted, too. Without
/// `logging` there is no event log, without `settings` no compression.
///
/// # Errors
/// As [`BackgroundClient::connect_with`]; what cannot be used is `usage`, before anything is dialled.
///
/// # Examples
/// ```no_run
/// use ws_client::contract::{create_connection, get_message, get_tls_settings, send_text_message};
///
/// let tls = get_tls_settings(false, "our-authority.pem");
/// let client = create_connection("wss://intranet.example/", Some(&tls), None, &[("X-Login", "me")], None, None)?;
/// send_text_message(&client, "hello", false)?;
/// println!("{:?}", get_message(&client, None)?);
/// # Ok::<(), ws_client::Error>(())
/// ```
pub fn create_connection(
    address: &str,
    tls: Option<&TlsParameters>,
    proxy: Option<&Proxy>,
    headers: &[(&str, &str)],
    logging: Option<&LoggingSettings>,
    settings: Option<&ConnectionSettings>,
) -> Result<BackgroundClient, Error> {
    let mut request = ConnectRequest::new(address)?;
    if let Some(tls) = tls.filter(|tls| tls.use_tls) {
        request = request.tls(tls.into());
    }
    request = match proxy {
        None => request,
        Some(Proxy::Environment) => request.proxy_from_environment(),
        Some(Proxy::Parameters(parameters)) => request.proxy(parameters.settings()?),
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(config) = settings.and_then(|settings| settings.compression.clone()) {
        request = request.compress(config);
    }
    let logging = logging.cloned().unwrap_or_else(LoggingSettings::off);
    BackgroundClient::connect_with(&request, &BackgroundConfig::default().logging(logging))
}

/// CloseConnection: closes with `code`, 1000 by default, and waits for the answer, at most 5 s.
///
/// # Errors
/// As [`BackgroundClient::close`]; `closed` if it was closed before.
pub fn close_connection(
    connection: &BackgroundClient,
    code: Option<u16>,
    reason: &str,
) -> Result<(), Error> {
    connection.close(code.map_or(CloseCode::NORMAL, CloseCode::new), reason)
}

/// SendPing: sends an empty ping; the answer comes as a message of the type `pong`.
///
/// # Errors
/// As [`BackgroundClient::send_ping`].
pub fn send_ping(connection: &BackgroundClient) -> Result<(), Error> {
    connection.send_ping(&[], Duration::ZERO)?;
    settle(connection)
}

/// SendPong: sends an empty pong that nobody has asked for.
///
/// # Errors
/// As [`BackgroundClient::send_pong`].
pub fn send_pong(connection: &BackgroundClient) -> Result<(), Error> {
    connection.send_pong(&[], Duration::ZERO)?;
    settle(connection)
}

/// GetMessage: the next message; `timeout_millis` is 10,000 by default.
///
/// The fields of the contract are `type` ([`Message::kind`]) and `data`; for the peer's Close `code` and `reason`.
///
/// # Errors
/// `timeout` if nothing came: the next call may succeed. `closed` from behind the peer's Close on.
pub fn get_message(
    connection: &BackgroundClient,
    timeout_millis: Option<i64>,
) -> Result<Message, Error> {
    let waited = timeout(timeout_millis, DEFAULT_TIMEOUT);
    connection.receive(waited)?.ok_or_else(|| {
        let text = format!("no message came within {}", Span(waited));
        failure(connection.address(), Stage::Receive, Cause::Timeout(text))
    })
}

/// SendTextMessage: sends `text` literally or, with `from_file`, the content of the file at this path.
///
/// A file is to be valid UTF-8; a byte order mark at its beginning is left out.
///
/// # Errors
/// `usage` for a file that cannot be read or is not UTF-8; else as [`BackgroundClient::send_text`].
pub fn send_text_message(
    connection: &BackgroundClient,
    text: &str,
    from_file: bool,
) -> Result<(), Error> {
    if from_file {
        let content = payload::read_text(text).map_err(|why| unusable(connection, why))?;
        connection.send_text(
            content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&content),
            Duration::ZERO,
        )?;
    } else {
        connection.send_text(text, Duration::ZERO)?;
    }
    settle(connection)
}

/// SendBinaryMessage: sends bytes, or what a text names: the file at this path, else the URL, else what it is in
/// Base64, else its UTF-8 ([`BinarySource::of`]).
///
/// Nothing is downloaded here: that is for the caller, who then sends bytes.
///
/// # Errors
/// `usage` for a file that cannot be read and for a URL; else as [`BackgroundClient::send_binary`].
pub fn send_binary_message(
    connection: &BackgroundClient,
    data: BinaryData<'_>,
) -> Result<(), Error> {
    let text = match data {
        BinaryData::Bytes(bytes) => {
            connection.send_binary(bytes, Duration::ZERO)?;
            return settle(connection);
        }
        BinaryData::Text(text) => text,
    };
    let source = BinarySource::of(text);
    let bytes = source.read().map_err(|why| unusable(connection, why))?;
    connection.send_binary(&bytes, Duration::ZERO)?;
    settle(connection)
}

/// GetTlsSettings: TLS for [`create_connection`]; an empty `cert_file_path` is none.
pub fn get_tls_settings(disable_cert_verification: bool, cert_file_path: &str) -> TlsParameters {
    TlsParameters {
        use_tls: true,
        accept_invalid_certs: disable_cert_verification,
        ca_cert_path: Some(cert_file_path.to_owned()).filter(|path| !path.is_empty()),
    }
}

/// GetProxySettings: a proxy for [`create_connection`]; `view` is `socks5` by default. It is checked when it is used.
pub fn get_proxy_settings(
    address: &str,
    port: u16,
    view: Option<&str>,
    login: Option<&str>,
    password: Option<&str>,
) -> ProxyParameters {
    ProxyParameters {
        server: address.to_owned(),
        port,
        proxy_type: view.unwrap_or(DEFAULT_PROXY).to_owned(),
        login: login.map(str::to_owned),
        password: password.map(str::to_owned),
    }
}

/// IsClientObject: tells whether a value is a client, connected or not; shared ones count.
pub fn is_client_object(value: &dyn Any) -> bool {
    value.is::<BackgroundClient>() || value.is::<Arc<BackgroundClient>>()
}

/// GetLog: the newest `event_count` lines of the event log, 100 by default, 0 = all.
///
/// # Errors
/// `usage` if there is no log in memory.
pub fn get_log(
    connection: &BackgroundClient,
    event_count: Option<i64>,
) -> Result<LogLines, LogOff> {
    match connection.log(log_count(event_count)) {
        Some((lines, total)) => Ok(LogLines::new(lines, total)),
        None => Err(LogOff::new()),
    }
}

/// Waits until what was sent has left, but not for long.
fn settle(connection: &BackgroundClient) -> Result<(), Error> {
    match connection.flush(SETTLE) {
        Err(error) if error.kind() != ErrorKind::Timeout && connection.has_unsent() => Err(error),
        // It may be that very message which made the peer close.
        _ => Ok(()),
    }
}

fn unusable(connection: &BackgroundClient, why: String) -> Error {
    failure(connection.address(), Stage::Send, Cause::Argument(why))
}

fn failure(address: &Address, stage: Stage, cause: Cause) -> Error {
    Error::new(stage, address.to_string(), cause)
}

/// How long [`get_message`] waits unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a send waits until the system has taken the message.
const SETTLE: Duration = Duration::from_secs(1);
const DEFAULT_PROXY: &str = "socks5";
const BYTE_ORDER_MARK: char = '\u{feff}';

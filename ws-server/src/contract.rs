//! The server's functions of the method contract, one to one and with its defaults.
//!
//! | function | here | by |
//! | --- | --- | --- |
//! | StartServer | [`start_server`], [`start_server_again`] | [`Mailbox::start`], [`Mailbox::start_again`] |
//! | StopServer | [`stop_server`] | [`Mailbox::stop`] |
//! | GetNextConnectionData | [`get_next_connection_data`] | [`Mailbox::next`] |
//! | GetConnectionData | [`get_connection_data`] | [`Mailbox::next_from`] |
//! | SendData | [`send_data`] | [`Mailbox::send`] |
//! | CloseIncomingConnection | [`close_incoming_connection`] | [`Mailbox::close`] |
//! | GetConnectionList | [`get_connection_list`] | [`Mailbox::connections`] |
//! | GetLoggingSettings | [`get_logging_settings`] | [`LoggingSettings`] |
//! | GetLog | [`get_log`] | [`Mailbox::log`] |
//! | IsServerObject | [`is_server_object`] | its type |
//! | Broadcast | [`broadcast`] | [`Mailbox::broadcast`] |
//! | GetStatistics | [`get_statistics`] | [`Mailbox::statistics`] |
//!
//! Failures are [`Error`] and [`MailboxError`]; both have the contract's word as `error_code()`. Where the contract
//! returns maps, these return typed values; the fields are named in each function.
//!
//! Invariant: nothing here keeps a state or knows a format such as JSON; the meaning is in [`Mailbox`].
//!
//! # Examples
//!
//! ```
//! use ws_server::{Message, contract};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = contract::ServerSettings::default().address("127.0.0.1");
//! let logging = contract::get_logging_settings(true, None, "");
//! let server = contract::start_server(0, None, Some(&logging), Some(settings))?;
//! match contract::get_next_connection_data(&server, Some(10), None) {
//!     Ok(data) => contract::send_data(&server, &data.id.to_string(), Message::Text("hello"), false, None)?,
//!     Err(error) => assert_eq!(error.to_string(), "timeout"),
//! }
//! contract::stop_server(&server)?;
//! # Ok(())
//! # }
//! ```

use std::any::Any;
use std::borrow::Cow;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

pub use ws_core::contract::{LogLines, get_logging_settings};
use ws_core::handshake::{PeerText, Policy};
use ws_core::{
    CloseCode, Limits, LoggingSettings,
    contract::{LogOff, log_count, timeout},
};

use crate::mailbox::{
    Broadcast, ConnectionInfo, Mailbox, MailboxConfig, MailboxError, Received, Statistics,
};
use crate::{Config, ConnectionId, Error, Message};

/// What StartServer takes as `Settings`: where to listen, and everything a mailbox can be told.
///
/// The default listens on all interfaces and lets any Origin and Host in, as existing code expects, with messages of
/// up to 64 MiB; a warning is logged then. Everything else is as in [`MailboxConfig`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Name or IP address to listen at, or `unix:` and a path for a Unix socket, which has no port. Default: `::`, all
    /// interfaces, with IPv6 and IPv4.
    pub address: String,
    /// The mailbox and its server. [`Config::max_connections`] is set by the pool size, [`Config::logging`] by the
    /// logging settings.
    pub mailbox: MailboxConfig,
}

impl Default for ServerSettings {
    fn default() -> Self {
        let limits = Limits::default()
            .max_message_bytes(MAX_MESSAGE_BYTES)
            .max_frame_bytes(MAX_MESSAGE_BYTES);
        let server = Config::default()
            .policy(Policy::dangerous_allow_all())
            .limits(limits);
        Self {
            address: ALL_INTERFACES.to_owned(),
            mailbox: MailboxConfig::default().server(server),
        }
    }
}

impl ServerSettings {
    /// Sets where to listen.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Sets everything else.
    #[must_use]
    pub fn mailbox(mut self, mailbox: MailboxConfig) -> Self {
        self.mailbox = mailbox;
        self
    }

    /// Adds the pool size, and warns of what is wide open.
    fn ready(
        self,
        pool_size: Option<usize>,
        logging: Option<&LoggingSettings>,
    ) -> (String, MailboxConfig) {
        let Self {
            address,
            mut mailbox,
        } = self;
        mailbox.server.max_connections = pool_size.unwrap_or(DEFAULT_POOL_SIZE);
        mailbox.server.logging = logging.cloned().unwrap_or_else(LoggingSettings::off);
        if mailbox.server.policy.allows_all() {
            log::warn!(
                "the server at {} lets any Origin and Host in; the settings can restrict it",
                PeerText::new(&address)
            );
        }
        (address, mailbox)
    }
}

/// StartServer: listens at `port` (0 picks a free one) for at most `pool_size` connections, 100 by default.
///
/// One connection more gets HTTP 503. Without `logging` there is no event log. `None` as settings is [`ServerSettings::default`].
///
/// # Errors
///
/// As [`Mailbox::start`]; `port_in_use` if another server listens there. Nothing is left running.
pub fn start_server(
    port: u16,
    pool_size: Option<usize>,
    logging: Option<&LoggingSettings>,
    settings: Option<ServerSettings>,
) -> Result<Mailbox, Error> {
    let (address, mailbox) = settings.unwrap_or_default().ready(pool_size, logging);
    match address.strip_prefix(UNIX) {
        Some(path) => Mailbox::start_unix(path, mailbox),
        None => Mailbox::start((address.as_str(), port), mailbox),
    }
}

/// StartServer on an object that was stopped.
///
/// # Errors
///
/// As [`start_server`]; `usage` if it is running.
pub fn start_server_again(
    server: &Mailbox,
    port: u16,
    pool_size: Option<usize>,
    logging: Option<&LoggingSettings>,
    settings: Option<ServerSettings>,
) -> Result<(), Error> {
    let (address, mailbox) = settings.unwrap_or_default().ready(pool_size, logging);
    match address.strip_prefix(UNIX) {
        Some(path) => server.start_unix_again(path, mailbox),
        None => server.start_again((address.as_str(), port), mailbox),
    }
}

/// StopServer: sends Close 1001 to all, waits at most 5 s, frees the port.
///
/// # Errors
///
/// `not_started` if it was stopped before; `internal` if a thread of it had panicked.
pub fn stop_server(server: &Mailbox) -> Result<(), MailboxError> {
    server.stop()
}

/// GetNextConnectionData: the next message of any connection, in turns; `timeout_millis` is 1,000 by default.
///
/// The fields of the contract are `connectionId` ([`Received::id`]), `address`, `path`, `query`, `headers` and
/// `subprotocol` ([`Received::connection`]), `isActive`, `message` and `size` ([`Received::payload`]), `type`
/// ([`Received::kind`]), `closeCode` and `closeReason` ([`Received::end`]) and `more`. `_max_size` is accepted and
/// ignored: messages are never cut.
///
/// # Errors
///
/// `timeout` with exactly this text if nothing came: the next call may succeed. `not_started`, `internal`.
pub fn get_next_connection_data(
    server: &Mailbox,
    timeout_millis: Option<i64>,
    _max_size: Option<i64>,
) -> Result<Received, MailboxError> {
    let waited = server.next(timeout(timeout_millis, DEFAULT_TIMEOUT))?;
    waited.ok_or(MailboxError::Timeout)
}

/// GetConnectionData: the next message of one connection, as [`get_next_connection_data`].
///
/// # Errors
///
/// Also `closed` if the connection has ended and everything was read, and `not_found`.
pub fn get_connection_data(
    server: &Mailbox,
    connection_id: &str,
    timeout_millis: Option<i64>,
    _max_size: Option<i64>,
) -> Result<Received, MailboxError> {
    let id = parse_id(server, connection_id)?;
    let waited = server.next_from(id, timeout(timeout_millis, DEFAULT_TIMEOUT))?;
    waited.ok_or(MailboxError::Timeout)
}

/// SendData: text as a text message, bytes as a binary one, unless `message_type` is `text` or `binary`.
///
/// Text is literal. With `from_file` it is the path of a file whose content is sent, as text too: valid UTF-8, of
/// which a byte order mark at its beginning is left out; with `binary`, any bytes.
///
/// # Errors
///
/// `usage` for another type, a file that cannot be read and text that is not UTF-8; else as [`Mailbox::send`].
pub fn send_data(
    server: &Mailbox,
    connection_id: &str,
    data: Message<'_>,
    from_file: bool,
    message_type: Option<&str>,
) -> Result<(), MailboxError> {
    let id = parse_id(server, connection_id)?;
    with_message(data, from_file, message_type, |message| {
        server.send(id, message)
    })
}

/// Broadcast: sends to every open connection, or, if `path` is not empty, to those at this path; data as
/// [`send_data`].
///
/// # Errors
///
/// As [`Mailbox::broadcast`].
pub fn broadcast(
    server: &Mailbox,
    data: Message<'_>,
    path: &str,
) -> Result<Broadcast, MailboxError> {
    server.broadcast(data, Some(path).filter(|path| !path.is_empty()))
}

/// CloseIncomingConnection: closes with `code`, 1000 by default; see [`Mailbox::close`]. The contract removes the
/// connection immediately unless told otherwise.
///
/// # Errors
///
/// As [`Mailbox::close`].
pub fn close_incoming_connection(
    server: &Mailbox,
    connection_id: &str,
    remove_immediately: bool,
    code: Option<u16>,
    reason: &str,
) -> Result<(), MailboxError> {
    let id = parse_id(server, connection_id)?;
    let code = code.map_or(CloseCode::NORMAL, CloseCode::new);
    server.close(id, remove_immediately, code, reason)
}

/// GetConnectionList: the open connections, and the closed ones with unread data.
///
/// # Errors
///
/// `not_started`, `internal`.
pub fn get_connection_list(server: &Mailbox) -> Result<Vec<ConnectionInfo>, MailboxError> {
    server.connections()
}

/// GetStatistics: what has been counted since the start, and what waits.
///
/// # Errors
///
/// `not_started`, `internal`.
pub fn get_statistics(server: &Mailbox) -> Result<Statistics, MailboxError> {
    server.statistics()
}

/// GetLog: the newest `event_count` lines of the event log, 100 by default, 0 = all; also after StopServer.
///
/// # Errors
///
/// `usage` if there is no log in memory.
pub fn get_log(server: &Mailbox, event_count: Option<i64>) -> Result<LogLines, LogOff> {
    match server.log(log_count(event_count)) {
        Some((lines, total)) => Ok(LogLines::new(lines, total)),
        None => Err(LogOff::new()),
    }
}

/// IsServerObject: tells whether a value is a server, running or not; shared ones count.
pub fn is_server_object(value: &dyn Any) -> bool {
    value.is::<Mailbox>() || value.is::<Arc<Mailbox>>()
}

/// A text that is no id names no connection, and a stopped server is stopped for any text.
fn parse_id(server: &Mailbox, text: &str) -> Result<ConnectionId, MailboxError> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => {
            server.queue_depth()?;
            Err(MailboxError::NotAnId(text.chars().take(100).collect()))
        }
    }
}

fn with_message<T>(
    data: Message<'_>,
    from_file: bool,
    message_type: Option<&str>,
    send: impl FnOnce(Message<'_>) -> Result<T, MailboxError>,
) -> Result<T, MailboxError> {
    let is_text = match message_type {
        None => matches!(data, Message::Text(_)),
        Some(word) if word.eq_ignore_ascii_case("text") => true,
        Some(word) if word.eq_ignore_ascii_case("binary") => false,
        Some(word) => {
            return Err(MailboxError::InvalidArgument(format!(
                "message type {} is neither text nor binary",
                PeerText::new(word).max_chars(20)
            )));
        }
    };
    let (bytes, what) = match (data, from_file) {
        (Message::Text(path), true) => (Cow::Owned(read_file(path)?), Some(path)),
        (Message::Text(text), false) => (Cow::Borrowed(text.as_bytes()), None),
        (Message::Binary(data), _) => (Cow::Borrowed(data), None),
    };
    if !is_text {
        return send(Message::Binary(&bytes));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) if what.is_some() => send(Message::Text(
            text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
        )),
        Ok(text) => send(Message::Text(text)),
        Err(error) => Err(MailboxError::InvalidArgument(format!(
            "{} is not UTF-8 text at byte {}: send it as binary",
            what.map_or_else(
                || "the data".to_owned(),
                |path| format!("file {}", PeerText::new(path))
            ),
            error.valid_up_to()
        ))),
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, MailboxError> {
    fs::read(path).map_err(|error| {
        MailboxError::InvalidArgument(format!("cannot read file {}: {error}", PeerText::new(path)))
    })
}

/// Connections at the same time unless a pool size is given.
pub const DEFAULT_POOL_SIZE: usize = 100;
/// How long reading waits unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
const UNIX: &str = "unix:";
const ALL_INTERFACES: &str = "::";
const MAX_MESSAGE_BYTES: usize = 64 << 20;
const BYTE_ORDER_MARK: char = '\u{feff}';

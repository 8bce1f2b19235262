//! What Tls, Proxy, Headers, Logging and Settings may be: the results of the Get…Settings functions, or JSON text.
//!
//! Invariant: an unknown key is an error that names it and lists the known ones.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use ws_client::{ConnectRequest, ProxyKind, ProxySettings, TlsSettings, contract};
use ws_core::LoggingSettings;
use ws_core::extension::DeflateConfig;
use ws_core::handshake::PeerText;

use super::arguments::{Arguments, integer};
use super::compression;
use super::value::Value;
use crate::error::Failure;

/// Named values, every name of which is known.
pub(super) struct Settings<'a> {
    /// The function and the parameter.
    place: String,
    entries: &'a [(String, Value)],
}

impl<'a> Settings<'a> {
    /// `known` are all names there are, in lower case.
    pub(super) fn new(place: String, value: &'a Value, known: &[&str]) -> Result<Self, Failure> {
        let Value::Map(entries) = value else {
            return Err(Failure::usage(format!(
                "{place} is of the type {}, but must be a Map or a JSON object",
                value.kind()
            )));
        };
        let is_known = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        if let Some((name, _)) = entries.iter().find(|(name, _)| !is_known(name)) {
            return Err(Failure::usage(format!(
                "{place} has an unknown key {:?}; known are: {}",
                PeerText::new(name).max_chars(40).to_string(),
                known.join(", ")
            )));
        }
        Ok(Self { place, entries })
    }

    /// The value of a name, unless it is Undefined.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        let found = self
            .entries
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value)
            .filter(|value| **value != Value::Undefined)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong(name, value, "a String")),
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Boolean(value)) => Ok(Some(*value)),
            Some(value) => Err(self.wrong(name, value, "a Boolean")),
        }
    }

    pub(super) fn count(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Failure> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = integer(value).filter(|number| (least..=most).contains(number));
        let wanted = || format!("a whole Number of {least} to {most}");
        number
            .map(Some)
            .ok_or_else(|| self.wrong(name, value, &wanted()))
    }

    /// A number of things or bytes, from 1.
    pub(super) fn size(&self, name: &str) -> Result<Option<usize>, Failure> {
        let size = self.count(name, 1, MAX_SIZE)?;
        Ok(size.and_then(|size| usize::try_from(size).ok()))
    }

    /// Milliseconds; beyond 2³¹ they are clamped.
    pub(super) fn millis(&self, name: &str, least: i64) -> Result<Option<Duration>, Failure> {
        let millis = self.count(name, least, i64::MAX)?;
        let millis = millis.map(|millis| u64::try_from(millis.min(MAX_SIZE)).unwrap_or_default());
        Ok(millis.map(Duration::from_millis))
    }

    /// Strings; one alone counts as a list of it.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<&'a str>>, Failure> {
        let wanted = "an Array of Strings";
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(vec![text])),
            Some(Value::List(values)) => {
                let texts: Option<Vec<_>> = values.iter().map(Value::as_text).collect();
                texts.map(Some).ok_or_else(|| self.unusable(name, wanted))
            }
            Some(value) => Err(self.wrong(name, value, wanted)),
        }
    }

    /// Names the kind and not the value: a token may be a number, too.
    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> Failure {
        let kind = value.kind();
        self.unusable(
            name,
            &format!("{wanted}, not this value of the type {kind}"),
        )
    }

    pub(super) fn unusable(&self, name: &str, wanted: &str) -> Failure {
        Failure::usage(format!("{}: {name} must be {wanted}", self.place))
    }
}

/// What CreateConnection asks for, its Logging aside.
pub(super) fn request(arguments: &Arguments<'_>) -> Result<ConnectRequest, Failure> {
    let mut request = ConnectRequest::new(arguments.text(0)?)?;
    if let Some(settings) = tls(arguments, 1)? {
        request = request.tls(settings);
    }
    request = match proxy(arguments, 2)? {
        None => request,
        Some(Proxy::Environment) => request.proxy_from_environment(),
        Some(Proxy::Settings(settings)) => request.proxy(settings),
    };
    for (name, value) in headers(arguments, 3)? {
        // What the library writes itself has a place of its own.
        request = if name.eq_ignore_ascii_case("Sec-WebSocket-Protocol") {
            let offers = value.split(',').map(str::trim).map(str::to_owned);
            offers.fold(request, ConnectRequest::subprotocol)
        } else if name.eq_ignore_ascii_case("Origin") {
            request.origin(value)
        } else {
            request.header(name, value)
        };
    }
    if let Some(value) = arguments.settings(SETTINGS)? {
        let settings = Settings::new(place(arguments, SETTINGS), &value, &compression::KEYS)?;
        let config = compression::compression(&settings, DeflateConfig::dedicated)?;
        request = config.into_iter().fold(request, ConnectRequest::compress);
    }
    Ok(request)
}

fn tls(arguments: &Arguments<'_>, index: usize) -> Result<Option<TlsSettings>, Failure> {
    let Some(value) = arguments.settings(index)? else {
        return Ok(None);
    };
    let settings = Settings::new(place(arguments, index), &value, &TLS_KEYS)?;
    let [ca, chain, key] = [
        settings.text("ca_cert_path")?,
        settings.text("client_cert_path")?,
        settings.text("client_key_path")?,
    ];
    let accept = settings.boolean("accept_invalid_certs")?.unwrap_or(false);
    if settings.boolean("use_tls")? == Some(false) {
        return Ok(None);
    }
    // Nobody reads what takes no part: the file of authorities where every certificate is accepted.
    let ca = ca.filter(|_| !accept);
    for (key, path) in [
        ("ca_cert_path", ca),
        ("client_cert_path", chain),
        ("client_key_path", key),
    ] {
        if let Some(path) = path {
            check_is_file(&place(arguments, index), key, path)?;
        }
    }
    let mut tls = TlsSettings::from(&contract::get_tls_settings(accept, ca.unwrap_or_default()));
    match (chain, key) {
        (Some(chain), key) => tls = tls.client_certificate(chain, key.unwrap_or(chain)),
        (None, Some(_)) => {
            return Err(Failure::usage(format!(
                "{}: client_key_path needs client_cert_path",
                place(arguments, index)
            )));
        }
        (None, None) => {}
    }
    Ok(Some(tls))
}

enum Proxy {
    Environment,
    Settings(ProxySettings),
}

fn proxy(arguments: &Arguments<'_>, index: usize) -> Result<Option<Proxy>, Failure> {
    if let Some(Value::Text(text)) = arguments.raw(index)
        && text.trim().eq_ignore_ascii_case("env")
    {
        return Ok(Some(Proxy::Environment));
    }
    let Some(value) = arguments.settings(index)? else {
        return Ok(None);
    };
    let settings = Settings::new(place(arguments, index), &value, &PROXY_KEYS)?;
    let missing = |key| Failure::usage(format!("{}: {key} is missing", place(arguments, index)));
    let server = settings.text("server")?.ok_or_else(|| missing("server"))?;
    let port = settings.count("port", 0, u16::MAX.into())?;
    let port = port.ok_or_else(|| missing("port"))?;
    let kind: ProxyKind = settings.text("proxy_type")?.unwrap_or("socks5").parse()?;
    let proxy = ProxySettings::new(kind, server, u16::try_from(port).unwrap_or_default());
    Ok(Some(Proxy::Settings(
        match (settings.text("login")?, settings.text("password")?) {
            (None, None) => proxy,
            (login, password) => {
                proxy.login(login.unwrap_or_default(), password.unwrap_or_default())
            }
        },
    )))
}

/// Names and values: a map, or a list of pairs, which may have a name twice.
fn headers(arguments: &Arguments<'_>, index: usize) -> Result<Vec<(String, String)>, Failure> {
    let wrong = |name: &str| {
        Failure::usage(format!(
            "{}: the value of {} must be a String",
            place(arguments, index),
            PeerText::new(name).max_chars(40)
        ))
    };
    let header = |name: &str, value: &Value| match value {
        Value::Text(value) => Ok((name.to_owned(), value.clone())),
        Value::Number(_) | Value::Boolean(_) => Ok((name.to_owned(), value.to_json_text())),
        _ => Err(wrong(name)),
    };
    match arguments.settings(index)?.as_deref() {
        None => Ok(Vec::new()),
        Some(Value::Map(entries)) => entries
            .iter()
            .map(|(name, value)| header(name, value))
            .collect(),
        Some(Value::List(entries)) => entries
            .iter()
            .map(|entry| match entry {
                Value::List(pair) => match pair.as_slice() {
                    [Value::Text(name), value] => header(name, value),
                    _ => Err(wrong("each pair")),
                },
                _ => Err(wrong("each pair")),
            })
            .collect(),
        Some(_) => Err(Failure::usage(format!(
            "{} must be a Map or a JSON object",
            place(arguments, index)
        ))),
    }
}

/// The event log asked for; none unless it was.
pub(super) fn logging(arguments: &Arguments<'_>, index: usize) -> Result<LoggingSettings, Failure> {
    let off = LoggingSettings::off();
    let Some(value) = arguments.settings(index)? else {
        return Ok(off);
    };
    let settings = Settings::new(place(arguments, index), &value, &LOGGING_KEYS)?;
    let max_entries = settings.count("max_entries", 0, u32::MAX.into())?;
    let path = settings.text("file_path")?.filter(|path| !path.is_empty());
    let (memory, file) = match settings.text("mode")? {
        None => (max_entries.is_some(), path.is_some()),
        Some("memory") => (true, false),
        Some("file") => (false, true),
        Some("both") => (true, true),
        Some(_) => {
            return Err(Failure::usage(format!(
                "{}: mode must be memory, file or both",
                place(arguments, index)
            )));
        }
    };
    let mut logging = off.memory(memory);
    if let Some(entries) = max_entries.and_then(|entries| usize::try_from(entries).ok()) {
        logging = logging.max_entries(entries);
    }
    match path.filter(|_| file) {
        Some(path) => {
            check_log_file(arguments, index, path)?;
            logging = logging.file_path(Path::new(path));
        }
        None if file => {
            return Err(Failure::usage(format!(
                "{}: file_path is missing, which the mode wants",
                place(arguments, index)
            )));
        }
        None => {}
    }
    Ok(logging)
}

/// Finds out now whether there can be a log: later nobody would be told.
fn check_log_file(arguments: &Arguments<'_>, index: usize, path: &str) -> Result<(), Failure> {
    check_is_file(&place(arguments, index), "file_path", path)?;
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map(drop).map_err(|error| {
        Failure::usage(format!(
            "{}: cannot write the log file {}: {error}; check folder and rights",
            place(arguments, index),
            PeerText::new(path)
        ))
    })
}

/// Refuses what is there but no file: opening a pipe would wait for its other end. What is not there is found out later.
pub(super) fn check_is_file(place: &str, key: &str, path: &str) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(Failure::usage(format!(
            "{place}: {key} {} is not a file; give the path of one",
            PeerText::new(path)
        ))),
        _ => Ok(()),
    }
}

/// Where a setting stands, for errors.
pub(super) fn place(arguments: &Arguments<'_>, index: usize) -> String {
    format!("{}: {}", arguments.function(), arguments.name(index))
}

/// The index of CreateConnection's Settings.
const SETTINGS: usize = 5;
const TLS_KEYS: [&str; 5] = [
    "use_tls",
    "accept_invalid_certs",
    "ca_cert_path",
    "client_cert_path",
    "client_key_path",
];
const PROXY_KEYS: [&str; 5] = ["server", "port", "proxy_type", "login", "password"];
const LOGGING_KEYS: [&str; 3] = ["mode", "max_entries", "file_path"];
/// Fits `usize` on every target.
const MAX_SIZE: i64 = 2_147_483_647;

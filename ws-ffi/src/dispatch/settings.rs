//! What Tls, Proxy, Headers and Logging may be: the results of the Get…Settings functions, or JSON text.
//!
//! Invariant: an unknown key is an error that names it and lists the known ones.

use std::path::Path;

use ws_client::ConnectRequest;
use ws_client::contract::{self, Proxy};
use ws_core::LoggingSettings;

use super::arguments::{Arguments, integer};
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
                name.chars().take(40).collect::<String>(),
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

    pub(super) fn wrong(&self, name: &str, value: &Value, wanted: &str) -> Failure {
        Failure::usage(format!(
            "{}: {name} is of the type {}, or not a value it can have, but must be {wanted}",
            self.place,
            value.kind()
        ))
    }
}

/// What CreateConnection asks for, its Logging aside.
pub(super) fn request(arguments: &Arguments<'_>) -> Result<ConnectRequest, Failure> {
    let mut request = ConnectRequest::new(arguments.text(0)?)?;
    if let Some(settings) = tls(arguments, 1)? {
        request = request.tls(settings);
    }
    match proxy(arguments, 2)? {
        None => {}
        Some(Proxy::Environment) => request = request.proxy_from_environment(),
        Some(_) => {}
    }
    Ok(request)
}

fn tls(arguments: &Arguments<'_>, index: usize) -> Result<Option<ws_client::TlsSettings>, Failure> {
    let Some(value) = arguments.settings(index)? else {
        return Ok(None);
    };
    let settings = Settings::new(
        place(arguments, index),
        &value,
        &["use_tls", "accept_invalid_certs", "ca_cert_path"],
    )?;
    if settings.boolean("use_tls")? == Some(false) {
        return Ok(None);
    }
    let parameters = contract::get_tls_settings(
        settings.boolean("accept_invalid_certs")?.unwrap_or(false),
        settings.text("ca_cert_path")?.unwrap_or_default(),
    );
    Ok(Some((&parameters).into()))
}

fn proxy(_: &Arguments<'_>, _: usize) -> Result<Option<Proxy>, Failure> {
    Ok(None)
}

/// The event log asked for; none unless it was.
pub(super) fn logging(arguments: &Arguments<'_>, index: usize) -> Result<LoggingSettings, Failure> {
    let off = LoggingSettings::off();
    let Some(value) = arguments.settings(index)? else {
        return Ok(off);
    };
    let settings = Settings::new(
        place(arguments, index),
        &value,
        &["mode", "max_entries", "file_path"],
    )?;
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
        Some(path) => logging = logging.file_path(Path::new(path)),
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

/// Where a setting stands, for errors.
pub(super) fn place(arguments: &Arguments<'_>, index: usize) -> String {
    format!("{}: {}", arguments.function(), arguments.name(index))
}

/// What StartServer's Settings ask for.
pub(super) fn server(
    arguments: &Arguments<'_>,
    index: usize,
) -> Result<ws_server::contract::ServerSettings, Failure> {
    let mut server = ws_server::contract::ServerSettings::default();
    if let Some(value) = arguments.settings(index)? {
        let settings = Settings::new(place(arguments, index), &value, &["address"])?;
        if let Some(address) = settings.text("address")? {
            server = server.address(address);
        }
    }
    Ok(server)
}

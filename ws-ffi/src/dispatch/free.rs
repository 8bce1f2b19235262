//! The functions without an object.

use ws_client::contract::{get_proxy_settings, get_tls_settings};
use ws_core::contract::get_logging_settings;

use super::arguments::Arguments;
use super::table::Function;
use super::value::{Map, Value};
use crate::error::Failure;

/// Calls a function that belongs to no object: the settings, Version, and Is…Object, for which no [`Value`] is an
/// object.
///
/// Any other function answers `not_an_object`.
pub fn call(function: &'static Function, arguments: &[Value]) -> Value {
    answer(function, arguments).unwrap_or_else(Failure::into_value)
}

fn answer(function: &'static Function, values: &[Value]) -> Result<Value, Failure> {
    let arguments = Arguments::new(function, values)?;
    match function.english {
        "GetTlsSettings" => tls(&arguments),
        "GetProxySettings" => proxy(&arguments),
        "GetLoggingSettings" => logging(&arguments),
        "IsClientObject" | "IsServerObject" => Ok(Value::Boolean(false)),
        "Version" => Ok(Value::from(env!("CARGO_PKG_VERSION"))),
        name => Err(Failure::new(
            "not_an_object",
            format!("{name} needs an object; give the result of CreateConnection or StartServer"),
        )),
    }
}

fn tls(arguments: &Arguments<'_>) -> Result<Value, Failure> {
    let settings = get_tls_settings(arguments.boolean(0)?, arguments.text(1)?);
    let mut map = Map::new()
        .with("use_tls", settings.use_tls)
        .with("accept_invalid_certs", settings.accept_invalid_certs);
    if let Some(path) = settings.ca_cert_path {
        map = map.with("ca_cert_path", path);
    }
    Ok(map.into())
}

fn proxy(arguments: &Arguments<'_>) -> Result<Value, Failure> {
    let settings = get_proxy_settings(
        arguments.text(0)?,
        arguments.small(1)?,
        // An empty text is what the module and the add-in's hosts have for Undefined.
        arguments.optional_text(2)?.filter(|kind| !kind.is_empty()),
        arguments.optional_text(3)?,
        arguments.optional_text(4)?,
    );
    let mut map = Map::new()
        .with("server", settings.server)
        .with("port", settings.port)
        .with("proxy_type", settings.proxy_type);
    for (field, value) in [("login", settings.login), ("password", settings.password)] {
        if let Some(value) = value {
            map = map.with(field, value);
        }
    }
    Ok(map.into())
}

fn logging(arguments: &Arguments<'_>) -> Result<Value, Failure> {
    let max_events = arguments.within(1, 0, i64::from(u32::MAX))?;
    let settings = get_logging_settings(
        arguments.boolean(0)?,
        usize::try_from(max_events).ok(),
        arguments.text(2)?,
    );
    let mut map = Map::new();
    if let Some(mode) = settings.mode() {
        map = map.with("mode", mode.as_str());
    }
    if settings.memory {
        map = map.with("max_entries", settings.max_entries);
    }
    if let Some(path) = settings.file_path {
        map = map.with("file_path", path.to_string_lossy().into_owned());
    }
    Ok(map.into())
}

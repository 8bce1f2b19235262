//! What goes in and comes out of a call: the values that 1C and JSON have in common, and bytes.

use std::fmt;

use data_encoding::BASE64;
use serde_json::{Map as JsonMap, Number, Value as Json};

/// A value of the host: an argument, a field of a result, or a whole result.
///
/// `Debug` shows neither passwords, tokens nor header values.
#[derive(Clone, PartialEq, Default)]
#[expect(
    clippy::exhaustive_enums,
    reason = "these are the kinds that cross every frontend"
)]
pub enum Value {
    /// No value; as an argument the default.
    #[default]
    Undefined,
    /// True or false.
    Boolean(bool),
    /// A number; whole ones are exact up to 2⁵³.
    Number(f64),
    /// A string.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// An array.
    List(Vec<Self>),
    /// Keys and values, in order. Of equal keys the first counts.
    Map(Vec<(String, Self)>),
}

impl Value {
    /// Returns the value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// Takes the value of a key out of a map.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let index = entries.iter().position(|(name, _)| name == key)?;
        Some(entries.remove(index).1)
    }

    /// Returns a string's text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns a number, or what a string of one says, with the spaces that 1C groups digits by.
    pub fn to_number(&self) -> Option<f64> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => {
                let digits: String = text
                    .trim()
                    .chars()
                    .filter(|c| !is_group_separator(*c))
                    .collect();
                // "inf" and "1e3" parse, too, and nobody means them.
                let is_plain = digits
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.'));
                digits.parse().ok().filter(|_| is_plain)?
            }
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// Tells whether a call has succeeded: false only for a map whose `result` is false.
    pub fn is_success(&self) -> bool {
        self.get("result") != Some(&Self::Boolean(false))
    }

    /// Returns the name of the kind, as 1C names its types in English.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "Undefined",
            Self::Boolean(_) => "Boolean",
            Self::Number(_) => "Number",
            Self::Text(_) => "String",
            Self::Binary(_) => "BinaryData",
            Self::List(_) => "Array",
            Self::Map(_) => "Map",
        }
    }

    /// Returns the value as JSON: bytes as text in Base64, Undefined and what is not a finite number as `null`.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Undefined => Json::Null,
            Self::Boolean(value) => Json::Bool(*value),
            Self::Number(number) => json_number(*number),
            Self::Text(text) => Json::String(text.clone()),
            Self::Binary(bytes) => Json::String(BASE64.encode(bytes)),
            Self::List(values) => Json::Array(values.iter().map(Self::to_json).collect()),
            Self::Map(entries) => {
                let mut map = JsonMap::new();
                for (key, value) in entries {
                    map.entry(key.as_str()).or_insert_with(|| value.to_json());
                }
                Json::Object(map)
            }
        }
    }

    /// Returns the value as JSON text, keys in their order and numbers without an exponent; otherwise as
    /// [`Value::to_json`].
    pub fn to_json_text(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    fn write_json(&self, text: &mut String) {
        match self {
            Self::List(values) => {
                text.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    value.write_json(text);
                }
                text.push(']');
            }
            Self::Map(entries) => {
                text.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    text.push_str(&Json::from(key.as_str()).to_string());
                    text.push(':');
                    value.write_json(text);
                }
                text.push('}');
            }
            // JSON allows an exponent, but 1C writes none; nor does `f64`. Without the sign of -0.
            Self::Number(number) if number.is_finite() => {
                text.push_str(&(number + 0.0).to_string());
            }
            simple => text.push_str(&simple.to_json().to_string()),
        }
    }

    /// Takes up what was read from JSON; `null` is Undefined.
    pub fn from_json(json: Json) -> Self {
        match json {
            Json::Null => Self::Undefined,
            Json::Bool(value) => Self::Boolean(value),
            Json::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::Text(text),
            Json::Array(values) => Self::List(values.into_iter().map(Self::from_json).collect()),
            Json::Object(map) => Self::Map(
                map.into_iter()
                    .map(|(key, value)| (key, Self::from_json(value)))
                    .collect(),
            ),
        }
    }
}

/// A map under construction.
pub(super) struct Map(Vec<(String, Value)>);

impl Map {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// `{"result": true}`, to which fields are added.
    pub(super) fn success() -> Self {
        Self::new().with("result", true)
    }

    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.push((field.to_owned(), value.into()));
        self
    }

    /// Adds a field if there is a value for it.
    pub(super) fn with_some(self, field: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map.0)
    }
}

/// A whole number without a fraction, as every reader expects it.
fn json_number(number: f64) -> Json {
    match whole(number) {
        Some(whole) => Json::Number(whole.into()),
        None => Number::from_f64(number).map_or(Json::Null, Json::Number),
    }
}

/// The same number as an integer, if it is one and exact.
pub(super) fn whole(number: f64) -> Option<i64> {
    let is_exact = number.fract() == 0.0 && number.abs() <= MAX_EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "has no fraction and fits")]
    is_exact.then_some(number as i64)
}

const fn is_group_separator(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{202f}' | ' ')
}

/// Up to here every whole number has an `f64` of its own: 2⁵³.
pub const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Number(value.into())
    }
}

impl From<usize> for Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes and counters stay below 2⁵³"
    )]
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}

impl From<u64> for Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes and counters stay below 2⁵³"
    )]
    fn from(value: u64) -> Self {
        Self::Number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Binary(value)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("Undefined"),
            Self::Boolean(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Binary(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::List(values) => f.debug_list().entries(values).finish(),
            Self::Map(entries) => {
                let mut map = f.debug_map();
                for (key, value) in entries {
                    if is_secret(key) {
                        map.entry(key, &format_args!("…"));
                    } else {
                        map.entry(key, value);
                    }
                }
                map.finish()
            }
        }
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    [
        "password",
        "login",
        "token",
        "users",
        "authorization",
        "cookie",
        "key",
        "query",
        "headers",
    ]
    .iter()
    .any(|secret| key.contains(secret))
}

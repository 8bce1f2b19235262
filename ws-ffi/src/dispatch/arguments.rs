//! What a host passes, turned into what a function takes, or a `usage` error that names the parameter.
//!
//! Invariant: a text made here names parameters and kinds, never a value that may be a secret.

use std::borrow::Cow;

use super::table::{Default, Function, Parameter};
use super::value::{Value, whole};
use crate::error::Failure;

/// The arguments of one call, the object not among them.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    function: &'static Function,
    values: &'a [Value],
}

/// What is to be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Binary(&'a [u8]),
}

impl Content<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl<'a> Arguments<'a> {
    /// Checks that there are not too many; missing ones are found out about one by one.
    pub(super) fn new(function: &'static Function, values: &'a [Value]) -> Result<Self, Failure> {
        let most = function.arguments().count();
        if values.len() > most {
            return Err(Failure::usage(format!(
                "{} takes at most {most} parameters, but got {}",
                function.english,
                values.len()
            )));
        }
        Ok(Self { function, values })
    }

    /// A string that must be there.
    pub(super) fn text(&self, index: usize) -> Result<&'a str, Failure> {
        match self.value(index)? {
            Ok(Value::Text(text)) => Ok(text),
            Err(Default::Text(text)) => Ok(text),
            other => Err(self.wrong(index, other, "a String")),
        }
    }

    /// A string that may be missing.
    pub(super) fn optional_text(&self, index: usize) -> Result<Option<&'a str>, Failure> {
        match self.value(index)? {
            Ok(Value::Text(text)) => Ok(Some(text)),
            Err(Default::Undefined) => Ok(None),
            Err(Default::Text(text)) => Ok(Some(text)),
            other => Err(self.wrong(index, other, "a String")),
        }
    }

    /// A truth; 0 and 1 count.
    pub(super) fn boolean(&self, index: usize) -> Result<bool, Failure> {
        match self.value(index)? {
            Ok(Value::Boolean(value)) => Ok(*value),
            Ok(Value::Number(number)) if *number == 0.0 => Ok(false),
            Ok(Value::Number(number)) if *number == 1.0 => Ok(true),
            Err(Default::Boolean(value)) => Ok(value),
            other => Err(self.wrong(index, other, "a Boolean")),
        }
    }

    /// A number or numeric string without a fraction; `None` for Undefined as the default.
    pub(super) fn integer(&self, index: usize) -> Result<Option<i64>, Failure> {
        match self.value(index)? {
            Ok(value) => match integer(value) {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong(index, Ok(value), "a whole Number")),
            },
            Err(Default::Number(number)) => Ok(whole(number)),
            Err(Default::Undefined) => Ok(None),
            other => Err(self.wrong(index, other, "a whole Number")),
        }
    }

    /// A number or numeric string within limits.
    pub(super) fn within(&self, index: usize, least: i64, most: i64) -> Result<i64, Failure> {
        let number = self.integer(index)?.unwrap_or(least);
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(Failure::usage(format!(
            "{}: {} is {number}, but must be {least} to {most}",
            self.function.english,
            self.name(index)
        )))
    }

    /// A port, or a close code.
    pub(super) fn small(&self, index: usize) -> Result<u16, Failure> {
        let number = self.within(index, 0, u16::MAX.into())?;
        Ok(u16::try_from(number).unwrap_or_default())
    }

    /// Milliseconds; a fraction of one does not count, and beyond `i64` they are clamped.
    pub(super) fn millis(&self, index: usize) -> Result<Option<i64>, Failure> {
        match self.value(index)? {
            Ok(value) => match value.to_number() {
                Some(millis) => {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "saturates, as the contract clamps"
                    )]
                    let millis = millis.floor() as i64;
                    Ok(Some(millis))
                }
                None => Err(self.wrong(index, Ok(value), "a Number of milliseconds")),
            },
            Err(Default::Number(number)) => Ok(whole(number)),
            Err(Default::Undefined) => Ok(None),
            other => Err(self.wrong(index, other, "a Number of milliseconds")),
        }
    }

    /// What is to be sent: collections as JSON, numbers without group separators.
    pub(super) fn content(&self, index: usize) -> Result<Content<'a>, Failure> {
        Ok(match self.value(index)? {
            Ok(Value::Text(text)) => Content::Text(Cow::Borrowed(text)),
            Ok(Value::Binary(bytes)) => Content::Binary(bytes),
            // Not a number, or infinite: JSON has no such.
            other @ Ok(Value::Number(number)) if !number.is_finite() => {
                return Err(self.wrong(index, other, "something to send"));
            }
            Ok(value @ (Value::Boolean(_) | Value::Number(_) | Value::List(_) | Value::Map(_))) => {
                Content::Text(Cow::Owned(value.to_json_text()))
            }
            other => return Err(self.wrong(index, other, "something to send")),
        })
    }

    /// Settings: a map, or JSON text. Undefined and an empty text are none.
    pub(super) fn settings(&self, index: usize) -> Result<Option<Cow<'a, Value>>, Failure> {
        let value = match self.value(index)? {
            Err(Default::Undefined) => return Ok(None),
            Ok(Value::Text(text)) if text.trim().is_empty() => return Ok(None),
            Ok(Value::Text(text)) => {
                let json = serde_json::from_str(text).map_err(|error| {
                    // Only the place: the text may hold a password.
                    Failure::usage(format!(
                        "{}: {} is a String that is not JSON (line {}, column {}); give a Map, or JSON text",
                        self.function.english,
                        self.name(index),
                        error.line(),
                        error.column()
                    ))
                })?;
                Cow::Owned(Value::from_json(json))
            }
            Ok(value @ (Value::Map(_) | Value::List(_))) => Cow::Borrowed(value),
            other => return Err(self.wrong(index, other, "a Map or JSON text")),
        };
        Ok(Some(value))
    }

    /// The value as it came, if one came.
    pub(super) fn raw(&self, index: usize) -> Option<&'a Value> {
        self.values
            .get(index)
            .filter(|value| **value != Value::Undefined)
    }

    /// The function's English name, for errors.
    pub(super) const fn function(&self) -> &'static str {
        self.function.english
    }

    /// The value, or the default where there is none.
    fn value(&self, index: usize) -> Result<Result<&'a Value, Default>, Failure> {
        if let Some(value) = self.raw(index) {
            return Ok(Ok(value));
        }
        match self.parameter(index).map(|parameter| parameter.default) {
            None | Some(Default::Mandatory) => Err(Failure::usage(format!(
                "{}: {} is missing",
                self.function.english,
                self.name(index)
            ))),
            Some(default) => Ok(Err(default)),
        }
    }

    /// Names the kind and not the value: a password may be a number, too.
    fn wrong(&self, index: usize, value: Result<&Value, Default>, wanted: &str) -> Failure {
        let (function, name) = (self.function.english, self.name(index));
        Failure::usage(match value {
            Ok(value) => {
                let kind = value.kind();
                format!("{function}: {name} must be {wanted}, not this value of the type {kind}")
            }
            Err(_) => format!("{function}: {name} must be {wanted}"),
        })
    }

    /// The parameter's English name, for errors.
    pub(super) fn name(&self, index: usize) -> &'static str {
        self.parameter(index)
            .map_or("?", |parameter| parameter.english)
    }

    fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        self.function.arguments().nth(index)
    }
}

/// A whole number, or a string of one.
pub(super) fn integer(value: &Value) -> Option<i64> {
    value.to_number().and_then(whole)
}

//! The one place where a failure becomes the answer that hosts get: its text, its word and the fields beside them.

use std::error::Error;

use ws_core::contract::LogOff;
use ws_server::mailbox::MailboxError;

use crate::dispatch::Value;

/// Why a call has failed: what failed, on what, why, and what to try.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    text: String,
    word: &'static str,
    /// Fields of the answer beside `error` and `errorCode`.
    fields: Vec<(&'static str, Value)>,
}

impl Failure {
    /// A call that cannot be done as it was asked for.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new("usage", text)
    }

    /// The connection is over; the contract has code and reason beside the word.
    pub(crate) fn closed(text: impl Into<String>) -> Self {
        Self::new("closed", text)
            .with("code", 1006_u16)
            .with("reason", "")
    }

    /// `word` is one of [`ws_core::contract::ERROR_CODES`].
    pub(crate) fn new(word: &'static str, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            word,
            fields: Vec::new(),
        }
    }

    /// Adds a field.
    pub(crate) fn with(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((field, value.into()));
        self
    }

    /// The text, for LastError.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The answer.
    pub(crate) fn into_value(self) -> Value {
        let mut entries = vec![
            (String::from("result"), Value::Boolean(false)),
            (String::from("error"), Value::Text(self.text)),
            (String::from("errorCode"), Value::from(self.word)),
        ];
        let fields = self.fields.into_iter();
        entries.extend(fields.map(|(field, value)| (String::from(field), value)));
        Value::Map(entries)
    }

    /// Joins an error, what is behind it, and what to try.
    fn describe(error: &dyn Error, hint: Option<&str>) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
            source = error.source();
        }
        if let Some(hint) = hint {
            text.push_str("; ");
            text.push_str(hint);
        }
        text
    }
}

impl From<ws_client::Error> for Failure {
    fn from(error: ws_client::Error) -> Self {
        let word = error.error_code();
        let mut failure = Self::new(word, Self::describe(&error, error.hint()));
        if let Some(status) = error.status() {
            failure = failure.with("status", status);
        }
        if let Some(code) = error.close_code().filter(|_| word == "closed") {
            failure = failure
                .with("code", code.as_u16())
                .with("reason", error.close_reason().unwrap_or_default());
        }
        failure
    }
}

impl From<ws_server::Error> for Failure {
    fn from(error: ws_server::Error) -> Self {
        Self::new(error.error_code(), Self::describe(&error, error.hint()))
    }
}

impl From<MailboxError> for Failure {
    fn from(error: MailboxError) -> Self {
        let failure = Self::new(error.error_code(), Self::describe(&error, error.hint()));
        match error {
            MailboxError::Closed { code, reason, .. } => failure
                .with("isActive", false)
                .with("code", code.as_u16())
                .with("reason", reason),
            _ => failure,
        }
    }
}

impl From<LogOff> for Failure {
    fn from(error: LogOff) -> Self {
        Self::new(error.error_code(), error.to_string())
    }
}

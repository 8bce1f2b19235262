//! Text that nothing may print.

/// Text without `Debug` and `Display`, so that no derive and no log line can show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// `text` with each of `secrets` hidden, for what a peer may have echoed.
pub(crate) fn hide(mut text: String, secrets: &[String]) -> String {
    for secret in secrets.iter().filter(|s| s.len() >= MIN_SECRET_BYTES) {
        text = text.replace(secret.as_str(), "***");
    }
    text
}

/// Shorter ones occur in any text; hiding them would only garble it.
const MIN_SECRET_BYTES: usize = 4;

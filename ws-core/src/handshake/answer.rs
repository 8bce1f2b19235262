//! Any HTTP answer of a server but 101: refusals, health, a page.

use std::fmt;

use super::error::HandshakeError;
use super::write::{HeadWriter, check_header, check_not_reserved};

/// A whole HTTP answer that is not 101: status, headers and a text; the connection is closed after it.
///
/// Every answer says `Connection: close` and its `Content-Length`. A 426 names the protocol and version to use.
/// The text is plain UTF-8 unless a `Content-Type` is set, and holds nothing of the peer unless the caller puts it in.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    status: u16,
    text: String,
    headers: Vec<(Box<str>, Box<str>)>,
}

impl HttpAnswer {
    /// Creates an answer. A status outside 200–599 cannot be answered with and becomes 500.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        let status = if (200..=599).contains(&status) {
            status
        } else {
            500
        };
        Self {
            status,
            text: text.into(),
            headers: Vec::new(),
        }
    }

    /// Creates the 426 for a request that does not ask for a WebSocket.
    pub fn upgrade_required() -> Self {
        Self::new(
            426,
            "this address speaks WebSocket (RFC 6455): connect with a WebSocket client",
        )
    }

    /// Adds a header line.
    ///
    /// # Errors
    /// [`HandshakeError::ReservedHeader`] for a header that the handshake writes itself,
    /// [`HandshakeError::InvalidHeaderName`] or [`HandshakeError::InvalidHeaderValue`].
    pub fn with_header(self, name: &str, value: &str) -> Result<Self, HandshakeError> {
        check_not_reserved(name)?;
        let value = check_header(name, value)?;
        Ok(self.with_owned_header(name, value))
    }

    /// Adds a header line that is known to be well-formed.
    pub(crate) fn with_owned_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the text, for the log as well.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Appends the answer to `output`; with `head_only`, as HEAD wants it, without its text.
    pub fn encode(&self, head_only: bool, output: &mut Vec<u8>) {
        // Neither has a body, nor a length of one (RFC 9110 §8.6, §15.3.5, §15.4.5).
        let has_body = !matches!(self.status, 204 | 304);
        let is_written = self.write_head(has_body, output).is_ok();
        debug_assert!(is_written, "every line was checked when it was added");
        if has_body && !head_only {
            output.extend_from_slice(self.text.as_bytes());
        }
    }

    fn write_head(&self, has_body: bool, output: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let mut head = HeadWriter::response(self.status, output);
        if self.status == 426 {
            // RFC 9110 §7.8, §15.5.22; RFC 6455 §4.4
            head.header("Connection", "close, Upgrade")?;
            head.header("Upgrade", "websocket")?;
            head.header("Sec-WebSocket-Version", "13")?;
        } else {
            head.header("Connection", "close")?;
        }
        if has_body {
            if !self
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            {
                head.header("Content-Type", "text/plain; charset=utf-8")?;
            }
            head.header("Content-Length", &self.text.len().to_string())?;
        }
        for (name, value) in &self.headers {
            head.header(name, value)?;
        }
        head.finish();
        Ok(())
    }
}

/// Shows the names of the headers only: values may be secrets.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("text", &self.text)
            .field("headers", &names)
            .finish()
    }
}

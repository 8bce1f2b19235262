//! A whole response head as a client sees it, and the beginning of a refusal's body.

use std::fmt;

use super::error::HeadError;
use super::fields::Fields;
use super::head::HeadReader;
use super::peer_text::PeerText;
use super::redact::redact_url;
use super::start_line::classify;

/// A whole, well-formed HTTP/1 response head, owned; for a refusal also the first 1 KiB of its body.
///
/// `Debug` shows the names of the headers, never values.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    minor_version: u8,
    status: u16,
    reason: Box<str>,
    fields: Fields,
    body: Vec<u8>,
}

impl Response {
    /// How much of a refusal's body is kept.
    pub const MAX_BODY_BYTES: usize = 1024;

    /// Reads the head that `reader` has completed, of any status and of HTTP/1.1 or 1.0.
    ///
    /// # Errors
    /// [`HeadError::InvalidStartLine`] or [`HeadError::UnsupportedVersion`].
    pub fn parse(reader: &HeadReader) -> Result<Self, HeadError> {
        let mut lines = vec![httparse::EMPTY_HEADER; reader.header_count()];
        let mut parsed = httparse::Response::new(&mut lines);
        match parsed.parse(reader.bytes()) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(HeadError::InvalidStartLine),
            Err(error) => return Err(classify(error, reader.bytes())),
        }
        let (Some(minor_version), Some(status)) = (parsed.version, parsed.code) else {
            return Err(HeadError::InvalidStartLine);
        };
        if !(100..=599).contains(&status) {
            return Err(HeadError::InvalidStartLine);
        }
        Ok(Self {
            minor_version,
            status,
            reason: parsed.reason.unwrap_or_default().into(),
            fields: Fields::copy_from(parsed.headers),
            body: Vec::new(),
        })
    }

    /// Returns the status, 100 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason phrase as it came; it may be empty.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the first value of the header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields.first(name)
    }

    /// Yields all header lines as `(name, value)`, in their order; values not in UTF-8 are read as Latin-1.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter()
    }

    /// Returns the subprotocol that the server selected, if any.
    pub fn subprotocol(&self) -> Option<&str> {
        self.fields.only("sec-websocket-protocol")
    }

    /// Returns the first [`Response::MAX_BODY_BYTES`] of a refusal's body, without its chunk marks.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns `Location` without user info, fragment and the values of its query.
    pub fn redacted_location(&self) -> Option<String> {
        self.fields.first("location").map(redact_url)
    }

    pub(crate) fn is_http_1_1(&self) -> bool {
        self.minor_version == 1
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(crate) fn set_body(&mut self, body: Vec<u8>) {
        self.body = body;
    }

    /// Returns status and reason, and where a redirect leads, as one line.
    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary(self)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("reason", &self.reason)
            .field("headers", &self.fields)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Status, reason and redirect of a refusal, safe for one line of a log.
pub(crate) struct Summary<'a>(&'a Response);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let response = self.0;
        write!(f, "{}", response.status)?;
        if !response.reason.is_empty() {
            write!(f, " {}", PeerText::new(&response.reason))?;
        }
        let is_redirect = (300..400).contains(&response.status);
        if let Some(location) = response.redacted_location().filter(|_| is_redirect) {
            write!(
                f,
                " (a redirect, not followed, to {})",
                PeerText::new(&location)
            )?;
        }
        Ok(())
    }
}

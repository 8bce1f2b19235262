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
        self.append_head(has_body.then_some(self.text.len() as u64), output);
        if has_body && !head_only {
            output.extend_from_slice(self.text.as_bytes());
        }
    }

    /// Appends the head of an answer whose body of `length` bytes the caller sends behind it, in place of the text.
    ///
    /// RFC 9110 [§8.6](https://www.rfc-editor.org/rfc/rfc9110#section-8.6)
    pub fn encode_head(&self, length: u64, output: &mut Vec<u8>) {
        self.append_head(Some(length), output);
    }

    fn append_head(&self, length: Option<u64>, output: &mut Vec<u8>) {
        let is_written = self.write_head(length, output).is_ok();
        debug_assert!(is_written, "every line was checked when it was added");
    }

    fn write_head(&self, length: Option<u64>, output: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let mut head = HeadWriter::response(self.status, output);
        if self.status == 426 {
            // RFC 9110 §7.8, §15.5.22; RFC 6455 §4.4
            head.header("Connection", "close, Upgrade")?;
            head.header("Upgrade", "websocket")?;
            head.header("Sec-WebSocket-Version", "13")?;
        } else {
            head.header("Connection", "close")?;
        }
        if let Some(length) = length {
            if !self
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            {
                head.header("Content-Type", "text/plain; charset=utf-8")?;
            }
            head.header("Content-Length", &length.to_string())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(answer: &HttpAnswer, head_only: bool) -> String {
        let mut output = Vec::new();
        answer.encode(head_only, &mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn writes_a_plain_text_and_closes() {
        let answer = HttpAnswer::new(200, "ja, läuft\n")
            .with_header("Cache-Control", "no-store")
            .unwrap();
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
                    Content-Length: 11\r\nCache-Control: no-store\r\n\r\n";
        assert_eq!(encoded(&answer, true), head);
        assert_eq!(encoded(&answer, false), format!("{head}ja, läuft\n"));
    }

    #[test]
    fn takes_the_type_of_a_page_from_the_caller() {
        let answer = HttpAnswer::new(200, "<p>")
            .with_header("content-type", "text/html")
            .unwrap();
        let text = encoded(&answer, false);
        assert_eq!(text.to_ascii_lowercase().matches("content-type").count(), 1);
        assert!(text.contains("content-type: text/html\r\n"));
    }

    /// RFC 9110 §15.5.22, RFC 6455 §4.4
    #[test]
    fn says_in_a_426_what_to_upgrade_to() {
        for answer in [HttpAnswer::upgrade_required(), HttpAnswer::new(426, "")] {
            let text = encoded(&answer, false);
            assert!(
                text.starts_with("HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\n"),
                "{text}"
            );
            assert!(
                text.contains("\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn gives_the_length_of_a_body_that_the_caller_sends() {
        let mut output = Vec::new();
        HttpAnswer::new(200, "not sent").encode_head(5 << 30, &mut output);
        let text = String::from_utf8(output).unwrap();
        assert!(
            text.ends_with("\r\nContent-Length: 5368709120\r\n\r\n"),
            "{text}"
        );
    }

    /// RFC 9110 §8.6
    #[test]
    fn gives_no_length_where_there_is_no_body() {
        for status in [204, 304] {
            let text = encoded(&HttpAnswer::new(status, "ignored"), false);
            assert!(text.ends_with("Connection: close\r\n\r\n"), "{text}");
        }
    }

    #[test]
    fn makes_a_500_of_what_is_no_final_status() {
        for status in [0, 100, 101, 199, 600, u16::MAX] {
            assert_eq!(HttpAnswer::new(status, "").status(), 500);
        }
    }

    ///
    #[test]
    fn refuses_headers_that_would_split_the_answer() {
        let answer = HttpAnswer::new(401, "");
        assert!(
            answer
                .clone()
                .with_header("WWW-Authenticate", "Basic realm=\"a\"")
                .is_ok()
        );
        for (name, value) in [
            ("A", "b\r\nC: d"),
            ("A\r\nB", "c"),
            ("Connection", "keep-alive"),
            ("Content-Length", "0"),
        ] {
            assert!(answer.clone().with_header(name, value).is_err(), "{name}");
        }
    }

    #[test]
    fn hides_values_in_its_debug_text() {
        let answer = HttpAnswer::new(401, "no")
            .with_header("Set-Cookie", "secret")
            .unwrap();
        let text = format!("{answer:?}");
        assert!(
            text.contains("Set-Cookie") && !text.contains("secret"),
            "{text}"
        );
    }
}

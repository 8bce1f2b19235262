//! The one place where an outgoing head is written: requests, 101 answers, refusals.
//!
//! Invariant: no text of the caller adds a line, ends the head, or changes what the handshake itself says.

use super::error::HandshakeError;
use super::peer_text::PeerText;
use super::tokens::{is_ows, is_token};

/// Appends one HTTP/1.1 head to a buffer, line by line, and checks every part.
///
/// Unless [`finish`](Self::finish) is reached, the buffer is left as it was.
///
/// RFC 9112 [§2.1](https://www.rfc-editor.org/rfc/rfc9112#section-2.1)
#[derive(Debug)]
pub struct HeadWriter<'a> {
    output: &'a mut Vec<u8>,
    start: usize,
    is_finished: bool,
}

impl<'a> HeadWriter<'a> {
    /// Begins a request.
    ///
    /// # Errors
    /// [`HandshakeError::InvalidMethod`] or [`HandshakeError::InvalidTarget`]; nothing is appended.
    pub fn request(
        method: &str,
        target: &str,
        output: &'a mut Vec<u8>,
    ) -> Result<Self, HandshakeError> {
        if !is_token(method) {
            return Err(HandshakeError::InvalidMethod);
        }
        if !is_target(target) {
            return Err(HandshakeError::InvalidTarget);
        }
        let writer = Self::begin(output);
        for part in [method, " ", target, " HTTP/1.1\r\n"] {
            writer.output.extend_from_slice(part.as_bytes());
        }
        Ok(writer)
    }

    /// Begins a response with the standard reason phrase of `status`.
    pub(crate) fn response(status: u16, output: &'a mut Vec<u8>) -> Self {
        let writer = Self::begin(output);
        writer.output.extend_from_slice(
            format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status)).as_bytes(),
        );
        writer
    }

    /// Appends one header line; white space around the value is dropped.
    ///
    /// # Errors
    /// [`HandshakeError::InvalidHeaderName`] unless the name is a token;
    /// [`HandshakeError::InvalidHeaderValue`] for a value with CR, LF, NUL or another control character. The buffer
    /// is then left as it was before the head.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), HandshakeError> {
        let value = check_header(name, value)?;
        for part in [name, ": ", value, "\r\n"] {
            self.output.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }

    /// Ends the head.
    pub fn finish(mut self) {
        self.output.extend_from_slice(b"\r\n");
        self.is_finished = true;
    }

    fn begin(output: &'a mut Vec<u8>) -> Self {
        let start = output.len();
        Self {
            output,
            start,
            is_finished: false,
        }
    }
}

impl Drop for HeadWriter<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.output.truncate(self.start);
        }
    }
}

/// Checks one header line of the caller and returns its value without the white space around it.
pub(crate) fn check_header<'v>(name: &str, value: &'v str) -> Result<&'v str, HandshakeError> {
    if !is_token(name) {
        return Err(HandshakeError::InvalidHeaderName { name: shown(name) });
    }
    let value = value.trim_matches(is_ows);
    // C1 characters are controls as well to whoever reads the value as Latin-1.
    if value.chars().any(char::is_control) {
        return Err(HandshakeError::InvalidHeaderValue { name: name.into() });
    }
    Ok(value)
}

/// Checks that the handshake does not write this header itself.
pub(crate) fn check_not_reserved(name: &str) -> Result<(), HandshakeError> {
    const PREFIX: &str = "sec-websocket-";
    const RESERVED: [&str; 9] = [
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let is_ours = name
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    if is_ours
        || RESERVED
            .iter()
            .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return Err(HandshakeError::ReservedHeader { name: name.into() });
    }
    Ok(())
}

/// Returns a wrong name or rule as an error may show it.
pub(crate) fn shown(text: &str) -> Box<str> {
    PeerText::new(text).max_chars(64).to_string().into()
}

/// Says whether `target` may stand in a request line: visible ASCII, no fragment.
pub(crate) fn is_target(target: &str) -> bool {
    !target.is_empty()
        && target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        // The phrase may be empty, the space before it may not (RFC 9112 §4).
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// whatever is refused leaves the buffer as it was.
    #[test]
    fn leaves_the_buffer_alone_after_an_error() {
        let mut output = b"before".to_vec();
        let mut head = HeadWriter::request("GET", "/", &mut output).unwrap();
        head.header("A", "b").unwrap();
        assert!(head.header("C", "d\r\nE: f").is_err());
        drop(head);
        assert_eq!(output, b"before");

        let head = HeadWriter::request("CONNECT", "example.com:443", &mut output).unwrap();
        head.finish();
        assert_eq!(output, b"beforeCONNECT example.com:443 HTTP/1.1\r\n\r\n");
    }

    /// all 65 of them
    #[test]
    fn refuses_values_with_any_control_character() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        for character in controls {
            let value = format!("a{character}b");
            assert_eq!(
                check_header("Name", &value),
                Err(HandshakeError::InvalidHeaderValue {
                    name: "Name".into()
                })
            );
        }
        for value in ["", "a b", "привет", "\"(),/:;<=>?@[\\]{}"] {
            assert_eq!(check_header("Name", value), Ok(value));
        }
        assert_eq!(check_header("Name", " \ta\t "), Ok("a"));
    }

    #[test]
    fn refuses_names_that_are_no_tokens() {
        for name in ["", "a b", "a:", "a\r\nb", "имя", "a\0", " a"] {
            let result = check_header(name, "secret");
            assert!(
                matches!(&result, Err(HandshakeError::InvalidHeaderName { .. })),
                "{name}"
            );
            let text = result.unwrap_err().to_string();
            assert!(
                !text.contains("secret") && !text.contains(char::is_control),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_targets_that_end_the_line_or_name_a_fragment() {
        for target in [
            "", " ", "/a b", "/a\r\nb", "/a\tb", "/a#b", "/\u{fc}", "/\0", "/\x7f",
        ] {
            let result = HeadWriter::request("GET", target, &mut Vec::new()).map(|_| ());
            assert_eq!(result, Err(HandshakeError::InvalidTarget), "{target}");
        }
        for method in ["", "GET ", "G\r\nT"] {
            let result = HeadWriter::request(method, "/", &mut Vec::new()).map(|_| ());
            assert_eq!(result, Err(HandshakeError::InvalidMethod));
        }
    }

    ///
    #[test]
    fn keeps_its_own_headers_to_itself() {
        for name in [
            "Connection",
            "UPGRADE",
            "host",
            "Content-Length",
            "Transfer-Encoding",
            "Sec-WebSocket-Key",
            "sec-websocket-accept",
            "Sec-WebSocket-Anything",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Expect",
        ] {
            assert_eq!(
                check_not_reserved(name),
                Err(HandshakeError::ReservedHeader { name: name.into() })
            );
        }
        for name in [
            "Authorization",
            "Cookie",
            "X-Host",
            "Sec-WebSocke",
            "Origin",
            "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}\u{43f}\u{440}",
        ] {
            assert_eq!(check_not_reserved(name), Ok(()));
        }
    }

    /// RFC 9112 §4: the space before an unknown phrase stays.
    #[test]
    fn writes_a_status_line_for_any_status() {
        for (status, line) in [
            (101, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            (499, "HTTP/1.1 499 \r\n\r\n"),
        ] {
            let mut output = Vec::new();
            HeadWriter::response(status, &mut output).finish();
            assert_eq!(output, line.as_bytes());
        }
    }
}

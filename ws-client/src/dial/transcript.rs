//! The heads of the opening handshake as they are logged: what was asked, what was answered, without secrets.
//!
//! Invariant: of the request only the values of headers that never hold a secret are shown, and of the answer none that
//! sets one; query values are hidden in both, and so is whatever the server echoes of our secrets.

use ws_core::handshake::{PeerText, Response};

use crate::address::redacted_target;
use crate::secret::Secrets;

/// Where the lines are logged, without anything around them in the CLI.
const TARGET: &str = "ws_client::handshake";

/// Headers of a request whose values are nobody's secret.
const OPEN: [&str; 10] = [
    "host",
    "upgrade",
    "connection",
    "origin",
    "user-agent",
    "sec-websocket-version",
    "sec-websocket-key",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "accept-language",
];

/// Headers of an answer that hold what only the client may know.
const CLOSED: [&str; 3] = ["set-cookie", "set-cookie2", "authentication-info"];

/// Logs the request's head.
pub(super) fn log_request(head: &[u8], secrets: &Secrets) {
    if log::log_enabled!(target: TARGET, log::Level::Debug) {
        for line in request_lines(&String::from_utf8_lossy(head), secrets) {
            log::debug!(target: TARGET, "> {line}");
        }
    }
}

/// Logs the head of the server's answer.
pub(super) fn log_response(response: &Response, secrets: &Secrets) {
    if log::log_enabled!(target: TARGET, log::Level::Debug) {
        for line in response_lines(response, secrets) {
            log::debug!(target: TARGET, "< {line}");
        }
    }
}

fn request_lines(head: &str, secrets: &Secrets) -> Vec<String> {
    let mut lines = head.lines().filter(|line| !line.is_empty());
    let mut shown = Vec::new();
    if let Some(line) = lines.next() {
        let mut parts = line.splitn(3, ' ');
        let (method, target, version) = (parts.next(), parts.next(), parts.next());
        shown.push(format!(
            "{} {} {}",
            method.unwrap_or_default(),
            redacted_target(target.unwrap_or_default()),
            version.unwrap_or_default()
        ));
    }
    shown.extend(lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let is_open = OPEN.iter().any(|open| name.eq_ignore_ascii_case(open));
        match is_open {
            true => format!("{name}:{}", secrets.hide(value)),
            false => format!("{name}: ***"),
        }
    }));
    shown
}

fn response_lines(response: &Response, secrets: &Secrets) -> Vec<String> {
    let plain = |text: String| PeerText::new(&secrets.hide(&text)).to_string();
    let mut shown = vec![plain(format!(
        "HTTP/1.1 {} {}",
        response.status(),
        response.reason()
    ))];
    shown.extend(response.headers().map(|(name, value)| {
        if CLOSED
            .iter()
            .any(|closed| name.eq_ignore_ascii_case(closed))
        {
            return plain(format!("{name}: ***"));
        }
        match response.redacted_location() {
            Some(location) if name.eq_ignore_ascii_case("location") => {
                plain(format!("{name}: {location}"))
            }
            _ => plain(format!("{name}: {value}")),
        }
    }));
    shown
}

#[cfg(test)]
mod tests {
    use ws_core::handshake::{HeadLimits, HeadReader};

    use super::*;

    #[test]
    fn a_request_shows_no_secret() {
        let head = "GET /feed?token=canary&x HTTP/1.1\r\nHost: h:1\r\nAuthorization: Basic canary\r\n\
            X-Token: canary\r\nSec-WebSocket-Protocol: chat, canary-canary\r\nsec-websocket-key: abc=\r\n\r\n";
        let lines = request_lines(head, &Secrets::new(vec![String::from("canary-canary")]));
        assert_eq!(
            lines,
            [
                "GET /feed?token=***&*** HTTP/1.1",
                "Host: h:1",
                "Authorization: ***",
                "X-Token: ***",
                "Sec-WebSocket-Protocol: chat, ***",
                "sec-websocket-key: abc=",
            ]
        );
    }

    #[test]
    fn an_answer_shows_no_secret_and_acts_on_no_terminal() {
        let head = b"HTTP/1.1 302 Found\r\nSet-Cookie: id=canary\r\nLocation: ws://a:canary@h/x?y=canary#z\r\n\
            X-Echo: Bearer canary2\xC2\x9B\r\nServer: s\r\n\r\n";
        let mut reader = HeadReader::new();
        reader.receive(head, &HeadLimits::default()).unwrap();
        let response = Response::parse(&reader).unwrap();
        let lines = response_lines(&response, &Secrets::new(vec![String::from("canary2")]));
        let text = lines.join("\n");
        assert!(
            !text.contains("canary") && !text.contains('\u{9b}'),
            "{text}"
        );
        assert!(lines[0].starts_with("HTTP/1.1 302 Found"), "{text}");
        assert!(lines.contains(&String::from("Server: s")), "{text}");
        assert!(text.contains("h/x?y=***"), "{text}");
    }
}

//! The server's side: one request head, then a decision of the caller.

use super::answer::HttpAnswer;
use super::error::HeadError;
use super::head::{HeadLimits, HeadProgress, HeadReader};
use super::request::Request;

/// Reads the one request of a connection, in pieces of any size.
///
/// The caller decides about the [`Request`] ([`Policy::check`](super::Policy::check),
/// [`Request::check_upgrade`]), answers with [`Request::encode_accept`] or [`HttpAnswer::encode`], and after the
/// latter closes.
///
/// # Examples
/// ```
/// use ws_core::handshake::{Accept, HeadLimits, Policy, ServerHandshake, ServerStep};
///
/// let input = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// let mut output = Vec::new();
/// match ServerHandshake::new().receive(input, &HeadLimits::default()) {
///     ServerStep::NeedMore => {} // read more, until a deadline
///     ServerStep::Refused(answer) => answer.encode(false, &mut output), // write it and close
///     ServerStep::Request(request) => {
///         match request.check_upgrade().and_then(|()| Policy::default().check(&request, true)) {
///             Ok(()) => request.encode_accept(&Accept::default(), &mut output)?,
///             Err(answer) => answer.encode(request.method() == "HEAD", &mut output),
///         }
///     }
/// }
/// assert!(output.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), ws_core::handshake::HandshakeError>(())
/// ```
///
/// RFC 6455 [§4.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2)
#[derive(Clone, Debug, Default)]
pub struct ServerHandshake {
    reader: HeadReader,
    state: State,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Reading,
    UpgradeLent,
    PlainLent,
    Refused(HttpAnswer),
}

/// What to do next with a connection whose handshake goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// Read more.
    NeedMore,
    /// The head is whole: answer it.
    Request(Request),
    /// Write this answer and close.
    Refused(HttpAnswer),
}

impl ServerHandshake {
    /// Creates a handshake that owns no memory until the first byte comes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes from the client.
    ///
    /// Refused are heads that are not strictly HTTP/1.1 or exceed `limits`, and bytes behind an upgrade's head: the
    /// client must wait for the answer (§4.1), so none may come until it is written. A refusal is repeated by every
    /// further call. Bytes behind a plain request are ignored, as the connection closes after its answer.
    pub fn receive(&mut self, input: &[u8], limits: &HeadLimits) -> ServerStep {
        match &self.state {
            State::Refused(answer) => return ServerStep::Refused(answer.clone()),
            State::UpgradeLent if !input.is_empty() => return self.refuse(surplus()),
            State::UpgradeLent | State::PlainLent => return ServerStep::NeedMore,
            State::Reading => {}
        }
        // The first byte of a TLS handshake record; no method begins with it.
        const TLS_HANDSHAKE: u8 = 0x16;
        if self.reader.bytes().is_empty() && input.first() == Some(&TLS_HANDSHAKE) {
            return self.refuse(HttpAnswer::new(
                400,
                "TLS was spoken to a port without TLS (wss:// instead of ws://?)",
            ));
        }
        let consumed = match self.reader.receive(input, limits) {
            Ok(HeadProgress::NeedMore) => return ServerStep::NeedMore,
            Ok(HeadProgress::Complete { consumed }) => consumed,
            Err(error) => return self.refuse(from_head_error(error)),
        };
        let request = Request::parse(&self.reader);
        self.reader = HeadReader::new();
        let request = match request {
            Ok(request) => request,
            Err(error) => return self.refuse(from_head_error(error)),
        };
        if let Err(answer) = request.check_http() {
            return self.refuse(answer);
        }
        if !request.is_upgrade() {
            self.state = State::PlainLent;
        } else if consumed < input.len() {
            return self.refuse(surplus());
        } else {
            self.state = State::UpgradeLent;
        }
        ServerStep::Request(request)
    }

    /// Says whether a part of a head has come: the client is slow rather than silent.
    pub fn has_input(&self) -> bool {
        !self.reader.bytes().is_empty()
    }

    fn refuse(&mut self, answer: HttpAnswer) -> ServerStep {
        self.reader = HeadReader::new();
        self.state = State::Refused(answer.clone());
        ServerStep::Refused(answer)
    }
}

fn surplus() -> HttpAnswer {
    HttpAnswer::new(400, "bytes follow the request before its answer was sent")
}

fn from_head_error(error: HeadError) -> HttpAnswer {
    HttpAnswer::new(error.status(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &[u8] =
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    fn status(step: &ServerStep) -> Option<u16> {
        match step {
            ServerStep::Refused(answer) => Some(answer.status()),
            ServerStep::NeedMore | ServerStep::Request(_) => None,
        }
    }

    #[test]
    fn lends_the_request_once() {
        let mut handshake = ServerHandshake::new();
        let limits = HeadLimits::default();
        assert!(!handshake.has_input());
        assert_eq!(
            handshake.receive(&UPGRADE[..9], &limits),
            ServerStep::NeedMore
        );
        assert!(handshake.has_input());
        assert!(matches!(
            handshake.receive(&UPGRADE[9..], &limits),
            ServerStep::Request(_)
        ));
        assert!(!handshake.has_input());
        assert_eq!(handshake.receive(b"", &limits), ServerStep::NeedMore);
    }

    /// R-04, RFC 6455 §4.1: the client waits for the answer.
    #[test]
    fn refuses_bytes_behind_an_upgrade() {
        let limits = HeadLimits::default();
        let together = [UPGRADE, b"\x81"].concat();
        assert_eq!(
            status(&ServerHandshake::new().receive(&together, &limits)),
            Some(400)
        );
        let mut handshake = ServerHandshake::new();
        assert!(matches!(
            handshake.receive(UPGRADE, &limits),
            ServerStep::Request(_)
        ));
        for _ in 0..2 {
            assert_eq!(status(&handshake.receive(b"\x81", &limits)), Some(400));
        }
    }

    /// R-05: one request a connection; what follows is never read.
    #[test]
    fn ignores_what_follows_a_plain_request() {
        let limits = HeadLimits::default();
        let mut handshake = ServerHandshake::new();
        let pipelined =
            b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n";
        let ServerStep::Request(request) = handshake.receive(pipelined, &limits) else {
            panic!("it is well-formed")
        };
        assert_eq!(request.path(), "/health");
        for number in 1..=1000 {
            assert_eq!(
                handshake.receive(pipelined, &limits),
                ServerStep::NeedMore,
                "{number} requests behind the first, of which none is read"
            );
            let kept = handshake.reader.bytes().len();
            assert_eq!(
                kept, 0,
                "{kept} bytes are kept of what is pipelined, none may be"
            );
        }
    }

    #[test]
    fn says_that_tls_came_to_a_plain_port() {
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        for piece in [&hello[..], &hello[..1]] {
            let ServerStep::Refused(answer) =
                ServerHandshake::new().receive(piece, &HeadLimits::default())
            else {
                panic!("no method begins like this")
            };
            assert!(
                answer.status() == 400 && answer.text().contains("TLS"),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn repeats_a_refusal() {
        let limits = HeadLimits::default();
        let mut handshake = ServerHandshake::new();
        let refused = handshake.receive(b"GET / HTTP/1.1\nHost: a\n\n", &limits);
        assert_eq!(status(&refused), Some(400));
        assert_eq!(handshake.receive(UPGRADE, &limits), refused);
        assert!(!handshake.has_input());
    }
}

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

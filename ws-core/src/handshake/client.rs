//! The client's side: one request out, one answer in.

use std::fmt;

use data_encoding::BASE64;
use tungstenite::handshake::derive_accept_key;

use super::body::BodyReader;
use super::client_request::ClientRequest;
use super::error::HandshakeError;
use super::head::{HeadLimits, HeadProgress, HeadReader};
use super::response::Response;
use super::verify::{verify, verify_extensions};
#[cfg(feature = "deflate")]
use crate::extension::{DeflateAgreement, DeflateOffer};

/// The most informational answers (1xx but 101) before the real one.
const MAX_INTERIM: u32 = 8;

/// The opening handshake of a client: write [`request`](Self::request), then feed what comes back.
///
/// Redirects are not followed and no credentials are answered with: any status but 101 is a refusal.
///
/// # Examples
/// ```
/// use ws_core::handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits};
///
/// // The nonce of the example in RFC 6455; a real one is random.
/// let mut handshake = ClientHandshake::new(&ClientRequest::new("example.com", "/chat"), *b"the sample nonce")?;
/// assert!(handshake.request().starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
/// let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi";
/// match handshake.receive(answer, &HeadLimits::default())? {
///     ClientStep::Done { consumed, .. } => assert_eq!(&answer[consumed..], b"\x81\x02hi"),
///     ClientStep::NeedMore => unreachable!("the answer is whole"),
/// }
/// # Ok::<(), ws_core::handshake::HandshakeError>(())
/// ```
///
/// RFC 6455 [§4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)
#[derive(Clone)]
pub struct ClientHandshake {
    request: Vec<u8>,
    expected_accept: Box<str>,
    subprotocols: Vec<Box<str>>,
    #[cfg(feature = "deflate")]
    deflate: Vec<DeflateOffer>,
    reader: HeadReader,
    received_bytes: usize,
    interim: u32,
    state: State,
}

#[derive(Clone)]
enum State {
    Head,
    Body(Box<Response>, BodyReader),
    Failed(HandshakeError),
}

/// How far a [`ClientHandshake`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientStep {
    /// Read more.
    NeedMore,
    /// The connection is open.
    Done {
        /// The server's answer.
        response: Response,
        /// The compression that both sides agreed on; only after [`ClientRequest::deflate`].
        #[cfg(feature = "deflate")]
        deflate: Option<DeflateAgreement>,
        /// The bytes of this input that belong to the handshake; the rest are frames.
        consumed: usize,
    },
}

impl ClientHandshake {
    /// Checks and encodes the request.
    ///
    /// `nonce` becomes `Sec-WebSocket-Key` and must be drawn at random for each connection (§4.1).
    ///
    /// # Errors
    /// A variant for which [`HandshakeError::is_caller_fault`] holds: the request would not be well-formed, or
    /// would say what only the handshake may say.
    pub fn new(request: &ClientRequest, nonce: [u8; 16]) -> Result<Self, HandshakeError> {
        let key = BASE64.encode(&nonce);
        Ok(Self {
            request: request.encode(&key)?,
            expected_accept: derive_accept_key(key.as_bytes()).into(),
            subprotocols: request.offered_subprotocols().to_vec(),
            #[cfg(feature = "deflate")]
            deflate: request.offered_deflate().to_vec(),
            reader: HeadReader::new(),
            received_bytes: 0,
            interim: 0,
            state: State::Head,
        })
    }

    /// Returns the bytes to write.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the next bytes from the server.
    ///
    /// Informational answers are skipped. After a refusal's head its body is read on, up to 1 KiB, before the error
    /// comes; [`refusal`](Self::refusal) shows the head meanwhile.
    ///
    /// # Errors
    /// A variant for which [`HandshakeError::is_caller_fault`] does not hold, and [`HandshakeError::Finished`] after
    /// `Done`. Every further call repeats the error.
    pub fn receive(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<ClientStep, HandshakeError> {
        self.received_bytes = self.received_bytes.saturating_add(input.len());
        let step = self.advance(input, limits);
        match &step {
            Ok(ClientStep::NeedMore) => {}
            Ok(ClientStep::Done { .. }) => self.state = State::Failed(HandshakeError::Finished),
            Err(error) => self.state = State::Failed(error.clone()),
        }
        step
    }

    /// Takes note that the server closed the connection, or that no more is waited for, and returns what that means:
    /// a refusal if its head is there, else [`HandshakeError::ClosedEarly`]. Every further call repeats it.
    pub fn receive_eof(&mut self) -> HandshakeError {
        let closed = HandshakeError::ClosedEarly {
            received_bytes: self.received_bytes,
        };
        let error = match std::mem::replace(&mut self.state, State::Failed(closed.clone())) {
            State::Head => closed,
            State::Body(response, body) => refused(response, body),
            State::Failed(error) => error,
        };
        self.state = State::Failed(error.clone());
        error
    }

    /// Returns the head of a refusal whose body is still on its way.
    pub fn refusal(&self) -> Option<&Response> {
        match &self.state {
            State::Body(response, _) => Some(response),
            State::Head | State::Failed(_) => None,
        }
    }

    fn advance(&mut self, input: &[u8], limits: &HeadLimits) -> Result<ClientStep, HandshakeError> {
        let mut consumed = 0;
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(error.clone()),
                State::Body(_, body) => {
                    body.receive(&input[consumed..]);
                    return if body.is_done() {
                        Err(self.receive_eof())
                    } else {
                        Ok(ClientStep::NeedMore)
                    };
                }
                State::Head => {}
            }
            let Some((response, head_bytes)) = self.receive_head(&input[consumed..], limits)?
            else {
                return Ok(ClientStep::NeedMore);
            };
            consumed += head_bytes;
            match response.status() {
                101 => {
                    verify(&response, &self.expected_accept, &self.subprotocols)?;
                    #[cfg(feature = "deflate")]
                    let deflate = verify_extensions(&response, &self.deflate)?;
                    #[cfg(not(feature = "deflate"))]
                    verify_extensions(&response)?;
                    return Ok(ClientStep::Done {
                        response,
                        #[cfg(feature = "deflate")]
                        deflate,
                        consumed,
                    });
                }
                // RFC 9110 §15.2: a client parses and may ignore them.
                100..200 => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Err(HandshakeError::TooManyInterim { limit: MAX_INTERIM });
                    }
                }
                _ => {
                    let body = BodyReader::new(&response);
                    self.state = State::Body(Box::new(response), body);
                }
            }
        }
    }

    /// Takes bytes up to the end of one head; returns it and how many there were.
    fn receive_head(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<(Response, usize)>, HandshakeError> {
        check_prefix(self.reader.bytes().len(), input)?;
        match self.reader.receive(input, limits)? {
            HeadProgress::NeedMore => Ok(None),
            HeadProgress::Complete { consumed } => {
                let response = Response::parse(&self.reader)?;
                self.reader.clear();
                Ok(Some((response, consumed)))
            }
        }
    }
}

fn refused(mut response: Box<Response>, body: BodyReader) -> HandshakeError {
    response.set_body(body.into_body());
    HandshakeError::Refused(response)
}

/// Tells at the first byte that does not fit whether this is HTTP at all, rather than wait for its first line.
fn check_prefix(position: usize, input: &[u8]) -> Result<(), HandshakeError> {
    const PREFIX: &[u8] = b"HTTP/";
    const TLS_ALERT: u8 = 0x15;
    let expected = PREFIX.get(position..).unwrap_or_default();
    if expected
        .iter()
        .zip(input)
        .all(|(expected, byte)| expected == byte)
    {
        return Ok(());
    }
    if position == 0 && input.first() == Some(&TLS_ALERT) {
        return Err(HandshakeError::SpeaksTls);
    }
    Err(HandshakeError::NotHttp)
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("request_bytes", &self.request.len())
            .field("received_bytes", &self.received_bytes)
            .field("interim", &self.interim)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

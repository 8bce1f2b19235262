//! The opening handshake over a wire, within the deadline of the dial.

use std::io;
use std::sync::Arc;

use ws_core::extension::DeflateAgreement;
use ws_core::handshake::{ClientHandshake, ClientStep, HandshakeError, HeadLimits, Response};

use crate::deadline::Deadline;
use crate::error::{Cause, HandshakeFailure, Stage};
use crate::net::Net;
use crate::secret::Secrets;
use crate::wire::{Wire, tls_error};

/// Why there is no open connection.
#[derive(Debug)]
pub(crate) enum Failure {
    Handshake(HandshakeError),
    Io(io::Error),
    Timeout,
}

impl Failure {
    /// With TLS 1.3 a server refuses our certificate only now.
    pub(crate) fn into_cause(self, secrets: &Secrets) -> (Stage, Cause) {
        let cause = match self {
            Self::Handshake(error) => Cause::Handshake(HandshakeFailure::new(error, secrets)),
            Self::Io(error) => match tls_error(&error) {
                Some(error) => return (Stage::Tls, Cause::Tls(error.clone())),
                None => Cause::HandshakeIo(Arc::new(error)),
            },
            Self::Timeout => Cause::Timeout(String::from(
                "the server has not completed the opening handshake",
            )),
        };
        (Stage::Handshake, cause)
    }
}

/// An answer that opened the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) deflate: Option<DeflateAgreement>,
    /// The bytes that came after it.
    pub(crate) surplus: Vec<u8>,
}

/// Sends the request and reads the answer.
pub(crate) fn open<N: Net>(
    wire: &mut Wire<N>,
    mut handshake: ClientHandshake,
    limits: &HeadLimits,
    deadline: Deadline,
) -> Result<Answer, Failure> {
    wire.output().extend_from_slice(handshake.request());
    let mut buffer = vec![0; READ_BYTES];
    let mut write_error = None;
    loop {
        // A server may refuse and close before it has read everything: its answer counts more than our failed write.
        let sent = match wire.send_some() {
            Ok(sent) => sent,
            Err(error) => {
                wire.discard_output();
                write_error = Some(error);
                false
            }
        };
        let received = match wire.receive_some(&mut buffer) {
            Ok(Some(0)) => return Err(Failure::Handshake(handshake.receive_eof())),
            Ok(Some(count)) => {
                let input = &buffer[..count];
                match handshake
                    .receive(input, limits)
                    .map_err(Failure::Handshake)?
                {
                    ClientStep::Done {
                        response,
                        deflate,
                        consumed,
                    } => {
                        return Ok(Answer {
                            response,
                            deflate,
                            surplus: input[consumed..].to_vec(),
                        });
                    }
                    ClientStep::NeedMore => true,
                }
            }
            Ok(None) => false,
            Err(error) => return Err(refusal(&mut handshake, Failure::Io(error))),
        };
        if sent && !received {
            continue;
        }
        if let Some(error) = write_error.take_if(|_| !received) {
            return Err(refusal(&mut handshake, Failure::Io(error)));
        }
        let now = wire.net.now();
        if deadline.has_passed(now) {
            return Err(refusal(&mut handshake, Failure::Timeout));
        }
        // After bytes, which a server may send without end, this only looks whether the dial was cancelled.
        let until = if received {
            Deadline::at(now)
        } else {
            deadline
        };
        wire.wait(until).map_err(Failure::Io)?;
    }
}

/// A refusal whose body is cut short is a refusal all the same.
fn refusal(handshake: &mut ClientHandshake, otherwise: Failure) -> Failure {
    match handshake.refusal() {
        Some(_) => Failure::Handshake(handshake.receive_eof()),
        None => otherwise,
    }
}

const READ_BYTES: usize = 4096;

#[cfg(test)]
mod tests;

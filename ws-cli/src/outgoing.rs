//! What the commands send, and how it comes to their loop.

use ws_client::CloseCode;

use crate::failure::Failure;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// As a text message.
    Text(String),
    /// As a binary message.
    Binary(Vec<u8>),
    /// As a ping; how long its answer takes is told.
    Ping(Vec<u8>),
    /// As a pong that nobody has asked for.
    Pong(Vec<u8>),
    /// As a Close, which ends the connection.
    Close(CloseCode, String),
}

impl Outgoing {
    /// Makes a text or binary message of `bytes`; `origin` is named when they are not text.
    ///
    /// # Errors
    /// Wrong usage when text is asked for and `bytes` are not UTF-8.
    pub(crate) fn new(
        bytes: Vec<u8>,
        binary: bool,
        origin: impl FnOnce() -> String,
    ) -> Result<Self, Failure> {
        if binary {
            return Ok(Self::Binary(bytes));
        }
        String::from_utf8(bytes).map(Self::Text).map_err(|error| {
            let position = error.utf8_error().valid_up_to();
            Failure::usage(format!(
                "{} is not UTF-8 (byte {position}); add --binary to send it as it is",
                origin()
            ))
        })
    }

    /// Bytes of the payload.
    pub(crate) const fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(payload) | Self::Ping(payload) | Self::Pong(payload) => payload.len(),
            Self::Close(_, reason) => reason.len(),
        }
    }
}

/// What a thread hands over to the command's loop.
#[derive(Debug)]
pub(crate) enum Input {
    /// Messages in order.
    Batch(Vec<Outgoing>),
    /// Stdin has ended.
    End,
    /// Stdin cannot be read on; the messages before it were handed over.
    Failed(Failure),
}

//! What a client receives, owned.

use ws_core::CloseCode;

/// Something the peer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, at most 125 bytes; it has been answered already. Of several unread ones the newest.
    Ping(Vec<u8>),
    /// A pong, at most 125 bytes, but not one that answers the client's own keepalive. Of several unread ones the newest.
    Pong(Vec<u8>),
    /// The peer's Close; comes last and once. It has been answered already.
    Close(Close),
}

impl Message {
    /// Returns the word of the method contract: `text`, `binary`, `ping`, `pong` or `close`. These words never change.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Binary(_) => "binary",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Close(_) => "close",
        }
    }

    /// The bytes of the payload; of a Close its reason.
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) | Self::Ping(data) | Self::Pong(data) => data,
            Self::Close(close) => close.reason.as_bytes(),
        }
    }
}

/// Why a peer has closed the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// The code; [`CloseCode::NO_STATUS`] (1005) if the Close frame carried none.
    pub code: CloseCode,
    /// The reason, at most 123 bytes of the peer's own choosing; may be empty.
    pub reason: String,
}

impl Close {
    pub(crate) fn from_end(end: Option<(CloseCode, String)>) -> Self {
        let (code, reason) = end.unwrap_or((CloseCode::NO_STATUS, String::new()));
        Self { code, reason }
    }
}

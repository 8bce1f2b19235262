//! One offer of permessage-deflate: what a client may ask for, and how a server reads it.

use std::fmt;

use super::deflate::{DeflateConfig, WindowBits};
use crate::handshake::{ExtensionOffer, ExtensionParam};

/// The name in `Sec-WebSocket-Extensions`, compared exactly.
pub(crate) const NAME: &str = "permessage-deflate";

/// What a client offers: compression, and what it asks of both compressors.
///
/// The default asks for nothing and lets the server choose: `permessage-deflate; client_max_window_bits`, as
/// browsers offer it.
///
/// RFC 7692 [§7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1)
///
/// # Examples
/// ```
/// use ws_core::extension::{DeflateConfig, DeflateOffer};
///
/// assert_eq!(DeflateOffer::default().to_string(), "permessage-deflate; client_max_window_bits");
/// assert_eq!(
///     DeflateOffer::from(&DeflateConfig::shared()).to_string(),
///     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 7692 §7.1 defines exactly these four"
)]
pub struct DeflateOffer {
    /// The server is to forget each message, so that receiving needs no memory in between. Default: no.
    pub server_no_context_takeover: bool,
    /// A hint that this client forgets each message it sends, which it then does in any case. Default: no.
    pub client_no_context_takeover: bool,
    /// The largest window of the server's compressor. Default (`None`): any.
    pub server_max_window_bits: Option<WindowBits>,
    /// The largest window of this client's compressor; the server may ask for a smaller one. `None`: it may not, and
    /// has to take any. Default: 15.
    pub client_max_window_bits: Option<WindowBits>,
}

impl Default for DeflateOffer {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: Some(WindowBits::MAX),
        }
    }
}

/// What an endpoint wants, as a client may offer it.
impl From<&DeflateConfig> for DeflateOffer {
    fn from(config: &DeflateConfig) -> Self {
        Self {
            server_no_context_takeover: !config.peer_context_takeover,
            client_no_context_takeover: !config.own_context_takeover,
            // Without a need it is left out: there are servers that decline it.
            server_max_window_bits: Some(config.peer_window_bits)
                .filter(|bits| *bits < WindowBits::MAX),
            client_max_window_bits: Some(config.own_window_bits),
        }
    }
}

impl DeflateOffer {
    /// Reads an offer; `None` if it is one to decline: another extension, or a parameter that is unknown, given twice,
    /// or with a value that it may not have (§7, §7.1).
    pub(crate) fn parse(offer: &ExtensionOffer<'_>) -> Option<Self> {
        if offer.name() != NAME {
            return None;
        }
        let mut read = Self {
            client_max_window_bits: None,
            ..Self::default()
        };
        for (index, param) in offer.params().iter().enumerate() {
            if is_repeated(offer.params(), index) {
                return None;
            }
            match (DeflateParameterName::of(param.name())?, param.value()) {
                (DeflateParameterName::ServerNoContextTakeover, None) => {
                    read.server_no_context_takeover = true;
                }
                (DeflateParameterName::ClientNoContextTakeover, None) => {
                    read.client_no_context_takeover = true;
                }
                (DeflateParameterName::ServerMaxWindowBits, Some(bits)) => {
                    read.server_max_window_bits = Some(window_bits(bits)?);
                }
                (DeflateParameterName::ClientMaxWindowBits, None) => {
                    read.client_max_window_bits = Some(WindowBits::MAX);
                }
                (DeflateParameterName::ClientMaxWindowBits, Some(bits)) => {
                    read.client_max_window_bits = Some(window_bits(bits)?);
                }
                _ => return None,
            }
        }
        Some(read)
    }
}

/// The offer as it stands in the header.
impl fmt::Display for DeflateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            write!(f, "; {}", DeflateParameterName::ServerNoContextTakeover)?;
        }
        if self.client_no_context_takeover {
            write!(f, "; {}", DeflateParameterName::ClientNoContextTakeover)?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {}={bits}", DeflateParameterName::ServerMaxWindowBits)?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            // §7.1.2.2: without a value it only says that the parameter is understood.
            Some(WindowBits::MAX) => write!(f, "; {}", DeflateParameterName::ClientMaxWindowBits),
            Some(bits) => write!(f, "; {}={bits}", DeflateParameterName::ClientMaxWindowBits),
        }
    }
}

/// The parameters of permessage-deflate.
///
/// RFC 7692 [§7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the RFC has these four")]
pub enum DeflateParameterName {
    /// The server forgets each message (§7.1.1.1).
    ServerNoContextTakeover,
    /// The client forgets each message (§7.1.1.2).
    ClientNoContextTakeover,
    /// The window of the server's compressor (§7.1.2.1).
    ServerMaxWindowBits,
    /// The window of the client's compressor (§7.1.2.2).
    ClientMaxWindowBits,
}

impl DeflateParameterName {
    const ALL: [Self; 4] = [
        Self::ServerNoContextTakeover,
        Self::ClientNoContextTakeover,
        Self::ServerMaxWindowBits,
        Self::ClientMaxWindowBits,
    ];

    /// Returns its name in the header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerNoContextTakeover => "server_no_context_takeover",
            Self::ClientNoContextTakeover => "client_no_context_takeover",
            Self::ServerMaxWindowBits => "server_max_window_bits",
            Self::ClientMaxWindowBits => "client_max_window_bits",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|param| param.name() == name)
    }
}

impl fmt::Display for DeflateParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells whether the parameter at `index` was there before.
pub(crate) fn is_repeated(params: &[ExtensionParam<'_>], index: usize) -> bool {
    let name = params[index].name();
    params[..index].iter().any(|before| before.name() == name)
}

/// Reads a decimal from 8 to 15 without leading zeros (§7.1.2.1).
pub(crate) fn window_bits(text: &str) -> Option<WindowBits> {
    match text.as_bytes() {
        [digit @ b'8'..=b'9'] => WindowBits::new(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => WindowBits::new(10 + digit - b'0'),
        _ => None,
    }
}

//! The server's side: the first offer that it can take, and what it answers.

use std::fmt;

use super::deflate::{DeflateConfig, DeflateParameters, WindowBits};
use super::offer::{DeflateOffer, DeflateParameterName, NAME};
use crate::handshake::ExtensionOffer;

impl DeflateConfig {
    /// Takes the first offer of permessage-deflate that breaks no rule; `None` if there is none: then the connection
    /// goes without (§5.1, §7.1).
    pub fn agree(&self, offers: &[ExtensionOffer<'_>]) -> Option<DeflateAgreement> {
        let offer = offers.iter().find_map(DeflateOffer::parse)?;
        let smaller =
            |own: WindowBits, theirs: Option<WindowBits>| theirs.map_or(own, |bits| bits.min(own));
        // A window that is too large to be kept, of a client that takes no order for a smaller one.
        let keeps_too_much =
            offer.client_max_window_bits.is_none() && self.peer_window_bits < WindowBits::MAX;
        let parameters = DeflateParameters {
            server_no_context_takeover: offer.server_no_context_takeover
                || !self.own_context_takeover,
            client_no_context_takeover: offer.client_no_context_takeover
                || !self.peer_context_takeover
                || keeps_too_much,
            server_max_window_bits: smaller(self.own_window_bits, offer.server_max_window_bits),
            // §7.1.2.2: only a client that has offered the parameter takes orders.
            client_max_window_bits: match offer.client_max_window_bits {
                None => WindowBits::MAX,
                offered => smaller(self.peer_window_bits, offered),
            },
        };
        Some(DeflateAgreement {
            parameters,
            has_server_bits: offer.server_max_window_bits.is_some(),
        })
    }
}

/// What both sides have agreed on; its `Display` is the header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateAgreement {
    parameters: DeflateParameters,
    /// §7.1.2.1: who was asked must say so, even if it is no restriction.
    has_server_bits: bool,
}

impl DeflateAgreement {
    pub(super) fn new(parameters: DeflateParameters, has_server_bits: bool) -> Self {
        Self {
            parameters,
            has_server_bits,
        }
    }

    /// Returns the parameters, as both compressors have to keep them.
    pub fn parameters(&self) -> DeflateParameters {
        self.parameters
    }
}

impl fmt::Display for DeflateAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = &self.parameters;
        f.write_str(NAME)?;
        if parameters.server_no_context_takeover {
            write!(f, "; {}", DeflateParameterName::ServerNoContextTakeover)?;
        }
        if parameters.client_no_context_takeover {
            write!(f, "; {}", DeflateParameterName::ClientNoContextTakeover)?;
        }
        let server_bits = parameters.server_max_window_bits;
        if self.has_server_bits || server_bits < WindowBits::MAX {
            write!(
                f,
                "; {}={server_bits}",
                DeflateParameterName::ServerMaxWindowBits
            )?;
        }
        let client_bits = parameters.client_max_window_bits;
        if client_bits < WindowBits::MAX {
            write!(
                f,
                "; {}={client_bits}",
                DeflateParameterName::ClientMaxWindowBits
            )?;
        }
        Ok(())
    }
}

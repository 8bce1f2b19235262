//! The client's side: what it demands of the server's answer to its offer.

use std::fmt;

use super::agreement::DeflateAgreement;
use super::deflate::{DeflateParameters, WindowBits};
use super::offer::{DeflateOffer, DeflateParameterName, NAME, is_repeated, window_bits};
use crate::handshake::ExtensionOffer;

/// An answer that does not fit the offer; the client must fail the connection.
///
/// RFC 7692 [§5.1](https://www.rfc-editor.org/rfc/rfc7692#section-5.1), [§7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeflateMismatch {
    /// The extension is selected twice.
    Repeated,
    /// A parameter that permessage-deflate does not have.
    UnknownParameter,
    /// A parameter is there twice.
    RepeatedParameter(DeflateParameterName),
    /// A parameter has a value that it may not have, or lacks the one that it must have.
    InvalidValue(DeflateParameterName),
    /// A parameter that may only answer an offered one.
    Unoffered(DeflateParameterName),
    /// What was asked for is missing.
    Unanswered(DeflateParameterName),
    /// A window larger than what was offered.
    WindowTooLarge {
        /// Whose.
        param: DeflateParameterName,
        /// The bits answered.
        bits: WindowBits,
        /// The bits offered.
        offered: WindowBits,
    },
}

impl fmt::Display for DeflateMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated => f.write_str("it is selected twice"),
            Self::UnknownParameter => {
                f.write_str("with a parameter that the extension does not have")
            }
            Self::RepeatedParameter(param) => write!(f, "{param} is there twice"),
            Self::InvalidValue(param) => write!(f, "{param} has no value that it may have"),
            Self::Unoffered(param) => write!(f, "{param} was not offered"),
            Self::Unanswered(param) => write!(f, "{param} was asked for and is missing"),
            Self::WindowTooLarge {
                param,
                bits,
                offered,
            } => write!(f, "{param} of {bits} exceeds the {offered} offered"),
        }
    }
}

/// What is wrong with the extensions that a server selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unacceptable {
    /// One that was not offered.
    Extension,
    Deflate(DeflateMismatch),
}

impl DeflateOffer {
    /// Judges all that the server selects; `None` if that is nothing. It must fit one of the offers: which of them the
    /// server took it does not say, nor does it matter, since whatever it demands or promises stands in its answer.
    pub(crate) fn check_answer(
        offers: &[Self],
        answer: &[ExtensionOffer<'_>],
    ) -> Result<Option<DeflateAgreement>, Unacceptable> {
        let Some(first) = answer.first() else {
            return Ok(None);
        };
        if offers.is_empty() || answer.iter().any(|selected| selected.name() != NAME) {
            return Err(Unacceptable::Extension);
        }
        if answer.len() > 1 {
            return Err(Unacceptable::Deflate(DeflateMismatch::Repeated));
        }
        let mut refused = Unacceptable::Extension;
        for offer in offers {
            match offer.check_selected(first) {
                Ok(agreement) => return Ok(Some(agreement)),
                Err(mismatch) => refused = Unacceptable::Deflate(mismatch),
            }
        }
        Err(refused)
    }

    fn check_selected(
        &self,
        selected: &ExtensionOffer<'_>,
    ) -> Result<DeflateAgreement, DeflateMismatch> {
        // §7.1.1.2, §7.1.2.2: what this side offered for itself it keeps, whatever the server says of it.
        let mut agreed = DeflateParameters {
            client_no_context_takeover: self.client_no_context_takeover,
            client_max_window_bits: self.client_max_window_bits.unwrap_or(WindowBits::MAX),
            ..DeflateParameters::default()
        };
        let mut has_server_bits = false;
        for (index, param) in selected.params().iter().enumerate() {
            let name =
                DeflateParameterName::of(param.name()).ok_or(DeflateMismatch::UnknownParameter)?;
            if is_repeated(selected.params(), index) {
                return Err(DeflateMismatch::RepeatedParameter(name));
            }
            match name {
                DeflateParameterName::ServerNoContextTakeover => {
                    check_bare(name, param.value())?;
                    agreed.server_no_context_takeover = true;
                }
                DeflateParameterName::ClientNoContextTakeover => {
                    check_bare(name, param.value())?;
                    agreed.client_no_context_takeover = true;
                }
                DeflateParameterName::ServerMaxWindowBits => {
                    let offered = self.server_max_window_bits.unwrap_or(WindowBits::MAX);
                    agreed.server_max_window_bits = check_bits(name, param.value(), offered)?;
                    has_server_bits = true;
                }
                DeflateParameterName::ClientMaxWindowBits => {
                    let offered = self
                        .client_max_window_bits
                        .ok_or(DeflateMismatch::Unoffered(name))?;
                    agreed.client_max_window_bits = check_bits(name, param.value(), offered)?;
                }
            }
        }
        if self.server_no_context_takeover && !agreed.server_no_context_takeover {
            return Err(DeflateMismatch::Unanswered(
                DeflateParameterName::ServerNoContextTakeover,
            ));
        }
        if self.server_max_window_bits.is_some() && !has_server_bits {
            return Err(DeflateMismatch::Unanswered(
                DeflateParameterName::ServerMaxWindowBits,
            ));
        }
        Ok(DeflateAgreement::new(agreed, has_server_bits))
    }
}

fn check_bare(name: DeflateParameterName, value: Option<&str>) -> Result<(), DeflateMismatch> {
    match value {
        None => Ok(()),
        Some(_) => Err(DeflateMismatch::InvalidValue(name)),
    }
}

/// In an answer both windows need a value (§7.1.2.1, §7.1.2.2).
fn check_bits(
    name: DeflateParameterName,
    value: Option<&str>,
    offered: WindowBits,
) -> Result<WindowBits, DeflateMismatch> {
    let bits = value
        .and_then(window_bits)
        .ok_or(DeflateMismatch::InvalidValue(name))?;
    if bits > offered {
        return Err(DeflateMismatch::WindowTooLarge {
            param: name,
            bits,
            offered,
        });
    }
    Ok(bits)
}

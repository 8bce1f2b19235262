//! Extensions of the protocol, RFC 6455 [§9](https://www.rfc-editor.org/rfc/rfc6455#section-9): there is one,
//! permessage-deflate.
//!
//! ```text
//!  client:  DeflateOffer ──> Sec-WebSocket-Extensions ──> DeflateConfig::agree  :server
//!            its check <── Sec-WebSocket-Extensions <── DeflateAgreement
//!                └──────────> DeflateParameters <──────────┘
//! ```
//!
//! Invariant: without an offer, or without a configuration, nothing is agreed on, and every reserved bit is an error.
//! Invariant: both endpoints come to the same [`DeflateParameters`], or the client fails the connection.

mod agreement;
mod answer;
mod deflate;
mod offer;
#[cfg(test)]
mod tests;

pub use self::{
    agreement::DeflateAgreement,
    answer::DeflateMismatch,
    deflate::{DeflateConfig, DeflateParameters, WindowBits},
    offer::{DeflateOffer, DeflateParameterName},
};
pub(crate) use self::{
    answer::Unacceptable,
    deflate::{Compressors, History, Inflater, OwnContext, OwnSide, PeerSide},
};

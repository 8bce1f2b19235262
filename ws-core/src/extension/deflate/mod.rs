//! permessage-deflate, [RFC 7692](https://www.rfc-editor.org/rfc/rfc7692): messages compressed one by one.
//!
//! zlib-rs does the DEFLATE of RFC 1951, in both directions. Its streams belong to the loop; a connection owns a
//! context only where it was agreed on, and a compressor of its own only with a large window.

mod compress;
mod config;
mod history;
mod inflate;
mod params;
mod side;

pub(crate) use self::{
    compress::Compressors,
    history::History,
    inflate::Inflater,
    side::{OwnContext, OwnSide, PeerSide},
};
pub use self::{
    config::DeflateConfig,
    params::{DeflateParameters, WindowBits},
};

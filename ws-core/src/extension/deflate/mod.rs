//! permessage-deflate, [RFC 7692](https://www.rfc-editor.org/rfc/rfc7692): messages compressed one by one.

mod config;
mod params;

pub use self::{
    config::DeflateConfig,
    params::{DeflateParameters, WindowBits},
};

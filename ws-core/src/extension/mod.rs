//! Extensions of the protocol, RFC 6455 [§9](https://www.rfc-editor.org/rfc/rfc6455#section-9): there is one,
//! permessage-deflate.

mod deflate;

pub use self::deflate::{DeflateConfig, DeflateParameters, WindowBits};

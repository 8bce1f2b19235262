//! What the fuzz targets share.
//!
//! Run one with `cargo fuzz run TARGET` in this folder, all of them with `cargo xtask fuzz`. A crash becomes a unit
//! test in `ws-core/tests/it` before it is repaired.

mod targets;
#[allow(dead_code, reason = "the scenario tests use more of it")]
#[path = "../../tests/it/wire.rs"]
mod wire;

pub use self::targets::{client_handshake, receive, receive_deflate, send, server_handshake};

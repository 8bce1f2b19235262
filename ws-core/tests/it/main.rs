//! Scenario tests of the sans-IO core: no socket, no clock but the one that a test turns.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper fails by panicking"
)]
#![cfg_attr(
    not(feature = "deflate"),
    expect(
        clippy::needless_update,
        reason = "a field of Accept comes with the feature"
    )
)]

mod bounds;
mod chunking;
#[cfg(feature = "deflate")]
mod deflate;
mod differential;
#[cfg(feature = "deflate")]
mod fuzz_corpus;
mod handshake;
mod handshake_differential;
mod handshake_properties;
mod handshake_smuggling;
mod hostile;
mod pair;
mod scenario;
mod spare;
mod vectors;
mod wire;

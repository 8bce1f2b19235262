//! What our side of the benchmark and the peers' side (`tests/bench`, a workspace of its own) share: the work.
//!
//! A peer's program has up to three commands: `serve MODE` ([`server`]), `codec …` ([`codec`]) and `client …` ([`client`]).

pub mod client;
pub mod codec;
pub mod server;
pub mod traffic;

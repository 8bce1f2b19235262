//! What our side of the benchmark and the peers' side (`tests/bench`, a workspace of its own) share: the work.
//!
//! A peer's program has two commands: `serve MODE` ([`server`]) and `codec …` ([`codec`]).

pub mod codec;
pub mod server;
pub mod traffic;

//! The client against servers that are not ours: tungstenite, and scripts of raw bytes.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are the servers"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a test's helpers fail by panicking, as a test does"
)]

mod background;
mod close;
mod connect;
mod flow;
mod messages;
mod proxies;
mod refusals;
mod secrets;
mod support;
mod swarm;
mod tls;

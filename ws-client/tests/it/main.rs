//! The client against servers that are not ours: tungstenite, and scripts of raw bytes.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are the servers"
)]

mod close;
mod connect;
mod flow;
mod messages;
mod refusals;
mod secrets;
mod support;

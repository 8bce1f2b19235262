//! The mailbox over real sockets: what its callers see, and when, against what goes over the wire.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the clients are outside the server, with sockets, threads and a clock of their own"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper that cannot go on fails the test"
)]

mod complete;
mod delivery;
mod lifecycle;
mod ordering;
mod peer;
mod sending;
mod support;

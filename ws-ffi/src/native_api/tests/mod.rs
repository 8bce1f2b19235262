//! The binary interface as a host uses it.

#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a host is unsafe all over; what it does at once stands together"
)]

mod calls;
mod events;
mod host;
mod life;
mod messages;
mod panics;
mod platform;

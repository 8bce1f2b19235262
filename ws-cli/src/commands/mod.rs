//! The commands, one file each, and what `connect` and `send` share.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod rpc;
pub(crate) mod send;
pub(crate) mod serve;

mod access;
mod dial;
mod exchange;
mod target;
mod waker;

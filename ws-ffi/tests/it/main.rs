//! Every function of the contract through the dispatch, against our own client and server in one process.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as a test does"
)]

mod arguments;
mod client;
mod codes;
mod destroy;
mod download;
mod files;
mod foreign_host;
mod notices;
mod ordering;
mod panics;
mod server;
mod settings;
mod support;
mod table;

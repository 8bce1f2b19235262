//! What only real sockets show: ports, refusals, back-pressure, deadlines, threads.
//!
//! Every wait is for a condition; the times asserted are wide bounds.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the tests are the clients, on real sockets and by the real clock, and panic where something is wrong"
)]

mod closing;
mod compression;
#[cfg(target_os = "linux")]
mod costs;
#[cfg(target_os = "linux")]
mod descriptors;
mod flow;
mod http;
mod listening;
mod loops;
#[cfg(target_os = "linux")]
mod memory_budget;
mod peer;
mod plain_answers;
#[cfg(target_os = "linux")]
mod process;
mod recorder;
mod timing;

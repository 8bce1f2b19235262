//! What the end-to-end tests (`it/`) and the load programs (`src/bin/`) share: child processes, waiting, figures.
//!
//! Everything here panics with a full sentence when it cannot go on: its callers are tests.
//! Invariant: nothing waits without a deadline, and no child outlives its [`process::Process`].

pub mod bench;
pub mod deflate_load;
pub mod echo;
pub mod fault_proxy;
pub mod figures;
pub mod payload;
pub mod peers;
pub mod process;
pub mod raw;
pub mod rude;
pub mod wait;

//! 1C:Enterprise Native API add-in: WebSocket client and server.
//!
//! ```text
//!  host ──► native_api ──► addin ──► dispatch: Client, Server ──► ws_client::contract, ws_server::contract
//!           ABI, unsafe     classes,   the method contract
//!                           events
//! ```
//! [`dispatch`] is the whole of the method contract in safe Rust; `ws rpc` speaks to it directly. The rest is the add-in
//! that 1C:Enterprise and OneScript load: the classes `Client` and `Server` of one component, in `native_api` and
//! `addin`. Only the dynamic library exports its five functions; a program that links this crate has none of them.
//!
//! Invariants:
//! - No panic reaches the host, and no call of an object goes on after one (`boundary`).
//! - Unsafe code is in `native_api` alone.
//! - Every call that waits has an end of its own, and ends when its object does, within 2 s.

#[cfg(not(panic = "unwind"))]
compile_error!("a panic would end the host's process: build the add-in with panic = \"unwind\"");

mod addin;
mod boundary;
pub mod dispatch;
mod error;
mod names;
mod native_api;

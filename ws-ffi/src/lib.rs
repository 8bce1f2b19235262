//! 1C:Enterprise Native API add-in: WebSocket client and server.
//!
//! ```text
//!  host ── ABI ──► dispatch: Client, Server ──► ws_client::contract, ws_server::contract
//! ```
//! [`dispatch`] is the whole of the method contract in safe Rust; `ws rpc` speaks to it directly.

pub mod dispatch;
mod error;

//! Opening handshake (RFC 6455 §4) of both roles, as machines that are fed bytes and own no socket.
//!
//! ```text
//!  server:  bytes ──> ServerHandshake ──> Request ──> Policy::check, check_upgrade ──> encode_accept (101)
//!                             └── refused ──────────────────┴── refused ──> HttpAnswer::encode (4xx, 5xx)
//!  client:  ClientRequest ──> ClientHandshake::request ──> bytes to write
//!                             ClientHandshake::receive <── bytes read ──> Done(Response), or HandshakeError
//! ```
//!
//! Both read heads with one [`HeadReader`], which looks at every byte once, and write them with one [`HeadWriter`],
//! which lets no caller's text add a line. Time limits belong to the caller.
//!
//! Invariant: the work is proportional to the bytes received, however they are cut into reads.
//! Invariant: no more than [`HeadLimits::max_bytes`] of a head, and 1 KiB of a refusal's body, are ever held.
//! Invariant: nothing here draws random numbers; the client's nonce is given by the caller.
//! Invariant: no error text and no `Debug` output holds a header's value, but for a redirect's redacted `Location`.
//!
//! Tested beside the code and in `tests/it/handshake*.rs`.

mod answer;
mod authority;
mod body;
mod client;
mod client_request;
mod error;
mod extensions;
mod fields;
mod head;
mod peer_text;
mod policy;
mod redact;
mod request;
mod response;
mod server;
mod start_line;
mod tokens;
mod upgrade;
mod verify;
mod write;

pub use answer::HttpAnswer;
pub use client::{ClientHandshake, ClientStep};
pub use client_request::ClientRequest;
pub use error::{HandshakeError, HeadError};
pub use extensions::{ExtensionOffer, ExtensionParam};
pub use head::{HeadLimits, HeadProgress, HeadReader};
pub use peer_text::PeerText;
pub use policy::{HostRule, OriginRule, Policy};
pub use request::Request;
pub use response::Response;
pub use server::{ServerHandshake, ServerStep};
pub use upgrade::Accept;
pub use write::HeadWriter;

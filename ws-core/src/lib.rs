//! The WebSocket protocol ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)) as plain state
//! machines: bytes in, events out.
//!
//! ```text
//!   bytes of the peer ──► Receiver::receive ──► Event (lent)  ──► application
//!                                  │ Reply                              │
//!                                  ▼                                    ▼
//!   bytes for the peer ◄── Sender::encode_reply      Sender::encode_text, encode_close, …
//! ```
//!
//! **The one contract: for each input, take every event, and after each event its reply, before you
//! read again.** This echoes everything from inside the receiving loop:
//!
//! ```
//! use ws_core::{Connection, Event, Limits, Pressure, Role, Scratch, SendScratch};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut scratch = Scratch::new(Limits::default()); // one of each for all connections of a loop
//! let mut send_scratch = SendScratch::server();
//! let mut connection = Connection::new(Role::Server); // its opening handshake is done
//!
//! // "Hello" and a ping from a client (RFC 6455 §5.7), as one read gave them
//! let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\x00\x00\x00\x00";
//! let mut output = Vec::new();
//!
//! let (receiver, sender) = connection.split();
//! let mut receive = receiver.receive(&mut input, &mut scratch);
//! while let Some(event) = receive.next() {
//!     match event {
//!         Ok(Event::Text(text)) => sender.encode_text(text, &mut send_scratch, &mut output)?,
//!         Ok(Event::Binary(data)) => sender.encode_binary(data, &mut send_scratch, &mut output)?,
//!         Ok(Event::Ping(_) | Event::Pong(_) | Event::Close(_)) => {}
//!         Err(error) => eprintln!("the peer broke the protocol: {error}"),
//!     }
//!     if let Some(reply) = receive.take_reply() {
//!         sender.encode_reply(reply, Pressure::Clear, &mut send_scratch, &mut output)?;
//!     }
//! }
//! assert_eq!(output, b"\x81\x05Hello\x8a\x00");
//! # Ok(())
//! # }
//! ```
//!
//! Compression (permessage-deflate, RFC 7692) works behind the same calls, once
//! [`Connection::with_deflate`] was told what the handshake agreed on: messages from a threshold up are compressed, and
//! compressed ones arrive as any other; see [`extension`].
//!
//! # Invariants
//! - No socket, thread, clock, randomness or global: the caller passes bytes, ticks and masking keys.
//!   `clippy.toml` turns this into a lint.
//! - Any chunking of the same bytes gives the same events, whether they come as input or are read to
//!   [`Receiver::spare`].
//! - After an error every call repeats it; what came before it was delivered.
//! - Memory follows the bytes that arrived and stays within [`Limits`], what is inflated included; an announced length
//!   reserves nothing (but see [`Receive::next_owned`]). Buffers of long messages are kept for later ones, within
//!   [`Scratch::pooled_bytes_limit`], until [`Scratch::trim`] finds that they were not needed.
//! - An idle connection owns no heap memory: [`Receiver`] is 32 bytes, [`Sender`] 16. Only context takeover of
//!   permessage-deflate costs more; [`extension::DeflateConfig`] says how much.
//!
//! Tested in `tests/it`: vectors of the RFCs, every chunking, a pair of endpoints with a virtual clock,
//! and against tungstenite.

mod close;
mod config;
mod connection;
pub mod contract;
mod error;
mod event;
mod event_log;
#[cfg(feature = "deflate")]
pub mod extension;
mod frame;
pub mod handshake;
mod hook;
mod logging;
mod message;
mod opcode;
mod pool;
mod role;
mod scratch;
#[cfg(feature = "tls")]
pub mod tls;
mod utf8;

pub use self::{
    close::{CloseCode, CloseFrame, MAX_REASON_BYTES},
    config::{KeepaliveConfig, Limits},
    connection::{
        Compression, Connection, Keepalive, KeepaliveAction, Pressure, Receive, Receiver, Reply,
        Sender, TICK,
    },
    error::{ReceiveError, SendError},
    event::{Event, OwnedEvent},
    event_log::{EventLog, LogFile, OpenLogFile},
    frame::{FrameSummary, FrameTrace, MAX_CONTROL_BYTES, MaskingKeys, PreparedFrame},
    hook::Hook,
    logging::{LoggingMode, LoggingSettings},
    opcode::OpCode,
    role::Role,
    scratch::{Scratch, SendScratch},
};

//! What can go wrong once a connection is open.

use std::{error::Error, fmt};

use crate::{close::CloseCode, opcode::OpCode};

/// The peer broke a MUST of RFC 6455 or a limit: the connection must be failed
/// ([§7.1.7](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7)).
///
/// One variant for each rule, in the order of the RFC, then the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A client's frame was not masked (§5.1).
    UnmaskedFrame,
    /// A server's frame was masked (§5.1).
    MaskedFrame,
    /// RSV bits are set that no negotiated extension uses there (§5.2, RFC 7692 §6); RSV1 = 4, RSV2 = 2, RSV3 = 1.
    ReservedBits(u8),
    /// The opcode is one of the reserved ones (§5.2).
    ReservedOpcode(u8),
    /// A length was not written in the fewest bytes (§5.2).
    NonMinimalLength(u64),
    /// The most significant bit of a 64-bit length was set (§5.2).
    LengthTopBit(u64),
    /// A message began while another was unfinished (§5.4).
    ExpectedContinuation(OpCode),
    /// A continuation came with nothing to continue (§5.4).
    UnexpectedContinuation,
    /// A control frame was fragmented (§5.5).
    FragmentedControl(OpCode),
    /// A control frame was longer than 125 bytes (§5.5).
    ControlTooLong(OpCode),
    /// A Close frame's payload was a single byte (§5.5.1).
    ClosePayloadOfOneByte,
    /// A Close frame carried a code that may not be sent (§7.4).
    InvalidCloseCode(CloseCode),
    /// A Close frame's reason was not UTF-8 (§5.5.1).
    InvalidCloseReason,
    /// A text message was not UTF-8 (§8.1).
    InvalidUtf8,
    /// A compressed message was not valid DEFLATE data (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A frame announced more than [`Limits::max_frame_bytes`](crate::Limits::max_frame_bytes).
    FrameTooBig {
        /// The announced payload length in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A message would grow beyond [`Limits::max_message_bytes`](crate::Limits::max_message_bytes).
    MessageTooBig {
        /// Its length in bytes with the announced frame; of a compressed one as far as it was inflated.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A message came in more than [`Limits::max_fragments`](crate::Limits::max_fragments) frames.
    TooManyFragments(u32),
    /// The system had no memory for what arrived; the number is the bytes asked for.
    OutOfMemory(u64),
}

impl ReceiveError {
    /// The close code that tells the peer of this failure.
    ///
    /// RFC 6455 [§7.4.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1)
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::UnmaskedFrame
            | Self::MaskedFrame
            | Self::ReservedBits(_)
            | Self::ReservedOpcode(_)
            | Self::NonMinimalLength(_)
            | Self::LengthTopBit(_)
            | Self::ExpectedContinuation(_)
            | Self::UnexpectedContinuation
            | Self::FragmentedControl(_)
            | Self::ControlTooLong(_)
            | Self::ClosePayloadOfOneByte
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
            Self::InvalidCloseReason | Self::InvalidUtf8 | Self::InvalidDeflate => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyFragments(_) => CloseCode::POLICY_VIOLATION,
            Self::OutOfMemory(_) => CloseCode::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnmaskedFrame => f.write_str("a client's frame is not masked"),
            Self::MaskedFrame => f.write_str("a server's frame is masked"),
            Self::ReservedBits(bits) => {
                write!(
                    f,
                    "reserved bits {bits:03b} are set where no negotiated extension allows them"
                )
            }
            Self::ReservedOpcode(bits) => write!(f, "opcode {bits:#x} is reserved"),
            Self::NonMinimalLength(length) => {
                write!(
                    f,
                    "frame length {length} is not written in the fewest bytes"
                )
            }
            Self::LengthTopBit(length) => write!(f, "frame length {length:#x} has its top bit set"),
            Self::ExpectedContinuation(opcode) => {
                write!(f, "a {opcode} frame came inside an unfinished message")
            }
            Self::UnexpectedContinuation => {
                f.write_str("a continuation frame came without a message to continue")
            }
            Self::FragmentedControl(opcode) => write!(f, "a {opcode} frame is fragmented"),
            Self::ControlTooLong(opcode) => {
                write!(
                    f,
                    "the payload of a {opcode} frame is longer than 125 bytes"
                )
            }
            Self::ClosePayloadOfOneByte => f.write_str("the payload of a close frame is one byte"),
            Self::InvalidCloseCode(code) => write!(f, "close code {code} may not be sent"),
            Self::InvalidCloseReason => {
                f.write_str("the reason of a close frame is not valid UTF-8")
            }
            Self::InvalidUtf8 => f.write_str("a text message is not valid UTF-8"),
            Self::InvalidDeflate => f.write_str("a compressed message is broken or incomplete"),
            Self::FrameTooBig { length, limit } => {
                write!(f, "frame of {length} bytes exceeds the limit of {limit}")
            }
            Self::MessageTooBig { length, limit } => {
                write!(f, "message of {length} bytes exceeds the limit of {limit}")
            }
            Self::TooManyFragments(limit) => {
                write!(
                    f,
                    "message of more than {limit} fragments exceeds the limit"
                )
            }
            Self::OutOfMemory(bytes) => write!(f, "no memory for {bytes} bytes of a message"),
        }
    }
}

impl Error for ReceiveError {}

/// The caller asked for a frame that may not be sent; nothing was appended and the connection is unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// A Close frame was already sent; nothing may follow it (§5.5.1).
    Closed,
    /// The payload of a control frame is longer than 125 bytes (§5.5); the number is its length.
    ControlTooLong(usize),
    /// The reason of a Close frame is longer than 123 bytes (§5.5.1); the number is its length.
    CloseReasonTooLong(usize),
    /// This code may not stand in a Close frame (§7.4).
    InvalidCloseCode(CloseCode),
    /// A fragmented message is unfinished and of another kind, or a whole message was to be put inside it (§5.4).
    MessageInProgress,
    /// A client's frames must be masked, and this prepared frame or scratch has no masking key (§5.3).
    NoMaskingKey,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed for sending"),
            Self::ControlTooLong(length) => {
                write!(
                    f,
                    "payload of {length} bytes exceeds the limit of 125 for a ping or pong"
                )
            }
            Self::CloseReasonTooLong(length) => {
                write!(f, "close reason of {length} bytes exceeds the limit of 123")
            }
            Self::InvalidCloseCode(code) => {
                write!(
                    f,
                    "close code {code} may not be sent; use 1000, or 3000 to 4999"
                )
            }
            Self::MessageInProgress => f.write_str("a fragmented message is not finished yet"),
            Self::NoMaskingKey => f.write_str("a client's frame needs a masking key"),
        }
    }
}

impl Error for SendError {}

const _: () = assert!(size_of::<ReceiveError>() <= 32 && size_of::<SendError>() <= 32);

//! Frames as they stand on the wire, RFC 6455 [§5](https://www.rfc-editor.org/rfc/rfc6455#section-5).

mod header;
pub(crate) mod mask;
mod prepared;
mod trace;

pub(crate) use self::header::{FirstByte, FrameHeader, Parsed, encode_header};
pub use self::{
    mask::MaskingKeys,
    prepared::PreparedFrame,
    trace::{FrameSummary, FrameTrace},
};

/// The longest payload of a control frame (§5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

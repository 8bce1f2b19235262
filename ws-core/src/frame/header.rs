//! The frame header, RFC 6455 [§5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

use crate::{error::ReceiveError, frame::MAX_CONTROL_BYTES, opcode::OpCode, role::Role};

/// A header whose bytes obey every rule that concerns one frame alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) is_final: bool,
    /// RSV1: the message that begins here is compressed (RFC 7692 §6).
    pub(crate) is_compressed: bool,
    pub(crate) opcode: OpCode,
    /// Present exactly if the sender is a client.
    pub(crate) masking_key: Option<[u8; 4]>,
    pub(crate) payload_length: u64,
}

/// What the first bytes of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A header and how many bytes it took.
    Header(FrameHeader, usize),
    /// A beginning only; the header takes this many bytes, or two if not even that is known.
    NeedMore(usize),
}

/// What [`FrameHeader::parse_common`] reads; from a server the key is zero, which changes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommonHeader {
    pub(crate) is_text: bool,
    pub(crate) key: [u8; 4],
    pub(crate) header_bytes: usize,
    pub(crate) length: usize,
}

const FINAL: u8 = 0x80;
const FINAL_TEXT: u8 = FINAL | OpCode::Text.bits();
const FINAL_BINARY: u8 = FINAL | OpCode::Binary.bits();
const MASKED: u8 = 0x80;
const RESERVED: u8 = 0x70;
const RSV1: u8 = 0x40;

impl FrameHeader {
    /// The longest header: two bytes, eight of length, four of key.
    pub(crate) const MAX_BYTES: usize = 14;

    /// Reads the header of a frame sent by `sender` from the beginning of `bytes`.
    ///
    /// Each rule is judged by the bytes it needs and in the order of those bytes, so that any
    /// chunking of the same stream ends in the same error. `may_compress` is whether RSV1 was negotiated.
    pub(crate) fn parse(
        bytes: &[u8],
        sender: Role,
        may_compress: bool,
    ) -> Result<Parsed, ReceiveError> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(Parsed::NeedMore(2));
        };
        let opcode = OpCode::from_bits(first & 0xF);
        let begins_message = matches!(opcode, Some(OpCode::Text | OpCode::Binary));
        let allowed = if may_compress && begins_message {
            RSV1
        } else {
            0
        };
        if first & RESERVED & !allowed != 0 {
            return Err(ReceiveError::ReservedBits((first & RESERVED) >> 4));
        }
        let Some(opcode) = opcode else {
            return Err(ReceiveError::ReservedOpcode(first & 0xF));
        };
        let is_final = first & FINAL != 0;
        let is_masked = second & MASKED != 0;
        if is_masked != sender.masks() {
            return Err(if is_masked {
                ReceiveError::MaskedFrame
            } else {
                ReceiveError::UnmaskedFrame
            });
        }
        let short = second & 0x7F;
        if opcode.is_control() {
            if !is_final {
                return Err(ReceiveError::FragmentedControl(opcode));
            }
            if usize::from(short) > MAX_CONTROL_BYTES {
                return Err(ReceiveError::ControlTooLong(opcode));
            }
        }
        let key_length = if is_masked { 4 } else { 0 };
        let (payload_length, length_bytes) = match short {
            126 => match rest.first_chunk::<2>() {
                None => return Ok(Parsed::NeedMore(4 + key_length)),
                Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2),
            },
            127 => match rest.first_chunk::<8>() {
                None => return Ok(Parsed::NeedMore(10 + key_length)),
                Some(bytes) => (u64::from_be_bytes(*bytes), 8),
            },
            short => (u64::from(short), 0),
        };
        if length_bytes == 2 && payload_length < 126
            || length_bytes == 8 && payload_length <= 0xFFFF
        {
            return Err(ReceiveError::NonMinimalLength(payload_length));
        }
        if payload_length >> 63 != 0 {
            return Err(ReceiveError::LengthTopBit(payload_length));
        }
        let masking_key = if is_masked {
            match rest[length_bytes..].first_chunk::<4>() {
                None => return Ok(Parsed::NeedMore(2 + length_bytes + 4)),
                Some(key) => Some(*key),
            }
        } else {
            None
        };
        let header = Self {
            is_final,
            is_compressed: first & RSV1 != 0,
            opcode,
            masking_key,
            payload_length,
        };
        Ok(Parsed::Header(header, 2 + length_bytes + key_length))
    }

    /// Reads the header of a whole message that is a single frame of at most 65,535 bytes: what
    /// nearly every frame is. `None` says nothing but that [`FrameHeader::parse`] must judge.
    #[inline]
    pub(crate) fn parse_common(bytes: &[u8], sender: Role) -> Option<CommonHeader> {
        if sender.masks() {
            let [first, second, key @ ..] = *bytes.first_chunk::<6>()?;
            let is_text = begins_common(first)?;
            return match second ^ MASKED {
                short @ 0..=125 => Some(CommonHeader {
                    is_text,
                    key,
                    header_bytes: 6,
                    length: short.into(),
                }),
                126 => {
                    let [_, _, high, low, key @ ..] = *bytes.first_chunk::<8>()?;
                    Some(CommonHeader {
                        is_text,
                        key,
                        header_bytes: 8,
                        length: medium_length([high, low])?,
                    })
                }
                _ => None,
            };
        }
        let [first, second] = *bytes.first_chunk()?;
        let is_text = begins_common(first)?;
        let (header_bytes, length) = match second {
            short @ 0..=125 => (2, short.into()),
            126 => {
                let [_, _, high, low] = *bytes.first_chunk()?;
                (4, medium_length([high, low])?)
            }
            _ => return None,
        };
        Some(CommonHeader {
            is_text,
            key: [0; 4],
            header_bytes,
            length,
        })
    }
}

/// Tells whether the whole message that begins with this byte is text; `None` if it is not a whole message.
#[inline]
fn begins_common(first: u8) -> Option<bool> {
    match first {
        FINAL_TEXT => Some(true),
        FINAL_BINARY => Some(false),
        _ => None,
    }
}

/// Reads a length of two bytes, if it needs them.
#[inline]
fn medium_length(bytes: [u8; 2]) -> Option<usize> {
    let length = u16::from_be_bytes(bytes);
    (length > 125).then_some(length.into())
}

/// FIN, RSV1 and the opcode of a frame to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstByte(u8);

impl FirstByte {
    /// Of a frame that is not compressed.
    #[inline]
    pub(crate) const fn new(opcode: OpCode, is_final: bool) -> Self {
        Self(opcode.bits() | if is_final { FINAL } else { 0 })
    }

    /// Of the first frame of a compressed message (RFC 7692 §6.1).
    #[cfg(feature = "deflate")]
    pub(crate) const fn compressed(self) -> Self {
        Self(self.0 | RSV1)
    }
}

/// Appends a header, with the length in the fewest bytes.
#[inline]
pub(crate) fn encode_header(
    first: FirstByte,
    masking_key: Option<[u8; 4]>,
    payload_length: u64,
    output: &mut Vec<u8>,
) {
    match (masking_key, u8::try_from(payload_length)) {
        // Arrays of a known size: the compiler stores them without a call.
        (None, Ok(short @ 0..=125)) => output.extend_from_slice(&[first.0, short]),
        _ => encode_long_header(first, masking_key, payload_length, output),
    }
}

#[inline(never)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "each length is compared before it is narrowed"
)]
fn encode_long_header(
    FirstByte(first): FirstByte,
    masking_key: Option<[u8; 4]>,
    payload_length: u64,
    output: &mut Vec<u8>,
) {
    let masked = if masking_key.is_some() { MASKED } else { 0 };
    match payload_length {
        short @ 0..=125 => output.extend_from_slice(&[first, masked | short as u8]),
        medium @ 126..=0xFFFF => {
            let [high, low] = (medium as u16).to_be_bytes();
            output.extend_from_slice(&[first, masked | 126, high, low]);
        }
        long => {
            output.extend_from_slice(&[first, masked | 127]);
            output.extend_from_slice(&long.to_be_bytes());
        }
    }
    if let Some(key) = masking_key {
        output.extend_from_slice(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(
        opcode: OpCode,
        is_final: bool,
        masking_key: Option<[u8; 4]>,
        payload_length: u64,
    ) -> FrameHeader {
        FrameHeader {
            is_final,
            is_compressed: false,
            opcode,
            masking_key,
            payload_length,
        }
    }

    /// §5.2, at every border between two forms of the length
    #[test]
    fn encoding_and_parsing_are_inverse_and_any_prefix_needs_more() {
        for length in [
            0,
            1,
            125,
            126,
            127,
            65_535,
            65_536,
            u64::from(u32::MAX),
            1 << 32,
            (1 << 63) - 1,
        ] {
            for (sender, key) in [(Role::Server, None), (Role::Client, Some([1, 2, 3, 4]))] {
                let header = header(OpCode::Binary, true, key, length);
                let mut bytes = Vec::new();
                let first = FirstByte::new(header.opcode, header.is_final);
                encode_header(first, key, length, &mut bytes);
                assert_eq!(
                    FrameHeader::parse(&bytes, sender, false),
                    Ok(Parsed::Header(header, bytes.len()))
                );
                for cut in 0..bytes.len() {
                    let parsed = FrameHeader::parse(&bytes[..cut], sender, false);
                    let expected = if cut < 2 { 2 } else { bytes.len() };
                    assert_eq!(
                        parsed,
                        Ok(Parsed::NeedMore(expected)),
                        "{length} cut at {cut}"
                    );
                }
            }
        }
    }

    /// §5.2: minimal number of bytes, most significant bit 0
    #[test]
    fn rejects_lengths_that_are_not_minimal_or_have_the_top_bit() {
        for length in [0_u16, 1, 125] {
            let bytes = [&[0x82, 126][..], &length.to_be_bytes()].concat();
            let error = ReceiveError::NonMinimalLength(length.into());
            assert_eq!(FrameHeader::parse(&bytes, Role::Server, false), Err(error));
        }
        for length in [0_u64, 125, 126, 65_535] {
            let bytes = [&[0x82, 127][..], &length.to_be_bytes()].concat();
            assert_eq!(
                FrameHeader::parse(&bytes, Role::Server, false),
                Err(ReceiveError::NonMinimalLength(length))
            );
        }
        for length in [1 << 63, u64::MAX] {
            let bytes = [&[0x82, 127][..], &length.to_be_bytes()].concat();
            assert_eq!(
                FrameHeader::parse(&bytes, Role::Server, false),
                Err(ReceiveError::LengthTopBit(length))
            );
        }
    }

    /// The short cut agrees with the judge wherever it answers, and answers wherever it should.
    #[test]
    fn the_common_header_is_what_parse_reads() {
        for [first, second] in (0..=u16::MAX).map(u16::to_be_bytes) {
            for length in [0_u16, 125, 126, 65_535] {
                let [high, low] = length.to_be_bytes();
                let bytes = [first, second, high, low, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
                for sender in [Role::Client, Role::Server] {
                    let parsed = match FrameHeader::parse(&bytes, sender, false) {
                        Ok(Parsed::Header(h, n)) if h.is_final && h.payload_length <= 0xFFFF => {
                            Some((h, n))
                        }
                        _ => None,
                    };
                    let expected = parsed.and_then(|(h, n)| match h.opcode {
                        OpCode::Text => {
                            Some((true, h.masking_key.unwrap_or_default(), n, h.payload_length))
                        }
                        OpCode::Binary => Some((
                            false,
                            h.masking_key.unwrap_or_default(),
                            n,
                            h.payload_length,
                        )),
                        _ => None,
                    });
                    let common = FrameHeader::parse_common(&bytes, sender)
                        .map(|c| (c.is_text, c.key, c.header_bytes, c.length as u64));
                    assert_eq!(
                        common, expected,
                        "{first:#x} {second:#x} {length} {sender:?}"
                    );
                }
            }
        }
    }

    /// §5.1, §5.2, §5.5: every first byte with both mask bits
    #[test]
    fn judges_all_65536_beginnings_by_the_rfc() {
        for [first, second] in (0..=u16::MAX).map(u16::to_be_bytes) {
            let bytes = [first, second, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            for sender in [Role::Client, Role::Server] {
                let result = FrameHeader::parse(&bytes, sender, false);
                let opcode = OpCode::from_bits(first & 0xF);
                let masked = second & 0x80 != 0;
                let control = opcode.is_some_and(OpCode::is_control);
                let good = first & 0x70 == 0
                    && opcode.is_some()
                    && masked == (sender == Role::Client)
                    && !(control && (first & 0x80 == 0 || second & 0x7F > 125))
                    && second & 0x7F != 126; // 126 announces 0 here: not minimal
                assert_eq!(result.is_ok(), good, "{first:#x} {second:#x} {sender:?}");
            }
        }
    }
}

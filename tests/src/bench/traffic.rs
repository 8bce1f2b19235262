//! Messages made before the clock runs: what a client sends, and byte by byte what must come back.

use crate::payload;

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are three")]
pub enum Kind {
    /// Bytes in a binary message.
    Binary,
    /// Printable ASCII in a text message.
    Ascii,
    /// Characters of one to four bytes in a text message.
    Mixed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Binary, Self::Ascii, Self::Mixed];

    /// Its word in names of cells and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Ascii => "ascii",
            Self::Mixed => "mixed",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A payload of `size` bytes; `number` makes it differ from the next one.
    pub fn payload(self, size: usize, number: usize) -> Vec<u8> {
        match self {
            Self::Binary => payload::binary(size, number),
            Self::Mixed => payload::text(size, number).into_bytes(),
            Self::Ascii => payload::binary(size, number)
                .into_iter()
                .map(|byte| b' ' + byte % 95)
                .collect(),
        }
    }

    fn first_byte(self) -> u8 {
        match self {
            Self::Binary => 0x82,
            Self::Ascii | Self::Mixed => 0x81,
        }
    }
}

/// A number of messages, again and again: the stream that a client sends, and the one that an echo server answers.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Masked frames.
    pub requests: Ring,
    /// The frames that come back.
    pub echoes: Ring,
}

impl Traffic {
    /// So many messages of this kind and size, each in one frame.
    pub fn new(kind: Kind, size: usize, count: usize) -> Self {
        let (mut requests, mut echoes) = (Ring::default(), Ring::default());
        for number in 0..count {
            let payload = kind.payload(size, number);
            let key = 0x9E37_79B9_u32.wrapping_mul(1 + low_half(number));
            requests
                .push(|bytes| encode(kind.first_byte(), &payload, Some(key.to_be_bytes()), bytes));
            echoes.push(|bytes| encode(kind.first_byte(), &payload, None, bytes));
        }
        Self { requests, echoes }
    }
}

/// A stream that repeats itself.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Ring {
    /// Adds a message, which `append` writes.
    pub fn push(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        append(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// The messages once.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many messages there are before they repeat.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The place in the stream after so many messages.
    pub fn position(&self, messages: u64) -> u64 {
        let count = self.ends.len() as u64;
        let rounds = messages / count * self.bytes.len() as u64;
        match usize::try_from(messages % count).unwrap_or_default() {
            0 => rounds,
            begun => rounds + self.ends[begun - 1] as u64,
        }
    }

    /// What stands between two places of the stream, or the first part of it where it begins anew.
    pub fn slice(&self, from: u64, to: u64) -> &[u8] {
        let start = usize::try_from(from % self.bytes.len() as u64).unwrap_or_default();
        let length = usize::try_from(to - from).unwrap_or(usize::MAX);
        &self.bytes[start..self.bytes.len().min(start.saturating_add(length))]
    }

    /// Whether the stream has these bytes at this place.
    pub fn has(&self, mut at: u64, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let should = self.slice(at, at + bytes.len() as u64);
            let (is, rest) = bytes.split_at(should.len());
            if is != should {
                return false;
            }
            (at, bytes) = (at + is.len() as u64, rest);
        }
        true
    }
}

/// Appends a frame; with a key it is masked.
pub fn encode(first: u8, payload: &[u8], key: Option<[u8; 4]>, output: &mut Vec<u8>) {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let length = payload.len();
    output.push(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => output.push(mask_bit | short),
        (_, Ok(middle)) => {
            output.push(mask_bit | 126);
            output.extend(middle.to_be_bytes());
        }
        _ => {
            output.push(mask_bit | 127);
            output.extend((length as u64).to_be_bytes());
        }
    }
    let Some(key) = key else {
        return output.extend_from_slice(payload);
    };
    output.extend(key);
    output.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

fn low_half(number: usize) -> u32 {
    u32::try_from(number & 0xFFFF_FFFF).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_repeats_itself() {
        let mut ring = Ring::default();
        ring.push(|bytes| bytes.extend(b"ab"));
        ring.push(|bytes| bytes.extend(b"cde"));
        assert_eq!([0, 1, 2, 3, 5].map(|n| ring.position(n)), [0, 2, 5, 7, 12]);
        assert_eq!(ring.slice(3, 9), b"de");
        assert!(ring.has(3, b"deabcdea"));
        assert!(!ring.has(3, b"deabcdeb"));
    }

    /// RFC 6455 §5.7
    #[test]
    fn frames_are_those_of_the_specification() {
        let mut frame = Vec::new();
        encode(0x81, b"Hello", Some([0x37, 0xFA, 0x21, 0x3D]), &mut frame);
        assert_eq!(frame, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        for (size, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            frame.clear();
            encode(0x82, &vec![0; size], None, &mut frame);
            assert_eq!(frame.len(), size + header);
        }
    }

    #[test]
    fn payloads_are_what_their_kind_says() {
        for kind in Kind::ALL {
            assert_eq!(kind.payload(125, 1).len(), 125);
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert!(Kind::Ascii.payload(300, 1).is_ascii());
        assert!(
            !String::from_utf8(Kind::Mixed.payload(125, 1))
                .unwrap()
                .is_ascii()
        );
    }
}

//! Payloads that can be made again for comparison: same arguments, same bytes.

/// What is sent and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Payload {
    /// Message `number` of connection `connection`: text and binary in turn, mostly below 8 KiB, each tenth above 64 KiB.
    pub fn varied(connection: usize, number: usize) -> Self {
        let extra = if number % 10 == 9 { 65_536 } else { 0 };
        let size = 1 + (connection * 7_919 + number * 104_729) % 8_192 + extra;
        let seed = connection * 100 + number;
        if number.is_multiple_of(2) {
            Self::Binary(binary(size, seed))
        } else {
            Self::Text(text(size, seed))
        }
    }

    /// The bytes that go over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }
}

/// `size` bytes that differ with their place and with `seed`.
pub fn binary(size: usize, seed: usize) -> Vec<u8> {
    // A prime length never lines up with a power of two, so that a lost or doubled piece shows.
    const BLOCK: usize = 257;
    let block: Vec<u8> = (0..BLOCK).map(|at| low_byte(seed + at * 31)).collect();
    let mut payload = block.repeat(size / BLOCK + 1);
    payload.truncate(size);
    payload
}

/// `size` bytes of UTF-8 in characters of one to four bytes; the first differ with `seed`.
pub fn text(size: usize, seed: usize) -> String {
    const MIXED: &str = "aé中🙂";
    let letter = char::from(b'a' + low_byte(seed % 26));
    let mut text: String = std::iter::repeat_n(letter, size % MIXED.len()).collect();
    text.push_str(&MIXED.repeat(size / MIXED.len()));
    text
}

fn low_byte(number: usize) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_size_asked_for_and_differ() {
        for size in [0, 1, 9, 10, 11, 257, 70_000] {
            assert_eq!(binary(size, 3).len(), size);
            assert_eq!(text(size, 3).len(), size);
        }
        assert_ne!(binary(9, 1), binary(9, 2));
        assert_ne!(text(9, 1), text(9, 2));
        assert_ne!(Payload::varied(1, 2), Payload::varied(2, 1));
        assert_eq!(Payload::varied(1, 9), Payload::varied(1, 9));
    }
}

//! The public name of a connection: a UUID that says where the connection lives.
//!
//! The 122 free bits of a UUID v8 hold the slot, the loop and 64 random bits (the nonce), so a lookup is two
//! index operations and one comparison with the nonce the slot stores; there is no map.
//!
//! Invariant: a slot gets a fresh nonce for every connection, and an id is only good while its nonce is the
//! slot's. So an id of the past, or a guessed one, is an error and never names another connection.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Names one connection of a server for as long as the process lives.
///
/// Written as a lower case UUID with hyphens, such as `00000007-0001-8002-9f3c-5a1e8b6d4c20`. Reading takes
/// either case. 16 bytes, compared and hashed as such.
///
/// # Examples
///
/// ```
/// use ws_server::ConnectionId;
///
/// let id = ConnectionId::new(1, 7, 0x9f3c_5a1e_8b6d_4c20);
/// let text = id.to_string();
/// assert_eq!(text.parse::<ConnectionId>(), Ok(id));
/// assert_eq!((id.loop_index(), id.slot_index()), (1, 7));
/// assert!("not an id".parse::<ConnectionId>().is_err());
/// ```
///
/// RFC 9562 [§5.8](https://www.rfc-editor.org/rfc/rfc9562#section-5.8)
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId([u8; 16]);

impl ConnectionId {
    /// Packs a place (loop and slot) and the slot's nonce into an id.
    ///
    /// `nonce` must come from a cryptographically secure source and be new for every connection of the slot;
    /// it is what makes an id impossible to guess.
    pub const fn new(loop_index: u16, slot_index: u32, nonce: u64) -> Self {
        let bits = ((slot_index as u128) << 96)
            | ((loop_index as u128) << 80)
            | (VERSION << 76)
            | (((nonce >> 62) as u128) << 64)
            | (VARIANT << 62)
            | ((nonce & NONCE_LOW) as u128);
        Self(bits.to_be_bytes())
    }

    /// Reads an id from its 16 bytes, in network order.
    ///
    /// # Errors
    ///
    /// [`ConnectionIdError::Foreign`] if they are not the bytes of an id that a server made.
    pub const fn from_bytes(bytes: [u8; 16]) -> Result<Self, ConnectionIdError> {
        let bits = u128::from_be_bytes(bytes);
        if bits & FIXED_BITS == (VERSION << 76) | (VARIANT << 62) {
            Ok(Self(bytes))
        } else {
            Err(ConnectionIdError::Foreign)
        }
    }

    /// Returns the 16 bytes of the id, in network order.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns the number of the event loop that serves the connection.
    pub const fn loop_index(self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// Returns the place of the connection within its loop.
    pub const fn slot_index(self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }

    /// Returns the random part, which the slot stores too.
    pub const fn nonce(self) -> u64 {
        let low = [
            self.0[8], self.0[9], self.0[10], self.0[11], self.0[12], self.0[13], self.0[14],
            self.0[15],
        ];
        (((self.0[7] & 0b11) as u64) << 62) | (u64::from_be_bytes(low) & NONCE_LOW)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'-'; TEXT_LENGTH];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 0xf)];
            at += 2;
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

impl FromStr for ConnectionId {
    type Err = ConnectionIdError;

    fn from_str(text: &str) -> Result<Self, ConnectionIdError> {
        let text = text.as_bytes();
        if text.len() != TEXT_LENGTH {
            return Err(ConnectionIdError::Length(text.len()));
        }
        let mut bits = 0u128;
        for (position, &byte) in text.iter().enumerate() {
            let digit = match (byte, matches!(position, 8 | 13 | 18 | 23)) {
                (b'-', true) => continue,
                (b'0'..=b'9', false) => byte - b'0',
                (b'a'..=b'f', false) => byte - b'a' + 10,
                (b'A'..=b'F', false) => byte - b'A' + 10,
                _ => return Err(ConnectionIdError::Character { position }),
            };
            bits = (bits << 4) | u128::from(digit);
        }
        Self::from_bytes(bits.to_be_bytes())
    }
}

/// Says why a text or 16 bytes are no [`ConnectionId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionIdError {
    /// The text does not have the 36 bytes of a UUID; holds what it has.
    Length(usize),
    /// Neither a hexadecimal digit nor a hyphen in its place.
    Character {
        /// Bytes before it.
        position: usize,
    },
    /// A UUID, but not one of a connection: version, variant or the bits that are always zero differ.
    Foreign,
}

impl fmt::Display for ConnectionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => {
                write!(
                    f,
                    "connection id of {length} bytes instead of the {TEXT_LENGTH} of a UUID"
                )
            }
            Self::Character { position } => {
                write!(f, "connection id has a wrong character at byte {position}")
            }
            Self::Foreign => f.write_str("a UUID, but not the id of a connection of this server"),
        }
    }
}

impl Error for ConnectionIdError {}

const TEXT_LENGTH: usize = 36;
const HEX: &[u8; 16] = b"0123456789abcdef";
const VERSION: u128 = 8;
const VARIANT: u128 = 0b10;
const NONCE_LOW: u64 = (1 << 62) - 1;
/// Version (4 bits), the ten bits after it that are always zero, and variant (2 bits).
const FIXED_BITS: u128 = (0xf << 76) | (0x3ff << 66) | (0b11 << 62);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// RFC 9562 §5.8: version 8 in the 13th digit, variant 10 in the 17th.
    #[test]
    fn writes_version_8_in_canonical_form() {
        let id = ConnectionId::new(1, 7, 0x9f3c_5a1e_8b6d_4c20);
        assert_eq!(id.to_string(), "00000007-0001-8002-9f3c-5a1e8b6d4c20");
        assert_eq!(
            format!("{id:?}"),
            "ConnectionId(00000007-0001-8002-9f3c-5a1e8b6d4c20)"
        );
        let all = ConnectionId::new(u16::MAX, u32::MAX, u64::MAX);
        assert_eq!(all.to_string(), "ffffffff-ffff-8003-bfff-ffffffffffff");
        let none = ConnectionId::new(0, 0, 0);
        assert_eq!(none.to_string(), "00000000-0000-8000-8000-000000000000");
    }

    #[test]
    fn reads_either_case() {
        let id: ConnectionId = "00000007-0001-8002-9F3C-5A1E8B6D4C20".parse().unwrap();
        assert_eq!(id, ConnectionId::new(1, 7, 0x9f3c_5a1e_8b6d_4c20));
    }

    #[test]
    fn refuses_what_is_no_id_and_says_why() {
        for (text, error) in [
            ("", ConnectionIdError::Length(0)),
            (
                "00000007000180029f3c5a1e8b6d4c20",
                ConnectionIdError::Length(32),
            ),
            (
                "{0000007-0001-8002-9f3c-5a1e8b6d4c20",
                ConnectionIdError::Character { position: 0 },
            ),
            (
                "000000070-001-8002-9f3c-5a1e8b6d4c20",
                ConnectionIdError::Character { position: 8 },
            ),
            (
                "00000007-0001-8002-9f3c-5a1e8b6d4c2-",
                ConnectionIdError::Character { position: 35 },
            ),
            (
                "00000007-0001-8002-9f3c-5a1e8b6d4c\u{e9}",
                ConnectionIdError::Character { position: 34 },
            ),
            // Version 4, a variant of Microsoft, and a bit that no server sets.
            (
                "00000007-0001-4002-9f3c-5a1e8b6d4c20",
                ConnectionIdError::Foreign,
            ),
            (
                "00000007-0001-8002-df3c-5a1e8b6d4c20",
                ConnectionIdError::Foreign,
            ),
            (
                "00000007-0001-8004-9f3c-5a1e8b6d4c20",
                ConnectionIdError::Foreign,
            ),
        ] {
            assert_eq!(text.parse::<ConnectionId>(), Err(error), "{text}");
        }
        assert_eq!(
            "0".parse::<ConnectionId>().unwrap_err().to_string(),
            "connection id of 1 bytes instead of the 36 of a UUID"
        );
    }

    #[test]
    fn neighbours_differ() {
        let ids: HashSet<_> = (0..1000u32)
            .map(|slot| ConnectionId::new(0, slot, u64::from(slot % 3)))
            .collect();
        assert_eq!(ids.len(), 1000);
    }

    proptest! {
        #[test]
        fn every_part_survives_both_forms(loop_index: u16, slot_index: u32, nonce: u64) {
            let id = ConnectionId::new(loop_index, slot_index, nonce);
            prop_assert_eq!((id.loop_index(), id.slot_index(), id.nonce()), (loop_index, slot_index, nonce));
            prop_assert_eq!(id.to_string().parse::<ConnectionId>(), Ok(id));
            prop_assert_eq!(ConnectionId::from_bytes(*id.as_bytes()), Ok(id));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<ConnectionId>() {
                prop_assert_eq!(id.to_string(), text.to_ascii_lowercase());
            }
        }

        #[test]
        fn one_other_digit_never_gives_the_same_id(nonce: u64, at in 0usize..36, digit in "[0-9a-f-]") {
            let id = ConnectionId::new(3, 9, nonce);
            let mut text = id.to_string();
            let same = text[at..=at] == digit;
            text.replace_range(at..=at, &digit);
            match text.parse::<ConnectionId>() {
                Ok(other) => prop_assert_eq!(other == id, same),
                Err(_) => prop_assert!(!same),
            }
        }
    }
}

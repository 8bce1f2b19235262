//! What two endpoints agreed on, RFC 7692 [§7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).

use std::{fmt, num::NonZeroU8};

use crate::role::Role;

/// The size of an LZ77 sliding window as the base-2 logarithm of its bytes: 8 to 15, for 256 bytes to 32 KiB.
///
/// RFC 7692 [§7.1.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2). Default: 15.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(NonZeroU8);

impl WindowBits {
    /// 8: the smallest window, of 256 bytes. Data can be inflated with it but not compressed; see
    /// [`WindowBits::MIN_COMPRESS`].
    pub const MIN: Self = Self::known(8);
    /// 9: the smallest window this implementation compresses with, as zlib and all its descendants.
    ///
    /// An endpoint that would have to compress with 8 must decline; see [`DeflateParameters::can_compress`].
    pub const MIN_COMPRESS: Self = Self::known(9);
    /// 15: the largest window, of 32 KiB.
    pub const MAX: Self = Self::known(15);

    const fn known(bits: u8) -> Self {
        match Self::new(bits) {
            Some(bits) => bits,
            None => panic!("the constants lie between 8 and 15"),
        }
    }

    /// Makes a window size; `None` unless `bits` is 8 to 15.
    pub const fn new(bits: u8) -> Option<Self> {
        match NonZeroU8::new(bits) {
            Some(value) if bits >= 8 && bits <= 15 => Some(Self(value)),
            _ => None,
        }
    }

    /// Returns the number of bits.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// Returns the window's size in bytes.
    pub const fn bytes(self) -> usize {
        1 << self.get()
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowBits({})", self.0)
    }
}

/// The parameters of permessage-deflate that both endpoints agreed on, by the names of RFC 7692.
///
/// Default: those of an answer without parameters, context takeover and windows of 32 KiB both ways.
/// RFC 7692 [§7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 7692 §7.1 defines exactly these four"
)]
pub struct DeflateParameters {
    /// The server compresses each message without a reference to earlier ones (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client compresses each message without a reference to earlier ones (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The window that the server compresses with at most (§7.1.2.1).
    pub server_max_window_bits: WindowBits,
    /// The window that the client compresses with at most (§7.1.2.2).
    pub client_max_window_bits: WindowBits,
}

impl DeflateParameters {
    /// Returns whether the endpoint with this role compresses each message by itself.
    pub const fn no_context_takeover(&self, role: Role) -> bool {
        match role {
            Role::Server => self.server_no_context_takeover,
            Role::Client => self.client_no_context_takeover,
        }
    }

    /// Returns the window that the endpoint with this role compresses with at most.
    pub const fn max_window_bits(&self, role: Role) -> WindowBits {
        match role {
            Role::Server => self.server_max_window_bits,
            Role::Client => self.client_max_window_bits,
        }
    }

    /// Returns whether this implementation can compress as `role` under these parameters: not with a window of 8.
    ///
    /// A connection whose own side cannot compress is still a valid one: it inflates what comes and sends every
    /// message uncompressed, which RFC 7692 [§6](https://www.rfc-editor.org/rfc/rfc7692#section-6) allows.
    pub fn can_compress(&self, role: Role) -> bool {
        self.max_window_bits(role) >= WindowBits::MIN_COMPRESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §7.1.2, R-18: over all bytes
    #[test]
    fn window_bits_are_8_to_15() {
        let allowed: Vec<u8> = (0..=u8::MAX)
            .filter(|&bits| WindowBits::new(bits).is_some())
            .collect();
        assert_eq!(allowed, (8..=15).collect::<Vec<_>>());
        assert_eq!(WindowBits::MIN.bytes(), 256);
        assert_eq!(WindowBits::default().bytes(), 32_768);
    }

    #[test]
    fn each_role_has_its_own_side() {
        let parameters = DeflateParameters {
            client_no_context_takeover: true,
            server_max_window_bits: WindowBits::MIN,
            ..DeflateParameters::default()
        };
        assert!(parameters.no_context_takeover(Role::Client));
        assert!(!parameters.no_context_takeover(Role::Server));
        assert!(parameters.can_compress(Role::Client));
        assert!(!parameters.can_compress(Role::Server));
    }
}

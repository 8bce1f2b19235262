//! What an endpoint wants of permessage-deflate, before it is agreed on.

use super::params::WindowBits;

/// How an endpoint compresses, and what it asks for in the opening handshake.
///
/// Two presets: [`DeflateConfig::shared`], the default, costs next to no memory a connection;
/// [`DeflateConfig::dedicated`] compresses better and costs what it says. "Own" is the direction in which this
/// endpoint compresses, "peer" the one in which it inflates, whatever its role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeflateConfig {
    /// Whether own messages may refer to earlier ones (context takeover). Default: no.
    pub own_context_takeover: bool,
    /// Whether the peer's messages may refer to earlier ones. Default: no.
    pub peer_context_takeover: bool,
    /// The largest window to compress with, in bits. Default: 15; 8 turns own compression off.
    pub own_window_bits: WindowBits,
    /// The largest window the peer is asked to compress with, in bits. Default: 15.
    pub peer_window_bits: WindowBits,
    /// How hard to compress: 1 (fast) to 9 (small). Default: 2. Other values are taken for the nearest of these.
    pub level: u8,
    /// How much memory a compressor takes for the block it works on: 1 (896 bytes) to 9 (224 KiB), each level the
    /// double of the one before. Default: 8, and 5 (14 KiB) in [`DeflateConfig::dedicated`].
    pub memory_level: u8,
    /// The shortest message in bytes that is compressed unless the caller decides. Default: 256.
    pub threshold: u16,
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self::shared()
    }
}

impl DeflateConfig {
    /// No context takeover either way: one compressor and one inflater serve all connections of a loop.
    pub fn shared() -> Self {
        Self {
            own_context_takeover: false,
            peer_context_takeover: false,
            own_window_bits: WindowBits::MAX,
            peer_window_bits: WindowBits::MAX,
            level: 2,
            memory_level: 8,
            threshold: 256,
        }
    }

    /// Context takeover both ways: short messages that resemble each other shrink several times further.
    pub fn dedicated() -> Self {
        Self {
            own_context_takeover: true,
            peer_context_takeover: true,
            memory_level: 5,
            threshold: 32,
            ..Self::shared()
        }
    }

    /// Sets both windows, in bits.
    #[must_use]
    pub fn window_bits(mut self, bits: WindowBits) -> Self {
        self.own_window_bits = bits;
        self.peer_window_bits = bits;
        self
    }

    /// Sets how hard to compress, 1 to 9.
    #[must_use]
    pub fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// Sets the shortest message in bytes that is compressed unless the caller decides.
    #[must_use]
    pub fn threshold(mut self, bytes: u16) -> Self {
        self.threshold = bytes;
        self
    }
}

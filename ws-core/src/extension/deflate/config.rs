//! What an endpoint wants of permessage-deflate, before it is agreed on.

use super::params::WindowBits;

/// How an endpoint compresses, and what it asks for in the opening handshake.
///
/// Three presets; messages are those of a market feed as JSON, at the default level:
///
/// | preset | heap memory of a connection, to compress + to inflate | 125 B become | 1 KiB become |
/// | --- | --- | --- | --- |
/// | [`shared`](Self::shared), the default | 0 + 0 | 88 % (not sent so) | 33 % |
/// | [`compact`](Self::compact) | up to 4,128 + 4,096 B | 35 % | 24 % |
/// | [`dedicated`](Self::dedicated) | up to 279,712 + 32,768 B | 33 % | 24 % |
///
/// To inflate, context takeover costs the window and no more. To compress it does so up to windows of 12 bits, whose
/// content is hashed anew for each message (6 µs for 4 KiB); larger ones have a compressor of their own: 181,408 B at
/// 13 bits, 214,176 B at 14. All of a loop's connections share one inflater (48 KiB and up to 1 MiB of output) and one
/// compressor (380,032 B and as much output).
///
/// "Own" is the direction in which this endpoint compresses, "peer" the one in which it inflates, whatever its role.
///
/// Text that an attacker chooses, compressed together with a secret, tells of the secret by its length (CRIME, BREACH):
/// send such messages with [`Compression::Never`](crate::Compression::Never).
///
/// A peer makes this endpoint inflate a thousand bytes, about a microsecond, for each one it sends. Where strangers may
/// compress, keep [`Limits::max_message_bytes`](crate::Limits::max_message_bytes) as low as the messages allow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeflateConfig {
    /// Whether own messages may refer to earlier ones (context takeover). Default: no.
    pub own_context_takeover: bool,
    /// Whether the peer's messages may refer to earlier ones. Default: no.
    pub peer_context_takeover: bool,
    /// The largest window to compress with, in bits. Default: 15; 8 turns own compression off.
    pub own_window_bits: WindowBits,
    /// The largest window the peer is asked to compress with, in bits. A client that cannot be asked
    /// (RFC 7692 [§7.1.2.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2)) is told not to take its context over
    /// instead, so that no more is kept than this. Default: 15.
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

    /// Context takeover both ways with windows of 4 KiB: short messages that resemble each other shrink several times
    /// further than by themselves.
    pub fn compact() -> Self {
        let bits = const { WindowBits::new(12).unwrap() };
        Self {
            own_context_takeover: true,
            peer_context_takeover: true,
            threshold: 32,
            ..Self::shared()
        }
        .window_bits(bits)
    }

    /// Context takeover both ways with windows of 32 KiB: the shortest result, for few connections or much memory.
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

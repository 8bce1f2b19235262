//! What can happen to the bytes of one direction.

use std::time::Duration;

/// Which way a fault works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two")]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// What happens. Places are counted in bytes of the direction, from its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Toxic {
    /// Nothing.
    None,
    /// Every piece is late by a time between 0 and twice this.
    Latency(Duration),
    /// One byte at a time.
    Slices,
    /// So many bytes a second.
    Bandwidth(u32),
    /// Both sides are reset behind this many bytes.
    Reset(u64),
    /// Both sides get an end behind this many bytes.
    Fin(u64),
    /// The receiver gets an end behind this many bytes, the other direction goes on.
    HalfClose(u64),
    /// Nothing passes behind this many bytes.
    Stall(u64),
    /// Connections reach the server in another order than they were made.
    Reorder,
    /// A TLS stream ends without close_notify: the alert is left out, the end of the stream is not.
    NoCloseNotify,
    /// One bit of the byte at this place is another.
    Corrupt(u64),
}

/// A small generator whose every number follows from the seed (SplitMix64).
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "the seed is all there is")]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is above 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

//! A map from connections to what is kept for them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::ConnectionId;

/// Hashes an id by its nonce.
///
/// Only ids that this process has made are keys, and no peer chooses their nonces: they need no hash that withstands an
/// attack, which the standard one takes a tenth of the time of a message for.
pub(super) type ById<T> = HashMap<ConnectionId, T, BuildHasherDefault<NonceHasher>>;

#[derive(Debug, Default)]
pub(super) struct NonceHasher(u64);

impl Hasher for NonceHasher {
    fn write(&mut self, bytes: &[u8]) {
        // The last eight of the 16 bytes are random but for two bits, which the map does not look at in the middle.
        if let Some(nonce) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*nonce).rotate_left(32);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, BuildHasherDefault};

    use super::*;

    /// The map takes its place from the lowest bits of a hash, and tells entries apart by the highest seven.
    #[test]
    fn low_and_high_bits_differ_from_one_connection_to_the_next() {
        let build = BuildHasherDefault::<NonceHasher>::default();
        // As random as a generator's, and the same in every run.
        let nonce = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        let hashes: Vec<_> = (1..=4096)
            .map(|n: u32| build.hash_one(ConnectionId::new(0, n, nonce(u64::from(n)))))
            .collect();
        let places: HashSet<_> = hashes.iter().map(|hash| hash & 0xFFFF).collect();
        let tags: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
        assert!(places.len() > 3500, "{} of 4096 places", places.len());
        assert_eq!(tags.len(), 128);
    }
}

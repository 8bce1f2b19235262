//! Masking, RFC 6455 [§5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3).

/// A source of masking keys that a peer cannot foresee
/// (RFC 6455 [§10.3](https://www.rfc-editor.org/rfc/rfc6455#section-10.3)).
///
/// The core has no randomness of its own: a client passes a cryptographic generator seeded by the
/// system, a test a counter. Any `FnMut() -> [u8; 4]` is one.
pub trait MaskingKeys {
    /// A fresh key; called once for each frame.
    fn next_key(&mut self) -> [u8; 4];
}

impl<F: FnMut() -> [u8; 4]> MaskingKeys for F {
    fn next_key(&mut self) -> [u8; 4] {
        self()
    }
}

/// Masks or unmasks `payload`, whose first byte meets byte `offset` modulo 4 of the key.
#[inline]
pub(crate) fn apply(key: [u8; 4], offset: usize, payload: &mut [u8]) {
    let key = u32::from_ne_bytes(rotated(key, offset));
    let wide = u64::from(key) << 32 | u64::from(key);
    // Eight bytes at a step; the compiler widens the loop to the vector registers of the target.
    let (chunks, tail) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The key as seen from a payload byte `offset`.
fn rotated(mut key: [u8; 4], offset: usize) -> [u8; 4] {
    key.rotate_left(offset % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §5.3, byte by byte, at every length and offset around the width of a step
    #[test]
    fn equals_the_definition() {
        let key = [0x37, 0xFA, 0x21, 0x3D];
        for length in (0..70).chain([1000, 4096, 4099]) {
            for offset in 0..9 {
                let plain: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
                let mut masked = plain.clone();
                apply(key, offset, &mut masked);
                let expected: Vec<u8> = plain
                    .iter()
                    .enumerate()
                    .map(|(i, b)| b ^ key[(i + offset) % 4])
                    .collect();
                assert_eq!(masked, expected, "length {length}, offset {offset}");
            }
        }
    }
}

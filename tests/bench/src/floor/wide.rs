//! XOR with a key of four bytes, by the widest vectors that this processor has. Every run compares what it gives, byte by
//! byte.

use multiversion::multiversion;

/// Masks or unmasks in place.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn apply(key: [u8; 4], payload: &mut [u8]) {
    let word = u32::from_ne_bytes(key);
    let wide = u64::from(word) << 32 | u64::from(word);
    let (chunks, tail) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}

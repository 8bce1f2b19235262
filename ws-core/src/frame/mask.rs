//! Masking, RFC 6455 [§5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3).

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "AVX2 masks a long payload in two thirds of the time of SSE2, and must be asked for"
    )
)]

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

/// Masks or unmasks `payload`, whose first byte meets byte `offset` modulo 4 of the key. A zero key changes nothing.
#[inline]
pub(crate) fn apply(key: [u8; 4], offset: usize, payload: &mut [u8]) {
    let key = u32::from_ne_bytes(rotated(key, offset));
    if payload.len() >= LONG_BYTES {
        return apply_long(key, payload);
    }
    apply_key(key, payload);
}

#[inline(never)]
fn apply_long(key: u32, payload: &mut [u8]) {
    if key == 0 {
        return;
    }
    // What was read behind a header lies anywhere: without this every other access would meet two cache lines.
    let lead = match payload.as_ptr().align_offset(LINE_BYTES) {
        lead if payload.len() >= ALIGNED_BYTES => lead.min(LINE_BYTES),
        _ => 0,
    };
    let (lead, payload) = payload.split_at_mut(lead);
    apply_key(key, lead);
    let key = u32::from_ne_bytes(rotated(key.to_ne_bytes(), lead.len()));
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { apply_avx2(key, payload) };
    }
    apply_key(key, payload);
}

/// Masks or unmasks a short payload from its beginning; tells what it saw on the way.
#[inline]
pub(crate) fn apply_short(key: [u8; 4], payload: &mut [u8]) -> Seen {
    apply_key(u32::from_ne_bytes(key), payload)
}

/// The bits that any byte of a payload has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Whether all bytes were ASCII.
    #[inline]
    pub(crate) fn is_ascii(self) -> bool {
        self.0 & 0x8080_8080_8080_8080 == 0
    }
}

/// Eight bytes at a step; the compiler widens the loop to the vector registers that it may use.
#[inline]
fn apply_key(key: u32, payload: &mut [u8]) -> Seen {
    let wide = u64::from(key) << 32 | u64::from(key);
    let mut seen = 0;
    let (chunks, tail) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        let bits = u64::from_ne_bytes(*chunk) ^ wide;
        *chunk = bits.to_ne_bytes();
        seen |= bits;
    }
    for (byte, key) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
        seen |= u64::from(*byte);
    }
    Seen(seen)
}

/// [`apply_key`] with registers of 32 bytes instead of 16.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn apply_avx2(key: u32, payload: &mut [u8]) {
    apply_key(key, payload);
}

/// The key as seen from a payload byte `offset`.
pub(crate) fn rotated(mut key: [u8; 4], offset: usize) -> [u8; 4] {
    key.rotate_left(offset % 4);
    key
}

/// From here on the wider registers are worth asking for them.
const LONG_BYTES: usize = 512;
/// A shorter payload has so few of such accesses that the way to the next line costs as much.
const ALIGNED_BYTES: usize = 4096;
/// Of a processor's cache.
const LINE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// §5.3, byte by byte, at every length and offset around the width of a step, and from odd places in memory
    #[test]
    fn equals_the_definition() {
        let key = [0x37, 0xFA, 0x21, 0x3D];
        for length in (0..70).chain([511, 512, 513, 1000, 4096, 4099]) {
            for offset in 0..9 {
                let plain: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
                let mut memory = [&vec![0; offset][..], &plain].concat();
                let masked = &mut memory[offset..];
                apply(key, offset, masked);
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

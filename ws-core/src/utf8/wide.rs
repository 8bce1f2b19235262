//! Unmasking and judging a text in one pass, 32 bytes at a step.
//!
//! How UTF-8 is judged this way was published by Keiser and Lemire ("Validating UTF-8 In Less Than One Instruction Per Byte",
//! 2021): two bytes that follow one another are looked up by three of their halves, each of which says what errors it allows,
//! and what all three allow is one. That a third or fourth byte is there where it must be is asked apart.

use std::arch::x86_64::{
    __m256i, _mm256_alignr_epi8, _mm256_and_si256, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    _mm256_storeu_si256, _mm256_subs_epu8, _mm256_testz_si256, _mm256_xor_si256,
};

use crate::frame::mask;

pub(super) const STEP_BYTES: usize = 32;

/// Unmasks a whole text, whose first byte meets the first of the key, and tells whether it is UTF-8.
#[target_feature(enable = "avx2")]
pub(super) fn unmask_and_judge(key: [u8; 4], bytes: &mut [u8]) -> bool {
    let mut judge = Judge::after(&[]);
    let (steps, tail) = bytes.as_chunks_mut();
    judge.take_masked(key, steps);
    mask::apply_short(key, tail);
    // At least one zero follows, before which no character may be unfinished.
    let mut last = [0; STEP_BYTES];
    last[..tail.len()].copy_from_slice(tail);
    judge.take(load(&last));
    judge.is_content()
}

/// The same with whole steps of a text that goes on: what is `before` them may have begun a character, and so may they.
/// What is less than a step at the end is left as it is.
#[target_feature(enable = "avx2")]
pub(super) fn unmask_and_judge_steps(key: [u8; 4], before: &[u8], bytes: &mut [u8]) -> bool {
    let mut judge = Judge::after(before);
    judge.take_masked(key, bytes.as_chunks_mut().0);
    judge.is_content()
}

#[inline]
#[target_feature(enable = "avx2")]
fn unmask(keys: __m256i, step: &mut [u8; STEP_BYTES]) -> __m256i {
    let plain = _mm256_xor_si256(load(step), keys);
    // SAFETY: the 32 bytes of `step` may be written.
    unsafe { _mm256_storeu_si256(step.as_mut_ptr().cast(), plain) };
    plain
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(step: &[u8; STEP_BYTES]) -> __m256i {
    // SAFETY: the 32 bytes of `step` may be read.
    unsafe { _mm256_loadu_si256(step.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn is_ascii(bytes: __m256i) -> bool {
    _mm256_movemask_epi8(bytes) == 0
}

/// What was seen so far.
struct Judge {
    /// The step before.
    before: __m256i,
    /// Not zero if a character that began in it needs more.
    begun: __m256i,
    /// Not zero once something was wrong.
    error: __m256i,
}

impl Judge {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn after(text: &[u8]) -> Self {
        let mut last = [0; STEP_BYTES];
        let count = text.len().min(STEP_BYTES);
        last[STEP_BYTES - count..].copy_from_slice(&text[text.len() - count..]);
        let before = load(&last);
        Self {
            before,
            begun: begun(before),
            error: _mm256_setzero_si256(),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn take_masked(&mut self, key: [u8; 4], steps: &mut [[u8; STEP_BYTES]]) {
        let keys = _mm256_set1_epi32(i32::from_ne_bytes(key));
        let (pairs, single) = steps.as_chunks_mut::<2>();
        for [first, second] in pairs {
            let (first, second) = (unmask(keys, first), unmask(keys, second));
            if is_ascii(_mm256_or_si256(first, second)) {
                self.take_ascii(second);
            } else {
                self.take(first);
                self.take(second);
            }
        }
        for step in single {
            self.take(unmask(keys, step));
        }
    }

    /// Goes on with ASCII, of which `last` are the last bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn take_ascii(&mut self, last: __m256i) {
        self.error = _mm256_or_si256(self.error, self.begun);
        self.begun = _mm256_setzero_si256();
        self.before = last;
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn take(&mut self, step: __m256i) {
        // The lower half of what the bytes are moved in from is the upper one of the step before.
        let middle = _mm256_permute2x128_si256::<0x21>(self.before, step);
        let one_before = _mm256_alignr_epi8::<15>(step, middle);
        let two_before = _mm256_alignr_epi8::<14>(step, middle);
        let three_before = _mm256_alignr_epi8::<13>(step, middle);
        let low = _mm256_set1_epi8(0x0F);
        let high_half = |bytes| _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low);
        let allowed = _mm256_and_si256(
            _mm256_and_si256(
                look_up(&BY_FIRST_HIGH, high_half(one_before)),
                look_up(&BY_FIRST_LOW, _mm256_and_si256(one_before, low)),
            ),
            look_up(&BY_SECOND_HIGH, high_half(step)),
        );
        // The highest bit is set where a byte two before begins three or more, or one three before begins four.
        let third = _mm256_subs_epu8(two_before, byte(0xE0 - 0x80));
        let fourth = _mm256_subs_epu8(three_before, byte(0xF0 - 0x80));
        let must_go_on = _mm256_and_si256(_mm256_or_si256(third, fourth), byte(0x80));
        self.error = _mm256_or_si256(self.error, _mm256_xor_si256(must_go_on, allowed));
        self.begun = begun(step);
        self.before = step;
    }

    /// Whether all was right, but for a character that has begun.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn is_content(&self) -> bool {
        _mm256_testz_si256(self.error, self.error) == 1
    }
}

/// Not zero if a character that begins in a step needs more.
#[inline]
#[target_feature(enable = "avx2")]
fn begun(step: __m256i) -> __m256i {
    _mm256_subs_epu8(step, load(&MOST_AT_THE_END))
}

#[inline]
#[target_feature(enable = "avx2")]
fn byte(byte: u8) -> __m256i {
    _mm256_set1_epi8(byte.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn look_up(table: &[u8; 16], halves: __m256i) -> __m256i {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = table.map(u8::cast_signed);
    let table = _mm256_setr_epi8(
        a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, a, b, c, d, e, f, g, h, i, j, k, l, m, n,
        o, p,
    );
    _mm256_shuffle_epi8(table, halves)
}

/// The greatest bytes at the end of a step that begin nothing which needs more.
const MOST_AT_THE_END: [u8; STEP_BYTES] = {
    let mut most = [0xFF; STEP_BYTES];
    most[29] = 0xF0 - 1;
    most[30] = 0xE0 - 1;
    most[31] = 0xC0 - 1;
    most
};

/// A character begins where one should go on.
const TOO_SHORT: u8 = 1 << 0;
/// It goes on where none has begun.
const TOO_LONG: u8 = 1 << 1;
/// Three bytes for what needs two.
const OVERLONG_3: u8 = 1 << 2;
/// Beyond U+10FFFF, from F4 90 on.
const TOO_LARGE: u8 = 1 << 3;
/// U+D800 to U+DFFF.
const SURROGATE: u8 = 1 << 4;
/// Two bytes for what needs one.
const OVERLONG_2: u8 = 1 << 5;
/// Beyond U+10FFFF, from F5 80 on.
const TOO_LARGE_1000: u8 = 1 << 6;
/// Four bytes for what needs three; never together with the one above.
const OVERLONG_4: u8 = 1 << 6;
/// It goes on twice: an error but for a third or fourth byte.
const TWO_ON: u8 = 1 << 7;
/// What does not depend on the lower half of the first byte.
const EITHER: u8 = TOO_SHORT | TOO_LONG | TWO_ON;

const BY_FIRST_HIGH: [u8; 16] = {
    let mut table = [TOO_LONG; 16];
    let mut half = 0x8;
    while half < 0xC {
        table[half] = TWO_ON;
        half += 1;
    }
    table[0xC] = TOO_SHORT | OVERLONG_2;
    table[0xD] = TOO_SHORT;
    table[0xE] = TOO_SHORT | OVERLONG_3 | SURROGATE;
    table[0xF] = TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4;
    table
};

const BY_FIRST_LOW: [u8; 16] = {
    let mut table = [EITHER | TOO_LARGE | TOO_LARGE_1000; 16];
    table[0x0] = EITHER | OVERLONG_3 | OVERLONG_2 | OVERLONG_4;
    table[0x1] = EITHER | OVERLONG_2;
    table[0x2] = EITHER;
    table[0x3] = EITHER;
    table[0x4] = EITHER | TOO_LARGE;
    table[0xD] |= SURROGATE;
    table
};

const BY_SECOND_HIGH: [u8; 16] = {
    let mut table = [TOO_SHORT; 16];
    let goes_on = TOO_LONG | OVERLONG_2 | TWO_ON;
    table[0x8] = goes_on | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4;
    table[0x9] = goes_on | OVERLONG_3 | TOO_LARGE;
    table[0xA] = goes_on | SURROGATE | TOO_LARGE;
    table[0xB] = table[0xA];
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes next to which the answer changes.
    const EDGES: [u8; 19] = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
        0xEF, 0xF0, 0xF4, 0xF5,
    ];

    fn judge(plain: &[u8]) -> bool {
        let key = [0x37, 0xFA, 0x21, 0x3D];
        let mut bytes: Vec<_> = plain
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect();
        // SAFETY: asked by each test.
        let is_text = unsafe { unmask_and_judge(key, &mut bytes) };
        assert_eq!(bytes, plain, "unmasked");
        is_text
    }

    /// Every sequence of four edges, inside a step, over the end of one, and at the end of the text
    #[test]
    fn agrees_with_the_standard_library_on_every_edge() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let mut texts = 0;
        for a in EDGES {
            for b in EDGES {
                for c in EDGES {
                    for d in EDGES {
                        for (start, length) in [(10, 32), (30, 36), (61, 65)] {
                            let mut bytes = [b'-'; 65];
                            bytes[start..start + 4].copy_from_slice(&[a, b, c, d]);
                            let bytes = &bytes[..length];
                            let expected = str::from_utf8(bytes).is_ok();
                            assert_eq!(judge(bytes), expected, "{bytes:02x?}");
                            texts += usize::from(expected);
                        }
                    }
                }
            }
        }
        assert!(texts > 1000, "{texts}");
    }

    /// One wrong byte in a text of characters of all lengths, at every place and every length of the text
    #[test]
    fn agrees_with_the_standard_library_on_one_wrong_byte() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let text = "aé€😀 plain ASCII for longer than two steps of thirty-two bytes, so that its short cut is taken … ß∂𝄞"
            .as_bytes();
        for length in 0..=text.len() {
            assert_eq!(
                judge(&text[..length]),
                str::from_utf8(&text[..length]).is_ok()
            );
        }
        for place in 0..text.len() {
            for wrong in EDGES {
                let mut bytes = text.to_vec();
                bytes[place] = wrong;
                assert_eq!(
                    judge(&bytes),
                    str::from_utf8(&bytes).is_ok(),
                    "{bytes:02x?}"
                );
            }
        }
    }
}

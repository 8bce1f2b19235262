//! UTF-8 of text messages, RFC 6455 [§8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1): judged while the bytes
//! are unmasked or gathered, and not again when they are lent as a `str`.

#![expect(
    unsafe_code,
    reason = "what was judged piece by piece becomes a str without a second look: a quarter of the time of long texts"
)]

#[cfg(target_arch = "x86_64")]
mod wide;

use crate::frame::mask;

/// The bytes are not UTF-8, and no further byte could change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

/// Unmasks a whole text message where it lies, and judges it. After an error the bytes are of no use.
#[inline]
pub(crate) fn unmask_text(key: [u8; 4], bytes: &mut [u8]) -> Result<&str, InvalidUtf8> {
    if bytes.len() > SHORT {
        return unmask_long_text(key, bytes);
    }
    // Most short texts are ASCII, which is seen on the way; the wide check's way in costs more than unmasking.
    if mask::apply_short(key, bytes).is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { str::from_utf8_unchecked(bytes) });
    }
    simdutf8::basic::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// Unmasks and judges in one pass, where the processor can.
#[inline(never)]
fn unmask_long_text(key: [u8; 4], bytes: &mut [u8]) -> Result<&str, InvalidUtf8> {
    #[cfg(target_arch = "x86_64")]
    if key != [0; 4] && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        let is_text = unsafe { wide::unmask_and_judge(key, bytes) };
        if !is_text {
            return Err(InvalidUtf8);
        }
        // SAFETY: it was just judged.
        return Ok(unsafe { str::from_utf8_unchecked(bytes) });
    }
    unmask_text_in_pieces(key, bytes)
}

/// Unmasks and judges piece by piece, each while it is in the nearest cache.
fn unmask_text_in_pieces(key: [u8; 4], bytes: &mut [u8]) -> Result<&str, InvalidUtf8> {
    let (mut judged, mut unmasked) = (0, 0);
    while unmasked < bytes.len() {
        let end = bytes.len().min(unmasked + AT_ONCE);
        mask::apply(key, unmasked, &mut bytes[unmasked..end]);
        unmasked = end;
        judged += judge(&bytes[judged..end])?;
    }
    if judged < bytes.len() {
        return Err(InvalidUtf8);
    }
    // SAFETY: `judge` found each piece valid, the pieces follow one another, and together they are all of `bytes`.
    Ok(unsafe { str::from_utf8_unchecked(bytes) })
}

/// Judges bytes that begin with a character; returns how many of them are whole characters. The others, at most three,
/// begin one.
fn judge(bytes: &[u8]) -> Result<usize, InvalidUtf8> {
    let (whole, begun) = bytes.split_at(bytes.len() - begun_bytes(bytes));
    simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?;
    match str::from_utf8(begun) {
        Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
        _ => Ok(whole.len()),
    }
}

/// Counts the bytes at the end that may begin a character of which more is to come.
fn begun_bytes(bytes: &[u8]) -> usize {
    let last = bytes.iter().rev().take(3);
    let begun = last.zip(1..).find_map(|(&byte, count)| match byte {
        0x80..=0xBF => None,
        0xC0..=0xDF => Some((count, 2)),
        0xE0..=0xEF => Some((count, 3)),
        0xF0..=0xFF => Some((count, 4)),
        _ => Some((count, 1)),
    });
    match begun {
        Some((count, needed)) if count < needed => count,
        _ => 0,
    }
}

/// A message that grows, and is judged as it grows if it is text.
///
/// Invariant: `bytes[..judged]` is valid UTF-8.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    bytes: Vec<u8>,
    judged: usize,
}

impl Payload {
    /// Makes room for `count` bytes more: at most for twice of what is there or for the `expected`, and not beyond
    /// `limit` if that is enough.
    pub(crate) fn try_reserve(
        &mut self,
        count: usize,
        expected: usize,
        limit: usize,
    ) -> Result<(), std::collections::TryReserveError> {
        let needed = self.bytes.len() + count;
        if needed <= self.bytes.capacity() {
            return Ok(());
        }
        let doubled = (self.bytes.capacity() * 2).max(expected).min(limit);
        let additional = needed.max(doubled) - self.bytes.len();
        self.bytes.try_reserve_exact(additional)
    }

    /// Appends bytes of a binary message.
    pub(crate) fn push_binary(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes of a text, and judges it up to its last whole character.
    pub(crate) fn push_text(&mut self, bytes: &[u8]) -> Result<(), InvalidUtf8> {
        self.bytes.extend_from_slice(bytes);
        self.judged += judge(&self.bytes[self.judged..])?;
        Ok(())
    }

    /// The text, unless it ends inside a character.
    pub(crate) fn as_text(&self) -> Result<&str, InvalidUtf8> {
        if self.judged < self.bytes.len() {
            return Err(InvalidUtf8);
        }
        // SAFETY: `bytes[..judged]` is valid UTF-8, and that is all of it.
        Ok(unsafe { str::from_utf8_unchecked(&self.bytes) })
    }

    /// Gives the bytes away, with no more room behind them than a quarter.
    pub(crate) fn take_binary(&mut self) -> Vec<u8> {
        self.judged = 0;
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() > bytes.len() + bytes.len() / 4 {
            bytes.shrink_to_fit();
        }
        bytes
    }

    /// Gives the text away, as far as it is known to be one: all of it once [`Self::as_text`] gave it.
    pub(crate) fn take_text(&mut self) -> String {
        self.bytes.truncate(self.judged);
        let bytes = self.take_binary();
        // SAFETY: these are `bytes[..judged]`, which is valid UTF-8.
        unsafe { String::from_utf8_unchecked(bytes) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.judged = 0;
    }
}

/// A piece that stays in the first-level cache between unmasking and judging; whole keys fit into it.
pub(crate) const AT_ONCE: usize = 16 << 10;
/// A text of at most this many bytes is looked at for anything but ASCII while it is unmasked.
const SHORT: usize = 256;

#[cfg(test)]
mod tests;

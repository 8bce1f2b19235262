//! UTF-8 of text messages, RFC 6455 [§8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1): judged while the bytes
//! are unmasked or gathered, and not again when they are lent as a `str`.

#![expect(
    unsafe_code,
    reason = "what was judged piece by piece becomes a str without a second look: a quarter of the time of long texts"
)]

#[cfg(target_arch = "x86_64")]
mod wide;

use std::collections::TryReserveError;

use crate::{
    frame::mask,
    pool::{Buffers, LONG_BYTES},
};

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
/// Invariant: `bytes[start..judged]` is valid UTF-8, and `start <= judged <= end <= bytes.len()`.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    /// What lies behind the message was part of earlier ones: it is lent to be read into, without being cleared first.
    bytes: Vec<u8>,
    /// Where the message begins: [`LEAD_BYTES`] in, if it may become long and is not given away.
    start: usize,
    end: usize,
    judged: usize,
}

impl Payload {
    /// Makes room for `count` bytes more: at most for twice of what is there or for the `expected`, and not beyond
    /// `limit` if that is enough. A long message goes on in a buffer of an earlier one, if there is one.
    pub(crate) fn try_reserve(
        &mut self,
        count: usize,
        expected: usize,
        limit: usize,
        buffers: &mut Buffers,
    ) -> Result<(), TryReserveError> {
        let is_lent = self.end == 0 && expected == 0;
        let is_long = limit >= LED_BYTES && count >= LED_BYTES / 16;
        let lead = if is_lent && is_long { LEAD_BYTES } else { 0 };
        let limit = limit.saturating_add(self.start + lead);
        let needed = self.end + lead + count;
        if needed > self.bytes.capacity() {
            self.grow(needed, expected, limit, buffers)?;
        }
        if lead > 0 {
            self.bytes.resize(self.bytes.len().max(lead), 0);
            (self.start, self.end, self.judged) = (lead, lead, lead);
        }
        Ok(())
    }

    fn grow(
        &mut self,
        needed: usize,
        expected: usize,
        limit: usize,
        buffers: &mut Buffers,
    ) -> Result<(), TryReserveError> {
        if let Some(buffer) = buffers.take(needed, limit) {
            let begun = std::mem::replace(&mut self.bytes, buffer);
            overwrite(&mut self.bytes, 0, &begun[..self.end]);
            buffers.give_back(begun);
            return Ok(());
        }
        let doubled = (self.bytes.capacity() * 2).max(expected).min(limit);
        let additional = needed.max(doubled) - self.bytes.len();
        self.bytes.try_reserve_exact(additional)
    }

    /// Appends bytes of a binary message.
    pub(crate) fn push_binary(&mut self, bytes: &[u8]) {
        overwrite(&mut self.bytes, self.end, bytes);
        self.end += bytes.len();
    }

    /// Appends bytes of a text, and judges it up to its last whole character.
    pub(crate) fn push_text(&mut self, bytes: &[u8]) -> Result<(), InvalidUtf8> {
        self.push_binary(bytes);
        self.judge_rest()
    }

    /// Lends the place of the next bytes, as much of the reserved room as `most` says.
    pub(crate) fn spare(&mut self, most: usize) -> &mut [u8] {
        let end = self.bytes.capacity().min(self.end + most);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.end..end]
    }

    /// Lends the next `count` of the bytes that were written to [`Self::spare`], still masked.
    pub(crate) fn written(&mut self, count: usize) -> &mut [u8] {
        &mut self.bytes[self.end..][..count]
    }

    /// Appends the next `count` bytes that were written, to a text or a binary message.
    pub(crate) fn push_written(&mut self, count: usize, is_text: bool) -> Result<(), InvalidUtf8> {
        self.end = self.bytes.len().min(self.end + count);
        if is_text { self.judge_rest() } else { Ok(()) }
    }

    /// The same with bytes of a text that are still masked, in one pass as far as the processor can.
    pub(crate) fn push_masked_text(
        &mut self,
        key: [u8; 4],
        count: usize,
    ) -> Result<(), InvalidUtf8> {
        let taken = self.push_masked_steps(key, count)?;
        mask::apply(key, 0, self.written(count - taken));
        self.push_written(count - taken, true)
    }

    /// Takes whole steps of the wide check; how many bytes, of which the key is met by the first behind them again.
    #[cfg(target_arch = "x86_64")]
    fn push_masked_steps(&mut self, key: [u8; 4], count: usize) -> Result<usize, InvalidUtf8> {
        let count = count - count % wide::STEP_BYTES;
        if count == 0 || !std::arch::is_x86_feature_detected!("avx2") {
            return Ok(0);
        }
        let (before, written) = self.bytes[self.start..].split_at_mut(self.end - self.start);
        // SAFETY: the processor has AVX2.
        let is_text = unsafe { wide::unmask_and_judge_steps(key, before, &mut written[..count]) };
        if !is_text {
            return Err(InvalidUtf8);
        }
        self.end += count;
        self.judged = self.end - begun_bytes(self.as_bytes());
        Ok(count)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn push_masked_steps(&mut self, _: [u8; 4], _: usize) -> Result<usize, InvalidUtf8> {
        Ok(0)
    }

    fn judge_rest(&mut self) -> Result<(), InvalidUtf8> {
        self.judged += judge(&self.bytes[self.judged..self.end])?;
        Ok(())
    }

    /// The text, unless it ends inside a character.
    pub(crate) fn as_text(&self) -> Result<&str, InvalidUtf8> {
        if self.judged < self.end {
            return Err(InvalidUtf8);
        }
        // SAFETY: `bytes[start..judged]` is valid UTF-8, and that is all of the message.
        Ok(unsafe { str::from_utf8_unchecked(&self.bytes[self.start..self.judged]) })
    }

    /// Gives the buffer away, with nothing in it behind the message; where that begins, too.
    pub(crate) fn take_buffer(&mut self) -> (Vec<u8>, usize) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.truncate(self.end);
        let start = self.start;
        self.clear();
        (bytes, start)
    }

    /// Gives the buffer away for other messages.
    pub(crate) fn take_empty_buffer(&mut self) -> Vec<u8> {
        self.clear();
        std::mem::take(&mut self.bytes)
    }

    /// Gives the bytes away, with no more room behind them than a quarter.
    pub(crate) fn take_binary(&mut self) -> Vec<u8> {
        let (mut bytes, start) = self.take_buffer();
        bytes.drain(..start);
        if bytes.capacity() > bytes.len() + bytes.len() / 4 {
            bytes.shrink_to_fit();
        }
        bytes
    }

    /// Gives the text away, as far as it is known to be one: all of it once [`Self::as_text`] gave it.
    pub(crate) fn take_text(&mut self) -> String {
        self.end = self.judged;
        let bytes = self.take_binary();
        // SAFETY: these are `bytes[start..judged]`, which is valid UTF-8.
        unsafe { String::from_utf8_unchecked(bytes) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// How many bytes more can be taken without another buffer.
    pub(crate) fn free_bytes(&self) -> usize {
        self.bytes.capacity() - self.end
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end, self.judged) = (0, 0, 0);
    }
}

/// Writes `source` at a place of `bytes`, over what is there and then behind it.
fn overwrite(bytes: &mut Vec<u8>, start: usize, source: &[u8]) {
    let (over, behind) = source.split_at(source.len().min(bytes.len() - start));
    bytes[start..][..over.len()].copy_from_slice(over);
    bytes.extend_from_slice(behind);
}

/// A piece that stays in the first-level cache between unmasking and judging; whole keys fit into it.
pub(crate) const AT_ONCE: usize = 16 << 10;
/// A long message that is lent, and not given away as it is, begins so far behind the begin of its buffer.
///
/// The kernel's copy (`rep movsb`) takes four times as long on processors of AMD if the bytes go to a place that lies 1 to
/// 15 bytes further in its page than where they come from: it seems to read what it has just written. That is the rule and
/// not a chance where a sender on this machine waits for the answer: its frame begins a page, so that the payload lies 14
/// bytes in, and 16 bytes in lie the large blocks of the allocator. With this lead both agree to 64 bytes, which is
/// fastest, and pages apart they stay when a few more headers go before.
const LEAD_BYTES: usize = 510;
/// A message may become long that may have so many bytes, if the first sixteenth of them comes at once. The fuzzer knows
/// short messages only.
const LED_BYTES: usize = if cfg!(fuzzing) { 64 } else { LONG_BYTES };
/// A text of at most this many bytes is looked at for anything but ASCII while it is unmasked.
const SHORT: usize = 256;

#[cfg(test)]
mod tests;

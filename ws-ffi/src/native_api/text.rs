//! UTF-16 as the host has it, and UTF-8 as everything else here has it.
//!
//! Lengths are counted, never looked for: U+0000 is a character like any other, except in names, which end with it.
//! A surrogate without its other half is refused by its position, because UTF-8 and the wire have no form for it, and
//! what would be sent in its place is not what the script has; everything else, the byte order mark and what lies beyond
//! U+FFFF included, comes through unchanged.

use std::mem::MaybeUninit;

/// Why a text of the host is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undecodable {
    /// No memory for it.
    NoMemory,
    /// The code unit of this position, from 1, is a surrogate without its other half.
    LoneSurrogate(usize),
}

/// `units` as UTF-8.
///
/// # Errors
/// [`Undecodable`]; `NoMemory` instead of the abort that an ordinary allocation would be for the host.
pub(super) fn decode(units: &[u16]) -> Result<String, Undecodable> {
    let bound = units.iter().map(|&unit| most_bytes(unit)).sum();
    let mut text = String::new();
    text.try_reserve_exact(bound)
        .map_err(|_| Undecodable::NoMemory)?;
    let mut position = 1;
    for character in char::decode_utf16(units.iter().copied()) {
        let character = character.map_err(|_| Undecodable::LoneSurrogate(position))?;
        text.push(character);
        position += character.len_utf16();
    }
    Ok(text)
}

/// How many code units `text` takes.
pub(super) fn units(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}

/// Fills `block` with `text` and a terminator; `block` is one unit longer than [`units`] says.
///
/// Every unit of `block` is written, also if the length is not the right one.
pub(super) fn encode(text: &str, block: &mut [MaybeUninit<u16>]) {
    if text.len() + 1 == block.len() {
        // As many units as bytes: ASCII.
        for (unit, byte) in block.iter_mut().zip(text.bytes()) {
            unit.write(u16::from(byte));
        }
        if let Some(last) = block.last_mut() {
            last.write(0);
        }
        return;
    }
    let mut encoded = text.encode_utf16();
    for unit in block {
        unit.write(encoded.next().unwrap_or(0));
    }
}

/// `text` with a terminator, for what the host only reads during a call.
pub(super) fn terminated(text: &str) -> Vec<u16> {
    text.encode_utf16()
        .map(|unit| if unit == 0 { SPACE } else { unit })
        .chain([0])
        .collect()
}

/// The most bytes that a code unit can stand for.
const fn most_bytes(unit: u16) -> usize {
    match unit {
        0..0x80 => 1,
        0x80..0x800 => 2,
        _ => 3,
    }
}

const SPACE: u16 = b' ' as u16;

/// The code units before the terminator of a name, at most [`MAX_NAME`] of them.
///
/// `None` for a null or odd pointer and for what is longer.
///
/// # Safety
/// `name` is null, or points at code units that can be read up to and with a zero or for `MAX_NAME` + 1 units, and that
/// nobody writes during `'a`.
pub(super) unsafe fn name<'a>(name: *const u16) -> Option<&'a [u16]> {
    if name.is_null() || !name.is_aligned() {
        return None;
    }
    let mut length = 0;
    loop {
        // SAFETY: the caller's promise covers every unit up to the zero, and no zero was met before this one.
        let place = unsafe { name.add(length) };
        // SAFETY: as above.
        let unit = unsafe { *place };
        if unit == 0 {
            break;
        }
        length += 1;
        if length > MAX_NAME {
            return None;
        }
    }
    // SAFETY: `length` units were just read, the pointer is aligned and not null, and the caller keeps them unwritten.
    Some(unsafe { std::slice::from_raw_parts(name, length) })
}

/// Longest name that is looked up; ours have at most 40 characters.
pub(super) const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> Vec<u16> {
        let mut block = vec![MaybeUninit::new(0xAAAA); units(text) + 1];
        encode(text, &mut block);
        // SAFETY: made of initialised units.
        block
            .iter()
            .map(|unit| unsafe { unit.assume_init() })
            .collect()
    }

    #[test]
    fn text_comes_through_unchanged() {
        for text in [
            "",
            "a",
            "привет",
            "\u{0}",
            "a\u{0}б\u{0}",
            "\u{feff}x",
            "😀",
            "a😀я\u{10ffff}",
            "\u{ffff}",
        ] {
            let units: Vec<u16> = text.encode_utf16().collect();
            assert_eq!(decode(&units).as_deref(), Ok(text), "{text:?}");
            let block = encoded(text);
            assert_eq!(block.split_last(), Some((&0, &units[..])), "{text:?}");
        }
    }

    ///
    #[test]
    fn a_lone_surrogate_is_refused_by_its_position() {
        for (units, position) in [
            (&[0xD800][..], 1),
            (&[0xDC00], 1),
            (&[0xD800, 0xD800, 0xDC00], 1),
            (&[0xD83D, 0xDE00, 0xDC00, 0xD800], 3),
            (&[0x41, 0xDBFF, 0x42], 2),
        ] {
            let refused = Err(Undecodable::LoneSurrogate(position));
            assert_eq!(decode(units), refused, "{units:x?}");
        }
    }

    /// each of the 65,536 units alone, and beside a high and a low surrogate
    #[test]
    fn every_unit_is_understood() {
        for unit in 0..=u16::MAX {
            for units in [
                vec![unit],
                vec![0xD83D, unit],
                vec![unit, 0xDE00],
                vec![0x41, unit, 0x42],
            ] {
                assert_eq!(
                    decode(&units).ok(),
                    String::from_utf16(&units).ok(),
                    "{units:x?}"
                );
            }
        }
    }

    #[test]
    fn a_name_ends_with_zero_and_has_a_limit() {
        fn length(units: &[u16]) -> Option<usize> {
            // SAFETY: every array below ends with zero, or is longer than a name may be.
            unsafe { name(units.as_ptr()) }.map(<[u16]>::len)
        }
        // SAFETY: null is allowed.
        assert_eq!(unsafe { name(std::ptr::null()) }, None);
        assert_eq!(length(&[0]), Some(0));
        assert_eq!(length(&[1, 2, 0, 3]), Some(2));
        let mut long = vec![1; MAX_NAME];
        long.push(0);
        assert_eq!(length(&long), Some(MAX_NAME));
        assert_eq!(length(&[1; MAX_NAME + 1]), None);
    }

    #[test]
    fn what_the_host_reads_has_one_zero_at_its_end() {
        assert_eq!(terminated("a\u{0}b"), [0x61, 0x20, 0x62, 0]);
        assert_eq!(terminated(""), [0]);
    }
}

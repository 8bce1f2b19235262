//! The tagged variant as it lies in memory, on each target.
//!
//! | target | size | align | dimension at | tag at | text length at | calendar time |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | Linux, 64 bits | 64 | 8 | 56 | 60 | 8 | 56 |
//! | Linux, 32 bits | 52 | 4 | 44 | 48 | 4 | 44 |
//! | Windows, 64 bits | 48 | 8 | 40 | 44 | 8 | 36 |
//! | Windows, 32 bits | 48 | 8 | 40 | 44 | 4 | 36 |
//!
//! Held by assertions at compile time. Invariant: no field has a type with invalid bit patterns, for the host writes
//! what it likes; the tag is a number, a Boolean is a byte.

use std::ffi::c_int;
#[cfg(not(windows))]
use std::ffi::{c_char, c_long};

/// `tVariant`: a value, its type, and a dimension that nothing uses.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawVariant {
    pub(super) payload: Payload,
    pub(super) elements: u32,
    pub(super) tag: u16,
}

/// The value; which field is meant says the tag.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) union Payload {
    pub(super) i1: i8,
    pub(super) i2: i16,
    pub(super) i4: i32,
    pub(super) i8: i64,
    pub(super) ui1: u8,
    pub(super) ui2: u16,
    pub(super) ui4: u32,
    pub(super) ui8: u64,
    pub(super) r4: f32,
    pub(super) r8: f64,
    /// Zero is false, everything else true.
    pub(super) boolean: u8,
    pub(super) bytes: Bytes,
    pub(super) units: Units,
    /// Only for the size: times go as text.
    calendar: Calendar,
}

/// Bytes of a text or of binary data.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    pub(super) pointer: *mut u8,
    /// In bytes.
    pub(super) length: u32,
}

/// UTF-16.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Units {
    pub(super) pointer: *mut u16,
    /// In code units, without a terminator.
    pub(super) length: u32,
}

/// C's `struct tm`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Calendar {
    fields: [c_int; 9],
    #[cfg(not(windows))]
    offset: c_long,
    #[cfg(not(windows))]
    zone: *const c_char,
}

impl RawVariant {
    /// Undefined, every byte of the payload zero.
    pub(super) const EMPTY: Self = Self {
        payload: Payload {
            calendar: Calendar {
                fields: [0; 9],
                #[cfg(not(windows))]
                offset: 0,
                #[cfg(not(windows))]
                zone: std::ptr::null(),
            },
        },
        elements: 0,
        tag: tag::EMPTY,
    };
}

/// The types this add-in understands, and the names of the others for messages.
pub(super) mod tag {
    pub(in crate::native_api) const EMPTY: u16 = 0;
    pub(in crate::native_api) const NULL: u16 = 1;
    pub(in crate::native_api) const I2: u16 = 2;
    pub(in crate::native_api) const I4: u16 = 3;
    pub(in crate::native_api) const R4: u16 = 4;
    pub(in crate::native_api) const R8: u16 = 5;
    pub(in crate::native_api) const DATE: u16 = 6;
    pub(in crate::native_api) const TM: u16 = 7;
    pub(in crate::native_api) const PSTR: u16 = 8;
    pub(in crate::native_api) const BOOL: u16 = 11;
    pub(in crate::native_api) const I1: u16 = 13;
    pub(in crate::native_api) const UI1: u16 = 14;
    pub(in crate::native_api) const UI2: u16 = 15;
    pub(in crate::native_api) const UI4: u16 = 16;
    pub(in crate::native_api) const I8: u16 = 17;
    pub(in crate::native_api) const UI8: u16 = 18;
    pub(in crate::native_api) const INT: u16 = 19;
    pub(in crate::native_api) const UINT: u16 = 20;
    pub(in crate::native_api) const PWSTR: u16 = 22;
    pub(in crate::native_api) const BLOB: u16 = 23;
}

const _: () = {
    use std::mem::{align_of, offset_of, size_of};

    struct Expected {
        size: usize,
        align: usize,
        elements: usize,
        tag: usize,
        length: usize,
        calendar: usize,
    }
    const EXPECTED: Expected = match (cfg!(windows), cfg!(target_pointer_width = "64")) {
        (false, true) => Expected {
            size: 64,
            align: 8,
            elements: 56,
            tag: 60,
            length: 8,
            calendar: 56,
        },
        (false, false) => Expected {
            size: 52,
            align: 4,
            elements: 44,
            tag: 48,
            length: 4,
            calendar: 44,
        },
        (true, wide) => Expected {
            size: 48,
            align: 8,
            elements: 40,
            tag: 44,
            length: if wide { 8 } else { 4 },
            calendar: 36,
        },
    };
    assert!(size_of::<RawVariant>() == EXPECTED.size);
    assert!(align_of::<RawVariant>() == EXPECTED.align);
    assert!(offset_of!(RawVariant, payload) == 0);
    assert!(offset_of!(RawVariant, elements) == EXPECTED.elements);
    assert!(offset_of!(RawVariant, tag) == EXPECTED.tag);
    assert!(offset_of!(Bytes, length) == EXPECTED.length);
    assert!(offset_of!(Units, length) == EXPECTED.length);
    assert!(size_of::<Calendar>() == EXPECTED.calendar);
};

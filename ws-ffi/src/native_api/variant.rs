//! Values as they cross: out of the host's variants, and into them.
//!
//! | tag | read as |
//! | --- | --- |
//! | EMPTY, NULL | Undefined |
//! | I1, I2, I4, I8, UI1, UI2, UI4, UI8, INT, UINT, R4, R8 | Number |
//! | BOOL | Boolean |
//! | PWSTR | Text, if every surrogate has its other half |
//! | PSTR | Text, if it is UTF-8 |
//! | BLOB | Binary |
//!
//! Everything else is refused by name. Written are EMPTY, BOOL, I4 for a whole number that fits and R8 for any other,
//! PWSTR and BLOB: what every host understands.

use std::ptr::NonNull;

use super::layout::{Bytes, Payload, RawVariant, Units, tag};
use super::memory::{MAX_BYTES, Memory};
use super::text;
use crate::addin::Given;
use crate::dispatch::Value;

/// Why an argument cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// No memory for a copy.
    NoMemory,
    /// A PSTR that is not UTF-8.
    NotUtf8,
    /// A PWSTR with half of a surrogate pair at this position, from 1.
    LoneSurrogate(usize),
    /// A text or binary data with a length and no address.
    NoAddress,
    /// A length that no script can have meant.
    TooLong,
    /// A type that no function takes.
    Tag(u16),
}

impl From<text::Undecodable> for Unreadable {
    fn from(why: text::Undecodable) -> Self {
        match why {
            text::Undecodable::NoMemory => Self::NoMemory,
            text::Undecodable::LoneSurrogate(position) => Self::LoneSurrogate(position),
        }
    }
}

/// The value in `variant`.
///
/// # Safety
/// `variant` lies in the host's form: its tag says which field is set, and a text or binary data has as many units as it
/// says, which nobody writes during the call.
pub(super) unsafe fn read(variant: &RawVariant) -> Result<Value, Unreadable> {
    // One field a macro call: the tag says that it is set, and every bit pattern of it is valid.
    macro_rules! field {
        ($name:ident) => {{
            // SAFETY: the tag says that the host has set this field, and any bits are a value of it.
            unsafe { variant.payload.$name }
        }};
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "scripts have no whole numbers beyond 2^53 that need every digit"
    )]
    let value = match variant.tag {
        tag::EMPTY | tag::NULL => Value::Undefined,
        tag::BOOL => Value::Boolean(field!(boolean) != 0),
        tag::I1 => Value::Number(field!(i1).into()),
        tag::I2 => Value::Number(field!(i2).into()),
        tag::I4 | tag::INT => Value::Number(field!(i4).into()),
        tag::I8 => Value::Number(field!(i8) as f64),
        tag::UI1 => Value::Number(field!(ui1).into()),
        tag::UI2 => Value::Number(field!(ui2).into()),
        tag::UI4 | tag::UINT => Value::Number(field!(ui4).into()),
        tag::UI8 => Value::Number(field!(ui8) as f64),
        tag::R4 => Value::Number(field!(r4).into()),
        tag::R8 => Value::Number(field!(r8)),
        tag::PWSTR => {
            let Units { pointer, length } = field!(units);
            // SAFETY: the caller promises as many units as the length says.
            let units = unsafe { slice(pointer, length) }?;
            Value::Text(text::decode(units).map_err(Unreadable::from)?)
        }
        tag::PSTR => {
            let Bytes { pointer, length } = field!(bytes);
            // SAFETY: the caller promises as many bytes as the length says.
            let bytes = copy(unsafe { slice(pointer, length) }?)?;
            Value::Text(String::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)?)
        }
        tag::BLOB => {
            let Bytes { pointer, length } = field!(bytes);
            // SAFETY: the caller promises as many bytes as the length says.
            Value::Binary(copy(unsafe { slice(pointer, length) }?)?)
        }
        other => return Err(Unreadable::Tag(other)),
    };
    Ok(value)
}

/// What the host calls a type that is refused.
pub(super) fn type_name(refused: u16) -> &'static str {
    match refused {
        tag::DATE | tag::TM => "a date",
        9 | 12 => "an object",
        10 | 21 => "an error code",
        24 => "a UUID",
        other if other & 0x7000 != 0 => "an array or a reference",
        _ => "of an unknown type",
    }
}

/// `value` in the host's form, its text or bytes in the host's memory. `None` if there is none.
pub(super) fn write(value: Given<'_>, memory: Option<Memory<'_>>) -> Option<RawVariant> {
    let (tag, payload) = match value {
        Given::Undefined => return Some(RawVariant::EMPTY),
        Given::Boolean(is_true) => (
            tag::BOOL,
            Payload {
                boolean: u8::from(is_true),
            },
        ),
        Given::Number(number) => match whole(number) {
            Some(i4) => (tag::I4, Payload { i4 }),
            None => (tag::R8, Payload { r8: number }),
        },
        Given::Text(text) => {
            let (pointer, length) = memory?.text(text)?;
            let units = Units { pointer, length };
            (tag::PWSTR, Payload { units })
        }
        Given::Binary(data) => {
            let (pointer, length) = memory?.bytes(data)?;
            let bytes = Bytes { pointer, length };
            (tag::BLOB, Payload { bytes })
        }
    };
    Some(RawVariant {
        payload,
        tag,
        ..RawVariant::EMPTY
    })
}

fn whole(number: f64) -> Option<i32> {
    let fits =
        number.trunc() == number && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and in range, as was just looked at"
    )]
    fits.then_some(number as i32)
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut owned = Vec::new();
    owned
        .try_reserve_exact(bytes.len())
        .map_err(|_| Unreadable::NoMemory)?;
    owned.extend_from_slice(bytes);
    Ok(owned)
}

/// # Safety
/// Unless `length` is 0, `pointer` is null or points at `length` values that nobody writes during `'a`.
unsafe fn slice<'a, T>(pointer: *const T, length: u32) -> Result<&'a [T], Unreadable> {
    if length == 0 {
        return Ok(&[]);
    }
    let length = usize::try_from(length).map_err(|_| Unreadable::NoMemory)?;
    let is_too_long = length > MAX_BYTES / size_of::<T>();
    let Some(pointer) = NonNull::new(pointer.cast_mut()).filter(|pointer| pointer.is_aligned())
    else {
        return Err(Unreadable::NoAddress);
    };
    if is_too_long {
        return Err(Unreadable::TooLong);
    }
    // SAFETY: the caller promises the values; null, odd addresses and impossible sizes were refused.
    Ok(unsafe { std::slice::from_raw_parts(pointer.as_ptr(), length) })
}

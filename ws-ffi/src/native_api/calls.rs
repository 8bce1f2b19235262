//! A call of a method: arguments in, result out, and nothing lost on the way.

use std::ffi::c_long;

use super::component::Inner;
use super::layout::RawVariant;
use super::variant::{self, Unreadable};
use crate::addin::{Given, Host, Method, Outcome};
use crate::boundary;
use crate::dispatch::Value;

/// The arguments of a call, or why they cannot be used.
pub(super) type Arguments = Result<Vec<Value>, String>;

/// Copies the arguments out of the host's array.
///
/// # Safety
/// `array` points at `length` variants in the host's form; it may be anything if `length` is not positive.
pub(super) unsafe fn arguments(array: *const RawVariant, length: c_long) -> Arguments {
    let Ok(length @ 1..) = usize::try_from(length) else {
        return Ok(Vec::new());
    };
    if array.is_null() || !array.is_aligned() || length > MAX_ARGUMENTS {
        return Err(format!("the host passes {length} arguments in a wrong way"));
    }
    // SAFETY: the caller's promise; null, odd addresses and impossible lengths were refused.
    let variants = unsafe { std::slice::from_raw_parts(array, length) };
    let read = variants.iter().enumerate().map(|(index, raw)| {
        // SAFETY: the caller's promise.
        unsafe { variant::read(raw) }.map_err(|why| describe(index + 1, why))
    });
    read.collect()
}

/// Runs a method and hands its result to `give`; `false` if that could not take it, or if the host is to raise an error.
pub(super) fn run(
    inner: &Inner,
    method: &Method,
    arguments: Arguments,
    give: &mut dyn FnMut(Given<'_>) -> bool,
) -> bool {
    let outcome = match arguments {
        Ok(mut arguments) => {
            let called = boundary::run(|| inner.addin.call(method, &mut arguments, give));
            // An object whose call has panicked answers every call in the same way from then on.
            called.unwrap_or_else(|panicked| {
                inner.addin.set_broken(panicked);
                inner.addin.call(method, &mut [], give)
            })
        }
        Err(why) => inner.addin.refuse(&why, give),
    };
    match &outcome {
        Outcome::Given => return true,
        Outcome::NotGiven => inner.addin.note(NO_MEMORY),
        Outcome::Exception(text) => {
            inner.host.add_error(text);
        }
    }
    false
}

/// Writes `value` to where the host wants it; `false` if the host has no memory for it.
///
/// # Safety
/// `place` is null or can be written to.
pub(super) unsafe fn give(inner: &Inner, value: Given<'_>, place: *mut RawVariant) -> bool {
    if place.is_null() || !place.is_aligned() {
        return false;
    }
    let memory = inner.host.memory();
    let Some(raw) = variant::write(value, memory.as_ref().map(|memory| memory.it)) else {
        return false;
    };
    // SAFETY: the caller's promise; null and odd addresses were refused.
    unsafe { *place = raw };
    true
}

fn describe(number: usize, why: Unreadable) -> String {
    match why {
        Unreadable::NoMemory => format!("argument {number}: no memory for a copy of it"),
        Unreadable::NotUtf8 => format!("argument {number}: its 8-bit text is not UTF-8"),
        Unreadable::LoneSurrogate(position) => format!(
            "argument {number}: code unit {position} of its text is half of a surrogate pair, for which UTF-8 has no \
             form; send such text as binary data"
        ),
        Unreadable::NoAddress => {
            format!("argument {number}: the host gives a length and no address")
        }
        Unreadable::TooLong => format!("argument {number}: it is longer than 2 GiB"),
        Unreadable::Tag(tag) => format!(
            "argument {number}: it is {}; pass a string, a number, a boolean or binary data",
            variant::type_name(tag)
        ),
    }
}

/// What LastError says when the host could not take a result.
const NO_MEMORY: &str = "the host has no memory for the result; what was received can be had again";
/// No method has more than five parameters.
const MAX_ARGUMENTS: usize = 64;

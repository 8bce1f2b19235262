//! What the functions of the four interfaces do.

use std::ffi::{c_long, c_void};
use std::ptr;

use super::component::Inner;
use super::entry::entry;
use super::layout::RawVariant;
use super::tables::base::{INIT, LANGUAGE, LOCALE, USER_LANGUAGE};
use super::variant;
use super::{calls, text};
use crate::names::Names;

entry! {
    /// Takes the host's object; asks nothing of it yet.
    fn init(INIT; inner, connection: *mut c_void) -> bool, false, {
        // SAFETY: the host keeps its object until `Done` has returned.
        unsafe { inner.host.set_connection(connection) };
        true
    }
}

entry! {
    /// Takes the host's memory manager, before or after `Init`.
    fn set_memory_manager(INIT; inner, manager: *mut c_void) -> bool, false, {
        // SAFETY: the host keeps its memory manager until `Done` has returned.
        unsafe { inner.host.set_memory(manager) };
        !manager.is_null()
    }
}

entry! {
    /// The version of the technology, not of the add-in.
    fn info(INIT; _inner) -> c_long, TECHNOLOGY, { TECHNOLOGY }
}

entry! {
    /// The name of the class.
    fn register_extension_as(LANGUAGE; inner, name: *mut *mut u16) -> bool, false, {
        let text = give_text(inner, inner.addin.class().name.as_str());
        if text.is_null() || name.is_null() || !name.is_aligned() {
            return false;
        }
        // SAFETY: the host has a place for the name there; null and odd addresses were refused.
        unsafe { *name = text };
        true
    }
}

entry! {
    fn property_count(LANGUAGE; inner) -> c_long, 0, { count(inner.addin.class().properties.len()) }
}

entry! {
    fn find_property(LANGUAGE; inner, name: *const u16) -> c_long, NOT_FOUND, {
        // SAFETY: the host's names end with zero.
        unsafe { find(&inner.addin.class().property_names, name) }
    }
}

entry! {
    fn property_name(LANGUAGE; inner, number: c_long, alias: c_long) -> *const u16, ptr::null(), {
        let property = at(&inner.addin.class().properties, number);
        let name = property.and_then(|property| pick(alias, property.english, property.russian));
        name.map_or(ptr::null(), |name| give_text(inner, name).cast_const())
    }
}

entry! {
    fn property(LANGUAGE; inner, number: c_long, value: *mut RawVariant) -> bool, false, {
        let Some(property) = at(&inner.addin.class().properties, number) else {
            return false;
        };
        // SAFETY: the host has a place for the value there.
        inner.addin.with_property(property, |given| unsafe { calls::give(inner, given, value) })
    }
}

entry! {
    fn set_property(LANGUAGE; inner, number: c_long, value: *mut RawVariant) -> bool, false, {
        let property = at(&inner.addin.class().properties, number);
        let (Some(property), false) = (property, value.is_null() || !value.is_aligned()) else {
            return false;
        };
        // SAFETY: the host's variant, in the host's form; null and odd addresses were refused.
        let raw = unsafe { &*value };
        // SAFETY: as above.
        let value = unsafe { variant::read(raw) };
        value.is_ok_and(|value| inner.addin.set_property(property, &value))
    }
}

entry! {
    fn is_property_readable(LANGUAGE; inner, number: c_long) -> bool, false, {
        at(&inner.addin.class().properties, number).is_some()
    }
}

entry! {
    fn is_property_writable(LANGUAGE; inner, number: c_long) -> bool, false, {
        at(&inner.addin.class().properties, number).is_some_and(|property| property.is_writable)
    }
}

entry! {
    fn method_count(LANGUAGE; inner) -> c_long, 0, { count(inner.addin.class().methods.len()) }
}

entry! {
    fn find_method(LANGUAGE; inner, name: *const u16) -> c_long, NOT_FOUND, {
        // SAFETY: the host's names end with zero.
        unsafe { find(&inner.addin.class().method_names, name) }
    }
}

entry! {
    fn method_name(LANGUAGE; inner, number: c_long, alias: c_long) -> *const u16, ptr::null(), {
        let method = at(&inner.addin.class().methods, number);
        let name = method.and_then(|method| pick(alias, method.english, method.russian));
        name.map_or(ptr::null(), |name| give_text(inner, name).cast_const())
    }
}

entry! {
    fn parameter_count(LANGUAGE; inner, number: c_long) -> c_long, 0, {
        at(&inner.addin.class().methods, number).map_or(0, |method| count(method.parameters.len()))
    }
}

entry! {
    /// The default of a parameter; Undefined says that it has none and must be given.
    fn parameter_default(
        LANGUAGE; inner, number: c_long, parameter: c_long, value: *mut RawVariant
    ) -> bool, false, {
        let method = at(&inner.addin.class().methods, number);
        let Some(parameter) = method.and_then(|method| at(&method.parameters, parameter)) else {
            return false;
        };
        // SAFETY: the host has a place for the value there.
        unsafe { calls::give(inner, parameter.default(), value) }
    }
}

entry! {
    /// Every method is a function.
    fn has_result(LANGUAGE; inner, number: c_long) -> bool, false, {
        at(&inner.addin.class().methods, number).is_some()
    }
}

entry! {
    /// Runs a method and drops its result: OneScript calls every statement so, functions too.
    fn call_as_procedure(
        LANGUAGE; inner, number: c_long, arguments: *mut RawVariant, length: c_long
    ) -> bool, false, {
        let Some(method) = at(&inner.addin.class().methods, number) else {
            return false;
        };
        // SAFETY: the host's array of as many arguments.
        let arguments = unsafe { calls::arguments(arguments, length) };
        calls::run(inner, method, arguments, &mut |_| true)
    }
}

entry! {
    fn call_as_function(
        LANGUAGE; inner, number: c_long, result: *mut RawVariant, arguments: *mut RawVariant, length: c_long
    ) -> bool, false, {
        let method = at(&inner.addin.class().methods, number);
        let (Some(method), false) = (method, result.is_null() || !result.is_aligned()) else {
            return false;
        };
        // SAFETY: the host's array of as many arguments.
        let arguments = unsafe { calls::arguments(arguments, length) };
        // SAFETY: the host has a place for the result there; null and odd addresses were refused.
        unsafe { *result = RawVariant::EMPTY };
        // SAFETY: as above.
        calls::run(inner, method, arguments, &mut |given| unsafe { calls::give(inner, given, result) })
    }
}

entry! {
    /// Texts are in English whatever the locale.
    fn set_locale(LOCALE; _inner, _locale: *const u16) -> (), (), {}
}

entry! {
    /// Texts are in English whatever the user's language.
    fn set_user_language(USER_LANGUAGE; _inner, _language: *const u16) -> (), (), {}
}

/// A copy of `text` in the host's memory; null if there is none.
fn give_text(inner: &Inner, text: &str) -> *mut u16 {
    let memory = inner.host.memory();
    let given = memory.and_then(|memory| memory.it.text(text));
    given.map_or(ptr::null_mut(), |(pointer, _)| pointer)
}

/// # Safety
/// As [`text::name`].
unsafe fn find(names: &Names, name: *const u16) -> c_long {
    // SAFETY: the caller's promise.
    let found = unsafe { text::name(name) }.and_then(|name| names.find(name));
    found.map_or(NOT_FOUND, count)
}

fn pick(alias: c_long, english: &'static str, russian: &'static str) -> Option<&'static str> {
    match alias {
        0 => Some(english),
        1 => Some(russian),
        _ => None,
    }
}

fn at<T>(items: &[T], number: c_long) -> Option<&T> {
    items.get(usize::try_from(number).ok()?)
}

fn count(number: usize) -> c_long {
    c_long::try_from(number).unwrap_or(NOT_FOUND)
}

const TECHNOLOGY: c_long = 2000;
const NOT_FOUND: c_long = -1;

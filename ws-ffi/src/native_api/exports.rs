//! The five functions that the host finds by name.

use std::ffi::{c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::component::Header;
use super::entry::export;
use super::{pin, text};
use crate::addin::ClassName;
use crate::names;

/// Panics where a test wants it.
pub(super) fn trip() {
    #[cfg(test)]
    assert!(!PANICS.get(), "a test wants this");
}

#[cfg(test)]
thread_local! {
    pub(super) static PANICS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

export! {
    /// The names of the classes, joined by `|`; never freed.
    fn GetClassNames() -> *const u16, ptr::null(), { CLASS_NAMES.as_ptr() }
}

export! {
    /// Makes an object of a class; 0 if there is no such class.
    ///
    /// # Safety
    /// `class` is null or ends with zero; `object` is null or can be written to.
    fn GetClassObject(class: *const u16, object: *mut *mut c_void) -> c_long, 0, {
        pin::keep_loaded();
        // SAFETY: the host's promise.
        let class = unsafe { text::name(class) };
        let Some(class) = class.and_then(class_name) else {
            return 0;
        };
        if object.is_null() || !object.is_aligned() {
            return 0;
        }
        let header = Header::create(class);
        // SAFETY: the host's promise; null and odd addresses were refused.
        unsafe { *object = header.as_ptr().cast() };
        1
    }
}

export! {
    /// Ends an object and frees it; 0 if that is done.
    ///
    /// # Safety
    /// `object` is null, or points at null or at what [`GetClassObject`] has given.
    fn DestroyObject(object: *mut *mut c_void) -> c_long, FAILED, {
        if object.is_null() || !object.is_aligned() {
            return FAILED;
        }
        // SAFETY: the host's promise; null and odd addresses were refused.
        let this = unsafe { object.replace(ptr::null_mut()) };
        // SAFETY: the host's promise.
        match unsafe { Header::of::<0>(this) } {
            Some(header) if header.destroy() => 0,
            _ => FAILED,
        }
    }
}

export! {
    /// Takes the platform's level, and answers the one that this add-in understands.
    fn SetPlatformCapabilities(_level: c_int) -> c_int, INVALID, {
        HAS_PLATFORM.store(true, Ordering::Relaxed);
        CAPABILITIES
    }
}

/// Whether the host has said what it can do, as 1C does and OneScript does not.
///
/// OneScript's collector frees what an event calls, and the event then ends the process.
pub(super) fn has_platform() -> bool {
    HAS_PLATFORM.load(Ordering::Relaxed)
}

static HAS_PLATFORM: AtomicBool = AtomicBool::new(false);

export! {
    /// How the add-in may be loaded: in the host's process and in one of its own.
    fn GetAttachType() -> c_int, NOT_ISOLATED, { ANY_ATTACHMENT }
}

fn class_name(units: &[u16]) -> Option<ClassName> {
    let folded = names::fold(&text::decode(units).ok()?);
    ClassName::ALL
        .into_iter()
        .find(|class| names::fold(class.as_str()) == folded)
}

static CLASS_NAMES: [u16; NAMES.len() + 1] = {
    let mut units = [0; NAMES.len() + 1];
    let mut at = 0;
    while at < NAMES.len() {
        units[at] = NAMES[at] as u16;
        at += 1;
    }
    units
};

const NAMES: &[u8] = b"Client|Server";
const FAILED: c_long = -1;
const INVALID: c_int = -1;
const CAPABILITIES: c_int = 3;
const NOT_ISOLATED: c_int = 1;
const ANY_ATTACHMENT: c_int = 3;

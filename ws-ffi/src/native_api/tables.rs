//! The tables of functions of the four interfaces, in the order in which the platform's headers declare them.
//!
//! Each table begins with its destructors. The host may end an object through the first of them (OneScript deletes the
//! object) or by `DestroyObject` (1C); both lead to the same end, once.

use std::ffi::{c_long, c_void};

use super::layout::RawVariant;
use super::{entry, methods};

/// Number of interfaces of an object, and so of words at its beginning.
pub(super) const INTERFACES: usize = 4;

/// Which word of an object belongs to which interface.
pub(super) mod base {
    pub(in crate::native_api) const INIT: usize = 0;
    pub(in crate::native_api) const LANGUAGE: usize = 1;
    pub(in crate::native_api) const LOCALE: usize = 2;
    pub(in crate::native_api) const USER_LANGUAGE: usize = 3;
}

/// A word at the beginning of an object: the address of a table below.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(super) struct Table(*const c_void);

// SAFETY: points at a constant of this module, which any thread may read.
unsafe impl Sync for Table {}
// SAFETY: as above.
unsafe impl Send for Table {}

/// What an object begins with.
pub(super) const TABLES: [Table; INTERFACES] = [
    Table((&raw const INIT).cast()),
    Table((&raw const LANGUAGE).cast()),
    Table((&raw const LOCALE).cast()),
    Table((&raw const USER_LANGUAGE).cast()),
];

type This = *mut c_void;

/// `IInitDoneBase`.
#[repr(C)]
pub(super) struct InitTable {
    pub(super) destructors: Destructors,
    pub(super) init: unsafe extern "system" fn(This, *mut c_void) -> bool,
    pub(super) set_memory_manager: unsafe extern "system" fn(This, *mut c_void) -> bool,
    pub(super) info: unsafe extern "system" fn(This) -> c_long,
    pub(super) done: unsafe extern "system" fn(This),
}

/// `ILanguageExtenderBase`.
#[repr(C)]
pub(super) struct LanguageTable {
    pub(super) destructors: Destructors,
    pub(super) register_extension_as: unsafe extern "system" fn(This, *mut *mut u16) -> bool,
    pub(super) property_count: unsafe extern "system" fn(This) -> c_long,
    pub(super) find_property: unsafe extern "system" fn(This, *const u16) -> c_long,
    pub(super) property_name: unsafe extern "system" fn(This, c_long, c_long) -> *const u16,
    pub(super) property: unsafe extern "system" fn(This, c_long, *mut RawVariant) -> bool,
    pub(super) set_property: unsafe extern "system" fn(This, c_long, *mut RawVariant) -> bool,
    pub(super) is_property_readable: unsafe extern "system" fn(This, c_long) -> bool,
    pub(super) is_property_writable: unsafe extern "system" fn(This, c_long) -> bool,
    pub(super) method_count: unsafe extern "system" fn(This) -> c_long,
    pub(super) find_method: unsafe extern "system" fn(This, *const u16) -> c_long,
    pub(super) method_name: unsafe extern "system" fn(This, c_long, c_long) -> *const u16,
    pub(super) parameter_count: unsafe extern "system" fn(This, c_long) -> c_long,
    pub(super) parameter_default:
        unsafe extern "system" fn(This, c_long, c_long, *mut RawVariant) -> bool,
    pub(super) has_result: unsafe extern "system" fn(This, c_long) -> bool,
    pub(super) call_as_procedure:
        unsafe extern "system" fn(This, c_long, *mut RawVariant, c_long) -> bool,
    pub(super) call_as_function:
        unsafe extern "system" fn(This, c_long, *mut RawVariant, *mut RawVariant, c_long) -> bool,
}

/// `LocaleBase`, and `UserLanguageBase`, which has the same form.
#[repr(C)]
pub(super) struct LocaleTable {
    pub(super) destructors: Destructors,
    pub(super) set: unsafe extern "system" fn(This, *const u16),
}

static INIT: InitTable = InitTable {
    destructors: destructors::<{ base::INIT }>(),
    init: methods::init,
    set_memory_manager: methods::set_memory_manager,
    info: methods::info,
    done: entry::done,
};

static LANGUAGE: LanguageTable = LanguageTable {
    destructors: destructors::<{ base::LANGUAGE }>(),
    register_extension_as: methods::register_extension_as,
    property_count: methods::property_count,
    find_property: methods::find_property,
    property_name: methods::property_name,
    property: methods::property,
    set_property: methods::set_property,
    is_property_readable: methods::is_property_readable,
    is_property_writable: methods::is_property_writable,
    method_count: methods::method_count,
    find_method: methods::find_method,
    method_name: methods::method_name,
    parameter_count: methods::parameter_count,
    parameter_default: methods::parameter_default,
    has_result: methods::has_result,
    call_as_procedure: methods::call_as_procedure,
    call_as_function: methods::call_as_function,
};

static LOCALE: LocaleTable = LocaleTable {
    destructors: destructors::<{ base::LOCALE }>(),
    set: methods::set_locale,
};

static USER_LANGUAGE: LocaleTable = LocaleTable {
    destructors: destructors::<{ base::USER_LANGUAGE }>(),
    set: methods::set_user_language,
};

/// What C++ calls to end an object; Itanium: without and with freeing it.
#[cfg(not(windows))]
#[repr(C)]
pub(super) struct Destructors {
    pub(super) complete: unsafe extern "system" fn(This),
    pub(super) deleting: unsafe extern "system" fn(This),
}

#[cfg(not(windows))]
const fn destructors<const BASE: usize>() -> Destructors {
    Destructors {
        complete: entry::complete::<BASE>,
        deleting: entry::deleting::<BASE>,
    }
}

/// What C++ calls to end an object; MSVC: one function, which is told whether to free it, and answers `this`.
#[cfg(windows)]
#[repr(C)]
pub(super) struct Destructors {
    pub(super) deleting: entry::Deleting,
}

#[cfg(windows)]
const fn destructors<const BASE: usize>() -> Destructors {
    Destructors {
        deleting: entry::deleting::<BASE>,
    }
}

const _: () = {
    const WORD: usize = size_of::<usize>();
    let slots = super::DESTRUCTOR_SLOTS;
    assert!(size_of::<Table>() == WORD);
    assert!(size_of::<Destructors>() == slots * WORD);
    assert!(size_of::<InitTable>() == (slots + 4) * WORD);
    assert!(size_of::<LanguageTable>() == (slots + 16) * WORD);
    assert!(size_of::<LocaleTable>() == (slots + 1) * WORD);
};

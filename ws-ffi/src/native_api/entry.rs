//! How the host's calls come in.
//!
//! Invariant: every function of this crate that has another calling convention than Rust's is made by a macro of this
//! file, and runs inside the panic boundary.

#[cfg(windows)]
use std::ffi::c_uint;
use std::ffi::c_void;

use super::component::{Header, Inner};
use super::tables::base;
use crate::boundary;

/// Makes a function of an interface: `fn name(base; inner; arguments) -> result, refused { body }`.
///
/// `refused` is answered without running the body when the object has ended, and when the body panics.
macro_rules! entry {
    ($(#[$meta:meta])* fn $name:ident($base:expr; $inner:ident $(, $argument:ident: $type:ty)* $(,)?) -> $result:ty,
        $refused:expr, $body:block) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// `this` is the interface's address inside an object of ours; the other pointers are as the interface says.
        pub(super) unsafe extern "system" fn $name(this: *mut ::std::ffi::c_void $(, $argument: $type)*) -> $result {
            let body = |$inner: &$crate::native_api::component::Inner| -> $result { $body };
            // SAFETY: the host passes the address through which it has found this function.
            unsafe { $crate::native_api::entry::enter::<{ $base }, $result>(this, $refused, body) }
        }
    };
}

/// Makes an exported function; `refused` is answered when the body panics.
macro_rules! export {
    ($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty, $refused:expr, $body:block) => {
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            let body = || -> $result {
                $crate::native_api::exports::trip();
                $body
            };
            $crate::boundary::run(body).unwrap_or($refused)
        }
    };
}

pub(super) use entry;
pub(super) use export;

/// Runs `body` on the object that `this` belongs to, as one of its calls.
///
/// # Safety
/// As [`Header::of`].
pub(super) unsafe fn enter<const BASE: usize, R>(
    this: *mut c_void,
    refused: R,
    body: impl FnOnce(&Inner) -> R,
) -> R {
    boundary::run(|| {
        // SAFETY: the caller's promise.
        let inner = unsafe { Header::of::<BASE>(this) }?.inner()?;
        let _pass = inner.calls.enter()?;
        let result = boundary::run(|| {
            inner.addin.trip();
            body(&inner)
        });
        result
            .map_err(|panicked| inner.addin.set_broken(panicked))
            .ok()
    })
    .ok()
    .flatten()
    .unwrap_or(refused)
}

/// Ends the object that `this` belongs to; with `for_good` its memory as well. `false` if there was nothing to end.
///
/// # Safety
/// As [`Header::of`].
pub(super) unsafe fn end<const BASE: usize>(this: *mut c_void, for_good: bool) -> bool {
    boundary::run(|| {
        // SAFETY: the caller's promise.
        let Some(header) = (unsafe { Header::of::<BASE>(this) }) else {
            return false;
        };
        if for_good {
            return header.destroy();
        }
        let Some(inner) = header.inner() else {
            return false;
        };
        let ended = boundary::run(|| inner.end());
        ended
            .map_err(|panicked| inner.addin.set_broken(panicked))
            .is_ok()
    })
    .unwrap_or(false)
}

/// `IInitDoneBase::Done`.
///
/// # Safety
/// As [`Header::of`].
pub(super) unsafe extern "system" fn done(this: *mut c_void) {
    // SAFETY: the host passes the address through which it has found this function.
    unsafe { end::<{ base::INIT }>(this, false) };
}

/// Itanium's complete object destructor: ends the object, whose memory its owner would free.
///
/// # Safety
/// As [`Header::of`].
#[cfg(not(windows))]
pub(super) unsafe extern "system" fn complete<const BASE: usize>(this: *mut c_void) {
    // SAFETY: the host passes the address through which it has found this function.
    unsafe { end::<BASE>(this, false) };
}

/// Itanium's deleting destructor: ends the object and frees it.
///
/// # Safety
/// As [`Header::of`].
#[cfg(not(windows))]
pub(super) unsafe extern "system" fn deleting<const BASE: usize>(this: *mut c_void) {
    // SAFETY: the host passes the address through which it has found this function.
    unsafe { end::<BASE>(this, true) };
}

/// Makes MSVC's deleting destructor, a member function without the interfaces' calling convention.
#[cfg(windows)]
macro_rules! deleting {
    ($convention:literal) => {
        pub(super) type Deleting = unsafe extern $convention fn(*mut c_void, c_uint) -> *mut c_void;

        /// MSVC's deleting destructor: ends the object, and frees it if the lowest bit of `flags` is set.
        ///
        /// # Safety
        /// As [`Header::of`].
        pub(super) unsafe extern $convention fn deleting<const BASE: usize>(
            this: *mut c_void,
            flags: c_uint,
        ) -> *mut c_void {
            // SAFETY: the host passes the address through which it has found this function.
            unsafe { end::<BASE>(this, flags & 1 != 0) };
            this
        }
    };
}

#[cfg(all(windows, target_arch = "x86"))]
deleting!("thiscall");
#[cfg(all(windows, not(target_arch = "x86")))]
deleting!("C");

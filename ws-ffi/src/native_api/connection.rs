//! The host's own object: where errors and events go.

use std::ffi::{c_long, c_ushort};
use std::ptr::NonNull;

use super::{DESTRUCTOR_SLOTS, text};

/// `IAddInDefBase` of the host.
#[repr(C)]
pub(super) struct RawConnection {
    pub(super) vtable: *const ConnectionVtable,
}

/// Its virtual functions, in their order, as far as they are called; what is not called has no type.
#[repr(C)]
pub(super) struct ConnectionVtable {
    pub(super) destructors: [usize; DESTRUCTOR_SLOTS],
    pub(super) add_error: unsafe extern "system" fn(
        *mut RawConnection,
        c_ushort,
        *const u16,
        *const u16,
        c_long,
    ) -> u8,
    pub(super) read: usize,
    pub(super) write: usize,
    pub(super) register_profile_as: usize,
    pub(super) set_event_buffer_depth: unsafe extern "system" fn(*mut RawConnection, c_long) -> u8,
    pub(super) event_buffer_depth: usize,
    pub(super) external_event:
        unsafe extern "system" fn(*mut RawConnection, *mut u16, *mut u16, *mut u16) -> u8,
    pub(super) clean_event_buffer: usize,
    pub(super) set_status_line: usize,
    pub(super) reset_status_line: usize,
}

/// The host's object while it can be used.
///
/// Invariant: it is alive as long as a value of this type is; see [`Connection::new`].
#[derive(Clone, Copy)]
pub(super) struct Connection<'a> {
    object: NonNull<RawConnection>,
    vtable: &'a ConnectionVtable,
}

impl Connection<'_> {
    /// # Safety
    /// `object` is the host's object of `Init`, and stays one during the life of the value.
    pub(super) unsafe fn new(object: NonNull<RawConnection>) -> Option<Self> {
        // SAFETY: the caller's promise.
        let vtable = unsafe { (*object.as_ptr()).vtable };
        // SAFETY: a live object has a table of functions, which lives as long; null is looked for.
        let vtable = unsafe { vtable.as_ref() }?;
        Some(Self { object, vtable })
    }

    /// Makes `description` the text of the exception that the host raises when the call fails.
    pub(super) fn add_error(self, source: &str, description: &str) -> bool {
        let source = text::terminated(source);
        let description = text::terminated(description);
        // SAFETY: the host's own function with its own object; the texts outlive the call and end with zero.
        let is_taken = unsafe {
            (self.vtable.add_error)(
                self.object.as_ptr(),
                FAILURE,
                source.as_ptr(),
                description.as_ptr(),
                EXCEPTION,
            )
        };
        is_taken != 0
    }

    /// How many events may wait for the script.
    pub(super) fn set_event_buffer_depth(self, depth: i32) -> bool {
        // SAFETY: the host's own function with its own object.
        let is_set =
            unsafe { (self.vtable.set_event_buffer_depth)(self.object.as_ptr(), depth.into()) };
        is_set != 0
    }

    /// Queues an event for the script; `false` if that cannot be done, or not now.
    pub(super) fn external_event(self, source: &str, message: &str, data: &str) -> bool {
        // Written to by nobody, but the host's signature does not say so.
        let mut source = text::terminated(source);
        let mut message = text::terminated(message);
        let mut data = text::terminated(data);
        // SAFETY: the host's own function with its own object; the texts outlive the call and end with zero.
        let is_queued = unsafe {
            (self.vtable.external_event)(
                self.object.as_ptr(),
                source.as_mut_ptr(),
                message.as_mut_ptr(),
                data.as_mut_ptr(),
            )
        };
        is_queued != 0
    }
}

/// ADDIN_E_FAIL.
const FAILURE: c_ushort = 1006;
/// Anything but zero makes the text an exception instead of a message.
const EXCEPTION: c_long = 1;

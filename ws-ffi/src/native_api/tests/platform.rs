//! What the host gives an object: a memory manager that counts, and a place for errors and events.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::ffi::{c_long, c_ulong, c_ushort, c_void};
use std::ptr;

use parking_lot::Mutex;

use crate::native_api::DESTRUCTOR_SLOTS;
use crate::native_api::connection::{ConnectionVtable, RawConnection};
use crate::native_api::memory::{MemoryVtable, RawMemory};

/// The memory manager, with the blocks it has given out.
#[repr(C)]
pub(super) struct Memory {
    pub(super) raw: RawMemory,
    pub(super) state: Mutex<MemoryState>,
}

#[derive(Default)]
pub(super) struct MemoryState {
    pub(super) blocks: HashMap<usize, Layout>,
    /// Allocations until one fails, and then none does any more.
    pub(super) fails_in: Option<usize>,
    pub(super) has_failed: bool,
    /// The most bytes that were asked for at once.
    pub(super) largest: usize,
}

/// The host's object, with what it was told.
#[repr(C)]
pub(super) struct Connection {
    pub(super) raw: RawConnection,
    pub(super) told: Mutex<Told>,
}

/// What a host was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) errors: Vec<(u16, String, String, c_long)>,
    pub(super) depth: Option<c_long>,
    pub(super) events: Vec<[String; 3]>,
}

pub(super) static MEMORY: MemoryVtable = MemoryVtable {
    destructors: [0; DESTRUCTOR_SLOTS],
    allocate,
    free,
};

pub(super) static CONNECTION: ConnectionVtable = ConnectionVtable {
    destructors: [0; DESTRUCTOR_SLOTS],
    add_error,
    read: 0,
    write: 0,
    register_profile_as: 0,
    set_event_buffer_depth,
    event_buffer_depth: 0,
    external_event,
    clean_event_buffer: 0,
    set_status_line: 0,
    reset_status_line: 0,
};

unsafe extern "system" fn allocate(
    this: *mut RawMemory,
    place: *mut *mut c_void,
    bytes: c_ulong,
) -> u8 {
    // SAFETY: the add-in passes the manager that it was given.
    let mut state = unsafe { &*this.cast::<Memory>() }.state.lock();
    let bytes = usize::try_from(bytes).expect("fits");
    state.largest = state.largest.max(bytes);
    if bytes > LARGEST {
        return 0;
    }
    match &mut state.fails_in {
        Some(0) => {
            (state.fails_in, state.has_failed) = (None, true);
            return 0;
        }
        Some(left) => *left -= 1,
        None => {}
    }
    let layout = Layout::from_size_align(bytes, 16).expect("fits");
    assert!(layout.size() > 0);
    // SAFETY: the size is not zero, and the place is writable.
    unsafe {
        *place = alloc(layout).cast();
        state.blocks.insert((*place).addr(), layout);
    }
    1
}

pub(super) unsafe extern "system" fn free(this: *mut RawMemory, place: *mut *mut c_void) {
    // SAFETY: the add-in passes the manager that it was given, and a block of it.
    unsafe {
        let mut state = (*this.cast::<Memory>()).state.lock();
        let layout = state.blocks.remove(&(*place).addr());
        dealloc((*place).cast(), layout.expect("freed once"));
        *place = ptr::null_mut();
    }
}

unsafe extern "system" fn add_error(
    this: *mut RawConnection,
    code: c_ushort,
    source: *const u16,
    description: *const u16,
    kind: c_long,
) -> u8 {
    // SAFETY: the add-in passes the object that it was given.
    let told = unsafe { &(*this.cast::<Connection>()).told };
    // SAFETY: the add-in's texts end with zero.
    let texts = unsafe { (text(source), text(description)) };
    told.lock().errors.push((code, texts.0, texts.1, kind));
    1
}

unsafe extern "system" fn set_event_buffer_depth(this: *mut RawConnection, depth: c_long) -> u8 {
    // SAFETY: the add-in passes the object that it was given.
    let told = unsafe { &(*this.cast::<Connection>()).told };
    told.lock().depth = Some(depth);
    1
}

unsafe extern "system" fn external_event(
    this: *mut RawConnection,
    source: *mut u16,
    message: *mut u16,
    data: *mut u16,
) -> u8 {
    // SAFETY: the add-in passes the object that it was given.
    let told = unsafe { &(*this.cast::<Connection>()).told };
    // SAFETY: the add-in's texts end with zero.
    let texts = unsafe { [text(source), text(message), text(data)] };
    told.lock().events.push(texts);
    1
}

/// # Safety
/// `units` end with zero.
unsafe fn text(units: *const u16) -> String {
    let mut length = 0;
    // SAFETY: not beyond the zero.
    while unsafe { *units.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: as many were just read.
    String::from_utf16(unsafe { std::slice::from_raw_parts(units, length) }).expect("UTF-16")
}

/// A host has no more memory than this for one result.
const LARGEST: usize = 1 << 30;

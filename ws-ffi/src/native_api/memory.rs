//! Memory of the host, for what it is to free.

use std::ffi::{c_ulong, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::DESTRUCTOR_SLOTS;
use super::text;

/// `IMemoryManager` of the host.
#[repr(C)]
pub(super) struct RawMemory {
    pub(super) vtable: *const MemoryVtable,
}

/// Its virtual functions, in their order.
#[repr(C)]
pub(super) struct MemoryVtable {
    pub(super) destructors: [usize; DESTRUCTOR_SLOTS],
    /// AllocMemory; the answer is C++'s `bool`.
    pub(super) allocate: unsafe extern "system" fn(*mut RawMemory, *mut *mut c_void, c_ulong) -> u8,
    /// FreeMemory.
    pub(super) free: unsafe extern "system" fn(*mut RawMemory, *mut *mut c_void),
}

/// A memory manager that can be used.
///
/// Invariant: it is alive as long as a value of this type is; see [`Memory::new`].
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    // Never a reference: the host writes its object while it is called.
    manager: NonNull<RawMemory>,
    vtable: &'a MemoryVtable,
}

impl<'a> Memory<'a> {
    /// # Safety
    /// `manager` is a memory manager of the host, and stays one during `'a`.
    pub(super) unsafe fn new(manager: NonNull<RawMemory>) -> Option<Self> {
        // SAFETY: the caller's promise.
        let vtable = unsafe { (*manager.as_ptr()).vtable };
        // SAFETY: a live memory manager has a table of functions, which lives as long; null is looked for.
        let vtable = unsafe { vtable.as_ref() }?;
        Some(Self { manager, vtable })
    }

    /// A block of `bytes` bytes, at least one; `None` if the host has none, and for more than [`MAX_BYTES`].
    pub(super) fn allocate(self, bytes: usize) -> Option<Block<'a>> {
        let bytes = bytes.max(1);
        if bytes > MAX_BYTES {
            return None;
        }
        let wanted = c_ulong::try_from(bytes).ok()?;
        let mut pointer = ptr::null_mut();
        // SAFETY: the host's own function with its own object and a place for the answer.
        let is_done =
            unsafe { (self.vtable.allocate)(self.manager.as_ptr(), &raw mut pointer, wanted) } != 0;
        let block = Block {
            memory: self,
            pointer: NonNull::new(pointer)?,
            bytes,
        };
        // What came although the host says no goes back.
        is_done.then_some(block)
    }

    /// `text` with a terminator, and its length in code units without it.
    pub(super) fn text(self, text: &str) -> Option<(*mut u16, u32)> {
        let units = text::units(text);
        let length = u32::try_from(units).ok()?;
        let mut block = self.allocate(units.checked_add(1)?.checked_mul(2)?)?;
        text::encode(text, block.as_units()?);
        Some((block.give().cast(), length))
    }

    /// A copy of `data`, and its length.
    pub(super) fn bytes(self, data: &[u8]) -> Option<(*mut u8, u32)> {
        let length = u32::try_from(data.len()).ok()?;
        let mut block = self.allocate(data.len())?;
        block
            .as_bytes()
            .get_mut(..data.len())?
            .write_copy_of_slice(data);
        Some((block.give().cast(), length))
    }
}

/// A block of the host's memory that nobody has been given yet; goes back when dropped.
pub(super) struct Block<'a> {
    memory: Memory<'a>,
    pointer: NonNull<c_void>,
    bytes: usize,
}

impl Block<'_> {
    fn as_bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the host gave this many bytes, of any content, to nobody else; the slice borrows the block.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.cast().as_ptr(), self.bytes) }
    }

    /// `None` if the host's block begins at an odd address.
    fn as_units(&mut self) -> Option<&mut [MaybeUninit<u16>]> {
        let pointer = self.pointer.cast::<MaybeUninit<u16>>();
        if !pointer.is_aligned() {
            return None;
        }
        // SAFETY: as in `as_bytes`, in units of two bytes; the alignment was just looked at.
        Some(unsafe { std::slice::from_raw_parts_mut(pointer.as_ptr(), self.bytes / 2) })
    }

    /// The block is the receiver's now.
    fn give(self) -> *mut c_void {
        let pointer = self.pointer.as_ptr();
        std::mem::forget(self);
        pointer
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        let mut pointer = self.pointer.as_ptr();
        // SAFETY: the host's own function for a block of its own that is freed nowhere else.
        unsafe { (self.memory.vtable.free)(self.memory.manager.as_ptr(), &raw mut pointer) };
    }
}

/// More than any message, and more than a host's string may have: what is greater is a mistake, in either direction.
pub(super) const MAX_BYTES: usize = i32::MAX as usize;

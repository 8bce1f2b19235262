//! What belongs to the host, and until when it may be used.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Instant;

use super::connection::{Connection, RawConnection};
use super::exports;
use super::memory::{Memory, RawMemory};
use crate::addin::{Gate, Host, Pass};

/// The host's memory manager and its object, both given by the host, in either order, and taken away by `Done`.
///
/// Invariant: both are used only between entering the gate and leaving it, and [`HostLink::end`] waits for that.
#[derive(Debug, Default)]
pub(super) struct HostLink {
    gate: Gate,
    memory: AtomicPtr<RawMemory>,
    connection: AtomicPtr<RawConnection>,
}

/// Something of the host, and the pass that keeps it usable.
pub(super) struct Use<'a, T> {
    pub(super) it: T,
    _pass: Pass<'a>,
}

impl HostLink {
    /// # Safety
    /// `manager` is null or the host's memory manager, which lives until `Done` has returned.
    pub(super) unsafe fn set_memory(&self, manager: *mut c_void) {
        self.memory.store(manager.cast(), Ordering::Release);
    }

    /// # Safety
    /// `object` is null or what the host passes to `Init`, which lives until `Done` has returned.
    pub(super) unsafe fn set_connection(&self, object: *mut c_void) {
        self.connection.store(object.cast(), Ordering::Release);
    }

    /// The memory manager; `None` before it is set, and after the end.
    pub(super) fn memory(&self) -> Option<Use<'_, Memory<'_>>> {
        let pass = self.gate.enter()?;
        let manager = aligned(self.memory.load(Ordering::Acquire))?;
        // SAFETY: `set_memory` was promised that it lives until `Done` returns, and `Done` waits for the pass.
        let it = unsafe { Memory::new(manager) }?;
        Some(Use { it, _pass: pass })
    }

    /// Where errors and events go; `None` before `Init`, and after the end.
    pub(super) fn connection(&self) -> Option<Use<'_, Connection<'_>>> {
        let pass = self.gate.enter()?;
        let object = aligned(self.connection.load(Ordering::Acquire))?;
        // SAFETY: `set_connection` was promised that it lives until `Done` returns, and `Done` waits for the pass.
        let it = unsafe { Connection::new(object) }?;
        Some(Use { it, _pass: pass })
    }

    /// Gives both up, and waits until no other thread uses them; `false` if one does when `deadline` comes.
    pub(super) fn end(&self, deadline: Instant) -> bool {
        self.gate.shut();
        let is_left = self.gate.wait_left(deadline);
        self.memory.store(ptr::null_mut(), Ordering::Release);
        self.connection.store(ptr::null_mut(), Ordering::Release);
        is_left
    }
}

impl Host for HostLink {
    fn add_error(&self, text: &str) -> bool {
        self.connection()
            .is_some_and(|host| host.it.add_error(SOURCE, text))
    }

    fn set_event_depth(&self, depth: i32) -> bool {
        exports::has_platform()
            && self
                .connection()
                .is_some_and(|host| host.it.set_event_buffer_depth(depth))
    }

    fn raise_event(&self, source: &str, message: &str, data: &str) -> bool {
        self.connection()
            .is_some_and(|host| host.it.external_event(source, message, data))
    }
}

fn aligned<T>(pointer: *mut T) -> Option<NonNull<T>> {
    NonNull::new(pointer).filter(|pointer| pointer.is_aligned())
}

/// Who reports errors.
const SOURCE: &str = "WebSocket";

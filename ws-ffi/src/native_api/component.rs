//! The object as the host sees it, and its end.
//!
//! What the host has is a [`Header`]: four words that point at the tables, and a lock around what is behind them. When
//! the object ends, the lock is emptied, and the header is set aside, not freed: a call that comes too late, on another
//! thread or through a forgotten pointer, finds an empty header and is refused. A header is used again for a new object
//! only after [`SET_ASIDE`] others have been set aside.
//!
//! Invariant: headers are never given back to the system; there are at most as many as objects lived at the same time,
//! and [`SET_ASIDE`].

use std::collections::VecDeque;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::host::HostLink;
use super::tables;
use crate::addin::{Addin, ClassName, Gate};

/// What the host holds a pointer to.
#[repr(C)]
pub(super) struct Header {
    tables: [tables::Table; tables::INTERFACES],
    inner: Mutex<Option<Arc<Inner>>>,
}

/// What is behind a header; lives until the last call has left.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) addin: Addin,
    pub(super) host: Arc<HostLink>,
    /// Counts the calls of the host.
    pub(super) calls: Gate,
}

impl Inner {
    /// Ends the object: its calls, its threads, its use of the host. Takes 2 s at most; again, it does nothing.
    pub(super) fn end(&self) {
        self.addin.trip();
        let deadline = Instant::now() + END_TIMEOUT;
        self.calls.shut();
        self.addin.abort();
        if !self.host.end(deadline) {
            log::error!("the host keeps a call of ours for more than 2 s");
        }
        if !self.calls.wait_left(deadline) {
            log::error!("a call does not end within 2 s: its object stays until it does");
        }
        self.addin.end(deadline);
    }
}

impl Header {
    /// A new object of a class, for the host.
    pub(super) fn create(class: ClassName) -> NonNull<Self> {
        let host = Arc::new(HostLink::default());
        let inner = Arc::new(Inner {
            addin: Addin::new(class, Arc::<HostLink>::clone(&host)),
            host,
            calls: Gate::default(),
        });
        let reused = {
            let mut aside = ASIDE.lock();
            (aside.len() > SET_ASIDE)
                .then(|| aside.pop_front())
                .flatten()
        };
        match reused {
            Some(Aside(header)) => {
                // SAFETY: headers are never freed, and their fields but the lock never change.
                let empty = unsafe { header.as_ref() };
                *empty.inner.lock() = Some(inner);
                header
            }
            None => NonNull::from(Box::leak(Box::new(Self {
                tables: tables::TABLES,
                inner: Mutex::new(Some(inner)),
            }))),
        }
    }

    /// The object that the interface number `BASE` at `this` belongs to. `None` for null and for an odd address.
    ///
    /// # Safety
    /// `this` is null or the address of word number `BASE` of a header that [`Header::create`] has made.
    pub(super) unsafe fn of<'a, const BASE: usize>(this: *mut c_void) -> Option<&'a Self> {
        let header = this
            .wrapping_byte_sub(BASE * size_of::<tables::Table>())
            .cast::<Self>();
        if this.is_null() || !header.is_aligned() {
            return None;
        }
        // SAFETY: the caller's promise; headers are never freed, and changed only through their lock.
        Some(unsafe { &*header })
    }

    /// What is behind it, until the object has ended.
    pub(super) fn inner(&self) -> Option<Arc<Inner>> {
        self.inner.lock().clone()
    }

    /// Ends the object for good; `false` if that was done before.
    pub(super) fn destroy(&self) -> bool {
        let Some(inner) = self.inner.lock().take() else {
            return false;
        };
        // First: the end may panic.
        ASIDE.lock().push_back(Aside(NonNull::from(self)));
        inner.end();
        // The last owner frees it: this thread, or the call that has not left yet.
        drop(inner);
        true
    }
}

/// A header without an object.
struct Aside(NonNull<Header>);

// SAFETY: a header is a lock and constant words; any thread may use it.
unsafe impl Send for Aside {}

static ASIDE: Mutex<VecDeque<Aside>> = Mutex::new(VecDeque::new());

/// How many headers wait before the oldest is used again; some 60 bytes each.
const SET_ASIDE: usize = 4096;
/// How long the end of an object may take.
const END_TIMEOUT: Duration = Duration::from_secs(2);

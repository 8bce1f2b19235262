//! The flag that two threads meet at without a lock.

use std::sync::atomic::Ordering;

use crate::{Checker, checker};

/// Like std's.
#[derive(Debug)]
pub struct AtomicBool(Inner);

#[derive(Debug)]
enum Inner {
    Real(std::sync::atomic::AtomicBool),
    Loom(loom::sync::atomic::AtomicBool),
    Shuttle(shuttle::sync::atomic::AtomicBool),
}

impl AtomicBool {
    /// Like std's.
    pub fn new(value: bool) -> Self {
        Self(match checker() {
            None => Inner::Real(value.into()),
            Some(Checker::Loom) => Inner::Loom(loom::sync::atomic::AtomicBool::new(value)),
            Some(Checker::Shuttle) => Inner::Shuttle(shuttle::sync::atomic::AtomicBool::new(value)),
        })
    }

    /// Like std's.
    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        match &self.0 {
            Inner::Real(flag) => flag.swap(value, order),
            Inner::Loom(flag) => flag.swap(value, order),
            Inner::Shuttle(flag) => flag.swap(value, order),
        }
    }
}

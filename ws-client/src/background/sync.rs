//! The primitives with which callers and the worker meet, in one place.
//!
//! Invariant: no other file of the background client names a lock or a condition variable, so that a model checker can
//! put its own here and run the shipped code.

pub(super) use std::sync::Arc;

pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};

pub(super) use crate::net::now;

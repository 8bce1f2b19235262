//! The binary interface between 1C:Enterprise (or OneScript) and the add-in: the only unsafe code of the crate.
//!
//! ```text
//!  exports ──► component (four tables of functions) ──► entry (panics end here) ──► methods ──► crate::addin
//!                                                                                      │
//!              host memory, host connection ◄── host (a gate: not after Done) ◄────────┘
//! ```
//!
//! An object is made of four interfaces; the host calls their functions through the tables that its first words point
//! at, with the address of that word as `this`. On Windows each table has one destructor (MSVC), elsewhere two
//! (Itanium); functions are `stdcall` on 32-bit Windows and plain elsewhere, which is what `extern "system"` means.
//!
//! Invariants:
//! - Every function that the host calls is made in `entry.rs` and runs inside [`boundary`](crate::boundary).
//! - An object's first words stay readable after its end: a call that comes too late is refused ([`component`]).
//! - Nothing of the host is used after `Done`, nor without a pass of its gate ([`host`]).
//! - What the host frees comes from its memory manager, and belongs to exactly one side at any time ([`memory`]).
//!
//! Tested against a host in Rust in `tests.rs`, and against hosts in C++ in the `tests` package.

#![expect(
    unsafe_code,
    reason = "the host speaks C++: tables of functions, tagged unions, and memory that crosses"
)]

mod calls;
mod component;
mod connection;
mod entry;
mod exports;
mod host;
mod layout;
mod memory;
mod methods;
mod pin;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod variant;

/// Destructors at the beginning of each table of functions: MSVC has one, Itanium two.
const DESTRUCTOR_SLOTS: usize = if cfg!(windows) { 1 } else { 2 };

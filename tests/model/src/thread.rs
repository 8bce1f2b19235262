//! Threads of a check.

use crate::{Checker, checker};

/// A thread to be joined.
#[derive(Debug)]
pub struct JoinHandle<T>(Inner<T>);

#[derive(Debug)]
enum Inner<T> {
    Loom(loom::thread::JoinHandle<T>),
    Shuttle(shuttle::thread::JoinHandle<T>),
}

/// Starts a thread of the check that runs.
///
/// # Panics
/// Outside a check.
pub fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    JoinHandle(match checker() {
        None => panic!("a thread of a model outside a check"),
        Some(Checker::Loom) => {
            let thread = loom::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn(run);
            Inner::Loom(thread.expect("a thread of loom is no thread of the system"))
        }
        Some(Checker::Shuttle) => Inner::Shuttle(shuttle::thread::spawn(run)),
    })
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end.
    ///
    /// # Panics
    /// If it has panicked.
    pub fn join(self) -> T {
        match self.0 {
            Inner::Loom(thread) => thread.join(),
            Inner::Shuttle(thread) => thread.join(),
        }
        .expect("a thread of the model panicked")
    }
}

/// Debug builds put errors and messages on the stack, more of them than the checkers expect.
pub(crate) const STACK_BYTES: usize = 256 << 10;

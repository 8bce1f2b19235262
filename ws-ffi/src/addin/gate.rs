//! Who is inside something that is to end.
//!
//! Two gates guard an object: one counts the host's calls, one the uses of what belongs to the host (its memory, its
//! connection). Once shut nobody enters, and whoever shuts it can wait until the others have left.
//!
//! Invariant: a thread never waits for itself, so a host that ends an object from inside one of its calls gets through.

use std::fmt;
use std::thread::{self, ThreadId};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Lets in until it is shut.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    /// A thread stands here once for each pass it holds.
    inside: Vec<ThreadId>,
    is_shut: bool,
}

impl Gate {
    /// Enters; `None` once the gate is shut.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        let thread = thread::current().id();
        let mut state = self.state.lock();
        if state.is_shut {
            return None;
        }
        state.inside.push(thread);
        Some(Pass { gate: self, thread })
    }

    /// Lets nobody in any more; `false` if it was shut before.
    pub(crate) fn shut(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().is_shut, true)
    }

    /// How many are inside.
    #[cfg(test)]
    pub(crate) fn inside(&self) -> usize {
        self.state.lock().inside.len()
    }

    /// Waits until no other thread is inside; `false` if some are when `deadline` comes.
    pub(crate) fn wait_left(&self, deadline: Instant) -> bool {
        let own = thread::current().id();
        let mut state = self.state.lock();
        while state.inside.iter().any(|&thread| thread != own) {
            if self.left.wait_until(&mut state, deadline).timed_out() {
                return state.inside.iter().all(|&thread| thread == own);
            }
        }
        true
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Gate")
            .field("inside", &state.inside.len())
            .field("is_shut", &state.is_shut)
            .finish()
    }
}

/// Being inside.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    thread: ThreadId,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        if let Some(at) = state
            .inside
            .iter()
            .position(|&thread| thread == self.thread)
        {
            state.inside.swap_remove(at);
        }
        if state.is_shut {
            self.gate.left.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn in_(millis: u64) -> Instant {
        Instant::now() + Duration::from_millis(millis)
    }

    #[test]
    fn nobody_enters_a_shut_gate() {
        let gate = Gate::default();
        assert!(gate.enter().is_some());
        assert!(gate.shut());
        assert!(gate.enter().is_none());
        assert!(!gate.shut());
        assert!(gate.wait_left(in_(0)));
    }

    #[test]
    fn waits_for_others_and_not_for_itself() {
        let gate = Gate::default();
        let own = gate.enter();
        let (entered, is_entered) = mpsc::channel();
        let (leave, may_leave) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let gate = &gate;
            scope.spawn(move || {
                let pass = gate.enter();
                entered.send(pass.is_some()).expect("the test waits");
                may_leave.recv().expect("the test answers");
                drop(pass);
            });
            assert!(is_entered.recv().expect("the thread tells"));
            gate.shut();
            assert!(!gate.wait_left(in_(20)));
            leave.send(()).expect("the thread waits");
            assert!(gate.wait_left(in_(10_000)));
        });
        drop(own);
    }
}

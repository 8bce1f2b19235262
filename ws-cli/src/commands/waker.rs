//! One handle that wakes a command's loop, whichever connection it has at the moment, or while it has none.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use ws_client::Interrupter;

/// Cheap to clone; for the threads of stdin, the prompt and the signals.
#[derive(Debug, Clone, Default)]
pub(super) struct Waker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_raised: bool,
    interrupter: Option<Interrupter>,
}

impl Waker {
    /// From now on this connection's wait is what ends.
    pub(super) fn watch(&self, interrupter: Interrupter) {
        self.0.state.lock().interrupter = Some(interrupter);
    }

    /// Ends the loop's wait, or else its next one.
    pub(super) fn wake(&self) {
        let mut state = self.0.state.lock();
        state.is_raised = true;
        if let Some(interrupter) = &state.interrupter {
            interrupter.interrupt();
        }
        self.0.changed.notify_all();
    }

    /// Waits without a connection until `end` or until woken.
    pub(super) fn wait_until(&self, end: Instant) {
        let mut state = self.0.state.lock();
        while !state.is_raised {
            if self.0.changed.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        state.is_raised = false;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wake_ends_the_next_wait_once() {
        let waker = Waker::default();
        waker.wake();
        let far = Instant::now() + Duration::from_secs(3600);
        waker.wait_until(far);
        let near = Instant::now() + Duration::from_millis(5);
        waker.wait_until(near);
        assert!(Instant::now() >= near, "the wake was used up");
    }
}

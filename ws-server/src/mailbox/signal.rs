//! One thing that happens in a loop, and the one thread that waits for it.

use std::time::Instant;

use super::sync::{Arc, Condvar, Mutex};

/// The loop's end: dropping it is the signal, so none can be forgotten on the way.
#[derive(Debug)]
pub(super) struct Signal(Arc<Shared>);

/// The waiting end.
#[derive(Debug)]
pub(super) struct Awaited(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    given: Mutex<bool>,
    wake: Condvar,
}

pub(super) fn signal() -> (Signal, Awaited) {
    let shared = Arc::new(Shared {
        given: Mutex::new(false),
        wake: Condvar::new(),
    });
    (Signal(Arc::clone(&shared)), Awaited(shared))
}

impl Drop for Signal {
    fn drop(&mut self) {
        *self.0.given.lock() = true;
        self.0.wake.notify_one();
    }
}

impl Awaited {
    /// Waits until the signal is given; `false` if the deadline came first.
    pub(super) fn wait_until(self, deadline: Option<Instant>) -> bool {
        let mut given = self.0.given.lock();
        while !*given {
            match deadline {
                None => self.0.wake.wait(&mut given),
                Some(deadline) => {
                    if self.0.wake.wait_until(&mut given, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        *given
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::super::sync::now;
    use super::*;

    #[test]
    fn waits_for_the_signal_or_the_deadline() {
        let (given, awaited) = signal();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| awaited.wait_until(None));
            drop(given);
            assert!(waiter.join().unwrap());
        });
        let (given, awaited) = signal();
        assert!(!awaited.wait_until(Some(now() + Duration::from_millis(5))));
        drop(given);
        let (_, awaited) = signal();
        assert!(awaited.wait_until(Some(now())), "one given before counts");
    }
}

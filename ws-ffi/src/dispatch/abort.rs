//! Work that may hang, in a thread that may outlive the call: name lookups and downloads.
//!
//! Invariant: the thread owns all it needs. Whoever waits for it is free to go at the deadline or when the object is
//! destroyed; what comes later is dropped.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Tells every waiting call of one object that it is destroyed.
#[derive(Debug, Default)]
pub(super) struct Abort(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_set: Mutex<bool>,
    /// The object is destroyed, or some work is done.
    changed: Condvar,
}

/// Why work has no result.
#[derive(Debug, PartialEq)]
pub(super) enum Gone {
    Aborted,
    /// The thread goes on, and its result is dropped.
    TimedOut,
    /// No thread could be started, or it panicked.
    Failed,
}

impl Abort {
    pub(super) fn set(&self) {
        *self.0.is_set.lock() = true;
        self.0.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.0.is_set.lock()
    }

    /// Runs `work` beside this thread, and waits for it for at most `timeout`.
    pub(super) fn run<T: Send + 'static>(
        &self,
        name: &str,
        timeout: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let deadline = Instant::now() + timeout;
        let outcome = Arc::new(Mutex::new(None));
        let done = Done(Arc::clone(&self.0), Arc::clone(&outcome));
        let thread = thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            let result = work();
            *done.1.lock() = Some(Ok(result));
        });
        if thread.is_err() {
            return Err(Gone::Failed);
        }
        let mut is_set = self.0.is_set.lock();
        loop {
            if let Some(result) = outcome.lock().take() {
                return result;
            }
            if *is_set {
                return Err(Gone::Aborted);
            }
            if self.0.changed.wait_until(&mut is_set, deadline).timed_out() {
                return outcome.lock().take().unwrap_or(Err(Gone::TimedOut));
            }
        }
    }
}

/// Wakes who waits when the work has ended, also by a panic.
struct Done<T>(Arc<Shared>, Arc<Mutex<Option<Result<T, Gone>>>>);

impl<T> Drop for Done<T> {
    fn drop(&mut self) {
        self.1.lock().get_or_insert(Err(Gone::Failed));
        // Taken and given back, so that whoever is about to wait is not missed.
        drop(self.0.is_set.lock());
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    ///
    #[test]
    fn gives_the_result_or_says_why_there_is_none() {
        let abort = Abort::default();
        assert_eq!(abort.run("test", LONG, || 7), Ok(7), "work that ends");
        let (hold, held) = mpsc::channel::<()>();
        let hang = move || held.recv().is_ok();
        let short = Duration::from_millis(5);
        assert_eq!(
            abort.run("test", short, hang),
            Err(Gone::TimedOut),
            "work that takes longer than 5 ms"
        );
        drop(hold);
        let panics = || -> u8 { panic!("a test of a panic") };
        assert_eq!(
            abort.run("test", LONG, panics),
            Err(Gone::Failed),
            "work that panics"
        );
    }

    #[test]
    fn an_abort_ends_every_wait_at_once() {
        let abort = Abort::default();
        let (_hold, held) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| abort.run("test", LONG, move || held.recv().is_ok()));
            abort.set();
            assert_eq!(waiting.join().unwrap(), Err(Gone::Aborted));
        });
        assert!(abort.is_set());
        let (_hold, held) = mpsc::channel::<()>();
        let hang = move || held.recv().is_ok();
        assert_eq!(abort.run("test", LONG, hang), Err(Gone::Aborted));
    }
}

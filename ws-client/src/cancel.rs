//! Ends a dial from another thread, whatever stage it is in.
//!
//! Every wait of a dial is either a [`Poller`](crate::net::tcp::Poller)'s or one for a helper thread's answer
//! ([`Cancel::receive`]); both fail once the dial is cancelled.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;

use crate::deadline::Deadline;
use crate::net::now;
use crate::net::tcp::Interrupter;

/// A shared "stop"; clones are the same one. Final.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_cancelled: AtomicBool,
    waker: Mutex<Option<Interrupter>>,
}

impl Cancel {
    /// Makes the running wait, and each later one, fail.
    pub(crate) fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        // Taken out first: waking is a system call.
        let waker = self.0.waker.lock().clone();
        if let Some(waker) = waker {
            waker.interrupt();
        }
    }

    /// Who is to be woken from now on.
    pub(crate) fn set_waker(&self, waker: Interrupter) {
        *self.0.waker.lock() = Some(waker);
    }

    /// Nobody is to be woken by `waker` any more; another one stays.
    pub(crate) fn forget_waker(&self, waker: &Interrupter) {
        self.0.waker.lock().take_if(|known| known.is_same(waker));
    }

    /// # Errors
    /// Fails once cancelled.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.0.is_cancelled.load(Ordering::SeqCst) {
            return Err(io::Error::other("the dial was cancelled"));
        }
        Ok(())
    }

    /// Waits for a helper thread's answer; a cancelled wait counts as a timeout.
    pub(crate) fn receive<T>(
        &self,
        answer: &Receiver<T>,
        deadline: Deadline,
    ) -> Result<T, RecvTimeoutError> {
        loop {
            // A channel cannot be woken by anything but its sender.
            let slice = Deadline::after(now(), LOOK_INTERVAL).earlier(deadline);
            let timeout = slice.remaining(now()).unwrap_or(LOOK_INTERVAL);
            let result = answer.recv_timeout(timeout);
            let is_over = deadline.has_passed(now()) || self.check().is_err();
            if is_over || !matches!(result, Err(RecvTimeoutError::Timeout)) {
                return result;
            }
        }
    }
}

/// How soon a cancelled wait for a helper thread ends.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::net::tcp::Poller;

    #[test]
    fn a_wait_for_an_answer_ends_by_answer_deadline_or_cancel() {
        let cancel = Cancel::default();
        let (sender, answer) = mpsc::channel::<u8>();
        let soon = Deadline::after(now(), Duration::from_millis(1));
        assert_eq!(
            cancel.receive(&answer, soon),
            Err(RecvTimeoutError::Timeout)
        );
        sender.send(7).unwrap();
        assert_eq!(cancel.receive(&answer, Deadline::NEVER), Ok(7));
        thread::scope(|scope| {
            let cancel_too = &cancel;
            let waiting = scope.spawn(move || cancel_too.receive(&answer, Deadline::NEVER));
            cancel.cancel();
            assert_eq!(waiting.join().unwrap(), Err(RecvTimeoutError::Timeout));
        });
    }

    #[test]
    fn a_poll_that_is_gone_leaves_nothing_behind() {
        let cancel = Cancel::default();
        let poller = || Poller::new().unwrap().cancelled_by(&cancel);
        let old = poller();
        let mut new = poller();
        drop(old);
        assert!(cancel.0.waker.lock().is_some(), "the new one's");
        new.forget_cancel();
        assert!(cancel.0.waker.lock().is_none());
        drop(poller());
        assert!(cancel.0.waker.lock().is_none());
    }

    #[test]
    fn a_poll_ends_by_cancel_before_and_during_it() {
        let cancel = Cancel::default();
        let mut poller = Poller::new().unwrap().cancelled_by(&cancel);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(None));
            cancel.cancel();
            waiting.join().unwrap().unwrap_err();
        });
        poller.wait(None).unwrap_err();
    }
}

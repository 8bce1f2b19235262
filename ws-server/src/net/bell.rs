//! One wake-up for all that is put into a queue between two looks at it.
//!
//! Invariant: whatever was put in is looked at, or a wake-up is on its way: the queue is filled before the flag is read,
//! and the flag is cleared before the queue is read.

#[cfg(not(test))]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

#[cfg(test)]
use ws_model::AtomicBool;

/// Tells whether a wake-up is on its way.
#[derive(Debug)]
pub(super) struct Bell {
    has_rung: AtomicBool,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            has_rung: AtomicBool::new(false),
        }
    }

    /// Puts something into the queue, and wakes who reads it, unless somebody has since the last [`Bell::answer`].
    pub(super) fn ring<E>(
        &self,
        put: impl FnOnce() -> Result<(), E>,
        wake: impl FnOnce(),
    ) -> Result<(), E> {
        put()?;
        if !self.has_rung.swap(true, Ordering::AcqRel) {
            wake();
        }
        Ok(())
    }

    /// Lets the next thing put in wake again; to be called at a wake-up, before the queue is read.
    pub(super) fn answer(&self) {
        self.has_rung.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use ws_model::{Alarm, Mutex, explore, spawn};

    use super::*;

    /// A queue, its bell and the poll of the loop that reads it.
    struct Line {
        queue: Mutex<VecDeque<u8>>,
        bell: Bell,
        poll: Alarm,
        wakes: Mutex<usize>,
    }

    impl Line {
        fn post(&self, number: u8) {
            let put = || {
                self.queue.lock().push_back(number);
                Ok::<(), ()>(())
            };
            let wake = || {
                *self.wakes.lock() += 1;
                self.poll.raise();
            };
            self.bell.ring(put, wake).unwrap();
        }
    }

    /// M-13: in every schedule of two threads that post and a loop that sleeps, each command is read, and a batch costs
    /// one wake-up.
    #[test]
    fn no_schedule_loses_a_wake_up_or_gives_one_too_many() {
        let schedules = explore("bell of a loop", || {
            let line = Arc::new(Line {
                queue: Mutex::new(VecDeque::new()),
                bell: Bell::new(),
                poll: Alarm::default(),
                wakes: Mutex::new(0),
            });
            let posters = [1, 2].map(|number| {
                let line = Arc::clone(&line);
                spawn(move || line.post(number))
            });
            let (mut read, mut turns) = (Vec::new(), 0);
            while read.len() < 2 {
                line.poll.wait();
                line.bell.answer();
                turns += 1;
                while let Some(number) = line.queue.lock().pop_front() {
                    read.push(number);
                }
            }
            for thread in posters {
                thread.join();
            }
            read.sort_unstable();
            assert_eq!(read, [1, 2]);
            let wakes = *line.wakes.lock();
            assert!(
                turns <= wakes && wakes <= 2,
                "{wakes} wake-ups for 2 commands, {turns} turns"
            );
        });
        assert!(schedules > 100, "only {schedules} schedules");
    }
}

//! Threads for calls: as many as there are calls at work, kept for a moment when idle.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long an idle thread waits for the next job.
const IDLE: Duration = Duration::from_secs(5);

/// Work for a thread.
type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job; never fewer than `jobs`.
    idle: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    added: Condvar,
}

/// Threads that run jobs at once, whatever the others wait for.
#[derive(Clone, Default)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// Runs `job` on a thread of its own; on this one when the system gives no more.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.state.lock();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(Box::new(job));
            drop(state);
            self.shared.added.notify_one();
            return;
        }
        drop(state);
        // The job must not be lost with a thread that cannot be started.
        let slot = Arc::new(Mutex::new(Some(job)));
        let taken = Arc::clone(&slot);
        let shared = Arc::clone(&self.shared);
        let started = thread::Builder::new()
            .name(String::from("call"))
            .spawn(move || {
                let job = taken.lock().take();
                drop(taken);
                if let Some(job) = job {
                    job();
                }
                serve(&shared);
            });
        if started.is_err() {
            let job = slot.lock().take();
            if let Some(job) = job {
                job();
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("Pool")
            .field("jobs", &state.jobs.len())
            .field("idle", &state.idle)
            .finish()
    }
}

/// Runs jobs until none has come for a while.
fn serve(shared: &Shared) {
    let mut state = shared.state.lock();
    loop {
        state.idle += 1;
        while state.jobs.is_empty() {
            if shared.added.wait_for(&mut state, IDLE).timed_out() && state.jobs.is_empty() {
                state.idle -= 1;
                return;
            }
        }
        state.idle -= 1;
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            job();
            state = shared.state.lock();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn jobs_that_wait_for_each_other_all_run() {
        let pool = Pool::default();
        for _ in 0..3 {
            let barrier = Arc::new(Barrier::new(32));
            let (sender, receiver) = channel();
            for number in 0..32 {
                let (barrier, sender) = (Arc::clone(&barrier), sender.clone());
                pool.run(move || {
                    barrier.wait();
                    sender.send(number).unwrap();
                });
            }
            drop(sender);
            let mut ran: Vec<i32> = receiver.iter().collect();
            ran.sort_unstable();
            assert!(ran.into_iter().eq(0..32));
        }
    }
}

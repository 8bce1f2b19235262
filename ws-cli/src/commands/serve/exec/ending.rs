//! How a process ends: by itself, or asked to, or killed.

use std::process::{Child, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ws_core::CloseCode;

/// How long a process has after its stdin was closed, and again after SIGTERM.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Outcome {
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// The system could not tell.
    Unknown,
}

impl Outcome {
    fn new(status: std::io::Result<ExitStatus>) -> Self {
        match status.map(|status| (status.code(), signal_of(status))) {
            Ok((Some(code), _)) => Self::Code(code),
            Ok((None, Some(signal))) => Self::Signal(signal),
            _ => Self::Unknown,
        }
    }

    /// What its client is told.
    pub(super) fn close(self) -> (CloseCode, String) {
        match self {
            Self::Code(0) => (CloseCode::NORMAL, String::new()),
            Self::Code(code) => (
                CloseCode::INTERNAL_ERROR,
                format!("the program ended with exit code {code}"),
            ),
            Self::Signal(signal) => (
                CloseCode::INTERNAL_ERROR,
                format!("the program was ended by signal {signal}"),
            ),
            Self::Unknown => (CloseCode::INTERNAL_ERROR, "the program ended".into()),
        }
    }
}

/// A process until it has been waited for.
///
/// Invariant: signals are sent under the lock and only before the process was reaped, so never to a process that got its
/// number afterwards.
pub(super) struct Life {
    state: Mutex<Living>,
    ended: Condvar,
}

struct Living {
    child: Child,
    is_reaped: bool,
    /// stdout is at its end.
    is_silent: bool,
}

impl Life {
    pub(super) fn new(child: Child) -> Self {
        Self {
            state: Mutex::new(Living {
                child,
                is_reaped: false,
                is_silent: false,
            }),
            ended: Condvar::new(),
        }
    }

    /// Notes that the process's stdout is at its end.
    pub(super) fn handle_silence(&self) {
        self.lock().is_silent = true;
        self.ended.notify_all();
    }

    /// Waits until the process has ended and everything that it wrote was read.
    ///
    /// What it has left behind may hold its stdout open: that is ended once nothing was written for [`PATIENCE`], by
    /// `progress`, which says how much was, or `None` while the client is what is waited for.
    pub(super) fn wait(&self, progress: impl Fn() -> Option<u64>) -> Outcome {
        self.wait_for_exit();
        let mut before = progress();
        let mut state = self.lock();
        while !state.is_silent {
            let (now, timeout) = self
                .ended
                .wait_timeout(state, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            state = now;
            if timeout.timed_out() && !state.is_silent {
                let after = progress();
                if after.is_some() && after == before {
                    state.kill();
                    break;
                }
                before = after;
            }
        }
        let outcome = Outcome::new(state.child.wait());
        state.is_reaped = true;
        self.ended.notify_all();
        outcome
    }

    /// Gives the process time to end by itself, then asks it to, then makes it.
    pub(super) fn end(&self) {
        if !self.is_over_within(PATIENCE) {
            self.lock().terminate();
            if !self.is_over_within(PATIENCE) {
                self.lock().kill();
            }
        }
    }

    /// Makes it end now.
    pub(super) fn kill(&self) {
        self.lock().kill();
    }

    /// Whether it has ended and was waited for.
    pub(super) fn is_over(&self) -> bool {
        self.lock().is_reaped
    }

    fn is_over_within(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.lock();
        while !state.is_reaped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .ended
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Living> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the exit without reaping, so that the number stays the process's own.
    #[cfg(unix)]
    fn wait_for_exit(&self) {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let pid = rustix::process::Pid::from_child(&self.lock().child);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(
            waitid(WaitId::Pid(pid), options),
            Err(rustix::io::Errno::INTR)
        ) {}
    }

    /// The handle stays the process's own, but waiting for it would take the lock: it is looked at now and then.
    #[cfg(not(unix))]
    fn wait_for_exit(&self) {
        while matches!(self.lock().child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Living {
    #[cfg(unix)]
    fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    #[cfg(unix)]
    fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    /// To the whole group: what a shell started ends with it.
    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if !self.is_reaped {
            let pid = rustix::process::Pid::from_child(&self.child);
            // A group that is gone is what was wanted.
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }

    /// There is no asking on Windows.
    #[cfg(not(unix))]
    fn terminate(&mut self) {
        self.kill();
    }

    #[cfg(not(unix))]
    fn kill(&mut self) {
        if !self.is_reaped {
            let _ = self.child.kill();
        }
    }
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

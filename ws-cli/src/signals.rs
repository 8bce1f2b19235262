//! Ctrl-C and SIGTERM: the first asks the command to end well, the second ends it at once.
//!
//! ```text
//! signal → thread: remembered; the command's loop is woken and closes its connections
//!                  └ second signal, nothing to wake yet, or GRACE over → the process exits here
//! ```

use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::screen;

/// How long a command may take to end well: the 5 s of the closing handshake and a little.
const GRACE: Duration = Duration::from_secs(6);

/// What asked the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM: how service managers stop a program.
    #[cfg(unix)]
    Terminate,
}

type Wake = Box<dyn Fn() + Send>;

#[derive(Default)]
struct Shared {
    /// 0 none, 1 interrupt, 2 terminate.
    received: AtomicU8,
    wake: Mutex<Option<Wake>>,
}

/// The signals this process has received.
#[derive(Clone)]
pub(crate) struct Signals {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signals")
            .field("received", &self.received())
            .finish_non_exhaustive()
    }
}

impl Signals {
    /// Starts listening; until [`on_signal`](Self::on_signal) the first signal ends the process.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn install() -> Result<Self, Failure> {
        let signals = Self {
            shared: Arc::default(),
        };
        let listener = signals.clone();
        listen(move |signal| listener.handle(signal)).map_err(|error| {
            Failure::new(
                Exit::Other,
                "internal",
                format!("cannot listen for Ctrl-C: {error}"),
            )
        })?;
        Ok(signals)
    }

    /// From now on the first signal calls `wake`, and the caller has a few seconds to end.
    pub(crate) fn on_signal(&self, wake: impl Fn() + Send + 'static) {
        *self
            .shared
            .wake
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
    }

    /// What Ctrl-C does, where it is a key and no signal.
    pub(crate) fn interrupt(&self) {
        self.handle(Signal::Interrupt);
    }

    /// From now on the first signal ends the process again: nothing is open that would have to be closed.
    pub(crate) fn end_at_once(&self) {
        *self
            .shared
            .wake
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The first signal, if one came.
    pub(crate) fn received(&self) -> Option<Signal> {
        match self.shared.received.load(Ordering::Acquire) {
            0 => None,
            #[cfg(unix)]
            2 => Some(Signal::Terminate),
            _ => Some(Signal::Interrupt),
        }
    }

    fn handle(&self, signal: Signal) {
        let number = if signal == Signal::Interrupt { 1 } else { 2 };
        let first = self
            .shared
            .received
            .compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        let wake = self
            .shared
            .wake
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*wake {
            Some(wake) if first => wake(),
            _ => exit_at_once(),
        }
        // A reader of stdout that has stopped reading must not keep the process alive.
        let watchdog = thread::Builder::new()
            .name(String::from("watchdog"))
            .spawn(|| {
                thread::sleep(GRACE);
                exit_at_once();
            });
        if watchdog.is_err() {
            exit_at_once();
        }
    }
}

fn exit_at_once() -> ! {
    screen::release();
    process::exit(Exit::Interrupted.number().into());
}

#[cfg(unix)]
fn listen(handle: impl Fn(Signal) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};

    // Not SIGHUP: a handler would undo what nohup has set up.
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new()
        .name(String::from("signals"))
        .spawn(move || {
            for signal in signals.forever() {
                handle(if signal == SIGINT {
                    Signal::Interrupt
                } else {
                    Signal::Terminate
                });
            }
        })?;
    Ok(())
}

#[cfg(not(unix))]
fn listen(handle: impl Fn(Signal) + Send + 'static) -> std::io::Result<()> {
    ctrlc::set_handler(move || handle(Signal::Interrupt)).map_err(std::io::Error::other)
}

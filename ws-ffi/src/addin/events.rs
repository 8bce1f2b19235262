//! Events for the script: "there is something to receive", "the connection has ended".
//!
//! ```text
//!  I/O threads ── notice ──► State ──► a thread of its own ── raise ──► host
//! ```
//! They are off unless the script asks for them, and only wake it: whoever polls needs none, and a host that has no room
//! for one loses it. One event stands for all messages that come until everything was taken, so a script receives until
//! nothing is left.
//!
//! Invariant: the host is called without a lock and on a thread of its own, for it may run the script right there, which
//! calls back into the object, or keep the thread for long. After the end it is not called any more.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use ws_core::Hook;

use super::Host;
use crate::dispatch::Notice;

/// The events of one object.
pub(crate) struct Events {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    host: Arc<dyn Host>,
}

#[derive(Default)]
struct State {
    /// Who the events come from; none are raised without.
    source: Option<String>,
    is_waiting: bool,
    closed: Vec<String>,
    is_over: bool,
    has_exited: bool,
}

impl Events {
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
                host,
            }),
            thread: Mutex::new(None),
        }
    }

    /// Turns events on, with `source` as their source, or off with `None`.
    ///
    /// # Errors
    /// Why that cannot be.
    pub(crate) fn set(&self, source: Option<String>, depth: i32) -> Result<(), &'static str> {
        if source.is_some() {
            // First of all: a host's own depth may be one.
            if !self.shared.host.set_event_depth(depth) {
                return Err(
                    "the host takes no events, as on a 1C server and in OneScript; poll with the receive functions",
                );
            }
            self.start()?;
        }
        let mut state = self.shared.state.lock();
        // What waits to be raised stays, if events are only turned on once more.
        if state.source.is_none() || source.is_none() {
            state.is_waiting = false;
            state.closed.clear();
        }
        state.source = source;
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// What I/O threads call.
    pub(crate) fn hook(&self) -> Hook<Notice> {
        let shared = Arc::clone(&self.shared);
        Hook::new(move |notice| shared.note(notice))
    }

    /// Something waits since before the events were turned on.
    pub(crate) fn note_waiting(&self) {
        self.shared.note(Notice::Message);
    }

    /// Raises no more, and waits for the thread unless this is it.
    pub(crate) fn end(&self, deadline: Instant) {
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        let mut state = self.shared.state.lock();
        state.is_over = true;
        self.shared.changed.notify_all();
        if thread.thread().id() == thread::current().id() {
            return;
        }
        while !state.has_exited {
            if self
                .shared
                .changed
                .wait_until(&mut state, deadline)
                .timed_out()
            {
                log::error!("the host keeps an event for too long");
                return;
            }
        }
        drop(state);
        // It has nothing left to do; a panic was reported where it happened.
        let _ = thread.join();
    }

    fn start(&self) -> Result<(), &'static str> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new()
                .name(String::from("ws-events"))
                .spawn(move || {
                    let _exit = Exit(&shared);
                    while shared.raise_next() {}
                });
            *thread = Some(started.map_err(|_| "no thread for events can be started")?);
        }
        Ok(())
    }
}

impl Shared {
    fn note(&self, notice: Notice) {
        let mut state = self.state.lock();
        if state.source.is_none() {
            return;
        }
        match notice {
            Notice::Message => state.is_waiting = true,
            Notice::Closed(id) if state.closed.len() < MAX_CLOSED => {
                state.closed.push(id.unwrap_or_default());
            }
            _ => return,
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for a notice and raises it; `false` at the end.
    fn raise_next(&self) -> bool {
        let mut state = self.state.lock();
        let (source, message, data) = loop {
            if state.is_over {
                return false;
            }
            if let Some(source) = state.source.clone() {
                if state.is_waiting {
                    state.is_waiting = false;
                    break (source, WAITING, String::new());
                }
                if !state.closed.is_empty() {
                    break (source, CLOSED, state.closed.remove(0));
                }
            }
            self.changed.wait(&mut state);
        };
        drop(state);
        if !self.host.raise_event(&source, message, &data) {
            log::warn!("the host has no room for an event");
        }
        true
    }
}

/// Tells that the thread has ended, also by a panic.
struct Exit<'a>(&'a Shared);

impl Drop for Exit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().has_exited = true;
        self.0.changed.notify_all();
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("source", &self.shared.state.lock().source)
            .finish_non_exhaustive()
    }
}

/// The texts of the two events.
const WAITING: &str = "MessageWaiting";
const CLOSED: &str = "Closed";
/// Ended connections that no event was raised for yet; more are not remembered.
const MAX_CLOSED: usize = 1000;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// Keeps each event until it may go on.
    struct Slow {
        told: Mutex<Sender<String>>,
        go_on: Mutex<Receiver<()>>,
    }

    impl Host for Slow {
        fn add_error(&self, _: &str) -> bool {
            true
        }

        fn set_event_depth(&self, _: i32) -> bool {
            true
        }

        fn raise_event(&self, source: &str, message: &str, data: &str) -> bool {
            let event = format!("{source} {message} {data}");
            self.told.lock().send(event).unwrap();
            self.go_on.lock().recv().is_ok()
        }
    }

    #[test]
    fn what_waits_to_be_raised_stays_when_events_are_turned_on_once_more() {
        let (told, tells) = mpsc::channel();
        let (go, go_on) = mpsc::channel();
        let (told, go_on) = (Mutex::new(told), Mutex::new(go_on));
        let events = Events::new(Arc::new(Slow { told, go_on }));
        events.set(Some(String::from("a")), 1).unwrap();
        let hook = events.hook();
        hook.call(Notice::Message);
        assert_eq!(tells.recv().unwrap(), "a MessageWaiting ");
        hook.call(Notice::Closed(Some(String::from("id"))));
        events.set(Some(String::from("b")), 1).unwrap();
        go.send(()).unwrap();
        assert_eq!(tells.recv().unwrap(), "b Closed id");
        hook.call(Notice::Message);
        events.set(None, 1).unwrap();
        go.send(()).unwrap();
        drop(go);
        events.end(Instant::now() + std::time::Duration::from_secs(20));
        assert_eq!(
            tells.try_recv(),
            Err(mpsc::TryRecvError::Empty),
            "turned off"
        );
    }
}

//! Answers on stdout, and the number of calls that still owe one.
//!
//! Invariant: a call counts until its answer is written, and both happen under one lock. So whoever has read an answer
//! may send the next call, and a reader of stdout that stops reading stops the calls instead of filling memory.

use std::fmt;
use std::sync::mpsc::Sender;

use parking_lot::Mutex;

use super::answer;
use super::request::Refusal;
use crate::failure::Stop;
use crate::output::Output;

/// Calls that may be without an answer at the same time.
pub(super) const IN_FLIGHT: usize = 256;

/// What the command waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// Stdin has ended.
    InputEnded,
    /// Stdin cannot be read on, or stdout cannot be written.
    Stopped(Stop),
    /// A call was answered after [`Outlet::drain`].
    Answered,
    /// Ctrl-C or SIGTERM.
    Signal,
}

struct State {
    output: Output,
    line: String,
    in_flight: usize,
    draining: bool,
    /// Stdout has failed; there is nobody to tell any more.
    failed: bool,
}

/// Where answers go.
pub(super) struct Outlet {
    state: Mutex<State>,
    events: Sender<Event>,
}

impl Outlet {
    pub(super) fn new(output: Output, events: Sender<Event>) -> Self {
        Self {
            state: Mutex::new(State {
                output,
                line: String::new(),
                in_flight: 0,
                draining: false,
                failed: false,
            }),
            events,
        }
    }

    /// Counts a call. With [`IN_FLIGHT`] calls at work already it is refused instead, with an answer that says so.
    pub(super) fn admit(&self, id: &str) -> bool {
        let mut state = self.state.lock();
        if state.in_flight < IN_FLIGHT {
            state.in_flight += 1;
            return true;
        }
        let text = format!(
            "{IN_FLIGHT} calls are at work, which is the limit; send the next one when one is answered"
        );
        let refusal = Refusal::new("queue_full", text);
        self.write(&mut state, |line| answer::refusal(id, &refusal, line));
        false
    }

    /// Answers a line that has become no call.
    pub(super) fn refuse(&self, id: &str, refusal: &Refusal) {
        let mut state = self.state.lock();
        self.write(&mut state, |line| answer::refusal(id, refusal, line));
    }

    /// Answers a call; `encode` appends one line without its end.
    pub(super) fn answer(&self, encode: impl FnOnce(&mut String)) {
        let mut state = self.state.lock();
        self.write(&mut state, encode);
        state.in_flight -= 1;
        if state.draining {
            // Nobody listens any more once the command ends.
            let _ = self.events.send(Event::Answered);
        }
    }

    /// From now on each answer is an [`Event::Answered`].
    pub(super) fn drain(&self) {
        self.state.lock().draining = true;
    }

    /// Calls without an answer.
    pub(super) fn in_flight(&self) -> usize {
        self.state.lock().in_flight
    }

    fn write(&self, state: &mut State, encode: impl FnOnce(&mut String)) {
        if state.failed {
            return;
        }
        state.line.clear();
        encode(&mut state.line);
        if let Err(stop) = state.output.json_line(&state.line) {
            state.failed = true;
            let _ = self.events.send(Event::Stopped(stop));
        }
        // One huge answer must not be held for the rest of the run.
        state.line.shrink_to(64 * 1024);
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

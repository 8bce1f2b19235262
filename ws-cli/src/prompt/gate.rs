//! Between the thread that edits the line and the one that prints: the terminal is given back when both agree.
//!
//! ```text
//! end: gate closed ─ nothing printed once more ─► the editor has shown all before it, wants to draw its line
//!        mode and line restored ◄─ it has stopped ─┘ and stops at the gate for ever
//! ```
//!
//! Nothing else makes the editor stop: it waits for keys, and whoever writes to the terminal beside it garbles it.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, ExternalPrinter, Helper};

use crate::output::screen::{self, Owner};
use crate::slash;

/// How long the editor may take to stop.
const PATIENCE: Duration = Duration::from_millis(500);

/// Prints nothing and leaves the cursor where the line begins.
const NOTHING: &str = "\u{1b}[A\n";

/// Begins the line again, empties it, and ends bracketed paste and synchronized output.
const CLEAR: &[u8] = b"\r\x1b[J\x1b[?2004l\x1b[?2026l";

/// Open until the prompt is over.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The editor shows its line, so that only it can print above.
    is_line_shown: bool,
    is_closed: bool,
    has_stopped: bool,
}

impl Gate {
    /// The editor is about to draw its line: it does not come back from here once the gate is closed.
    fn pass(&self) {
        let mut state = self.state.lock();
        while state.is_closed {
            state.has_stopped = true;
            self.changed.notify_all();
            self.changed.wait(&mut state);
        }
        state.is_line_shown = true;
    }

    /// The editor is done with its line.
    pub(super) fn leave_line(&self) {
        self.state.lock().is_line_shown = false;
    }

    /// Prints while there is no line on the terminal, which then cannot appear in the middle of it; false if there is one.
    fn print_without_line(&self, text: &str) -> bool {
        let state = self.state.lock();
        !state.is_line_shown && screen::print_on_terminal(text.as_bytes()).is_ok()
    }

    fn close(&self) {
        self.state.lock().is_closed = true;
    }

    /// Waits until the editor has stopped.
    fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock();
        while !state.has_stopped {
            if self.changed.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
    }
}

/// What the editor asks: how its line looks, and what Tab completes.
#[derive(Debug)]
pub(super) struct Typist {
    gate: Arc<Gate>,
}

impl Typist {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }
}

impl Highlighter for Typist {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        self.gate.pass();
        Cow::Borrowed(prompt)
    }
}

impl Completer for Typist {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..place).unwrap_or_default();
        Ok((0, slash::completions(typed)))
    }
}

impl Hinter for Typist {
    type Hint = String;
}

impl Validator for Typist {}

impl Helper for Typist {}

/// The terminal while it has a prompt.
pub(super) struct Screen<P> {
    printer: P,
    gate: Arc<Gate>,
    mode: TerminalMode,
}

impl<P: ExternalPrinter> Screen<P> {
    /// Remembers the terminal as it is, and has keys kept for the editor while it is between two lines.
    pub(super) fn new(printer: P, gate: Arc<Gate>) -> Self {
        let mode = TerminalMode::now();
        mode.keep_keys();
        Self {
            printer,
            gate,
            mode,
        }
    }
}

impl<P: ExternalPrinter + Send> Owner for Screen<P> {
    fn print(&mut self, text: &str) -> bool {
        self.gate.print_without_line(text) || self.printer.print(text.to_owned()).is_ok()
    }

    fn end(&mut self) {
        self.gate.close();
        if self.printer.print(String::from(NOTHING)).is_err() {
            // The editor has ended by itself, and has tidied up what it did.
            return self.mode.restore();
        }
        self.gate.wait();
        self.mode.restore();
        // A closed terminal needs nothing.
        let _ = io::stdout()
            .write_all(CLEAR)
            .and_then(|()| io::stdout().flush());
    }
}

#[cfg(unix)]
struct TerminalMode(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl TerminalMode {
    fn now() -> Self {
        Self(rustix::termios::tcgetattr(io::stdin()).ok())
    }

    /// Has the terminal hand over each key as it is, without showing it. By default it collects lines: a Ctrl-D between two
    /// lines of the editor would reach it as NUL.
    fn keep_keys(&self) {
        use rustix::termios::LocalModes;
        if let Some(mode) = &self.0 {
            let mut mode = mode.clone();
            mode.local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO);
            Self(Some(mode)).restore();
        }
    }

    fn restore(&self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(mode) = &self.0 {
            // A closed terminal needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, mode);
        }
    }
}

/// A shell sets its console's mode before it reads.
#[cfg(not(unix))]
struct TerminalMode;

#[cfg(not(unix))]
impl TerminalMode {
    const fn now() -> Self {
        Self
    }

    const fn keep_keys(&self) {}

    const fn restore(&self) {}
}

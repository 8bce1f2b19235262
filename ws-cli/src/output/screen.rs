//! The terminal, which a prompt may own for a while: then everything appears above the line being typed.
//!
//! ```text
//! Output, the log ─ print ─┬─ prompt: clears its line, prints, draws its line again
//!                          └─ no prompt: stdout, stderr
//! ```
//!
//! Process-wide like the streams themselves: the log and an exit after a second signal have no other way to the prompt.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::Duration;

use parking_lot::Mutex;

/// What owns the terminal.
pub(crate) trait Owner: Send {
    /// Prints text above the line being typed; false if nobody types any more.
    fn print(&mut self, text: &str) -> bool;

    /// Gives the terminal back as it was, once everything that was printed is on it.
    fn end(&mut self);
}

static OWNER: Mutex<Option<Box<dyn Owner>>> = Mutex::new(None);

thread_local! {
    /// This thread edits the line: who prints above it waits for this one, so this one must wait for nobody.
    static IS_TYPING: Cell<bool> = const { Cell::new(false) };
}

/// How long an exit waits for somebody who is printing.
const PATIENCE: Duration = Duration::from_millis(500);

/// From now on `owner` prints, until [`release`].
pub(crate) fn take_over(owner: impl Owner + 'static) {
    *OWNER.lock() = Some(Box::new(owner));
}

/// From now on what this thread prints goes straight to the terminal: it prints only while no line is being edited.
pub(crate) fn mark_typing_thread() {
    IS_TYPING.set(true);
}

/// The prompt is over, or the process is about to end; does nothing without a prompt.
pub(crate) fn release() {
    let owner = OWNER
        .try_lock_for(PATIENCE)
        .and_then(|mut owner| owner.take());
    if let Some(mut owner) = owner {
        owner.end();
    }
}

/// Prints a line of status or error. A closed stderr is ignored: status must never fail a command.
pub(crate) fn print_error_line(line: &str) {
    let _ = Stderr.write_all(format!("{line}\n").as_bytes());
}

/// Prints on the line of stderr where the cursor is, in place of what is there. A closed stderr is ignored.
pub(crate) fn print_in_place(text: &str) {
    let _ = Stderr.write_all(format!("\r\u{1b}[K{text}").as_bytes());
}

/// Prints above the prompt; false if there is none.
fn print_above(bytes: &[u8]) -> bool {
    if IS_TYPING.get() {
        return print_on_terminal(bytes).is_ok();
    }
    let mut place = OWNER.lock();
    let Some(owner) = &mut *place else {
        return false;
    };
    let is_there = owner.print(&String::from_utf8_lossy(bytes));
    if !is_there {
        *place = None;
    }
    is_there
}

/// Prints past the prompt, which must show no line then.
pub(crate) fn print_on_terminal(bytes: &[u8]) -> io::Result<()> {
    let mut terminal = io::stdout().lock();
    terminal.write_all(bytes)?;
    terminal.flush()
}

/// Standard output, or the prompt above which it appears.
#[derive(Debug)]
pub(crate) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if print_above(bytes) {
            return Ok(bytes.len());
        }
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Standard error, or the prompt above which it appears.
#[derive(Debug)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if print_above(bytes) {
            return Ok(bytes.len());
        }
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

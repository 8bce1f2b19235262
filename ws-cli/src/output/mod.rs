//! What the commands print: messages on stdout, status and errors on stderr; with `--json` every event on stdout.
//!
//! ```text
//! Line ─ json, or messages: pretty, hex, escape, colour ─ pending ─ screen ─ stdout, or -o FILE
//! status, failure, log ─────────────────────────────────────────── screen ─ stderr
//!                                       a prompt, while there is one ┘ shows both above the line being typed
//! ```
//!
//! Invariant: stdout carries nothing but data. Text of a peer never reaches a terminal unescaped; in a pipe a message
//! is passed on byte for byte.

mod colour;
mod escape;
mod event;
mod hex;
mod json;
mod messages;
mod pretty;
pub(crate) mod screen;
mod time;

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::SystemTime;

pub(crate) use self::colour::{ColourChoice, Ink, can_move_cursor};
pub(crate) use self::escape::one_line;
pub(crate) use self::event::{Direction, Event, Line, Peer};
pub(crate) use self::json::{push_json, push_string};
pub(crate) use self::messages::Layout;
use self::messages::Medium;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};

/// The two streams of a command.
pub(crate) struct Output {
    stdout: Box<dyn Write + Send>,
    /// What it is called in errors.
    destination: String,
    /// Every event is printed, as JSON.
    json: bool,
    medium: Medium,
    layout: Layout,
    quiet: bool,
    colour: ColourChoice,
    /// Lines not yet written to stdout; kept to be reused.
    pending: Vec<u8>,
    /// Reused for text that needs work.
    text: String,
}

impl Output {
    /// Bytes kept back before they are written without being asked to.
    const PENDING_BYTES: usize = 64 * 1024;

    /// The process's own streams.
    pub(crate) fn new(json: bool, quiet: bool, colour: ColourChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let medium = Medium {
            is_terminal,
            coloured: !json && colour.applies(is_terminal),
        };
        let mut output = Self::with_stdout(Box::new(screen::Stdout), json, medium);
        (output.quiet, output.colour) = (quiet, colour);
        output
    }

    /// Prints to the same streams in the same way, for another thread.
    pub(crate) fn another(&self) -> Self {
        Self {
            quiet: self.quiet,
            colour: self.colour,
            layout: self.layout.clone(),
            ..Self::with_stdout(Box::new(screen::Stdout), self.json, self.medium)
        }
    }

    /// From now on messages look like this.
    pub(crate) fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// From now on data goes to the file at `path`, which is emptied.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(crate) fn redirect(&mut self, path: &Path) -> Result<(), Failure> {
        let file = File::create(path).map_err(|error| {
            let text = format!("cannot write to {} for -o: {error}", path.display());
            Failure::new(Exit::Other, "usage", text)
        })?;
        self.stdout = Box::new(file);
        self.destination = format!("{} for -o", path.display());
        self.medium = Medium {
            is_terminal: false,
            coloured: !self.json && self.colour.applies(false),
        };
        Ok(())
    }

    /// Is every event printed, as JSON?
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Does a person read the messages?
    pub(crate) fn is_terminal(&self) -> bool {
        self.medium.is_terminal
    }

    /// Which streams are coloured.
    pub(crate) fn colour(&self) -> ColourChoice {
        self.colour
    }

    /// From now on a message that came in is marked as such: what was typed stands beside it.
    pub(crate) fn mark_incoming(&mut self) {
        self.layout.marked = true;
    }

    fn with_stdout(stdout: Box<dyn Write + Send>, json: bool, medium: Medium) -> Self {
        Self {
            stdout,
            destination: String::from("stdout"),
            json,
            medium,
            layout: Layout::default(),
            quiet: false,
            colour: ColourChoice::default(),
            pending: Vec::new(),
            text: String::new(),
        }
    }

    /// Prints a status line on stderr, unless quiet.
    ///
    /// Status must never fail a command: a closed stderr is ignored.
    pub(crate) fn status(&self, text: fmt::Arguments<'_>) {
        if !self.quiet {
            let line = one_line(&text.to_string());
            screen::print_error_line(&Ink::Dim.paint(&line, self.is_stderr_coloured()));
        }
    }

    /// Prints the line that ends a failed command, and its twin on stdout with `--json`.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        let name = Ink::Error.paint("ws:", self.is_stderr_coloured());
        screen::print_error_line(&format!("{name} {failure}"));
        if self.json {
            // The exit code already tells of the failure; a closed stdout adds nothing.
            let _ = self.lost(failure);
            let _ = self.flush();
        }
    }

    /// Tells of a failure that the command survives: with `--json` on stdout; the status says what follows.
    ///
    /// # Errors
    /// [`Stop::BrokenPipe`] when nobody reads stdout any more.
    pub(crate) fn lost(&mut self, failure: &Failure) -> Result<(), Stop> {
        self.event(&Line {
            direction: None,
            peer: None,
            event: Event::Error(failure),
        })
    }

    /// Prints an event: with `--json` any, otherwise only messages that came in.
    ///
    /// It may be kept back until [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Stop::BrokenPipe`] when nobody reads stdout any more.
    pub(crate) fn event(&mut self, line: &Line<'_>) -> Result<(), Stop> {
        if self.json {
            self.text.clear();
            json::encode(line, SystemTime::now(), &mut self.text);
            self.pending.extend_from_slice(self.text.as_bytes());
        } else if line.direction == Some(Direction::In) {
            self.layout.push(
                &line.event,
                self.medium,
                SystemTime::now(),
                &mut self.pending,
            );
        }
        if self.pending.len() >= Self::PENDING_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// May a status line be printed over?
    pub(crate) fn is_status_moving(&self) -> bool {
        let is_there = ColourChoice::Auto.applies(io::stderr().is_terminal());
        is_there && !self.quiet
    }

    /// Prints what a command has found out, at once.
    ///
    /// # Errors
    /// [`Stop::BrokenPipe`] when nobody reads stdout any more.
    pub(crate) fn data(&mut self, text: &str) -> Result<(), Stop> {
        self.pending.extend_from_slice(text.as_bytes());
        self.flush()
    }

    /// Prints a line that is JSON already, at once.
    ///
    /// # Errors
    /// [`Stop::BrokenPipe`] when nobody reads stdout any more.
    pub(crate) fn json_line(&mut self, line: &str) -> Result<(), Stop> {
        self.pending.extend_from_slice(line.as_bytes());
        self.pending.push(b'\n');
        self.flush()
    }

    /// Writes what was kept back.
    ///
    /// # Errors
    /// [`Stop::BrokenPipe`] when nobody reads stdout any more.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self
            .stdout
            .write_all(&self.pending)
            .and_then(|()| self.stdout.flush());
        self.pending.clear();
        // One huge message must not be held for the rest of the run.
        self.pending.shrink_to(2 * Self::PENDING_BYTES);
        self.text.shrink_to(2 * Self::PENDING_BYTES);
        written.map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                Stop::BrokenPipe
            } else {
                Failure::new(
                    Exit::Other,
                    "internal",
                    format!("cannot write to {}: {error}", self.destination),
                )
                .into()
            }
        })
    }
}

impl Output {
    fn is_stderr_coloured(&self) -> bool {
        self.colour.applies(io::stderr().is_terminal())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("json", &self.json)
            .field("medium", &self.medium)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! What the commands print: messages on stdout, status and errors on stderr; with `--json` every event on stdout.
//!
//! Invariant: stdout carries nothing but data. Text of a peer never reaches a terminal unescaped; in a pipe a message
//! is passed on byte for byte.

mod escape;
mod json;
mod time;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use self::escape::Lines;
pub(crate) use self::escape::one_line;
pub(crate) use self::json::{push_json, push_string};
use crate::exit::Exit;
use crate::failure::{Failure, Stop};

/// Which way an event went, seen from this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

impl Direction {
    const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The connection an event belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The server's id of the connection; a client has none.
    pub(crate) connection_id: Option<String>,
    /// The other end's address.
    pub(crate) address: String,
    /// The path of the request, without the query.
    pub(crate) path: String,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    /// The server listens.
    Listening { address: &'a str },
    /// The opening handshake is done.
    Open,
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// A Close frame; 1005 stands for one without a code, 1006 for a connection that ended without one.
    Close { code: u16, reason: &'a str },
    /// A failure.
    Error(&'a Failure),
}

impl Event<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Listening { .. } => "listening",
            Self::Open => "open",
            Self::Text(_) => "text",
            Self::Binary(_) => "binary",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Close { .. } => "close",
            Self::Error(_) => "error",
        }
    }
}

/// An event with its surroundings: one line of JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Absent where nothing went over the wire.
    pub(crate) direction: Option<Direction>,
    /// Absent where no connection exists.
    pub(crate) peer: Option<&'a Peer>,
    /// What happened.
    pub(crate) event: Event<'a>,
}

/// How stdout is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Messages as they are.
    Raw,
    /// Messages escaped, binary ones as hexadecimal digits.
    Terminal,
    /// Every event as JSON.
    Json,
}

/// The two streams of a command.
pub(crate) struct Output {
    stdout: Box<dyn Write + Send>,
    format: Format,
    quiet: bool,
    /// Lines not yet written to stdout; kept to be reused.
    pending: Vec<u8>,
    /// Reused for text that needs work.
    text: String,
}

impl Output {
    /// Bytes kept back before they are written without being asked to.
    const PENDING_BYTES: usize = 64 * 1024;

    /// The process's own streams.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let stdout = io::stdout();
        let format = match (json, stdout.is_terminal()) {
            (true, _) => Format::Json,
            (false, true) => Format::Terminal,
            (false, false) => Format::Raw,
        };
        Self::with_stdout(Box::new(stdout), format, quiet)
    }

    /// Prints to the same streams in the same way, for another thread.
    pub(crate) fn another(&self) -> Self {
        Self::with_stdout(Box::new(io::stdout()), self.format, self.quiet)
    }

    /// Is every event printed, as JSON?
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    fn with_stdout(stdout: Box<dyn Write + Send>, format: Format, quiet: bool) -> Self {
        Self {
            stdout,
            format,
            quiet,
            pending: Vec::new(),
            text: String::new(),
        }
    }

    /// Prints a status line on stderr, unless quiet.
    ///
    /// Status must never fail a command: a closed stderr is ignored.
    pub(crate) fn status(&self, text: fmt::Arguments<'_>) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}", one_line(&text.to_string()));
        }
    }

    /// Prints the line that ends a failed command, and its twin on stdout with `--json`.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        let _ = writeln!(io::stderr(), "ws: {failure}");
        if self.format == Format::Json {
            // The exit code already tells of the failure; a closed stdout adds nothing.
            let _ = self.event(&Line {
                direction: None,
                peer: None,
                event: Event::Error(failure),
            });
            let _ = self.flush();
        }
    }

    /// Prints an event: with `--json` any, otherwise only messages that came in.
    ///
    /// It may be kept back until [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Stop::BrokenPipe`] when nobody reads stdout any more.
    pub(crate) fn event(&mut self, line: &Line<'_>) -> Result<(), Stop> {
        match (self.format, line.direction, line.event) {
            (Format::Json, ..) => {
                self.text.clear();
                json::encode(line, SystemTime::now(), &mut self.text);
                self.pending.extend_from_slice(self.text.as_bytes());
            }
            (Format::Raw, Some(Direction::In), Event::Text(text)) => {
                self.pending.extend_from_slice(text.as_bytes());
                self.pending.push(b'\n');
            }
            (Format::Raw, Some(Direction::In), Event::Binary(payload)) => {
                self.pending.extend_from_slice(payload)
            }
            (Format::Terminal, Some(Direction::In), Event::Text(text)) => {
                self.text.clear();
                escape::push_escaped(text, Lines::Keep, &mut self.text);
                self.text.push('\n');
                self.pending.extend_from_slice(self.text.as_bytes());
            }
            (Format::Terminal, Some(Direction::In), Event::Binary(payload)) => {
                self.pending
                    .extend_from_slice(hexadecimal(payload).as_bytes());
            }
            _ => return Ok(()),
        }
        if self.pending.len() >= Self::PENDING_BYTES {
            self.flush()
        } else {
            Ok(())
        }
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
                    format!("cannot write to stdout: {error}"),
                )
                .into()
            }
        })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("format", &self.format)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

/// A binary message for a terminal: its size and first bytes on one line.
fn hexadecimal(payload: &[u8]) -> String {
    const SHOWN_BYTES: usize = 32;
    let mut line = format!("[binary, {} bytes]", payload.len());
    for byte in payload.iter().take(SHOWN_BYTES) {
        line.push_str(&format!(" {byte:02x}"));
    }
    if payload.len() > SHOWN_BYTES {
        line.push_str(" …");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;

//! What ends a command early: one line for people, one word for programs, one exit code.

use std::fmt;

use crate::exit::Exit;
use crate::output::one_line;

/// A failure on its way to `main`, which prints it once.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// The contract's `errorCode` word.
    pub(crate) error_code: &'static str,
    /// The HTTP status of a refusal, or the close code.
    pub(crate) code: Option<u16>,
    /// One line: what failed, on what, why, what to try.
    pub(crate) text: String,
}

impl Failure {
    /// A failure without a status or close code. Control characters in `text`, which may come from a peer, are escaped.
    pub(crate) fn new(exit: Exit, error_code: &'static str, text: impl AsRef<str>) -> Self {
        Self {
            exit,
            error_code,
            code: None,
            text: one_line(text.as_ref()),
        }
    }

    /// Wrong usage: exit code 2.
    pub(crate) fn usage(text: impl AsRef<str>) -> Self {
        Self::new(Exit::Usage, "usage", text)
    }

    /// A timeout that the user set or left at its default: exit code 28.
    pub(crate) fn timeout(text: impl AsRef<str>) -> Self {
        Self::new(Exit::Timeout, "timeout", text)
    }

    /// Adds the HTTP status or close code.
    pub(crate) fn with_code(mut self, code: Option<u16>) -> Self {
        self.code = code;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something failed; it is told to the user.
    Failure(Failure),
    /// Ctrl-C or SIGTERM while there was nothing to close.
    Interrupted,
    /// Nobody reads stdout any more: success, and nothing is said.
    BrokenPipe,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

//! Runs `ws` as a user's shell would: arguments and stdin in, streams and exit code out.

use std::fmt::Write as _;
use std::process::Command;

use ws_tests::process::{Finished, Process, find_url, ws_binary};

/// A command line of `ws`.
pub(crate) struct Ws {
    command: Command,
    stdin: Vec<u8>,
}

/// Begins a command line.
pub(crate) fn ws(arguments: &[&str]) -> Ws {
    let mut command = Command::new(ws_binary());
    command.args(arguments).env_remove("RUST_LOG");
    Ws {
        command,
        stdin: Vec::new(),
    }
}

impl Ws {
    /// Adds arguments.
    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What [`run`](Self::run) writes to stdin.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Starts it; stdin stays open.
    pub(crate) fn start(mut self) -> Process {
        Process::spawn(&mut self.command)
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Finished {
        let mut process = Process::spawn(&mut self.command);
        // A process that ends early reads no further: its exit code tells, not this write.
        process.write(&self.stdin);
        process.finish()
    }
}

/// What tests ask of a finished process.
pub(crate) trait Checked: Sized {
    /// Requires this exit code.
    fn expect_code(self, code: i32) -> Self;

    /// The one line on stderr that begins with `ws: `, which must be the last line.
    fn error_line(&self) -> &str;
}

impl Checked for Finished {
    #[track_caller]
    fn expect_code(self, code: i32) -> Self {
        let stdout = String::from_utf8_lossy(&self.stdout[..self.stdout.len().min(2000)]);
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {stdout}\nstderr: {}",
            self.stderr
        );
        self
    }

    #[track_caller]
    fn error_line(&self) -> &str {
        let lines = self.stderr.lines();
        let errors: Vec<&str> = lines.filter(|line| line.starts_with("ws: ")).collect();
        assert_eq!(errors.len(), 1, "stderr: {}", self.stderr);
        let last = self.stderr.lines().last();
        assert_eq!(last, Some(errors[0]), "stderr: {}", self.stderr);
        errors[0]
    }
}

/// Waits for a line that contains `text`, and gives it.
pub(crate) fn line_with(text: &str) -> impl FnMut(&str) -> Option<String> {
    move |line| line.contains(text).then(|| line.to_owned())
}

/// A running `ws serve`.
pub(crate) struct Serve {
    /// The process.
    pub(crate) process: Process,
    /// Such as `ws://127.0.0.1:PORT/`, with `--tls-cert` `wss://…`.
    pub(crate) url: String,
    /// Such as `127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// Starts `ws serve` on a free port of this machine and waits for its ready line.
pub(crate) fn serve(options: &[&str]) -> Serve {
    serve_from(ws(&["serve", "127.0.0.1:0"]).args(options).start())
}

/// Waits for the ready line of this `ws serve`.
pub(crate) fn serve_from(mut process: Process) -> Serve {
    let url = process.wait_for_stderr(find_url);
    let (_, address) = url.split_once("://").unwrap();
    Serve {
        address: address.trim_end_matches('/').to_owned(),
        url,
        process,
    }
}

/// A shell pipe whose reader ends after one line; the exit code of `ws` is told on stderr.
pub(crate) fn piped_into_head(arguments: &str) -> Process {
    let ws = ws_binary();
    let script = format!(
        "{{ {} {arguments}; echo \"exit $?\" >&2; }} | head -n 1",
        ws.display()
    );
    Process::spawn(Command::new("sh").args(["-c", &script]))
}

/// Numbered lines of lengths up to `longest` bytes, each different.
pub(crate) fn numbered_lines(count: usize, longest: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{number} {}",
            "ж".repeat(number * 7919 % (longest / 2))
        );
    }
    text
}

//! A program as a child: its output captured and waited for line by line, ended when dropped.

use std::{
    env,
    ffi::OsStr,
    fmt,
    io::{Read, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::wait::TIMEOUT;

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Output,
    stderr: Output,
    shown: String,
}

/// How a program ended and all that it printed.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The whole standard output.
    pub stdout: Vec<u8>,
    /// The whole standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output as text.
    pub fn stdout_text(&self) -> &str {
        std::str::from_utf8(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is no UTF-8: {error}"))
    }
}

impl Process {
    /// Starts `command` with all three streams as pipes.
    pub fn spawn(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let stdout = Output::capture(child.stdout.take());
        let stderr = Output::capture(child.stderr.take());
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            shown,
        }
    }

    /// `ws serve --echo` on a free port, with the URL of its ready line.
    pub fn echo_server() -> (Self, String) {
        Self::echo_server_of(ws_binary())
    }

    /// The same with a given build of `ws`.
    pub fn echo_server_of(ws: impl Into<PathBuf>) -> (Self, String) {
        Self::echo_server_with(ws, &[""; 0])
    }

    /// The same with further arguments.
    pub fn echo_server_with(
        ws: impl Into<PathBuf>,
        arguments: &[impl AsRef<OsStr>],
    ) -> (Self, String) {
        let mut command = Command::new(ws.into());
        command
            .args(["serve", "127.0.0.1:0", "--echo"])
            .args(arguments);
        let mut server = Self::spawn(&mut command);
        let url = server.wait_for_stderr(find_url);
        (server, url)
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard output for which `find` has an answer, and returns the answer.
    /// Lines up to it are not looked at again. Panics when the program ends or [`TIMEOUT`] passes without one.
    pub fn wait_for_stdout<T>(&mut self, find: impl FnMut(&str) -> Option<T>) -> T {
        self.stdout
            .wait_for(find)
            .unwrap_or_else(|why| self.give_up(why, "standard output"))
    }

    /// The same for standard error.
    pub fn wait_for_stderr<T>(&mut self, find: impl FnMut(&str) -> Option<T>) -> T {
        self.stderr
            .wait_for(find)
            .unwrap_or_else(|why| self.give_up(why, "standard error"))
    }

    /// Writes to its standard input; whether it still read.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let stdin = self.stdin.as_mut();
        stdin.is_some_and(|stdin| stdin.write_all(bytes).and_then(|()| stdin.flush()).is_ok())
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All that it printed to standard error so far.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    /// Sends it a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        // The shell's own kill: a bare Debian has no program of that name.
        let line = format!("kill -s {name} {}", self.id());
        let status = Command::new("sh").args(["-c", &line]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "cannot send SIG{name} to {}",
            self.shown
        );
    }

    /// Ends its standard input and waits for it to end by itself; panics after [`TIMEOUT`].
    pub fn finish(self) -> Finished {
        self.finish_within(TIMEOUT)
    }

    /// The same with another deadline.
    pub fn finish_within(mut self, timeout: Duration) -> Finished {
        self.close_stdin();
        let deadline = Instant::now() + timeout;
        // Both pipes end when the process does; so its end can be waited for with a deadline.
        let ended = self.stdout.wait_for_end(deadline) && self.stderr.wait_for_end(deadline);
        if !ended {
            self.give_up(NoLine::Timeout, "end");
        }
        let status: Option<ExitStatus> = self.child.wait().ok();
        Finished {
            code: status.and_then(|status| status.code()),
            stdout: self.stdout.bytes(),
            stderr: self.stderr.text(),
        }
    }

    fn give_up(&self, why: NoLine, what: &str) -> ! {
        let stdout = self.stdout.text();
        let stderr = self.stderr.text();
        panic!(
            "{}: waited for {what}: {why}\n--- standard output\n{}\n--- standard error\n{}",
            self.shown,
            tail(&stdout),
            tail(&stderr)
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The `ws` program: `WS_BIN`, or built once by cargo in the profile of the tests.
///
/// Cargo builds no program of another package for a test, so this asks for it.
pub fn ws_binary() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || match env::var_os("WS_BIN") {
        Some(path) => PathBuf::from(path),
        None => build_ws(),
    };
    PROGRAM.get_or_init(build).clone()
}

/// Cargo as it is outside of a test.
///
/// What `cargo test` tells the test of its package would make cargo build ring anew, whose build script reads it, and
/// with it everything above; the next build outside would do so once more.
pub fn cargo() -> Command {
    cargo_at(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The same with the cargo of a given path.
pub fn cargo_at(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(of_package) {
            command.env_remove(name);
        }
    }
    command
}

fn build_ws() -> PathBuf {
    let mut command = cargo();
    // --workspace: the same features as in `cargo test --workspace`, so that nothing is compiled twice.
    command.args([
        "build",
        "--workspace",
        "--bin",
        "ws",
        "--message-format=json",
    ]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("cannot run cargo to build ws: {error}"));
    assert!(
        output.status.success(),
        "cargo could not build ws ({})",
        output.status
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut programs = messages.filter_map(|message: serde_json::Value| {
        let is_ws = message["target"]["name"] == "ws";
        message["executable"]
            .as_str()
            .filter(|_| is_ws)
            .map(PathBuf::from)
    });
    programs
        .next()
        .unwrap_or_else(|| panic!("cargo built no program named ws"))
}

/// The first `ws://` or `wss://` address of a line, up to the first character that cannot belong to it.
pub fn find_url(line: &str) -> Option<String> {
    let start = line.find("wss://").or_else(|| line.find("ws://"))?;
    let address = &line[start..];
    let end = address.find(|c: char| c.is_whitespace() || "\"',;)".contains(c));
    Some(address[..end.unwrap_or(address.len())].to_owned())
}

/// Why a line did not come.
#[derive(Debug, Clone, Copy)]
enum NoLine {
    Ended,
    Timeout,
}

impl fmt::Display for NoLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => formatter.write_str("the program ended first"),
            Self::Timeout => write!(formatter, "nothing within {TIMEOUT:?}"),
        }
    }
}

/// One stream, read by a thread of its own so that the program never waits for us.
#[derive(Debug)]
struct Output {
    shared: Arc<Shared>,
    /// Bytes that [`Output::wait_for`] has looked at.
    seen: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Captured>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Captured {
    bytes: Vec<u8>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Captured> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    fn capture(stream: Option<impl Read + Send + 'static>) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        let Some(mut stream) = stream else {
            panic!("a piped stream is missing")
        };
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            loop {
                let count = stream.read(&mut buffer).unwrap_or(0);
                let mut state = writer.lock();
                state.bytes.extend_from_slice(&buffer[..count]);
                state.ended = count == 0;
                writer.changed.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Self { shared, seen: 0 }
    }

    fn wait_for<T>(&mut self, mut find: impl FnMut(&str) -> Option<T>) -> Result<T, NoLine> {
        let deadline = Instant::now() + TIMEOUT;
        let mut state = self.shared.lock();
        loop {
            while let Some(length) = state.bytes[self.seen..]
                .iter()
                .position(|&byte| byte == b'\n')
            {
                let line = String::from_utf8_lossy(&state.bytes[self.seen..self.seen + length]);
                let found = find(&line);
                self.seen += length + 1;
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            if state.ended {
                return Err(NoLine::Ended);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoLine::Timeout);
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_for_end(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, left, |state| !state.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    fn bytes(&self) -> Vec<u8> {
        self.shared.lock().bytes.clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.lock().bytes).into_owned()
    }
}

/// The end of a long output; what is before it seldom tells why.
fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(4_000);
    let start = (start..text.len())
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_lines_and_for_the_end() {
        let mut process = Process::spawn(Command::new("cat").arg("-u"));
        assert!(process.write(b"one\ntwo 2\n"));
        let number = process.wait_for_stdout(|line| line.strip_prefix("two ")?.parse::<u32>().ok());
        assert_eq!(number, 2);
        assert!(process.is_running());
        let finished = process.finish();
        assert_eq!(
            (finished.code, finished.stdout_text()),
            (Some(0), "one\ntwo 2\n")
        );
    }

    #[test]
    fn says_what_the_program_printed_when_it_ends_too_early() {
        let failed = std::panic::catch_unwind(|| {
            let mut process = Process::spawn(Command::new("sh").args(["-c", "echo broken >&2"]));
            process.wait_for_stdout(|_| Some(()))
        });
        let text = *failed.unwrap_err().downcast::<String>().unwrap();
        assert!(
            text.contains("the program ended first") && text.contains("broken"),
            "{text}"
        );
    }

    #[test]
    fn ends_the_program_when_dropped() {
        let process = Process::spawn(&mut Command::new("cat"));
        let pid = process.id();
        drop(process);
        assert_eq!(crate::figures::resident_bytes(pid), None);
    }

    #[test]
    fn finds_the_address_in_a_ready_line() {
        let url = Some("ws://127.0.0.1:40123/".to_owned());
        assert_eq!(find_url("ws: listening on ws://127.0.0.1:40123/"), url);
        assert_eq!(find_url("ready (ws://127.0.0.1:40123/), echo"), url);
        assert_eq!(find_url("ws: error"), None);
    }
}

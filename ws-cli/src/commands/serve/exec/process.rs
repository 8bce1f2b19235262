//! A process and the threads that read, write and wait for it.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ws_server::ConnectionId;

use super::ending::Life;
use super::flow::{Inflow, MESSAGE_COST, Outflow};
use super::{News, Shared, environment, tell};
use crate::framing::{Delimiter, MESSAGE_BYTES};
use crate::output::Output;

/// The connection of a process.
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    pub(super) loop_index: usize,
    pub(super) id: ConnectionId,
}

/// A running process, seen from its connection.
pub(super) struct Process {
    pub(super) inflow: Arc<Inflow>,
    pub(super) outflow: Arc<Outflow>,
    life: Arc<Life>,
}

impl Process {
    /// Starts the program with its threads. `slot` is given back when the process has ended.
    pub(super) fn start(
        link: Link,
        slot: RunningSlot,
        environment: Vec<(String, String)>,
        output: Output,
    ) -> io::Result<Self> {
        let recipe = &link.shared.recipe;
        let mut command = recipe.command();
        for name in environment::SOMETIMES {
            command.env_remove(name);
        }
        command
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A group of its own: Ctrl-C is for the server, which ends its programs in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let delimiter = recipe.delimiter;
        let link = Arc::new(link);
        let process = Self {
            inflow: Arc::default(),
            outflow: Arc::default(),
            life: Arc::new(Life::new(child)),
        };
        if let Err(error) = process.spawn_waiter(&link, slot) {
            process.give_up();
            process.life.wait(|| Some(0));
            return Err(error);
        }
        let reading = process
            .spawn_writer(&link, stdin)
            .and_then(|()| process.spawn_reader(&link, stdout, delimiter))
            .and_then(|()| spawn("stderr", move || pass_on(stderr, link.id, &output)));
        match reading {
            Ok(()) => Ok(process),
            Err(error) => {
                process.give_up();
                Err(error)
            }
        }
    }

    /// The system had no thread left: the process is of no use.
    fn give_up(&self) {
        self.life.handle_silence();
        self.life.kill();
        self.inflow.finish();
    }

    /// The client is gone: the process is to end.
    pub(super) fn part(&self) {
        self.inflow.finish();
        self.outflow.discard();
        if self.life.is_over() {
            return;
        }
        let life = Arc::clone(&self.life);
        if spawn("end", move || life.end()).is_err() {
            self.life.kill();
        }
    }

    fn spawn_writer(&self, link: &Arc<Link>, stdin: Option<ChildStdin>) -> io::Result<()> {
        let (inflow, link) = (Arc::clone(&self.inflow), Arc::clone(link));
        spawn("stdin", move || {
            let Some(mut stdin) = stdin else {
                return;
            };
            while let Some(messages) = inflow.take() {
                for message in messages {
                    // A program may close its stdin and go on: then what comes is for nobody.
                    let is_over = stdin.write_all(&message).is_err();
                    let may_resume = if is_over {
                        inflow.deafen()
                    } else {
                        inflow.written(&message)
                    };
                    if may_resume {
                        tell(&link, News::Room);
                    }
                    if is_over {
                        return;
                    }
                }
            }
        })
    }

    fn spawn_reader(
        &self,
        link: &Arc<Link>,
        stdout: Option<ChildStdout>,
        delimiter: Delimiter,
    ) -> io::Result<()> {
        let (outflow, link, life) = (
            Arc::clone(&self.outflow),
            Arc::clone(link),
            Arc::clone(&self.life),
        );
        spawn("stdout", move || {
            if let Some(stdout) = stdout {
                let stdout = Watched {
                    stdout,
                    outflow: &outflow,
                };
                let mut reader = BufReader::with_capacity(BATCH_BYTES, stdout);
                if let Err(error) = read_messages(&mut reader, delimiter, &link, &outflow) {
                    let text = format!("the program's output cannot be sent: {error}");
                    tell(&link, News::Unusable(shortened(text)));
                }
                // Nobody reads it any more, but the process is not to fail because of that.
                let _ = io::copy(&mut reader, &mut io::sink());
            }
            life.handle_silence();
        })
    }

    fn spawn_waiter(&self, link: &Arc<Link>, slot: RunningSlot) -> io::Result<()> {
        let (life, outflow, link) = (
            Arc::clone(&self.life),
            Arc::clone(&self.outflow),
            Arc::clone(link),
        );
        spawn("wait", move || {
            let outcome = life.wait(|| outflow.progress());
            log::debug!("the program of {} ended: {outcome:?}", link.id);
            tell(&link, News::Ended(outcome));
            drop(slot);
        })
    }
}

/// Stdout of a process, whose every write is noted.
struct Watched<'a> {
    stdout: ChildStdout,
    outflow: &'a Outflow,
}

impl Read for Watched<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.stdout.read(to)?;
        self.outflow.note_read();
        Ok(count)
    }
}

/// Passes messages on until the stream ends or the client is gone.
fn read_messages(
    reader: &mut BufReader<impl Read>,
    delimiter: Delimiter,
    link: &Link,
    outflow: &Outflow,
) -> io::Result<()> {
    loop {
        let mut messages = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && (messages.is_empty() || has_whole(delimiter, reader.buffer()))
        {
            let Some(message) = delimiter.read(reader, MESSAGE_BYTES)? else {
                break;
            };
            bytes += message.len() + MESSAGE_COST;
            messages.push(message);
        }
        if messages.is_empty() || !outflow.admit(bytes) {
            return Ok(());
        }
        tell(link, News::Messages(messages, bytes));
    }
}

/// Whether a message lies whole in the buffer, so that reading it waits for nothing.
fn has_whole(delimiter: Delimiter, buffer: &[u8]) -> bool {
    match delimiter {
        Delimiter::Newline => buffer.contains(&b'\n'),
        Delimiter::Nul => buffer.contains(&0),
        Delimiter::Length => buffer.first_chunk().is_some_and(|length| {
            u32::from_be_bytes(*length) as usize <= buffer.len() - size_of::<u32>()
        }),
        Delimiter::None => false,
    }
}

/// Shows a process's stderr, line by line, with the connection it belongs to.
fn pass_on(stderr: Option<ChildStderr>, id: ConnectionId, output: &Output) {
    let Some(stderr) = stderr else {
        return;
    };
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(STDERR_LINE_BYTES)
            .read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        output.status(format_args!("{id}: {}", text.trim_end()));
    }
}

/// As much of a reason as a Close frame holds (RFC 6455 §5.5).
fn shortened(mut text: String) -> String {
    while text.len() > 123 {
        text.pop();
    }
    text
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.into())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map(drop)
}

/// How many processes there are.
#[derive(Default)]
pub(super) struct Running {
    count: Mutex<usize>,
    changed: Condvar,
}

/// One of them; given back when it is dropped.
pub(super) struct RunningSlot(Arc<Shared>);

impl Running {
    /// Counts one more, unless there are `limit` already.
    pub(super) fn take(shared: &Arc<Shared>, limit: usize) -> Option<RunningSlot> {
        let mut count = shared.running.lock();
        (*count < limit).then(|| {
            *count += 1;
            RunningSlot(Arc::clone(shared))
        })
    }

    /// Waits until there is none, but not longer than this.
    pub(super) fn wait(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut count = self.lock();
        while *count > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            count = self
                .changed
                .wait_timeout(count, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningSlot {
    fn drop(&mut self) {
        *self.0.running.lock() -= 1;
        self.0.running.changed.notify_all();
    }
}

/// What is read of a process's stdout at once, and so the most that is told at once in small messages.
const BATCH_BYTES: usize = 64 << 10;
/// A longer line of stderr comes in parts.
const STDERR_LINE_BYTES: u64 = 8 << 10;
/// The threads call nothing that goes deep.
const STACK_BYTES: usize = 256 << 10;

//! `ws serve --exec PROGRAM`: a process for every connection, whose stdin and stdout are the connection's messages.
//!
//! ```text
//! client ── message ──> Inflow ──> thread ──> stdin ┐
//!                                                 process ── stderr ──> thread ──> our stderr
//! client <── message ── Outflow <── thread <── stdout ┘
//!        <── Close ──────────────── thread: waits for its end
//! ```
//!
//! Both ways are bounded: a program that does not read stops the reading of its connection, a client that does not read
//! stops the reading of its program's stdout. The loop's thread never waits for a program.
//!
//! Invariant: every process that was started is waited for, and none outlives its connection by more than
//! [`ending::PATIENCE`] twice.

mod ending;
mod environment;
mod flow;
mod process;
mod recipe;

use std::sync::Arc;
use std::time::Duration;

use ws_core::CloseCode;
use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{ConnectionId, Connections, Context, Flow, Message};

use self::ending::Outcome;
use self::process::{Process, Running};
use super::handler::{Command, State};
use super::loops::Loops;
use super::reporter::Reporter;
use crate::output::Output;

pub(super) use self::recipe::Recipe;

/// What the processes of all loops have in common.
pub(super) struct Shared {
    pub(super) recipe: Recipe,
    pub(super) loops: Arc<Loops>,
    running: Running,
    /// How many processes there may be.
    limit: usize,
}

impl Shared {
    pub(super) fn new(recipe: Recipe, loops: Arc<Loops>, limit: usize) -> Self {
        Self {
            recipe,
            loops,
            running: Running::default(),
            limit,
        }
    }

    /// Waits until every process has ended; those whose connections are gone do soon.
    pub(super) fn wait_for_all(&self) {
        self.running.wait(END_TIMEOUT);
    }
}

/// The programs of one loop's connections.
pub(super) struct Programs {
    shared: Arc<Shared>,
    loop_index: usize,
    /// For what the programs write to stderr.
    output: Output,
}

/// What a process tells its loop.
pub(super) enum News {
    /// Messages that it wrote, this many bytes of the stream.
    Messages(Vec<Vec<u8>>, usize),
    /// Its stdin has room again.
    Room,
    /// It wrote something that cannot be sent.
    Unusable(String),
    /// It has ended, and everything that it wrote was told before.
    Ended(Outcome),
}

/// The program of one connection.
pub(super) struct Program {
    process: Process,
    /// Bytes that the process wrote and the client's socket has not taken.
    unsent: usize,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.part();
    }
}

impl Programs {
    pub(super) fn new(shared: Arc<Shared>, loop_index: u16, output: Output) -> Self {
        Self {
            shared,
            loop_index: loop_index.into(),
            output,
        }
    }

    /// Starts the program of a connection.
    ///
    /// # Errors
    /// The refusal: 503 if there are as many as there may be, 500 if the system cannot start it.
    pub(super) fn start(
        &self,
        reporter: &Reporter,
        context: &Context<'_, State>,
        request: &Request,
    ) -> Result<Box<Program>, HttpAnswer> {
        let Some(slot) = Running::take(&self.shared, self.shared.limit) else {
            let text = format!("{} programs run, and no more may", self.shared.limit);
            return Err(HttpAnswer::new(503, text));
        };
        let environment = environment::of(context, request, &self.shared.recipe);
        let link = process::Link {
            shared: Arc::clone(&self.shared),
            loop_index: self.loop_index,
            id: context.id(),
        };
        match Process::start(link, slot, environment, self.output.another()) {
            Ok(process) => {
                reporter.counters.program();
                Ok(Box::new(Program { process, unsent: 0 }))
            }
            Err(error) => {
                let recipe = &self.shared.recipe;
                self.output
                    .status(format_args!("cannot start {recipe}: {error}"));
                Err(HttpAnswer::new(
                    500,
                    "the server could not start its program",
                ))
            }
        }
    }

    /// Gives a message to the program.
    pub(super) fn handle(
        &self,
        reporter: &mut Reporter,
        state: &State,
        message: Message<'_>,
    ) -> Flow {
        reporter.received(state.peer.as_deref(), message);
        let Some(program) = &state.program else {
            return Flow::Continue;
        };
        let mut framed = Vec::new();
        let delimiter = self.shared.recipe.delimiter;
        delimiter.push(message.as_bytes(), &mut framed);
        if program.process.inflow.push(framed) {
            Flow::Continue
        } else {
            Flow::Pause
        }
    }

    /// Does what a process has news of.
    pub(super) fn handle_news(
        &self,
        reporter: &mut Reporter,
        connections: &mut Connections<State>,
        id: ConnectionId,
        news: News,
    ) {
        match news {
            News::Messages(messages, bytes) => {
                self.send(reporter, connections, id, messages, bytes);
            }
            News::Room => {
                connections.resume(id);
            }
            News::Unusable(text) => end(connections, id, CloseCode::INTERNAL_ERROR, &text),
            News::Ended(outcome) => {
                let (code, reason) = outcome.close();
                end(connections, id, code, &reason);
            }
        }
    }

    fn send(
        &self,
        reporter: &mut Reporter,
        connections: &mut Connections<State>,
        id: ConnectionId,
        messages: Vec<Vec<u8>>,
        bytes: usize,
    ) {
        for bytes in messages {
            let message = if self.shared.recipe.binary {
                Message::Binary(&bytes)
            } else {
                match std::str::from_utf8(&bytes) {
                    Ok(text) => Message::Text(text),
                    Err(_) => {
                        return end(connections, id, CloseCode::INTERNAL_ERROR, NO_TEXT);
                    }
                }
            };
            // It fails only when the connection has ended; then the rest is for nobody.
            if connections.send(id, message).is_err() {
                return;
            }
            let state = connections.state(id);
            reporter.sent(state.and_then(|state| state.peer.as_deref()), message);
        }
        if let Some(program) = connections
            .state(id)
            .and_then(|state| state.program.as_mut())
        {
            program.unsent += bytes;
        }
    }

    /// Lets a program write on, once the client's socket has taken most of what it wrote.
    pub(super) fn handle_flush(&self, state: &mut State, queued_bytes: usize) {
        if let Some(program) = &mut state.program
            && program.unsent > 0
            && queued_bytes < LOW_WATER_BYTES
        {
            let sent = std::mem::take(&mut program.unsent);
            program.process.outflow.give_back(sent);
        }
    }
}

/// Closes a connection; one that is closing already is left alone.
fn end(connections: &mut Connections<State>, id: ConnectionId, code: CloseCode, reason: &str) {
    let _ = connections.close(id, code, reason);
}

/// Puts news of a process on the way to its loop; whether that still runs.
fn tell(link: &process::Link, news: News) -> bool {
    link.shared
        .loops
        .send(link.loop_index, Command::News(link.id, news), 0)
}

const NO_TEXT: &str = "the program wrote a message that is no UTF-8 (--binary sends any bytes)";
/// What may still be unsent when a program may write on.
const LOW_WATER_BYTES: usize = 64 << 10;
/// How long the end of all processes is waited for: each is killed before.
const END_TIMEOUT: Duration = Duration::from_millis(4_500);

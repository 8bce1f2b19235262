//! `ws rpc`: the contract's functions, one JSON object a line.
//!
//! ```text
//! stdin → lines → request → calls ─ objects: one lane each ─┐
//!                              └ no object needed ──────────┴→ outlet → stdout
//! ```
//!
//! Invariant: the thread that reads stdin never waits for a peer, so a call for one object is never behind another's.
//! Parameters and results are those of [`ws_ffi::dispatch`]; this command adds the lines, the names of objects and the
//! order.

mod answer;
mod calls;
mod lane;
mod lines;
mod objects;
mod outlet;
mod pool;
mod request;
mod wait;

use std::io::{self, BufReader, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ws_core::CloseCode;
use ws_ffi::dispatch::{Value, find};

use self::calls::Calls;
use self::lines::{Line, read_line};
use self::objects::{Kind, Object};
use self::outlet::{Event, Outlet};
use self::request::Refusal;
use crate::args::RpcArgs;
use crate::duration::Patience;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::Output;
use crate::signals::{Signal, Signals};

/// The longest line taken: 16 MiB of text with every character escaped, and some room.
const LINE_BYTES: usize = 128 * 1024 * 1024;

/// Silence after the end of stdin that ends the calls which still wait.
const WAIT: Duration = Duration::from_secs(5);

/// How long closing all objects may take: nearly the 5 s of a closing handshake, for after 6 s a signal ends the process.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(4_500);

/// How long calls whose object has been closed may take to answer before they are ended.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long all of it may take.
const END_TIMEOUT: Duration = Duration::from_millis(5_800);

/// Objects that are closed at the same time.
const CLOSERS: usize = 64;

/// Runs the command until stdin ends or a signal comes.
pub(crate) fn run(args: &RpcArgs, signals: &Signals, output: &Output) -> Result<Exit, Stop> {
    if io::stdin().is_terminal() {
        output.status(format_args!(
            "each line is one call as JSON (see 'ws rpc --help'); Ctrl-D ends, Ctrl-C stops"
        ));
    }
    let (sender, events) = channel();
    let signal = sender.clone();
    // Nobody listens any more once the command ends.
    signals.on_signal(move || drop(signal.send(Event::Signal)));
    let calls = Calls::new(Outlet::new(output.another(), sender.clone()));
    read_stdin(calls.clone(), sender)?;

    let end = wait_for_end(&calls, args.wait.unwrap_or(Patience::For(WAIT)), &events);
    calls.close();
    let code = match end {
        End::Input => CloseCode::NORMAL,
        End::Signal | End::Stopped(_) => CloseCode::GOING_AWAY,
    };
    close_all(&calls, code, &events);
    match end {
        End::Input => Ok(Exit::Done),
        End::Signal if signals.received() == Some(Signal::Interrupt) => Ok(Exit::Interrupted),
        End::Signal => Ok(Exit::Done),
        End::Stopped(stop) => Err(stop),
    }
}

/// Why the command ends.
enum End {
    Input,
    Signal,
    Stopped(Stop),
}

/// Starts the thread that takes lines until stdin ends.
fn read_stdin(calls: Calls, events: Sender<Event>) -> Result<(), Failure> {
    let read = move || {
        let mut stdin = BufReader::with_capacity(64 * 1024, io::stdin());
        let end = loop {
            let goes_on = match read_line(&mut stdin, LINE_BYTES) {
                Ok(Line::Bytes(line)) if line.trim_ascii().is_empty() => true,
                Ok(Line::Bytes(line)) => calls.take(&line),
                Ok(Line::TooLong) => {
                    let text = format!("the line exceeds the limit of {LINE_BYTES} bytes");
                    calls.outlet.refuse("null", &Refusal::new("too_big", text));
                    true
                }
                Ok(Line::End) => break Event::InputEnded,
                Err(error) => {
                    let text = format!("cannot read stdin: {error}");
                    let failure = Failure::new(Exit::Other, "internal", text);
                    break Event::Stopped(failure.into());
                }
            };
            if !goes_on {
                break Event::InputEnded;
            }
        };
        // Nobody listens any more once the command ends.
        let _ = events.send(end);
    };
    let thread = thread::Builder::new().name(String::from("stdin"));
    thread.spawn(read).map(drop).map_err(|error| {
        let text = format!("cannot start a thread for stdin: {error}");
        Failure::new(Exit::Other, "internal", text)
    })
}

/// Waits for the end of stdin and then for the answers of the calls before it, until none has come for a while.
fn wait_for_end(calls: &Calls, patience: Patience, events: &Receiver<Event>) -> End {
    let mut draining = false;
    loop {
        if draining && calls.outlet.in_flight() == 0 {
            return End::Input;
        }
        let event = match patience {
            Patience::For(silence) if draining => events.recv_timeout(silence),
            _ => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::InputEnded) => {
                calls.outlet.drain();
                draining = true;
            }
            Ok(Event::Answered) => {}
            Ok(Event::Signal) => return End::Signal,
            Ok(Event::Stopped(stop)) => return End::Stopped(stop),
            Err(_) => return End::Input,
        }
    }
}

/// Closes every object: clients first, so that servers of this process need not wait for them.
fn close_all(calls: &Calls, code: CloseCode, events: &Receiver<Event>) {
    // What is answered from now on is told.
    calls.outlet.drain();
    let begin = Instant::now();
    let deadline = begin + CLOSE_TIMEOUT;
    let (clients, servers): (Vec<_>, Vec<_>) = calls
        .objects
        .all()
        .into_iter()
        .partition(|object| object.kind() == Kind::Client);
    let code = Value::from(code.as_u16());
    close(calls, clients.clone(), "CloseConnection", &[code], deadline);
    close(calls, servers.clone(), "StopServer", &[], deadline);
    // What waited has ended with its object; what is still under way, such as a dial, needs more.
    if !wait_for_answers(calls, events, Instant::now() + ANSWER_TIMEOUT) {
        for object in clients.iter().chain(&servers) {
            object.abort();
        }
        wait_for_answers(calls, events, begin + END_TIMEOUT);
    }
}

/// Waits until every call has been answered; whether that has happened.
fn wait_for_answers(calls: &Calls, events: &Receiver<Event>, deadline: Instant) -> bool {
    while calls.outlet.in_flight() > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        if events.recv_timeout(left).is_err() {
            return false;
        }
    }
    true
}

/// Calls `name` on all `objects`, some at a time, until `deadline`.
fn close(
    calls: &Calls,
    objects: Vec<Arc<Object>>,
    name: &str,
    arguments: &[Value],
    deadline: Instant,
) {
    let Some(function) = find(name) else { return };
    let (done, wait) = channel();
    let workers = objects.len().min(CLOSERS);
    let rest = Arc::new(Mutex::new(objects));
    for _ in 0..workers {
        let (rest, done, arguments) = (Arc::clone(&rest), done.clone(), arguments.to_vec());
        calls.pool.run(move || {
            loop {
                let next = rest.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(object) = next else { break };
                object.call(function, &arguments);
            }
            drop(done);
        });
    }
    drop(done);
    // Nothing is sent: the channel ends with the last worker.
    let _ = wait.recv_timeout(deadline.saturating_duration_since(Instant::now())) as Result<(), _>;
}

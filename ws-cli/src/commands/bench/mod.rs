//! `ws bench`: connects, sends messages to an echo server for a while, compares every echo, and tells the figures.
//!
//! ```text
//! dial threads ─ Connected ─► Swarm (one thread) ─ echo ─► Load: compared, counted ─► Report
//!                               ▲────────── next message ─────┘
//! ```

mod histogram;
mod load;
mod report;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ws_client::{CloseCode, Config, ConnectRequest, Connected, Swarm};

use self::histogram::Histogram;
use self::load::{Load, Plan};
use self::report::Report;
use super::target::{failure, follow, request};
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Output, screen};
use crate::signals::Signals;

/// Threads that dial: a handshake mostly waits for the server. No more than name lookups may run at once in a process.
const DIALLERS: usize = 8;
/// How long it sends if nothing else is said.
const DURATION: Duration = Duration::from_secs(10);
/// How long echoes may be outstanding at the end.
const GRACE: Duration = Duration::from_secs(5);
/// How often signals and the bar are looked at.
const TICK: Duration = Duration::from_millis(100);
/// The last part of a wait is spent looking at the clock: the system wakes up to a millisecond late.
const SPIN: Duration = Duration::from_millis(2);
/// Columns of the bar.
const BAR: usize = 40;

/// Runs the command.
pub(crate) fn run(args: &BenchArgs, signals: &Signals, output: &mut Output) -> Result<Exit, Stop> {
    let config = Config::default().connect_timeout(args.target.connect_timeout);
    let request = request(&args.target)?.config(config);
    let mut bar = Bar::new(output);
    let (connected, connect, connect_time) = connect(args, &request)?;
    let mut swarm = Swarm::new(&request).map_err(|error| failure(&error))?;
    let connections = connected.len();
    for connection in connected {
        swarm.add(connection).map_err(|error| failure(&error))?;
    }
    // Before anybody hears that there are connections. The loop looks at the signal by itself.
    signals.on_signal(|| {});
    output.status(format_args!(
        "{connections} connections to {} are open",
        request.address()
    ));
    let plan = Plan {
        size: args.size as usize,
        binary: args.binary,
        depth: args.depth as usize,
        rate: args.rate,
        duration: args
            .duration
            .or_else(|| args.messages.is_none().then_some(DURATION)),
        messages: args.messages,
    };
    let start = Instant::now();
    let mut load = Load::new(plan, connections, start);
    drive(&mut swarm, &mut load, signals, &mut bar)?;
    bar.clear();
    let broken = load.broken.take();
    let report = Report {
        target: request.address().to_string(),
        connections,
        plan,
        connect_time,
        connect,
        time: load.last_echo.saturating_duration_since(start),
        unanswered: load.pending(),
        latency: load.latency,
    };
    output.data(&if output.is_json() {
        report.json()
    } else {
        report.text()
    })?;
    close(&mut swarm)?;
    if let Some(text) = broken {
        return Err(Failure::new(Exit::Closed, "protocol", text).into());
    }
    if signals.received().is_some() {
        return Ok(Exit::Interrupted);
    }
    if report.unanswered > 0 {
        let text = format!(
            "{} messages were not echoed by {} within {GRACE:?} of the end",
            report.unanswered, report.target
        );
        return Err(Failure::timeout(text).into());
    }
    Ok(Exit::Done)
}

/// Opens all connections; also how long each has taken, and all together.
fn connect(
    args: &BenchArgs,
    request: &ConnectRequest,
) -> Result<(Vec<Connected>, Histogram, Duration), Failure> {
    let wanted = args.connections as usize;
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let result = Mutex::new((Vec::with_capacity(wanted), Histogram::new(), None));
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..DIALLERS.min(wanted) {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= wanted {
                        break;
                    }
                    let began = Instant::now();
                    let dialled = follow(&args.target, request.clone(), Connected::dial);
                    let time = began.elapsed();
                    let mut result = result.lock();
                    match dialled {
                        Ok(connected) => {
                            result.0.push(connected);
                            result.1.add(time);
                        }
                        Err(error) => {
                            has_failed.store(true, Ordering::Relaxed);
                            result.2.get_or_insert((number, error));
                        }
                    }
                }
            });
        }
    });
    let time = start.elapsed();
    let (connected, times, error) = result.into_inner();
    match error {
        None => Ok((connected, times, time)),
        Some((number, error)) => {
            let mut failure = failure(&error);
            failure.text = format!("connection {} of {wanted}: {}", number + 1, failure.text);
            Err(failure)
        }
    }
}

/// Sends and receives until all is done, or for [`GRACE`] beyond its end.
fn drive(
    swarm: &mut Swarm,
    load: &mut Load,
    signals: &Signals,
    bar: &mut Bar,
) -> Result<(), Failure> {
    let mut latest = None;
    loop {
        let now = Instant::now();
        if signals.received().is_some() {
            load.stop();
        }
        let next = load.send_due(swarm, now);
        if load.is_over(now) {
            let latest = *latest.get_or_insert(now + GRACE);
            if load.pending() == 0 || load.broken.is_some() || now >= latest {
                return Ok(());
            }
        }
        bar.show(load, now);
        let wait = match next.map(|at| at.saturating_duration_since(now)) {
            Some(wait) if wait < SPIN => Duration::ZERO,
            Some(wait) => (wait - SPIN).min(TICK),
            None => TICK,
        };
        swarm
            .turn(Some(wait), |number, event, link| {
                load.handle(number, &event, link);
            })
            .map_err(|error| failure(&error))?;
    }
}

/// Says goodbye on every connection and gives the server a moment to answer.
fn close(swarm: &mut Swarm) -> Result<(), Failure> {
    let latest = Instant::now() + GRACE;
    for number in 0..swarm.count() {
        swarm.close(number, CloseCode::NORMAL);
    }
    while !swarm.is_empty() {
        let left = latest.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        swarm
            .turn(Some(left), |_, _, _| {})
            .map_err(|error| failure(&error))?;
    }
    Ok(())
}

/// How far it is, on a terminal.
struct Bar {
    is_shown: bool,
    shown: Option<Instant>,
}

impl Bar {
    fn new(output: &Output) -> Self {
        Self {
            is_shown: output.is_status_moving(),
            shown: None,
        }
    }

    fn show(&mut self, load: &Load, now: Instant) {
        let is_due = self.shown.is_none_or(|shown| now - shown >= TICK);
        if !self.is_shown || !is_due {
            return;
        }
        self.shown = Some(now);
        let progress = load.progress(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of forty columns"
        )]
        let full = (progress * BAR as f64) as usize;
        let (full, rest) = ("#".repeat(full), ".".repeat(BAR - full.min(BAR)));
        let echoes = load.latency.count();
        screen::print_in_place(&format!(
            "[{full}{rest}] {:3.0} %, {echoes} echoes",
            100.0 * progress
        ));
    }

    fn clear(&mut self) {
        if self.shown.take().is_some() {
            screen::print_in_place("");
        }
    }
}

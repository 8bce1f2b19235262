//! From options to an open connection, and to the next one when it is lost.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use ws_client::{Backoff, Client, CloseCode, Config, ConnectRequest, Error, Reconnect};

use super::target::{failure, follow, request};
use super::waker::Waker;
use crate::args::DialArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::framing::{Delimiter, MESSAGE_BYTES};
use crate::outgoing::Outgoing;
use crate::output::{Direction, Event, Line, Output, Peer};
use crate::signals::Signals;
use crate::slash;

/// An open connection and what its events are printed with.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) client: Client,
    pub(super) peer: Peer,
}

/// Connects, and connects again: everything that is the same each time.
pub(super) struct Dialler<'a> {
    args: &'a DialArgs,
    request: ConnectRequest,
    /// When `--max-time` is over.
    deadline: Option<Instant>,
    signals: &'a Signals,
    waker: Waker,
    backoff: Option<Backoff>,
    /// What is sent first on every connection.
    greeting: Vec<Outgoing>,
}

impl<'a> Dialler<'a> {
    /// Checks all that can be checked before anything is dialled. `--max-time` begins here.
    pub(super) fn new(args: &'a DialArgs, signals: &'a Signals) -> Result<Self, Failure> {
        Ok(Self {
            args,
            deadline: args.max_time.map(|time| Instant::now() + time),
            request: request(&args.target)?,
            signals,
            waker: Waker::default(),
            backoff: args.reconnect.map(|longest| {
                let first = Reconnect::default().first_delay.min(longest);
                Backoff::new(Reconnect::default().first_delay(first).max_delay(longest))
            }),
            greeting: match &args.on_open {
                Some(path) => greeting(path, args)?,
                None => Vec::new(),
            },
        })
    }

    /// Wakes the loop that uses the connection.
    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// What a new connection is sent first.
    pub(super) fn greeting(&self) -> VecDeque<Outgoing> {
        self.greeting.clone().into()
    }

    /// What is left of `--max-time`.
    pub(super) fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Fails once `--max-time` is over.
    pub(super) fn check_time(&self) -> Result<(), Failure> {
        match self.args.max_time {
            Some(max_time) if self.time_left() == Some(Duration::ZERO) => {
                Err(Failure::timeout(format!(
                    "not done within --max-time {max_time:?} on {}",
                    self.request.address()
                )))
            }
            _ => Ok(()),
        }
    }

    /// Whether a lost connection is replaced at all.
    pub(super) fn may_dial_again(&self) -> bool {
        self.backoff.is_some()
    }

    /// Whether this close code of the peer's means that it will be back.
    pub(super) fn retries_after_close(&self, code: CloseCode) -> bool {
        let backoff = self.backoff.as_ref();
        backoff.is_some_and(|backoff| backoff.retries_after_close(code))
    }

    /// Whether trying again may help after this error.
    pub(super) fn retries_after(&self, error: &Error) -> bool {
        let backoff = self.backoff.as_ref();
        backoff.is_some_and(|backoff| backoff.retries_after(error))
    }

    /// Connects and tells of it; with `--reconnect` tries until it succeeds or trying is of no use.
    pub(super) fn dial(&mut self, output: &mut Output) -> Result<Dialled, Stop> {
        loop {
            self.signals.end_at_once();
            match self.connect() {
                Ok(client) => return self.opened(client, output),
                Err(error) if self.retries_after(&error) => {
                    let failure = failure(&error);
                    output.lost(&failure)?;
                    self.pause(&failure.text, output)?;
                }
                Err(error) => return Err(failure(&error).into()),
            }
        }
    }

    /// Waits as long as it should after a connection that was open for so long.
    pub(super) fn pause_after_loss(
        &mut self,
        open_for: Duration,
        why: &str,
        output: &mut Output,
    ) -> Result<(), Stop> {
        if let Some(backoff) = &mut self.backoff {
            backoff.handle_end(open_for);
        }
        self.pause(why, output)
    }

    fn pause(&mut self, why: &str, output: &mut Output) -> Result<(), Stop> {
        let delay = self.backoff.as_mut().and_then(Backoff::next_delay);
        let delay = delay.unwrap_or_default();
        output.flush()?;
        output.status(format_args!(
            "{why}; connecting again in {:.1} s",
            delay.as_secs_f64()
        ));
        let waker = self.waker.clone();
        self.signals.on_signal(move || waker.wake());
        let mut end = Instant::now() + delay;
        if let Some(deadline) = self.deadline {
            end = end.min(deadline);
        }
        while Instant::now() < end {
            if self.signals.received().is_some() {
                return Err(Stop::Interrupted);
            }
            self.waker.wait_until(end);
        }
        Ok(self.check_time()?)
    }

    fn connect(&self) -> Result<Client, Error> {
        let request = self.request.clone().config(self.config());
        follow(&self.args.target, request, Client::connect_with)
    }

    fn config(&self) -> Config {
        let config = Config::default();
        let (connect, close) = (self.args.target.connect_timeout, config.close_timeout);
        let left = self.time_left().unwrap_or(Duration::MAX);
        config
            .connect_timeout(connect.min(left))
            .close_timeout(close.min(left))
    }

    fn opened(&self, client: Client, output: &mut Output) -> Result<Dialled, Stop> {
        let target = client.address().target();
        let peer = Peer {
            connection_id: None,
            address: client
                .peer_address()
                .map_or_else(|| String::from("unix"), |address| address.to_string()),
            path: target.split('?').next().unwrap_or(target).to_owned(),
        };
        match client.compression() {
            Some(agreed) => log::info!("compression: {agreed}"),
            None if self.args.target.compress.is_some() => {
                log::info!("compression: the server does without")
            }
            None => {}
        }
        self.waker.watch(client.interrupter());
        // Before anybody hears that there is a connection: from here on a signal closes it.
        let waker = self.waker.clone();
        self.signals.on_signal(move || waker.wake());
        match client.subprotocol() {
            Some(name) => output.status(format_args!(
                "connected to {} (subprotocol {name})",
                client.address()
            )),
            None => output.status(format_args!("connected to {}", client.address())),
        }
        output.event(&Line {
            direction: Some(Direction::Out),
            peer: Some(&peer),
            event: Event::Open,
        })?;
        Ok(Dialled { client, peer })
    }
}

/// Checks the options and tells the output of them.
pub(super) fn prepare<'a>(
    args: &'a DialArgs,
    signals: &'a Signals,
    output: &mut Output,
) -> Result<Dialler<'a>, Failure> {
    if output.is_json() && (args.show.pretty || args.show.timestamps) {
        return Err(Failure::usage(
            "--json prints one line an event, with its time; leave out --pretty and --timestamps",
        ));
    }
    if args.show.timestamps && args.show.delimiter == Some(Delimiter::Length) {
        return Err(Failure::usage(
            "--timestamps would stand where --delimiter length has the length; leave out one of them",
        ));
    }
    let dialler = Dialler::new(args, signals)?;
    output.set_layout(args.show.layout());
    if let Some(path) = args
        .show
        .output
        .as_ref()
        .filter(|path| *path != Path::new("-"))
    {
        output.redirect(path)?;
    }
    Ok(dialler)
}

/// The close code and reason to end with, checked before anything is dialled.
pub(super) fn close_frame(args: &DialArgs) -> Result<(CloseCode, String), Failure> {
    slash::checked_close(CloseCode::new(args.close_code), &args.close_reason)
        .map(|(code, reason)| (code, reason.to_owned()))
        .map_err(Failure::usage)
}

/// The messages of `--on-open`, one a line unless `--delimiter` says otherwise.
fn greeting(path: &Path, args: &DialArgs) -> Result<Vec<Outgoing>, Failure> {
    let shown = path.display();
    let failed = |error: io::Error| {
        let text = format!("cannot read {shown} for --on-open: {error}");
        Failure::new(Exit::Other, "usage", text)
    };
    let delimiter = args.show.delimiter.unwrap_or(Delimiter::Newline);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut messages = Vec::new();
    while let Some(bytes) = delimiter.read(&mut reader, MESSAGE_BYTES).map_err(failed)? {
        messages.push(Outgoing::new(bytes, args.binary, || shown.to_string())?);
    }
    Ok(messages)
}

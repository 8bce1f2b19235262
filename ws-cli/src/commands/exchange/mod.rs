//! The loop that `connect` and `send` share: messages out from a source, messages in to the output, until the end.
//!
//! ```text
//! source ─ send ─┐                                 ┌─ peer closed
//!                ├─ client ─ receive ─ output      ├─ silence (--wait), --count: closing handshake
//! wake ──────────┘                                 └─ Ctrl-C, --max-time
//! ```
//!
//! Invariant: the loop waits only in `receive`, and right before it waits it has looked at the source and the signals;
//! whoever changes one of those interrupts `receive`. So nothing that arrives is overlooked.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use ws_client::{Client, Close, CloseCode, Error, ErrorKind, Message};

use super::dial::{Dialled, failure};
use crate::duration::Patience;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Direction, Event, Line, Output, Peer};
use crate::signals::Signals;
use crate::stdin::{Input, Outgoing, StdinLines};

/// Silence that ends the wait for `--count` messages unless `--wait` is given.
const WAIT_FOR_COUNT: Duration = Duration::from_secs(10);

/// Messages sent before what has arrived is taken: the peer's answers must not fill the client's queue.
const SENT_PER_TURN: usize = 64;

/// Messages taken before the source is looked at again: a peer that never pauses must not silence it.
const RECEIVED_PER_TURN: usize = 256;

/// The client's own limit for one send call; `--max-time` can only shorten it.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// Where messages to send come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Nowhere: only listening.
    Nothing,
    /// From stdin.
    Stdin(StdinLines),
    /// This one.
    One(Option<Outgoing>),
    /// No more: it has ended.
    Ended,
}

/// When to end and how to close.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) patience: Patience,
    pub(super) count: Option<u64>,
    pub(super) max_time: Option<Duration>,
    pub(super) close: (CloseCode, &'a str),
}

/// The silence to wait for: as asked, longer when messages are counted, else `default`.
pub(super) fn patience(wait: Option<Patience>, count: Option<u64>, default: Duration) -> Patience {
    let silence = if count.is_some() {
        WAIT_FOR_COUNT
    } else {
        default
    };
    wait.unwrap_or(Patience::For(silence))
}

/// Why this side closes.
enum Ending {
    Silence,
    Counted,
    Interrupted,
    Failed(Failure),
}

/// One connection's life in a command.
pub(super) struct Exchange<'a> {
    client: Client,
    peer: Peer,
    deadline: Option<Instant>,
    source: Source,
    rules: Rules<'a>,
    signals: &'a Signals,
    output: &'a mut Output,
    /// Taken from the source, not yet sent.
    outbox: VecDeque<Outgoing>,
    /// Messages that have arrived.
    received: u64,
    /// The end of the source or the last message, whichever was later; `None` while the source lasts.
    silent_since: Option<Instant>,
    /// Sending one message is all the command is for.
    sends_one: bool,
    /// A message could not be sent because the connection had closed.
    unsent: bool,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        dialled: Dialled,
        source: Source,
        rules: Rules<'a>,
        signals: &'a Signals,
        output: &'a mut Output,
    ) -> Self {
        Self {
            client: dialled.client,
            peer: dialled.peer,
            deadline: dialled.deadline,
            sends_one: matches!(source, Source::One(_)),
            source,
            rules,
            signals,
            output,
            outbox: VecDeque::new(),
            received: 0,
            silent_since: None,
            unsent: false,
        }
    }

    pub(super) fn run(mut self) -> Result<Exit, Stop> {
        let end = self.turn_until_end();
        if matches!(end, Err(Stop::BrokenPipe)) {
            // Nobody reads on: the peer is told as if we were done; whether it answers changes nothing.
            let (code, reason) = self.rules.close;
            let _ = self.client.close(code, reason);
        }
        end
    }

    fn turn_until_end(&mut self) -> Result<Exit, Stop> {
        // Something happened in the last turn, so something more may be there already.
        let mut busy = true;
        loop {
            if self.signals.received().is_some() {
                return self.close(Ending::Interrupted);
            }
            if let Some(failure) = self.over_time() {
                return Err(failure.into());
            }
            if let Err(failure) = self.refill() {
                return self.close(Ending::Failed(failure));
            }
            let sent = self.send_some()?;
            if self.is_silent() {
                return self.close(Ending::Silence);
            }
            let mut wait = if busy || sent {
                Duration::ZERO
            } else {
                self.time_to_wait()
            };
            busy = sent;
            for _ in 0..RECEIVED_PER_TURN {
                match self
                    .client
                    .receive(mem::take(&mut wait))
                    .map_err(|error| failure(&error))?
                {
                    Some(Message::Close(close)) => return self.closed_by_peer(&close),
                    Some(message) => {
                        busy = true;
                        self.print(&message)?;
                        if self.is_counted() {
                            return self.close(Ending::Counted);
                        }
                    }
                    None => break,
                }
            }
            if !busy {
                self.output.flush()?;
            }
        }
    }

    /// Takes from the source when nothing is left to send.
    fn refill(&mut self) -> Result<(), Failure> {
        if !self.outbox.is_empty() {
            return Ok(());
        }
        let input = match &mut self.source {
            Source::Nothing | Source::Ended => None,
            Source::One(message) => Some(
                message
                    .take()
                    .map_or(Input::End, |message| Input::Batch(vec![message])),
            ),
            Source::Stdin(lines) => lines.poll(),
        };
        match input {
            None => {}
            Some(Input::Batch(batch)) => self.outbox = batch.into(),
            Some(Input::End) => {
                self.source = Source::Ended;
                self.silent_since = Some(Instant::now());
            }
            Some(Input::Failed(failure)) => return Err(failure),
        }
        Ok(())
    }

    /// Sends a part of the outbox; true if there was something to send.
    fn send_some(&mut self) -> Result<bool, Stop> {
        let mut sent = false;
        for _ in 0..SENT_PER_TURN {
            let Some(message) = self.outbox.pop_front() else {
                break;
            };
            sent = true;
            if let Some(deadline) = self.deadline {
                self.client.set_send_timeout(
                    SEND_TIMEOUT.min(deadline.saturating_duration_since(Instant::now())),
                );
            }
            let (result, event) = match &message {
                Outgoing::Text(text) => (self.client.send_text(text), Event::Text(text)),
                Outgoing::Binary(payload) => {
                    (self.client.send_binary(payload), Event::Binary(payload))
                }
            };
            match result {
                Ok(()) => self
                    .output
                    .event(&line(Direction::Out, &self.peer, event))?,
                Err(error) if error.kind() == ErrorKind::Closed => {
                    // What arrived before the end, and why it ended, is still to be received.
                    self.unsent = true;
                    self.outbox.clear();
                    self.source = Source::Ended;
                }
                Err(error) => {
                    return Err(self.over_time().unwrap_or_else(|| failure(&error)).into());
                }
            }
        }
        Ok(sent)
    }

    fn print(&mut self, message: &Message) -> Result<(), Stop> {
        let event = match message {
            Message::Text(text) => Event::Text(text),
            Message::Binary(payload) => Event::Binary(payload),
            Message::Ping(payload) => Event::Ping(payload),
            Message::Pong(payload) => Event::Pong(payload),
            Message::Close(close) => Event::Close {
                code: close.code.as_u16(),
                reason: &close.reason,
            },
            // A kind of message that this version does not know.
            _ => return Ok(()),
        };
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            self.received += 1;
            if self.silent_since.is_some() {
                self.silent_since = Some(Instant::now());
            }
        }
        self.output.event(&line(Direction::In, &self.peer, event))
    }

    fn is_counted(&self) -> bool {
        self.rules.count.is_some_and(|count| self.received >= count)
    }

    fn over_time(&self) -> Option<Failure> {
        let over = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        let max_time = self.rules.max_time.filter(|_| over)?;
        Some(Failure::timeout(format!(
            "not done within --max-time {max_time:?} on {}",
            self.client.address()
        )))
    }

    fn silence_ends(&self) -> Option<Instant> {
        match (self.silent_since, self.rules.patience) {
            (Some(since), Patience::For(wait)) => Some(since + wait),
            _ => None,
        }
    }

    fn is_silent(&self) -> bool {
        self.outbox.is_empty() && self.silence_ends().is_some_and(|end| Instant::now() >= end)
    }

    fn time_to_wait(&self) -> Duration {
        let end = [self.silence_ends(), self.deadline]
            .into_iter()
            .flatten()
            .min();
        end.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }

    /// The peer began the closing handshake; the client has answered it.
    fn closed_by_peer(&mut self, close: &Close) -> Result<Exit, Stop> {
        self.print_close(Direction::In, close.code, &close.reason)?;
        self.output.flush()?;
        let shown = shown(close);
        let address = self.client.address();
        if self.unsent && self.sends_one {
            let text = format!(
                "the message was not sent: {address} closed the connection first with {shown}"
            );
            return Err(Failure::new(Exit::Closed, "closed", text)
                .with_code(Some(close.code.as_u16()))
                .into());
        }
        if is_well(close.code) {
            let unsent = if self.unsent {
                "; not everything was sent"
            } else {
                ""
            };
            self.output
                .status(format_args!("closed by the peer with {shown}{unsent}"));
            return Ok(Exit::Done);
        }
        let text = format!("{address} closed the connection with {shown}");
        Err(Failure::new(Exit::Closed, "closed", text)
            .with_code(Some(close.code.as_u16()))
            .into())
    }

    /// Closes, prints what still arrives before the peer's Close, and says how it ended.
    fn close(&mut self, ending: Ending) -> Result<Exit, Stop> {
        let (code, reason) = self.rules.close;
        let result = self.client.close(code, reason);
        self.print_close(Direction::Out, code, reason)?;
        let mut answer = None;
        while let Ok(Some(message)) = self.client.receive(Duration::ZERO) {
            let surplus =
                self.is_counted() && matches!(message, Message::Text(_) | Message::Binary(_));
            if !surplus {
                self.print(&message)?;
            }
            if let Message::Close(close) = message {
                answer = Some(close);
                break;
            }
        }
        self.output.flush()?;
        match ending {
            Ending::Counted => Ok(Exit::Done),
            Ending::Interrupted => Ok(Exit::Interrupted),
            Ending::Failed(failure) => Err(failure.into()),
            Ending::Silence => self.closed_by_us(code, answer.as_ref(), result),
        }
    }

    /// After silence: did the peer answer, and had everything come that was asked for?
    fn closed_by_us(
        &self,
        code: CloseCode,
        answer: Option<&Close>,
        result: Result<(), Error>,
    ) -> Result<Exit, Stop> {
        if let Some(close) = answer.filter(|close| !is_well(close.code) && close.code != code) {
            let text = format!(
                "{} closed the connection with {}",
                self.client.address(),
                shown(close)
            );
            return Err(Failure::new(Exit::Closed, "closed", text)
                .with_code(Some(close.code.as_u16()))
                .into());
        }
        result.map_err(|error| failure(&error))?;
        if let Some(count) = self.rules.count.filter(|_| !self.is_counted()) {
            let (received, address) = (self.received, self.client.address());
            let text = format!(
                "{received} of {count} messages arrived from {address} before it fell silent"
            );
            return Err(
                Failure::timeout(format!("{text}; --wait sets how long silence may last")).into(),
            );
        }
        match self.rules.patience {
            Patience::For(wait) if !wait.is_zero() => {
                let status =
                    format_args!("closed with {code} after {wait:?} of silence (see --wait)");
                self.output.status(status);
            }
            _ => self.output.status(format_args!("closed with {code}")),
        }
        Ok(Exit::Done)
    }

    fn print_close(
        &mut self,
        direction: Direction,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), Stop> {
        self.output.event(&line(
            direction,
            &self.peer,
            Event::Close {
                code: code.as_u16(),
                reason,
            },
        ))
    }
}

fn line<'a>(direction: Direction, peer: &'a Peer, event: Event<'a>) -> Line<'a> {
    Line {
        direction: Some(direction),
        peer: Some(peer),
        event,
    }
}

/// Codes by which a peer says that nothing went wrong (RFC 6455 §7.4.1); 1005 stands for a Close without a code.
fn is_well(code: CloseCode) -> bool {
    [
        CloseCode::NORMAL,
        CloseCode::GOING_AWAY,
        CloseCode::NO_STATUS,
    ]
    .contains(&code)
}

/// Code and reason for people.
fn shown(close: &Close) -> String {
    match (close.code, close.reason.as_str()) {
        (CloseCode::NO_STATUS, _) => String::from("no close code"),
        (code, "") => format!("close code {code}"),
        (code, reason) => format!("close code {code} ({reason})"),
    }
}

//! The loop that `connect` and `send` share: messages out from a source, messages in to the output, until the end.
//!
//! ```text
//! source ─ send ─┐                                 ┌─ peer closed, connection lost: --reconnect, or the end
//!                ├─ client ─ receive ─ output      ├─ silence (--wait), --count, /close: closing handshake
//! wake ──────────┘                                 └─ Ctrl-C, --max-time
//! ```
//!
//! Invariant: the loop waits only in `receive`, and right before it waits it has looked at the source and the signals;
//! whoever changes one of those interrupts `receive`. So nothing that arrives is overlooked.

mod ending;
mod pings;

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use ws_client::{Client, CloseCode, ErrorKind, Message};

use self::ending::{Ending, shown};
use self::pings::Pings;
use super::dial::{Dialled, Dialler};
use super::target::failure;
use crate::duration::Patience;
use crate::exit::Exit;
use crate::failure::Stop;
use crate::outgoing::{Input, Outgoing};
use crate::output::{Direction, Event, Line, Output, Peer};
use crate::signals::Signals;
use crate::stdin::Messages;

/// Silence that ends the wait for `--count` messages unless `--wait` is given.
const WAIT_FOR_COUNT: Duration = Duration::from_secs(10);

/// Messages sent before what has arrived is taken: the peer's answers must not fill the client's queue.
const SENT_PER_TURN: usize = 64;

/// Messages taken before the source is looked at again: a peer that never pauses must not silence it.
const RECEIVED_PER_TURN: usize = 256;

/// The same in bytes: on a terminal they take their time.
const RECEIVED_BYTES_PER_TURN: usize = 256 * 1024;

/// Messages taken after a send that has failed: at least what the client's queue holds.
const RECEIVED_AT_THE_END: usize = 20_000;

/// The client's own limit for one send call; `--max-time` can only shorten it.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// Where messages to send come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Nowhere: only listening.
    Nothing,
    /// From stdin or a prompt.
    Messages(Messages),
    /// This one.
    One(Option<Outgoing>),
    /// No more: it has ended.
    Ended,
}

/// When to end and how to close.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) patience: Patience,
    pub(super) count: Option<u64>,
    pub(super) ping: Option<Duration>,
    pub(super) close: (CloseCode, String),
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

/// What the turn's messages have come to.
enum Sent {
    Nothing,
    Some,
    /// The closing handshake is asked for.
    Close,
}

/// The life of a connection in a command, and of those that replace it when it is lost.
pub(super) struct Exchange<'a> {
    dialler: Dialler<'a>,
    client: Client,
    peer: Peer,
    /// When this connection was made.
    opened: Instant,
    source: Source,
    rules: Rules,
    signals: &'a Signals,
    output: &'a mut Output,
    /// What each new connection begins with and this one has not been sent yet.
    greeting: VecDeque<Outgoing>,
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
    pings: Pings,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        dialler: Dialler<'a>,
        dialled: Dialled,
        source: Source,
        rules: Rules,
        signals: &'a Signals,
        output: &'a mut Output,
    ) -> Self {
        let now = Instant::now();
        Self {
            greeting: dialler.greeting(),
            dialler,
            client: dialled.client,
            peer: dialled.peer,
            opened: now,
            sends_one: matches!(source, Source::One(_)),
            source,
            pings: Pings::new(rules.ping, now),
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
            let _ = self.shake_hands();
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
            self.dialler.check_time()?;
            if let Err(ending) = self.refill() {
                return self.close(ending);
            }
            if !(self.outbox.is_empty() && self.greeting.is_empty()) {
                // A peer that does not read holds a send up for as long as a minute.
                self.output.flush()?;
            }
            let sent = match self.send_some()? {
                Sent::Close => return self.close(Ending::Silence),
                sent => matches!(sent, Sent::Some),
            };
            if self.is_silent() {
                return self.close(Ending::Silence);
            }
            let mut wait = if busy || sent {
                Duration::ZERO
            } else {
                self.time_to_wait()
            };
            busy = sent;
            let mut bytes = 0;
            for _ in 0..RECEIVED_PER_TURN {
                if bytes > RECEIVED_BYTES_PER_TURN {
                    break;
                }
                match self.client.receive(mem::take(&mut wait)) {
                    Ok(Some(Message::Close(close))) => {
                        if !self.dialler.retries_after_close(close.code) {
                            return self.closed_by_peer(&close);
                        }
                        self.print_close(Direction::In, close.code, &close.reason)?;
                        self.dial_again(&format!("closed by the peer with {}", shown(&close)))?;
                        busy = true;
                        break;
                    }
                    Ok(Some(message)) => {
                        busy = true;
                        bytes += size(&message);
                        self.print(&message)?;
                        if self.is_counted() {
                            return self.close(Ending::Counted);
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        let failure = failure(&error);
                        if !self.dialler.retries_after(&error) {
                            return Err(failure.into());
                        }
                        self.output.lost(&failure)?;
                        self.dial_again(&failure.text)?;
                        busy = true;
                        break;
                    }
                }
            }
            if !busy {
                self.output.flush()?;
            }
        }
    }

    /// Replaces the connection, which is lost; what was not sent is sent on the new one.
    fn dial_again(&mut self, why: &str) -> Result<(), Stop> {
        self.output.flush()?;
        self.dialler
            .pause_after_loss(self.opened.elapsed(), why, self.output)?;
        let dialled = self.dialler.dial(self.output)?;
        (self.client, self.peer) = (dialled.client, dialled.peer);
        self.opened = Instant::now();
        self.greeting = self.dialler.greeting();
        self.pings.forget();
        Ok(())
    }

    /// Takes from the source when nothing is left to send.
    fn refill(&mut self) -> Result<(), Ending> {
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
            Source::Messages(messages) => messages.poll(),
        };
        match input {
            None => {}
            Some(Input::Batch(batch)) => self.outbox = batch.into(),
            Some(Input::End) => {
                self.source = Source::Ended;
                self.silent_since = Some(Instant::now());
            }
            Some(Input::Failed(failure)) => return Err(Ending::Failed(failure)),
        }
        Ok(())
    }

    /// Sends a part of what there is to send.
    fn send_some(&mut self) -> Result<Sent, Stop> {
        let mut sent = Sent::Nothing;
        if let Some(payload) = self.pings.due(Instant::now()) {
            self.greeting.push_back(Outgoing::Ping(payload));
        }
        for _ in 0..SENT_PER_TURN {
            let greets = !self.greeting.is_empty();
            let queue = if greets {
                &mut self.greeting
            } else {
                &mut self.outbox
            };
            let Some(message) = queue.pop_front() else {
                break;
            };
            sent = Sent::Some;
            if let Some(left) = self.dialler.time_left() {
                self.client.set_send_timeout(SEND_TIMEOUT.min(left));
            }
            let (result, event) = match &message {
                Outgoing::Text(text) => (self.client.send_text(text), Event::Text(text)),
                Outgoing::Binary(payload) => {
                    (self.client.send_binary(payload), Event::Binary(payload))
                }
                Outgoing::Ping(payload) => {
                    self.pings.note(payload.clone(), Instant::now());
                    (self.client.send_ping(payload), Event::Ping(payload))
                }
                Outgoing::Pong(payload) => (self.client.send_pong(payload), Event::Pong(payload)),
                Outgoing::Close(code, reason) => {
                    self.rules.close = (*code, reason.clone());
                    return Ok(Sent::Close);
                }
            };
            match result {
                Ok(()) => self
                    .output
                    .event(&line(Direction::Out, &self.peer, event))?,
                // What arrived before the end, and why it ended, is still to be received.
                Err(error) if error.kind() == ErrorKind::Closed => {
                    if self.dialler.may_dial_again() {
                        if !greets {
                            self.outbox.push_front(message);
                        }
                        break;
                    }
                    self.unsent = true;
                    self.outbox.clear();
                    self.source = Source::Ended;
                }
                Err(error) => {
                    self.print_what_came()?;
                    self.dialler.check_time()?;
                    return Err(failure(&error).into());
                }
            }
        }
        Ok(sent)
    }

    /// Prints what came while a message did not leave, which ends the command.
    fn print_what_came(&mut self) -> Result<(), Stop> {
        // A peer that never pauses must not keep it from ending.
        for _ in 0..RECEIVED_AT_THE_END {
            match self.client.receive(Duration::ZERO) {
                Ok(Some(message)) if !self.is_counted() => self.print(&message)?,
                Ok(_) | Err(_) => break,
            }
        }
        Ok(())
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
        if let Message::Pong(payload) = message
            && let Some(time) = self.pings.answered(payload, Instant::now())
        {
            let (time, address) = (1000.0 * time.as_secs_f64(), self.client.address());
            self.output
                .status(format_args!("pong from {address} after {time:.3} ms"));
        }
        self.output.event(&line(Direction::In, &self.peer, event))
    }

    fn is_counted(&self) -> bool {
        self.rules.count.is_some_and(|count| self.received >= count)
    }

    fn silence_ends(&self) -> Option<Instant> {
        match (self.silent_since, self.rules.patience) {
            (Some(since), Patience::For(wait)) => Some(since + wait),
            _ => None,
        }
    }

    fn is_silent(&self) -> bool {
        self.outbox.is_empty()
            && self.greeting.is_empty()
            && self.silence_ends().is_some_and(|end| Instant::now() >= end)
    }

    fn time_to_wait(&self) -> Duration {
        let end = [self.silence_ends(), self.pings.next()];
        let end = end.into_iter().flatten().min();
        let wait = end.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        });
        self.dialler.time_left().map_or(wait, |left| wait.min(left))
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(payload) => payload.len(),
        _ => 0,
    }
}

fn line<'a>(direction: Direction, peer: &'a Peer, event: Event<'a>) -> Line<'a> {
    Line {
        direction: Some(direction),
        peer: Some(peer),
        event,
    }
}

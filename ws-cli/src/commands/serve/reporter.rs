//! What `ws serve` tells of its connections: events on stdout, status on stderr.
//!
//! Printing is done on the loop's thread: a reader of stdout that is slow slows the clients down, and nothing is
//! dropped. One that went away stops the server, and that is success.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ws_server::{CloseInfo, ClosedBy, Message, PeerAddress, Stopper};

use super::http::{Counters, Traffic};
use crate::failure::Stop;
use crate::output::{Direction, Event, Line, Output, Peer};

/// Why printing ended the server, for all loops.
pub(super) struct Ended {
    stopper: Stopper,
    at_most: Duration,
    stop: Mutex<Option<Stop>>,
}

impl Ended {
    /// Knows how to stop the server.
    pub(super) fn new(stopper: Stopper, at_most: Duration) -> Self {
        Self {
            stopper,
            at_most,
            stop: Mutex::new(None),
        }
    }

    /// Why the server ended, if printing was it.
    pub(super) fn take(&self) -> Option<Stop> {
        self.lock().take()
    }

    fn end(&self, stop: Stop) {
        // The first failure counts; the connections that are closed now cannot be printed either.
        self.lock().get_or_insert(stop);
        self.stopper.stop(self.at_most);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Stop>> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints and counts what happens on one loop's connections.
pub(super) struct Reporter {
    output: Output,
    ended: Arc<Ended>,
    pub(super) counters: Arc<Counters>,
}

impl Reporter {
    pub(super) fn new(output: Output, ended: Arc<Ended>, counters: Arc<Counters>) -> Self {
        Self {
            output,
            ended,
            counters,
        }
    }

    /// Whether every event is printed; otherwise only what came in is, where the mode prints at all.
    pub(super) fn is_json(&self) -> bool {
        self.output.is_json()
    }

    /// A line on stderr.
    pub(super) fn status(&self, text: fmt::Arguments<'_>) {
        self.output.status(text);
    }

    /// Prints an event.
    pub(super) fn print(&mut self, direction: Direction, peer: Option<&Peer>, event: Event<'_>) {
        let line = Line {
            direction: Some(direction),
            peer,
            event,
        };
        if let Err(stop) = self.output.event(&line).and_then(|()| self.output.flush()) {
            self.ended.end(stop);
        }
    }

    /// Prints an event where all are printed; `peer` is known there only.
    pub(super) fn tell(&mut self, direction: Direction, peer: Option<&Peer>, event: Event<'_>) {
        if peer.is_some() {
            self.print(direction, peer, event);
        }
    }

    /// Counts a message that came, and prints it where all events are printed.
    pub(super) fn received(&mut self, peer: Option<&Peer>, message: Message<'_>) {
        self.count_received(message);
        self.tell(Direction::In, peer, event(message));
    }

    /// Counts a message that came.
    pub(super) fn count_received(&self, message: Message<'_>) {
        let traffic = match message {
            Message::Text(_) => Traffic::ReceivedText,
            Message::Binary(_) => Traffic::ReceivedBinary,
        };
        self.counters.message(traffic, message.as_bytes().len());
    }

    /// Counts a message that is on its way, and prints it where all events are printed.
    pub(super) fn sent(&mut self, peer: Option<&Peer>, message: Message<'_>) {
        self.count_sent(
            matches!(message, Message::Text(_)),
            message.as_bytes().len(),
        );
        self.tell(Direction::Out, peer, event(message));
    }

    /// Counts a message that is on its way.
    pub(super) fn count_sent(&self, is_text: bool, bytes: usize) {
        let traffic = if is_text {
            Traffic::SentText
        } else {
            Traffic::SentBinary
        };
        self.counters.message(traffic, bytes);
    }

    /// Counts and tells of a ping.
    pub(super) fn ping(&mut self, peer: Option<&Peer>, payload: &[u8]) {
        self.counters.message(Traffic::ReceivedPing, payload.len());
        self.tell(Direction::In, peer, Event::Ping(payload));
    }

    /// Counts and tells of a pong.
    pub(super) fn pong(&mut self, peer: Option<&Peer>, payload: &[u8]) {
        self.counters.message(Traffic::ReceivedPong, payload.len());
        self.tell(Direction::In, peer, Event::Pong(payload));
    }

    /// Tells of the end of a connection.
    pub(super) fn closed(
        &mut self,
        address: PeerAddress,
        peer: Option<&Peer>,
        info: CloseInfo<'_>,
    ) {
        self.counters.closed(info);
        let CloseInfo {
            code, reason, by, ..
        } = info;
        if reason.is_empty() {
            self.status(format_args!("close {address} {code}: {by}"));
        } else {
            self.status(format_args!("close {address} {code} ({reason}): {by}"));
        }
        let direction = match by {
            ClosedBy::Peer | ClosedBy::Lost => Direction::In,
            _ => Direction::Out,
        };
        let code = code.as_u16();
        self.tell(direction, peer, Event::Close { code, reason });
    }
}

/// A message as an event.
pub(super) fn event(message: Message<'_>) -> Event<'_> {
    match message {
        Message::Text(text) => Event::Text(text),
        Message::Binary(payload) => Event::Binary(payload),
    }
}

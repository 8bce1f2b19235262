//! The received messages of all connections: first in, first out within each, in turns between them.
//!
//! ```text
//! loop:  open ──> push, push, … ──> close          (a full queue answers Pause)
//! user:          next (whose turn it is) / next_from (one connection)   (room again: resume)
//! ```
//!
//! A connection with messages holds a turn. Taking its first message by [`FairQueue::next`] gives it a new turn
//! behind all others. A closed connection stays until its last message has been taken, then its close code is
//! remembered for a while ([`REMEMBERED_CLOSED`] connections).
//!
//! Invariants: `turns` names exactly the connections with messages, each once. `depth` is the sum over the
//! connections. Nothing here blocks, wakes or knows a thread; `inbox` does.

use std::collections::{BTreeMap, VecDeque};

use super::by_id::ById;
use super::error::MailboxError;
use super::limits::{Left, QueueLimits};
use super::message::{
    ConnectionDetails, ConnectionEnd, ConnectionInfo, MessageKind, QueueDepth, Received, Statistics,
};
use super::sync::Arc;
use super::unsent::Unsent;
use crate::ConnectionId;

/// A whole message on its way to a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) kind: MessageKind,
    pub(super) payload: Vec<u8>,
}

impl Stored {
    /// A message of ours about a connection.
    pub(super) const fn notice(kind: MessageKind) -> Self {
        Self {
            kind,
            payload: Vec::new(),
        }
    }

    /// What the message counts in the limits: an empty one is not free.
    pub(super) fn charge(&self) -> usize {
        self.payload.len().max(MIN_CHARGE)
    }
}

/// What those are told who want something of a connection that has ended.
pub(super) fn closed_error(id: ConnectionId, end: &ConnectionEnd) -> MailboxError {
    MailboxError::Closed {
        id,
        code: end.code,
        reason: end.reason.clone(),
    }
}

/// A message on its way to a socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing {
    pub(super) payload_bytes: usize,
    pub(super) frame_bytes: usize,
}

/// What to do with a connection whose message was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// There is room for more.
    Room,
    /// The queue is full: stop reading until [`Taken::resume`].
    Full,
    /// The connection has ended on our side; the message is not kept.
    Ended,
}

/// A message taken, and whether its connection is to be read again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) received: Received,
    pub(super) resume: bool,
}

#[derive(Debug)]
pub(super) struct FairQueue {
    limits: QueueLimits,
    entries: ById<Entry>,
    /// Connections with messages, by turn.
    turns: BTreeMap<u64, ConnectionId>,
    last_turn: u64,
    depth: QueueDepth,
    /// What has been counted since the start; what changes in both directions is counted when asked for.
    totals: Statistics,
    /// The newest connections that are closed and drained, oldest first.
    closed: VecDeque<(ConnectionId, Arc<ConnectionEnd>)>,
}

#[derive(Debug)]
struct Entry {
    details: Arc<ConnectionDetails>,
    messages: VecDeque<Stored>,
    bytes: usize,
    /// Some while there are messages.
    turn: Option<u64>,
    /// The loop was told that the queue is full.
    paused: bool,
    end: Option<Arc<ConnectionEnd>>,
    unsent: Unsent,
}

impl FairQueue {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            entries: ById::default(),
            turns: BTreeMap::new(),
            last_turn: 0,
            depth: QueueDepth::default(),
            totals: Statistics::default(),
            closed: VecDeque::new(),
        }
    }

    pub(super) fn open(&mut self, id: ConnectionId, details: Arc<ConnectionDetails>) {
        let entry = Entry {
            details,
            messages: VecDeque::new(),
            bytes: 0,
            turn: None,
            paused: false,
            end: None,
            unsent: Unsent::default(),
        };
        self.totals.connections_opened += 1;
        if let Some(old) = self.entries.insert(id, entry) {
            self.forget(old);
        }
    }

    /// Queues a message and answers whether the connection may go on.
    pub(super) fn push(&mut self, id: ConnectionId, message: Stored) -> Pushed {
        let Some(entry) = self
            .entries
            .get_mut(&id)
            .filter(|entry| entry.end.is_none())
        else {
            return Pushed::Ended;
        };
        self.totals.count_received(&message);
        let charge = message.charge();
        entry.messages.push_back(message);
        entry.bytes += charge;
        self.depth.messages += 1;
        self.depth.bytes += charge;
        if entry.turn.is_none() {
            self.last_turn += 1;
            self.turns.insert(self.last_turn, id);
            entry.turn = Some(self.last_turn);
        }
        let allowed = self.limits.bytes_at(self.depth.bytes);
        if entry.messages.len() >= self.limits.messages || entry.bytes >= allowed {
            entry.paused = true;
            Pushed::Full
        } else {
            Pushed::Room
        }
    }

    /// Tells what the queue of a connection can take.
    pub(super) fn left(&self, id: ConnectionId) -> Left {
        let allowed = self.limits.bytes_at(self.depth.bytes);
        self.entries.get(&id).map_or(Left::NOTHING, |entry| Left {
            messages: self.limits.messages.saturating_sub(entry.messages.len()),
            bytes: allowed.saturating_sub(entry.bytes),
        })
    }

    /// Queues a message at the price of the oldest ones, for as long as nobody reads. Returns how many went.
    pub(super) fn push_over_oldest(&mut self, id: ConnectionId, message: Stored) -> u64 {
        if self.push(id, message) == Pushed::Ended {
            return 0;
        }
        let Some(entry) = self.entries.get_mut(&id) else {
            return 0;
        };
        entry.paused = false;
        let mut dropped = 0;
        while entry.messages.len() > 1
            && (entry.messages.len() > self.limits.messages
                || entry.bytes > self.limits.bytes_at(self.depth.bytes))
        {
            let Some(oldest) = entry.messages.pop_front() else {
                break;
            };
            entry.bytes -= oldest.charge();
            self.depth.messages -= 1;
            self.depth.bytes -= oldest.charge();
            dropped += u64::from(oldest.kind.is_message());
        }
        self.depth.dropped += dropped;
        dropped
    }

    /// Makes a message that a reader is already waiting for, without queueing it.
    ///
    /// The connection's queue must be empty. `None` if the connection has ended on our side. How many follow
    /// is for the reader to count: those of the same read come after it.
    pub(super) fn pass(&mut self, id: ConnectionId, message: Stored) -> Option<Received> {
        let entry = self.entries.get(&id).filter(|entry| entry.end.is_none())?;
        debug_assert!(
            entry.messages.is_empty(),
            "a message must not overtake another"
        );
        self.totals.count_received(&message);
        Some(Received {
            id,
            kind: message.kind,
            payload: message.payload,
            is_active: true,
            end: None,
            more: 0,
            connection: Arc::clone(&entry.details),
        })
    }

    /// Takes the first message of the connection whose turn it is.
    pub(super) fn next(&mut self) -> Option<Taken> {
        let (_, &id) = self.turns.first_key_value()?;
        let mut taken = self.take(id)?;
        taken.received.more = self.depth.messages;
        if let Some(entry) = self.entries.get_mut(&id)
            && let Some(turn) = entry.turn
        {
            self.turns.remove(&turn);
            self.last_turn += 1;
            self.turns.insert(self.last_turn, id);
            entry.turn = Some(self.last_turn);
        }
        Some(taken)
    }

    /// Takes the first message of one connection, whose turn in [`Self::next`] stays as it is.
    ///
    /// `Ok(None)` if it is open and has sent nothing more.
    pub(super) fn next_from(&mut self, id: ConnectionId) -> Result<Option<Taken>, MailboxError> {
        match self.take(id) {
            Some(taken) => Ok(Some(taken)),
            None if self.entries.contains_key(&id) => Ok(None),
            None => Err(self.missing(id)),
        }
    }

    /// Marks a connection as ended. Its messages stay readable; without any, it is gone at once.
    ///
    /// With `notice`, a last message says that it has ended. `false` if it had ended before, or never was.
    pub(super) fn close(
        &mut self,
        id: ConnectionId,
        end: &Arc<ConnectionEnd>,
        notice: bool,
    ) -> bool {
        let is_open = self
            .entries
            .get(&id)
            .is_some_and(|entry| entry.end.is_none());
        if !is_open {
            return false;
        }
        if notice {
            // The limit is not for it: nothing comes after it.
            self.push(id, Stored::notice(MessageKind::Closed));
        }
        match self.entries.get_mut(&id) {
            Some(entry) if !entry.messages.is_empty() => entry.end = Some(Arc::clone(end)),
            _ => {
                self.entries.remove(&id);
                self.remember(id, Arc::clone(end));
            }
        }
        true
    }

    /// Takes a connection out of the list with everything it sent. `false` if it is not there.
    pub(super) fn remove(&mut self, id: ConnectionId, end: &Arc<ConnectionEnd>) -> bool {
        let Some(mut entry) = self.entries.remove(&id) else {
            return false;
        };
        let end = entry.end.take().unwrap_or_else(|| Arc::clone(end));
        self.forget(entry);
        self.remember(id, end);
        true
    }

    /// Takes an ended connection out with its messages, which count as dropped.
    pub(super) fn drop_ended(&mut self, id: ConnectionId) {
        let Some(end) = self.entries.get(&id).and_then(|entry| entry.end.clone()) else {
            return;
        };
        if let Some(entry) = self.entries.get(&id) {
            let messages = entry.messages.iter();
            let count = messages.filter(|message| message.kind.is_message()).count();
            self.depth.dropped += count as u64;
        }
        self.remove(id, &end);
    }

    /// Checks that a connection is open.
    pub(super) fn check_open(&self, id: ConnectionId) -> Result<(), MailboxError> {
        match self.entries.get(&id) {
            Some(Entry { end: None, .. }) => Ok(()),
            Some(Entry { end: Some(end), .. }) => Err(closed_error(id, end)),
            None => Err(self.missing(id)),
        }
    }

    /// Counts a message as on its way to an open connection, if it has room for it.
    pub(super) fn reserve(
        &mut self,
        id: ConnectionId,
        message: Outgoing,
        limit: usize,
    ) -> Result<(), MailboxError> {
        self.check_open(id)?;
        if let Some(entry) = self.entries.get_mut(&id)
            && !entry.unsent.reserve(message.frame_bytes, limit)
        {
            return Err(self.full(id, message, limit, 0));
        }
        self.totals.messages_sent += 1;
        self.totals.bytes_sent += message.payload_bytes as u64;
        Ok(())
    }

    /// Says that a message found no room beside what is queued, and the `before` bytes of those who wait for room.
    pub(super) fn full(
        &self,
        id: ConnectionId,
        message: Outgoing,
        limit: usize,
        before: usize,
    ) -> MailboxError {
        let entry = self.entries.get(&id);
        let queued_bytes = entry.map_or(0, |entry| entry.unsent.total());
        MailboxError::QueueFull {
            id,
            queued_bytes: queued_bytes.saturating_add(before),
            message_bytes: message.frame_bytes,
            limit_bytes: limit,
        }
    }

    /// Takes in that the loop has handled commands of `handled` bytes and now holds `queued` bytes.
    pub(super) fn report_unsent(&mut self, id: ConnectionId, handled: usize, queued: usize) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.unsent.report(handled, queued);
        }
    }

    /// Lists the open connections, and the closed ones with messages, in no order.
    pub(super) fn connections(&self) -> Vec<ConnectionInfo> {
        let info = |(&id, entry): (&ConnectionId, &Entry)| ConnectionInfo {
            id,
            is_active: entry.end.is_none(),
            end: entry.end.clone(),
            queued_messages: entry.messages.len(),
            queued_bytes: entry.bytes,
            unsent_bytes: entry.unsent.total(),
            connection: Arc::clone(&entry.details),
        };
        self.entries.iter().map(info).collect()
    }

    /// Names the connections that are open, at one path if `path` is some.
    pub(super) fn open_ids(&self, path: Option<&str>) -> impl Iterator<Item = ConnectionId> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.end.is_none())
            .filter(move |(_, entry)| path.is_none_or(|path| entry.details.path == path))
            .map(|(&id, _)| id)
    }

    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            queued_messages: self.depth.messages,
            queued_bytes: self.depth.bytes,
            dropped: self.depth.dropped,
            ..self.totals
        };
        for entry in self.entries.values() {
            statistics.connections += usize::from(entry.end.is_none());
            statistics.unsent_bytes += entry.unsent.total();
        }
        statistics
    }

    /// Counts what a reader of one connection, or of any, can take at once.
    pub(super) fn waiting(&self, target: Option<ConnectionId>) -> usize {
        match target {
            None => self.depth.messages,
            Some(id) => self
                .entries
                .get(&id)
                .map_or(0, |entry| entry.messages.len()),
        }
    }

    pub(super) const fn depth(&self) -> QueueDepth {
        self.depth
    }

    pub(super) const fn limits(&self) -> QueueLimits {
        self.limits
    }

    fn take(&mut self, id: ConnectionId) -> Option<Taken> {
        let entry = self.entries.get_mut(&id)?;
        let message = entry.messages.pop_front()?;
        let charge = message.charge();
        entry.bytes -= charge;
        self.depth.messages -= 1;
        self.depth.bytes -= charge;
        // Half empty, so that a reader at the limit does not cost a pause and a resume for every message.
        let resume = entry.paused
            && entry.end.is_none()
            && entry.messages.len() <= self.limits.messages / 2
            && entry.bytes <= self.limits.bytes_at(self.depth.bytes) / 2;
        if resume {
            entry.paused = false;
        }
        let received = Received {
            id,
            kind: message.kind,
            payload: message.payload,
            is_active: entry.end.is_none(),
            end: entry.end.clone(),
            more: entry.messages.len(),
            connection: Arc::clone(&entry.details),
        };
        if entry.messages.is_empty() {
            if let Some(turn) = entry.turn.take() {
                self.turns.remove(&turn);
            }
            if entry.messages.capacity() > KEPT_CAPACITY {
                entry.messages = VecDeque::new();
            }
            if let Some(end) = entry.end.take() {
                self.entries.remove(&id);
                self.remember(id, end);
            }
        }
        Some(Taken { received, resume })
    }

    fn missing(&self, id: ConnectionId) -> MailboxError {
        match self.closed.iter().rev().find(|(closed, _)| *closed == id) {
            Some((_, end)) => closed_error(id, end),
            None => MailboxError::NotFound { id },
        }
    }

    fn remember(&mut self, id: ConnectionId, end: Arc<ConnectionEnd>) {
        if self.closed.len() >= REMEMBERED_CLOSED {
            self.closed.pop_front();
        }
        self.closed.push_back((id, end));
    }

    /// Takes an entry that is out of `entries` out of the sums.
    fn forget(&mut self, entry: Entry) {
        self.depth.messages -= entry.messages.len();
        self.depth.bytes -= entry.bytes;
        if let Some(turn) = entry.turn {
            self.turns.remove(&turn);
        }
    }
}

impl Statistics {
    fn count_received(&mut self, message: &Stored) {
        if message.kind.is_message() {
            self.messages_received += 1;
            self.bytes_received += message.payload.len() as u64;
        }
    }
}

/// Closed and drained connections that still answer "closed" with their code, at most 160 KiB of them.
pub(super) const REMEMBERED_CLOSED: usize = 1024;
const MIN_CHARGE: usize = 64;
/// Room for messages that an emptied queue keeps for the next ones.
const KEPT_CAPACITY: usize = 32;

#[cfg(test)]
pub(super) mod tests;

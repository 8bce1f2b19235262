//! The threads that wait for room in a connection's send queue, first come, first served.
//!
//! Invariant: whoever leaves wakes the next, so a wake-up is never lost to a thread that has given up.

use std::collections::{HashMap, VecDeque};

use super::sync::{Arc, Condvar};
use crate::ConnectionId;

/// Queues of waiting threads, by connection.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Holds no empty queue.
    waiting: HashMap<ConnectionId, VecDeque<Place>>,
    last_number: u64,
}

#[derive(Debug)]
struct Place {
    number: u64,
    /// What the thread's message takes.
    bytes: usize,
    wake: Arc<Condvar>,
}

/// A waiting thread's place in the queue of a connection.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    id: ConnectionId,
    number: u64,
    /// What the thread sleeps on.
    pub(super) wake: Arc<Condvar>,
}

impl Room {
    /// Enters a thread with a message of `bytes` at the end of the queue.
    pub(super) fn enter(&mut self, id: ConnectionId, bytes: usize) -> Ticket {
        self.last_number += 1;
        let ticket = Ticket {
            id,
            number: self.last_number,
            wake: Arc::new(Condvar::new()),
        };
        self.waiting.entry(id).or_default().push_back(Place {
            number: ticket.number,
            bytes,
            wake: Arc::clone(&ticket.wake),
        });
        ticket
    }

    /// Returns what the messages take of those who came before this thread, or (`None`) before one that comes now.
    pub(super) fn bytes_before(&self, id: ConnectionId, ticket: Option<&Ticket>) -> usize {
        self.waiting
            .get(&id)
            .into_iter()
            .flatten()
            .take_while(|place| ticket.is_none_or(|ticket| ticket.number != place.number))
            .map(|place| place.bytes)
            .sum()
    }

    /// Takes a thread out, and wakes the one that is first now.
    pub(super) fn leave(&mut self, ticket: &Ticket) {
        if let Some(waiting) = self.waiting.get_mut(&ticket.id) {
            waiting.retain(|place| place.number != ticket.number);
            if waiting.is_empty() {
                self.waiting.remove(&ticket.id);
            }
        }
        self.wake_first(ticket.id);
    }

    /// There may be room: wakes the thread that has waited longest.
    pub(super) fn wake_first(&self, id: ConnectionId) {
        if let Some(first) = self.waiting.get(&id).and_then(VecDeque::front) {
            first.wake.notify_one();
        }
    }

    /// There will be no room any more: wakes all who wait for this connection.
    pub(super) fn wake_one(&self, id: ConnectionId) {
        for place in self.waiting.get(&id).into_iter().flatten() {
            place.wake.notify_one();
        }
    }

    /// Wakes all who wait at all.
    pub(super) fn wake_all(&self) {
        for place in self.waiting.values().flatten() {
            place.wake.notify_one();
        }
    }

    /// Counts the threads inside.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests;

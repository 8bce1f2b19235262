//! The threads that wait for a message, each in a slot of its own, woken by name.
//!
//! What a thread waits for is put into its slot before it is woken, so no other thread can take it first, and
//! exactly one thread wakes for one message.
//!
//! Invariant: whoever waits found nothing to take. So a connection somebody waits for has no messages, and none
//! has any while somebody waits for all: a message given to a waiter never overtakes another.

use std::collections::{HashMap, VecDeque};

use slab::Slab;

use super::sync::{Arc, Condvar};
use crate::ConnectionId;

/// A waiting thread's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaiterKey(usize);

/// Slots of waiting threads; `O` is what they are given.
#[derive(Debug)]
pub(super) struct Waiters<O> {
    slots: Slab<Slot<O>>,
    /// Those that wait for any connection and were given nothing yet, in the order they came.
    any: VecDeque<usize>,
    /// The same for those that wait for one connection. Holds no empty queue.
    one: HashMap<ConnectionId, VecDeque<usize>>,
}

#[derive(Debug)]
struct Slot<O> {
    target: Option<ConnectionId>,
    outcome: Option<O>,
    wake: Arc<Condvar>,
}

impl<O> Waiters<O> {
    pub(super) fn new() -> Self {
        Self {
            slots: Slab::new(),
            any: VecDeque::new(),
            one: HashMap::new(),
        }
    }

    /// Enters a thread that waits for a message of `target`, or of any connection, and is woken by `wake`.
    pub(super) fn enter(&mut self, target: Option<ConnectionId>, wake: Arc<Condvar>) -> WaiterKey {
        let key = self.slots.insert(Slot {
            target,
            outcome: None,
            wake,
        });
        match target {
            None => self.any.push_back(key),
            Some(id) => self.one.entry(id).or_default().push_back(key),
        }
        WaiterKey(key)
    }

    /// Tells whether the thread was given something.
    pub(super) fn is_served(&self, key: WaiterKey) -> bool {
        self.slots
            .get(key.0)
            .is_some_and(|slot| slot.outcome.is_some())
    }

    /// Takes a thread out, with what it was given, be it at the last moment.
    pub(super) fn leave(&mut self, key: WaiterKey) -> Option<O> {
        let slot = self.slots.try_remove(key.0)?;
        if slot.outcome.is_none() {
            match slot.target {
                None => self.any.retain(|&waiting| waiting != key.0),
                Some(id) => {
                    if let Some(waiting) = self.one.get_mut(&id) {
                        waiting.retain(|&waiting| waiting != key.0);
                        if waiting.is_empty() {
                            self.one.remove(&id);
                        }
                    }
                }
            }
        }
        slot.outcome
    }

    /// Tells whether a message of this connection has somebody waiting for it.
    pub(super) fn awaits(&self, id: ConnectionId) -> bool {
        !self.any.is_empty() || self.one.contains_key(&id)
    }

    /// Gives what `make` makes to the thread that has waited longest for this connection, else to the one that
    /// has waited longest for any, and wakes it. `false`, and nothing made, if nobody waits.
    pub(super) fn give(&mut self, id: ConnectionId, make: impl FnOnce() -> O) -> bool {
        let key = match self.one.get_mut(&id) {
            Some(waiting) => {
                let key = waiting.pop_front();
                if waiting.is_empty() {
                    self.one.remove(&id);
                }
                key
            }
            None => self.any.pop_front(),
        };
        let Some(slot) = key.and_then(|key| self.slots.get_mut(key)) else {
            return false;
        };
        slot.outcome = Some(make());
        slot.wake.notify_one();
        true
    }

    /// Gives an answer to every thread that waits for this one connection.
    pub(super) fn give_one(&mut self, id: ConnectionId, make: impl Fn() -> O) {
        for key in self.one.remove(&id).unwrap_or_default() {
            if let Some(slot) = self.slots.get_mut(key) {
                slot.outcome = Some(make());
                slot.wake.notify_one();
            }
        }
    }

    /// Gives an answer to every thread that waits at all.
    pub(super) fn give_all(&mut self, make: impl Fn() -> O) {
        self.any.clear();
        self.one.clear();
        for (_, slot) in self
            .slots
            .iter_mut()
            .filter(|(_, slot)| slot.outcome.is_none())
        {
            slot.outcome = Some(make());
            slot.wake.notify_one();
        }
    }

    /// Counts the threads inside, those included that have been given something and not woken yet.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

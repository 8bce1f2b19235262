//! A received message between the two halves of a receive: what it is, and its payload.
//!
//! The add-in's hosts get the metadata first and fetch the payload with a call of its own; either may fail for want of
//! memory. So a message leaves its place here only when its metadata has been delivered, and counts as read when its
//! payload has been taken or the next receive starts.
//!
//! Invariant: a message whose metadata was not confirmed, or whose payload found no memory, is given again, before any
//! newer one.
//! Invariant: a receive of one thread leaves alone what another thread was told of and is about to take.
//! Invariant: a payload is taken by one thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, ThreadId};

use parking_lot::Mutex;

use super::value::Value;

/// The payload of a received message.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are texts and bytes")]
pub enum Payload {
    /// Valid UTF-8.
    Text(String),
    /// Any bytes.
    Binary(Vec<u8>),
}

impl From<Payload> for Value {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Text(text) => Self::Text(text),
            Payload::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

/// A message that was received and not read yet.
#[derive(Debug)]
pub(super) struct Held {
    /// The answer without the payload.
    pub(super) metadata: Value,
    /// The answer's field for the payload, and the payload; a Close has none.
    pub(super) payload: Option<(&'static str, Payload)>,
    /// The connection, on a server.
    pub(super) id: Option<String>,
    /// How often the host had no memory for the payload.
    pub(super) refusals: AtomicU8,
}

impl Held {
    fn is_from(&self, id: &str) -> bool {
        self.id
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(id))
    }
}

/// The place for held messages of one object.
#[derive(Debug, Default)]
pub(super) struct Hold(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Not confirmed, oldest first.
    again: VecDeque<Arc<Held>>,
    /// Confirmed, with a payload not taken yet: the last of each thread, oldest first.
    current: Vec<Current>,
}

#[derive(Debug)]
struct Current {
    /// Which has received it.
    thread: ThreadId,
    held: Arc<Held>,
    /// The host had no memory for its payload: it is to be given again.
    is_refused: bool,
}

impl Current {
    /// Whoever takes one has an `Arc` of it; nobody else is to get it meanwhile.
    fn is_free(&self) -> bool {
        Arc::strong_count(&self.held) == 1
    }
}

impl State {
    /// This thread's message counts as read, if it was not taken and could have been.
    fn pass_over(&mut self) {
        let own = thread::current().id();
        let is_over = |current: &mut Current| {
            current.thread == own || current.is_refused && current.is_free()
        };
        let over: Vec<Current> = self.current.extract_if(.., is_over).collect();
        for current in over.into_iter().rev() {
            self.give_again(current);
        }
    }

    fn give_again(&mut self, current: Current) {
        if current.is_refused {
            self.again.push_front(current.held);
        }
    }

    /// What a thread that takes gets: the message this thread was told of, else the newest that any was. A host may
    /// receive in one thread and take in another.
    fn takeable(&mut self) -> Option<&mut Current> {
        let own = thread::current().id();
        let is_own = |current: &Current| current.is_free() && current.thread == own;
        let index = self.current.iter().rposition(is_own);
        let index = index.or_else(|| self.current.iter().rposition(Current::is_free))?;
        self.current.get_mut(index)
    }
}

/// The first half of a receive: the answer without the payload, or the whole answer of a failure.
///
/// [`Receipt::confirm`] says that the host has it; then the payload can be taken. Dropped without that, the message is
/// given again by the next receive.
#[derive(Debug)]
#[must_use = "a message that is not confirmed comes again"]
pub struct Receipt<'a> {
    hold: &'a Hold,
    held: Option<Arc<Held>>,
    failure: Value,
}

impl Receipt<'_> {
    /// The answer, without the payload.
    pub fn metadata(&self) -> &Value {
        self.held
            .as_ref()
            .map_or(&self.failure, |held| &held.metadata)
    }

    /// What waits to be taken, once the metadata is confirmed; `None` for a failure and for a Close.
    pub fn payload(&self) -> Option<&Payload> {
        let (_, payload) = self.held.as_ref()?.payload.as_ref()?;
        Some(payload)
    }

    /// The host has the metadata.
    pub fn confirm(mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        let mut state = self.hold.0.lock();
        state.pass_over();
        if held.payload.is_some() {
            if state.current.len() == MAX_CURRENT {
                let oldest = state.current.remove(0);
                state.give_again(oldest);
            }
            state.current.push(Current {
                thread: thread::current().id(),
                held,
                is_refused: false,
            });
        }
    }

    /// The whole answer with its payload, which counts as read.
    pub fn into_value(mut self) -> Value {
        let Some(held) = self.held.take() else {
            return std::mem::take(&mut self.failure);
        };
        // Nobody else has seen it: it was not confirmed.
        let Ok(Held {
            mut metadata,
            payload,
            ..
        }) = Arc::try_unwrap(held)
        else {
            return std::mem::take(&mut self.failure);
        };
        if let (Value::Map(entries), Some((field, payload))) = (&mut metadata, payload) {
            entries.push((field.to_owned(), payload.into()));
        }
        metadata
    }
}

impl Drop for Receipt<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.hold.0.lock().again.push_front(held);
        }
    }
}

impl Hold {
    /// A receive starts: what could be taken until now counts as read. Gives what was not confirmed again, of the
    /// connection `id` if one is named.
    pub(super) fn begin(&self, id: Option<&str>) -> Option<Receipt<'_>> {
        let mut state = self.0.lock();
        state.pass_over();
        let is_wanted = |held: &Arc<Held>| id.is_none_or(|id| held.is_from(id));
        let index = state.again.iter().position(is_wanted)?;
        let held = state.again.remove(index)?;
        Some(self.receipt(held))
    }

    /// A message has been received.
    pub(super) fn hold(&self, held: Held) -> Receipt<'_> {
        self.receipt(Arc::new(held))
    }

    /// A receive has failed.
    pub(super) const fn failed(&self, failure: Value) -> Receipt<'_> {
        Receipt {
            hold: self,
            held: None,
            failure,
        }
    }

    fn receipt(&self, held: Arc<Held>) -> Receipt<'_> {
        Receipt {
            hold: self,
            held: Some(held),
            failure: Value::Undefined,
        }
    }

    /// Lets `take` have the payload of what this thread was told of, or of the newest; it counts as read if that
    /// succeeds. `take` runs under no lock.
    pub(super) fn take_payload<R>(&self, take: impl FnOnce(&Payload) -> Option<R>) -> Option<R> {
        let held = Arc::clone(&self.0.lock().takeable()?.held);
        let (_, payload) = held.payload.as_ref()?;
        let taken = take(payload)?;
        let mut state = self.0.lock();
        state
            .current
            .retain(|current| !Arc::ptr_eq(&current.held, &held));
        // A receive may have put it there meanwhile.
        state.again.retain(|again| !Arc::ptr_eq(again, &held));
        Some(taken)
    }

    /// The host had no memory for what was to be taken: unless that is done yet, the next receive gives it again, but not
    /// for ever.
    pub(super) fn keep_payload(&self) {
        if let Some(current) = self.0.lock().takeable() {
            let refusals = current.held.refusals.fetch_add(1, Ordering::Relaxed);
            current.is_refused = refusals < MAX_AGAIN;
            if !current.is_refused {
                log::error!("a message is passed over: the host never has memory for it");
            }
        }
    }

    /// Forgets the messages of one connection, or all.
    pub(super) fn forget(&self, id: Option<&str>) {
        let mut state = self.0.lock();
        let is_other = |held: &Arc<Held>| id.is_some_and(|id| !held.is_from(id));
        state.again.retain(is_other);
        state.current.retain(|current| is_other(&current.held));
    }
}

/// Messages told of and not taken. Only against hosts whose threads come and go: one uses an object at a time.
const MAX_CURRENT: usize = 16;
/// Messages behind one for which there is never memory are to be received, too.
const MAX_AGAIN: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, text: &str) -> Held {
        Held {
            metadata: Value::Map(vec![(String::from("result"), true.into())]),
            payload: Some(("data", Payload::Text(text.to_owned()))),
            id: Some(id.to_owned()),
            refusals: AtomicU8::new(0),
        }
    }

    fn taken(hold: &Hold) -> Option<String> {
        hold.take_payload(|payload| match payload {
            Payload::Text(text) => Some(text.clone()),
            Payload::Binary(_) => None,
        })
    }

    #[test]
    fn a_payload_can_be_taken_once_and_until_the_next_receive() {
        let hold = Hold::default();
        assert_eq!(taken(&hold), None);
        hold.hold(message("a", "1")).confirm();
        assert_eq!(hold.take_payload(|_| None::<()>), None, "no memory");
        assert_eq!(taken(&hold).as_deref(), Some("1"));
        assert_eq!(taken(&hold), None);
        hold.hold(message("a", "2")).confirm();
        assert!(hold.begin(None).is_none());
        assert_eq!(taken(&hold), None);
    }

    #[test]
    fn a_payload_that_found_no_memory_is_given_again() {
        let hold = Hold::default();
        for number in ["1", "2"] {
            hold.hold(message("a", number)).confirm();
            hold.keep_payload();
        }
        let second = hold.begin(None).unwrap();
        assert_eq!(second.payload(), Some(&Payload::Text("2".into())));
        second.confirm();
        assert_eq!(taken(&hold).as_deref(), Some("2"));
        hold.keep_payload();
        hold.begin(None).unwrap().confirm();
        // Not refused this time, only not taken.
        assert!(hold.begin(None).is_none());
        assert_eq!(taken(&hold), None);
    }

    /// Whichever thread was told of it, whichever receives next, and however many messages others are told of.
    #[test]
    fn threads_that_come_and_go_lose_no_payload_that_found_no_memory() {
        let hold = Hold::default();
        let told = |text: &str| {
            let message = message("a", text);
            thread::scope(|scope| {
                scope.spawn(|| hold.hold(message).confirm());
            });
        };
        told("1");
        hold.keep_payload();
        for _ in 0..=MAX_CURRENT {
            told("x");
        }
        hold.begin(None).unwrap().confirm();
        assert_eq!(taken(&hold).as_deref(), Some("1"));
    }

    #[test]
    fn what_is_taken_while_another_receives_is_not_given_again() {
        let hold = Hold::default();
        hold.hold(message("a", "1")).confirm();
        hold.keep_payload();
        let taken = hold.take_payload(|_| {
            // By the thread that was told of it.
            assert!(hold.0.lock().again.is_empty());
            hold.0.lock().pass_over();
            Some(())
        });
        assert_eq!(taken, Some(()));
        assert!(hold.begin(None).is_none());
    }

    #[test]
    fn a_payload_that_never_finds_memory_is_passed_over_at_last() {
        let hold = Hold::default();
        hold.hold(message("a", "1")).confirm();
        for _ in 0..MAX_AGAIN {
            hold.keep_payload();
            hold.begin(None).unwrap().confirm();
        }
        hold.keep_payload();
        assert!(hold.begin(None).is_none());
    }

    #[test]
    fn threads_take_what_they_were_told_of() {
        let hold = Hold::default();
        hold.hold(message("a", "1")).confirm();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(hold.begin(None).is_none());
                hold.hold(message("a", "2")).confirm();
                assert_eq!(taken(&hold).as_deref(), Some("2"));
                hold.hold(message("a", "3")).confirm();
            });
        });
        assert_eq!(taken(&hold).as_deref(), Some("1"));
        // Its thread is gone.
        assert_eq!(taken(&hold).as_deref(), Some("3"));
        assert_eq!(taken(&hold), None);
    }

    #[test]
    fn a_payload_that_is_being_taken_is_nobody_elses() {
        let hold = Hold::default();
        hold.hold(message("a", "1")).confirm();
        hold.take_payload(|_| {
            thread::scope(|scope| scope.spawn(|| assert_eq!(taken(&hold), None)).join()).unwrap();
            None::<()>
        });
        assert_eq!(taken(&hold).as_deref(), Some("1"));
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let hold = Hold::default();
        for number in 0..100 {
            let message = message("a", &number.to_string());
            thread::scope(|scope| {
                scope.spawn(|| hold.hold(message).confirm());
            });
        }
        assert_eq!(hold.0.lock().current.len(), MAX_CURRENT);
        assert_eq!(taken(&hold).as_deref(), Some("99"));
    }

    #[test]
    fn what_was_not_confirmed_comes_again_in_order() {
        let hold = Hold::default();
        drop(hold.hold(message("a", "1")));
        let first = hold.begin(None).unwrap();
        drop(hold.hold(message("b", "2")));
        drop(first);
        assert!(hold.begin(Some("c")).is_none());
        hold.begin(Some("b")).unwrap().confirm();
        assert_eq!(taken(&hold).as_deref(), Some("2"));
        let whole = hold.begin(None).unwrap().into_value();
        assert_eq!(whole.get("data"), Some(&Value::from("1")));
        assert!(hold.begin(None).is_none());
    }

    #[test]
    fn a_connection_that_is_gone_takes_its_messages_along() {
        let hold = Hold::default();
        drop(hold.hold(message("a", "1")));
        hold.hold(message("b", "2")).confirm();
        hold.forget(Some("b"));
        assert_eq!(taken(&hold), None);
        hold.forget(None);
        assert!(hold.begin(None).is_none());
    }
}

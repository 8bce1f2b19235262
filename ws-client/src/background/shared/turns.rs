//! The worker's side of [`Shared`]: what it takes and brings in each turn, and the ends of connections.

use std::time::Instant;

use super::super::config::Alert;
use super::super::status::{ConnectionEvent, State};
use super::super::sync::{Arc, Waker};
use super::super::worker::Facts;
use super::{End, Progress, Queued, Shared, Work, wait};
use crate::error::{Cause, Error, Stage};
use crate::message::{Close, Message};
use crate::queue::{Elsewhere, charge};

impl Shared {
    /// True once there is no use in connecting: the caller has closed or destroyed the client.
    pub(in crate::background) fn wants_stop(&self) -> bool {
        let inner = self.inner.lock();
        inner.is_destroyed || inner.close.is_some()
    }

    pub(in crate::background) fn is_destroyed(&self) -> bool {
        self.inner.lock().is_destroyed
    }

    /// Waits until then, or until the client is to stop.
    pub(in crate::background) fn wait_stop(&self, until: Option<Instant>) {
        let mut inner = self.inner.lock();
        while !inner.is_destroyed && inner.close.is_none() {
            if !wait(&self.changed, &mut inner, until) {
                return;
            }
        }
    }

    pub(in crate::background) fn set_state(&self, state: State) {
        self.inner.lock().state = state;
        self.changed.notify_all();
    }

    pub(in crate::background) fn report(&self, event: ConnectionEvent) {
        let mut inner = self.inner.lock();
        if inner.events.len() == MAX_EVENTS {
            inner.events.pop_front();
        }
        inner.events.push_back(event);
        drop(inner);
        self.changed.notify_all();
    }

    pub(in crate::background) fn open(&self, facts: Facts, waker: Option<Waker>, is_first: bool) {
        let mut inner = self.inner.lock();
        inner.state = State::Open;
        inner.waker = waker;
        inner.facts = Some(Arc::new(facts));
        inner.first = Some(Ok(()));
        inner.send_end = None;
        inner.is_lost = false;
        inner.statistics.reconnects += u64::from(!is_first);
        drop(inner);
        self.changed.notify_all();
    }

    /// Hands over what is to be sent, about as much as `room`.
    pub(in crate::background) fn begin_turn(
        &self,
        room: usize,
        outgoing: &mut Vec<Queued>,
    ) -> Work {
        let mut inner = self.inner.lock();
        inner.is_signalled = false;
        let mut taken = 0;
        while taken < room
            && let Some(queued) = inner.outbox.pop_front()
        {
            let length = queued.message.payload().len();
            let charged = charge(queued.message.payload());
            inner.outbox_bytes -= charged;
            // Known exactly after the turn.
            inner.wire_bytes += charged;
            inner.has_left = true;
            taken += length.max(1);
            outgoing.push(queued);
        }
        let elsewhere = if inner.statistics.is_paused {
            self.max_inbox
        } else {
            Elsewhere {
                messages: inner.inbox.len(),
                bytes: inner.inbox.charged_bytes(),
            }
        };
        Work {
            is_destroyed: inner.is_destroyed,
            close: inner.close.clone(),
            is_outbox_empty: inner.outbox.is_empty(),
            elsewhere,
        }
    }

    /// Takes over what a turn has brought. If that has filled the queue and `pauses`: what it holds now.
    pub(in crate::background) fn end_turn(
        &self,
        received: &mut Vec<Message>,
        pauses: bool,
        progress: &Progress,
    ) -> Option<Elsewhere> {
        let mut inner = self.inner.lock();
        let count = received.len();
        let was_empty = inner.inbox.is_empty();
        for message in received.drain(..) {
            if matches!(message, Message::Text(_) | Message::Binary(_)) {
                inner.statistics.messages_received += 1;
                inner.statistics.bytes_received += message.payload().len() as u64;
                inner.statistics.last_message = progress.now;
            }
            inner.inbox.push(message);
        }
        let is_gone = !progress.has_unsent && std::mem::take(&mut inner.has_left);
        let is_lighter = progress.wire_bytes < inner.wire_bytes || is_gone;
        inner.wire_bytes = progress.wire_bytes;
        inner.statistics.pings_answered += progress.pings_answered;
        inner.statistics.messages_sent += progress.messages_sent;
        inner.statistics.messages_unsent += progress.late_messages as u64;
        inner.statistics.bytes_sent += progress.bytes_sent;
        inner.send_end = progress.send_end.clone();
        let is_newly_full = pauses && inner.inbox.is_full() && !inner.statistics.is_paused;
        inner.statistics.is_paused |= is_newly_full;
        let held = Elsewhere {
            messages: inner.inbox.len(),
            bytes: inner.inbox.charged_bytes(),
        };
        drop(inner);
        if count == 1 {
            self.arrived.notify_one();
        } else if count > 1 {
            self.arrived.notify_all();
        }
        if is_lighter || progress.send_end.is_some() {
            self.changed.notify_all();
        }
        if was_empty && count > 0 {
            self.alert(Alert::Message);
        }
        is_newly_full.then_some(held)
    }

    /// The peer has closed for good: no more can be sent.
    pub(in crate::background) fn set_peer_close(&self, close: Close, end: Cause) {
        let mut inner = self.inner.lock();
        inner.state = State::Closing;
        let was_empty = inner.inbox.is_empty();
        inner.inbox.push(Message::Close(close.clone()));
        inner.peer_close = Some(close);
        inner.end = Some(End::Cause(end));
        drop(inner);
        self.arrived.notify_all();
        self.changed.notify_all();
        if was_empty {
            self.alert(Alert::Message);
        }
    }

    /// The closing handshake is done; the TCP connection may still be there.
    pub(in crate::background) fn acknowledge_close(&self) {
        self.inner.lock().close_outcome.get_or_insert(Ok(()));
        self.changed.notify_all();
    }

    /// Ends a connection, not the client. Gives the number of messages that were not sent, with `taken` of them that had
    /// left the queue.
    pub(in crate::background) fn drop_connection(&self, taken: usize) -> usize {
        let mut inner = self.inner.lock();
        // From here on nothing is accepted.
        inner.state = State::Closing;
        let unsent = inner.outbox.len() + taken;
        inner.statistics.messages_unsent += unsent as u64;
        inner.outbox.clear();
        inner.outbox_bytes = 0;
        inner.wire_bytes = 0;
        inner.has_left = false;
        inner.waker = None;
        inner.losses += 1;
        inner.is_lost = true;
        unsent
    }

    /// There will be no further connection. An end that callers know of already stays as it is.
    pub(in crate::background) fn finish(
        &self,
        end: End,
        close_outcome: Result<(), Error>,
    ) -> Error {
        let mut inner = self.inner.lock();
        let was_closed = std::mem::replace(&mut inner.state, State::Closed) == State::Closed;
        let end = inner.end.get_or_insert(end).clone();
        let error = self.error(Stage::Receive, &end);
        inner.first.get_or_insert_with(|| Err(error.clone()));
        inner.close_outcome.get_or_insert(close_outcome);
        drop(inner);
        self.arrived.notify_all();
        self.changed.notify_all();
        if !was_closed {
            self.alert(Alert::Closed);
        }
        error
    }

    /// The worker is gone, perhaps by a panic.
    pub(in crate::background) fn exit(&self) {
        let cause = Cause::Internal("the client's thread has ended unexpectedly");
        let outcome = Err(self.failure(Stage::Close, cause.clone()));
        self.finish(End::Cause(cause), outcome);
        self.inner.lock().has_exited = true;
        self.changed.notify_all();
    }
}

/// Events that nobody has taken; older ones are dropped.
const MAX_EVENTS: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use ws_core::{CloseCode, Hook};

    use super::*;
    use crate::background::Exit;
    use crate::background::config::Alert;
    use crate::config::Config;
    use crate::error::ErrorKind;

    fn alerted() -> (Arc<Shared>, mpsc::Receiver<Alert>) {
        let (sender, alerts) = mpsc::channel();
        let shared = Shared::mock(&Config::default(), 1);
        let hook = Hook::new(move |alert| sender.send(alert).unwrap());
        (Arc::new(shared.with_hook(Some(hook))), alerts)
    }

    fn bring(shared: &Shared, messages: Vec<Message>) {
        let mut messages = messages;
        shared.end_turn(&mut messages, false, &Progress::default());
    }

    #[test]
    fn alerts_tell_of_the_first_message_that_waits_and_of_the_end_once() {
        let (shared, alerts) = alerted();
        let text = || Message::Text(String::from("x"));
        bring(&shared, Vec::new());
        bring(&shared, vec![text(), text()]);
        bring(&shared, vec![text()]);
        assert_eq!(alerts.try_iter().collect::<Vec<_>>(), [Alert::Message]);
        for _ in 0..3 {
            shared.receive(Duration::ZERO).unwrap().unwrap();
        }
        bring(&shared, vec![Message::Ping(Vec::new())]);
        bring(&shared, vec![text()]);
        assert_eq!(alerts.try_iter().collect::<Vec<_>>(), [Alert::Message]);
        for _ in 0..2 {
            shared.receive(Duration::ZERO).unwrap().unwrap();
        }
        let close = Close {
            code: CloseCode::NORMAL,
            reason: String::new(),
        };
        shared.set_peer_close(close.clone(), Cause::Closed(close));
        shared.finish(End::Cause(Cause::Internal("over")), Ok(()));
        shared.exit();
        assert_eq!(
            alerts.try_iter().collect::<Vec<_>>(),
            [Alert::Message, Alert::Closed]
        );
    }

    /// Whoever is called may call back.
    #[test]
    fn a_hook_is_called_under_no_lock() {
        let (sender, given) = mpsc::channel::<Arc<Shared>>();
        let (answers, answer) = mpsc::channel();
        let given = std::sync::Mutex::new(given);
        let hook = Hook::new(move |_| {
            let shared = given.lock().unwrap().recv().unwrap();
            answers.send(shared.receive(Duration::ZERO)).unwrap();
        });
        let (shared, _alerts) = alerted();
        let shared = Arc::try_unwrap(shared).map_err(drop).unwrap();
        let shared = Arc::new(shared.with_hook(Some(hook)));
        sender.send(Arc::clone(&shared)).unwrap();
        bring(&shared, vec![Message::Text(String::from("x"))]);
        let received = answer.recv().unwrap().unwrap();
        assert_eq!(received, Some(Message::Text(String::from("x"))));
    }

    /// a panic in the worker is the worker's end, whatever the hook does when it is told of that.
    #[test]
    fn a_hook_that_panics_whenever_it_is_called_ends_the_thread_and_not_the_process() {
        let (shared, _alerts) = alerted();
        let shared = Arc::try_unwrap(shared).map_err(drop).unwrap();
        let hook = Hook::new(|alert| panic!("a test's, at {alert:?}"));
        let shared = Arc::new(shared.with_hook(Some(hook)));
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let _exit = Exit(Arc::clone(&shared));
                bring(&shared, vec![Message::Text(String::from("x"))]);
            });
            worker.join().unwrap_err();
        });
        let message = shared.receive(Duration::ZERO).unwrap();
        assert_eq!(message, Some(Message::Text(String::from("x"))));
        let error = shared.receive(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    }
}

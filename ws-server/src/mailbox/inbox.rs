//! One lock over the received messages and the threads that wait for them.
//!
//! ```text
//! loop ── push/open/close ──> Inbox { FairQueue, Waiters } ── next/next_from ──> any number of threads
//! ```
//!
//! Invariants: no lock is held while a thread waits. A message goes to a waiting thread or into the queue, never
//! both. From the first call that reads on, no message is dropped; before it, memory stays bounded. After [`Inbox::stop`] every call is an
//! error, and no thread waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ws_core::Hook;

use super::config::Alert;
use super::error::MailboxError;
use super::fair_queue::{FairQueue, Outgoing, Pushed, Stored, Taken, closed_error};
use super::limits::{Left, QueueLimits};
use super::message::{
    Broadcast, ConnectionDetails, ConnectionEnd, ConnectionInfo, MessageKind, QueueDepth, Received,
    Statistics,
};
use super::room::{Room, Ticket};
use super::sync::{Arc, Condvar, Mutex, MutexGuard, deadline, now};
use super::waiters::Waiters;
use crate::ConnectionId;

/// Why a mailbox takes no more calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// It was stopped.
    Stopped,
    /// A loop's thread ended unasked.
    Failed,
}

impl From<Over> for MailboxError {
    fn from(over: Over) -> Self {
        match over {
            Over::Stopped => Self::NotStarted,
            Over::Failed => Self::Failed,
        }
    }
}

/// Why a mailbox takes no new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has ended.
    Over,
    /// As many bytes wait to be taken as may.
    Full {
        /// [`QueueLimits::total_bytes`].
        limit_bytes: usize,
    },
}

/// Which notices readers get.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Notices {
    pub(super) open: bool,
    pub(super) close: bool,
}

#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    notices: Notices,
    hook: Option<Hook<Alert>>,
}

#[derive(Debug)]
struct State {
    queue: FairQueue,
    waiters: Waiters<Result<Received, MailboxError>>,
    room: Room,
    /// Somebody has read, or tried to.
    polled: bool,
    /// Connections that ended with unread messages, oldest first, while nobody has read.
    unread: VecDeque<ConnectionId>,
    over: Option<Over>,
    /// How often a thread went to sleep: one more than it had to for every wake-up in vain.
    #[cfg(test)]
    waits: usize,
}

impl Inbox {
    pub(super) fn new(limits: QueueLimits, notices: Notices) -> Self {
        let state = State {
            queue: FairQueue::new(limits),
            waiters: Waiters::new(),
            room: Room::default(),
            polled: false,
            unread: VecDeque::new(),
            over: None,
            #[cfg(test)]
            waits: 0,
        };
        Self {
            state: Mutex::new(state),
            notices,
            hook: None,
        }
    }

    pub(super) fn with_hook(self, hook: Option<Hook<Alert>>) -> Self {
        Self { hook, ..self }
    }

    /// Adds a connection to the list, unless the mailbox has ended or is full.
    ///
    /// Each connection may add something to a full one: new ones in place of those that ended would fill it without end.
    pub(super) fn open(
        &self,
        id: ConnectionId,
        details: Arc<ConnectionDetails>,
    ) -> Result<(), Refused> {
        {
            let mut state = self.state.lock();
            if state.over.is_some() {
                return Err(Refused::Over);
            }
            let limit_bytes = state.queue.limits().total_bytes;
            // While nobody reads, the oldest make room.
            if state.polled && state.queue.depth().bytes >= limit_bytes {
                return Err(Refused::Full { limit_bytes });
            }
            state.queue.open(id, details);
        }
        if self.notices.open {
            // The queue is not full after it: at least one message more is let in.
            self.push(id, Stored::notice(MessageKind::Opened));
        }
        Ok(())
    }

    /// Hands a message to whoever waits for it, else queues it.
    pub(super) fn push(&self, id: ConnectionId, message: Stored) -> Pushed {
        self.push_all(id, [message]).0
    }

    /// Hands messages of one connection to whoever waits for them, else queues them, under one lock; tells what the
    /// queue can take after them.
    pub(super) fn push_all(
        &self,
        id: ConnectionId,
        messages: impl IntoIterator<Item = Stored>,
    ) -> (Pushed, Left) {
        let mut state = self.state.lock();
        let before = state.queue.depth();
        let mut pushed = Pushed::Room;
        for message in messages {
            pushed = state.take_in(id, message);
            if pushed == Pushed::Ended {
                break;
            }
        }
        let (depth, limits) = (state.queue.depth(), state.queue.limits());
        let left = if state.polled {
            state.queue.left(id)
        } else {
            Left::MAX
        };
        self.unlock(state, before.messages == 0);
        if before.dropped == 0 && depth.dropped > 0 {
            log::warn!(
                "connection {id}: nobody has read from this mailbox since it was started, so messages beyond {} or \
                 {} bytes a connection are dropped, oldest first, until somebody does",
                limits.messages,
                limits.bytes
            );
        }
        (pushed, left)
    }

    /// Marks a connection as ended, and tells those who wait for it.
    pub(super) fn close(&self, id: ConnectionId, end: &Arc<ConnectionEnd>) -> bool {
        let mut guard = self.state.lock();
        let was_empty = guard.queue.depth().messages == 0;
        let closed = guard.queue.close(id, end, self.notices.close);
        if closed {
            guard.tell_ended(id, end);
            guard.bound_unread(id);
        }
        self.unlock(guard, was_empty);
        if closed {
            self.alert(Alert::Closed(id));
        }
        closed
    }

    /// Lets the lock go, and tells if there is something to take where nothing was.
    fn unlock(&self, state: MutexGuard<'_, State>, was_empty: bool) {
        let is_first_waiting = was_empty && state.queue.depth().messages > 0;
        drop(state);
        if is_first_waiting {
            self.alert(Alert::Message);
        }
    }

    /// To be called without the lock.
    fn alert(&self, alert: Alert) {
        if let Some(hook) = &self.hook {
            hook.call(alert);
        }
    }

    /// Wakes all who wait, and ends the mailbox. `false` if it had ended before.
    pub(super) fn stop(&self, over: Over) -> bool {
        let mut state = self.state.lock();
        if state.over.is_some() {
            return false;
        }
        state.over = Some(over);
        state.waiters.give_all(|| Err(over.into()));
        state.room.wake_all();
        state.queue = FairQueue::new(state.queue.limits());
        true
    }

    /// Counts a message as on its way to a connection, and lets `hand_over` pass it on in the order of the calls.
    ///
    /// Waits for at most `timeout` for room. `hand_over` says `false` if the loop has gone.
    pub(super) fn send(
        &self,
        id: ConnectionId,
        message: Outgoing,
        limit: usize,
        timeout: Duration,
        hand_over: impl FnOnce() -> bool,
    ) -> Result<(), MailboxError> {
        let mut guard = self.state.lock();
        match guard.admit(id, message, limit, None) {
            Err(MailboxError::QueueFull { .. }) if !timeout.is_zero() => {
                Self::wait_for_room(&mut guard, id, message, limit, deadline(timeout))?;
            }
            result => result?,
        }
        if hand_over() {
            Ok(())
        } else {
            Err(MailboxError::Failed)
        }
    }

    fn wait_for_room(
        guard: &mut MutexGuard<'_, State>,
        id: ConnectionId,
        message: Outgoing,
        limit: usize,
        deadline: Option<Instant>,
    ) -> Result<(), MailboxError> {
        let ticket = guard.room.enter(id, message.frame_bytes);
        let result = loop {
            let is_late = match deadline {
                None => {
                    ticket.wake.wait(guard);
                    false
                }
                Some(deadline) => ticket.wake.wait_until(guard, deadline).timed_out(),
            };
            match guard.admit(id, message, limit, Some(&ticket)) {
                Err(MailboxError::QueueFull { .. }) if !is_late => {}
                result => break result,
            }
        };
        guard.room.leave(&ticket);
        result
    }

    /// Counts a message for every open connection with room for it, at one path if `path` is some, and lets
    /// `hand_over` pass it on to those.
    pub(super) fn broadcast(
        &self,
        path: Option<&str>,
        message: Outgoing,
        limit: usize,
        hand_over: impl FnOnce(&[ConnectionId]) -> bool,
    ) -> Result<Broadcast, MailboxError> {
        let mut state = self.state.lock();
        state.check_running()?;
        let mut result = Broadcast::default();
        let open: Vec<_> = state.queue.open_ids(path).collect();
        for id in open {
            match state.admit(id, message, limit, None) {
                Ok(()) => result.sent.push(id),
                Err(_) => result.full.push(id),
            }
        }
        if hand_over(&result.sent) {
            Ok(result)
        } else {
            Err(MailboxError::Failed)
        }
    }

    /// Takes what is there, as [`Inbox::wait`], without waiting and without asking the clock.
    pub(super) fn try_next(
        &self,
        target: Option<ConnectionId>,
    ) -> Result<Option<Taken>, MailboxError> {
        self.state.lock().try_next(target)
    }

    /// Takes in what the loop says of a connection's output.
    pub(super) fn sent(&self, id: ConnectionId, handled: usize, queued: usize) {
        let mut state = self.state.lock();
        state.queue.report_unsent(id, handled, queued);
        state.room.wake_first(id);
    }

    /// Ends a connection on our side, and takes its messages along if `remove` says so.
    ///
    /// A connection that the peer closed, but that is listed, is only taken out of the list, if asked.
    pub(super) fn end(
        &self,
        id: ConnectionId,
        remove: bool,
        end: &Arc<ConnectionEnd>,
        hand_over: impl FnOnce() -> bool,
    ) -> Result<(), MailboxError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.check_running()?;
        let was_empty = state.queue.depth().messages == 0;
        let open = state.queue.check_open(id);
        let ended = if remove {
            state.queue.remove(id, end)
        } else {
            state.queue.close(id, end, self.notices.close)
        };
        let result = match open {
            Ok(()) => {
                state.tell_ended(id, end);
                state.bound_unread(id);
                if hand_over() {
                    Ok(())
                } else {
                    Err(MailboxError::Failed)
                }
            }
            Err(_) if ended => Ok(()),
            Err(error) => Err(error),
        };
        // Its notice may be the first that waits, and those behind it are told of by it.
        self.unlock(guard, was_empty);
        result
    }

    /// Lists the connections, in no order.
    pub(super) fn connections(&self) -> Result<Vec<ConnectionInfo>, MailboxError> {
        let state = self.state.lock();
        state.check_running()?;
        Ok(state.queue.connections())
    }

    pub(super) fn depth(&self) -> Result<QueueDepth, MailboxError> {
        let state = self.state.lock();
        state.check_running()?;
        Ok(state.queue.depth())
    }

    pub(super) fn statistics(&self) -> Result<Statistics, MailboxError> {
        let state = self.state.lock();
        state.check_running()?;
        Ok(state.queue.statistics())
    }

    /// Counts the threads that wait for room to send.
    #[cfg(test)]
    pub(super) fn waiting_senders(&self) -> usize {
        self.state.lock().room.len()
    }

    /// Waits until `deadline` (`None`: without end) for a message of one connection, or of any.
    pub(super) fn wait(
        &self,
        target: Option<ConnectionId>,
        deadline: Option<Instant>,
    ) -> Result<Option<Taken>, MailboxError> {
        let mut guard = self.state.lock();
        let found = guard.try_next(target)?;
        if found.is_some() || deadline.is_some_and(|deadline| deadline <= now()) {
            return Ok(found);
        }
        let wake = Arc::new(Condvar::new());
        let key = guard.waiters.enter(target, Arc::clone(&wake));
        while !guard.waiters.is_served(key) {
            #[cfg(test)]
            {
                guard.waits += 1;
            }
            match deadline {
                None => wake.wait(&mut guard),
                Some(deadline) => {
                    if wake.wait_until(&mut guard, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        // A message handed over was never queued, so there is no pause to end.
        let received = guard.waiters.leave(key).transpose()?;
        Ok(received.map(|mut received| {
            // Others may have come behind it, in the same read.
            received.more = guard.queue.waiting(target);
            Taken {
                received,
                resume: false,
            }
        }))
    }
}

impl State {
    /// Hands a message to whoever waits for it, else queues it.
    fn take_in(&mut self, id: ConnectionId, message: Stored) -> Pushed {
        if self.over.is_some() {
            return Pushed::Ended;
        }
        if self.waiters.awaits(id) {
            let Some(received) = self.queue.pass(id, message) else {
                return Pushed::Ended;
            };
            self.waiters.give(id, || Ok(received));
            return Pushed::Room;
        }
        if self.polled {
            return self.queue.push(id, message);
        }
        self.queue.push_over_oldest(id, message);
        Pushed::Room
    }

    fn try_next(&mut self, target: Option<ConnectionId>) -> Result<Option<Taken>, MailboxError> {
        self.check_running()?;
        if !std::mem::replace(&mut self.polled, true) {
            self.unread = VecDeque::new();
        }
        match target {
            None => Ok(self.queue.next()),
            Some(id) => self.queue.next_from(id),
        }
    }

    fn check_running(&self) -> Result<(), MailboxError> {
        self.over.map_or(Ok(()), |over| Err(over.into()))
    }

    /// While nobody reads, keeps the messages of the newest ended connections only: clients that come, say something
    /// and go must not fill the memory of a server that only sends.
    fn bound_unread(&mut self, id: ConnectionId) {
        if self.polled || self.queue.waiting(Some(id)) == 0 {
            return;
        }
        self.unread.push_back(id);
        if self.unread.len() > MAX_UNREAD
            && let Some(oldest) = self.unread.pop_front()
        {
            self.queue.drop_ended(oldest);
        }
    }

    /// Tells those who wait for a connection that it has just ended.
    fn tell_ended(&mut self, id: ConnectionId, end: &ConnectionEnd) {
        // Whoever waits has found nothing to take: a notice is all there is.
        if self.waiters.awaits(id)
            && let Ok(Some(taken)) = self.queue.next_from(id)
        {
            self.waiters.give(id, || Ok(taken.received));
        }
        self.waiters.give_one(id, || Err(closed_error(id, end)));
        self.room.wake_one(id);
    }

    /// Counts a message as on its way, if there is room and no thread waits that came before.
    fn admit(
        &mut self,
        id: ConnectionId,
        message: Outgoing,
        limit: usize,
        ticket: Option<&Ticket>,
    ) -> Result<(), MailboxError> {
        self.check_running()?;
        let before = self.room.bytes_before(id, ticket);
        if before > 0 {
            self.queue.check_open(id)?;
            return Err(self.queue.full(id, message, limit, before));
        }
        self.queue.reserve(id, message, limit)
    }
}

/// Ended connections whose messages are kept while nobody has read at all.
pub(super) const MAX_UNREAD: usize = 1024;

#[cfg(test)]
pub(super) mod tests;

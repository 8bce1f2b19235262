//! M-13: callers and the worker in every schedule of two or three threads (but for those with many preemptions, which are
//! too many), and in many of more.

use std::time::Duration;

use ws_core::{CloseCode, Compression};
use ws_model::{Alarm, JoinHandle, explore, explore_some, sample, schedules, spawn};

use super::shared::calls::Outgoing;
use super::shared::{End, Progress, Shared};
use super::status::State;
use super::sync::{Arc, Waker};
use super::worker::Facts;
use crate::config::Config;
use crate::error::{Cause, Error, ErrorKind};
use crate::message::{Close, Message};
use crate::queue::{MIN_CHARGE_BYTES, ReceiveQueue};

/// Without end.
const EVER: Duration = Duration::MAX;
/// Short messages that either queue holds.
const ROOM: usize = 2;

fn shared() -> Arc<Shared> {
    let config = Config::default().max_queued_messages(ROOM);
    Arc::new(Shared::mock(&config, ROOM * MIN_CHARGE_BYTES))
}

fn text(number: usize) -> Message {
    Message::Text(number.to_string())
}

fn send(shared: &Shared, number: usize, timeout: Duration) -> Result<(), Error> {
    shared.send(
        Outgoing::Text(&number.to_string(), Compression::Auto),
        timeout,
    )
}

fn receive(shared: &Shared, timeout: Duration) -> Result<Option<usize>, Error> {
    let message = shared.receive(timeout)?;
    Ok(message.map(|message| {
        let Message::Text(text) = message else {
            panic!("{message:?}");
        };
        text.parse().expect("a number")
    }))
}

/// The worker's thread, as far as [`Shared`] sees it: an engine whose socket takes everything, and a peer who sends
/// `incoming` messages and answers a Close.
struct Worker {
    shared: Arc<Shared>,
    alarm: Arc<Alarm>,
    incoming: usize,
    /// Connections that are lost, one after each message that is sent, before the last.
    losses: usize,
}

impl Worker {
    fn open(shared: &Arc<Shared>, incoming: usize) -> Self {
        let worker = Self {
            shared: Arc::clone(shared),
            alarm: Arc::default(),
            incoming,
            losses: 0,
        };
        worker.connect(true);
        worker
    }

    fn connect(&self, is_first: bool) {
        let facts = Facts {
            response: None,
            compression: None,
            tls_version: None,
            peer_address: None,
            local_address: None,
        };
        let waker = Waker::Model(Arc::clone(&self.alarm));
        self.shared.open(facts, Some(waker), is_first);
    }

    /// Turns until the client is closed or destroyed; gives what the peer was sent, and how much was lost.
    fn run(mut self) -> (Vec<usize>, usize) {
        let (mut sent, mut lost) = (Vec::new(), 0);
        let (mut outgoing, mut received) = (Vec::new(), Vec::new());
        let mut queue = ReceiveQueue::new(ROOM, usize::MAX);
        let mut next = 0;
        loop {
            let work = self.shared.begin_turn(1, &mut outgoing);
            if work.is_destroyed {
                lost += self.shared.drop_connection(outgoing.len());
                self.end();
                return (sent, lost);
            }
            let mut is_idle = outgoing.is_empty();
            if !is_idle {
                // As before each send: a wake-up that this takes along is of calls that only the next turn sees.
                self.alarm.look();
            }
            for queued in outgoing.drain(..) {
                let text = String::from_utf8_lossy(queued.message.payload()).into_owned();
                sent.push(text.parse().expect("a number"));
            }
            queue.set_elsewhere(work.elsewhere);
            if next < self.incoming && !queue.is_full() {
                received.push(text(next));
                next += 1;
                is_idle = false;
            }
            let is_closed = work.close.is_some() && work.is_outbox_empty;
            if is_idle && !is_closed {
                // As the engine's poll, which is inside the turn.
                self.alarm.wait();
            }
            self.shared
                .end_turn(&mut received, true, &Progress::default());
            if is_closed {
                self.shared.acknowledge_close();
                self.end();
                return (sent, lost);
            }
            if !is_idle && self.losses > 0 && work.close.is_none() {
                self.losses -= 1;
                lost += self.shared.drop_connection(0);
                self.shared.set_state(State::Connecting);
                self.connect(false);
            }
        }
    }

    fn end(&self) {
        let close = Close {
            code: CloseCode::NORMAL,
            reason: String::new(),
        };
        self.shared.finish(End::Cause(Cause::Closed(close)), Ok(()));
        self.shared.exit();
    }
}

/// A message wakes one of those who wait, and none is left behind.
#[test]
fn two_receivers_get_one_message_each_in_every_schedule() {
    let count = explore("client: two receivers, two messages", || {
        let shared = shared();
        let receivers = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            spawn(move || receive(&shared, EVER).unwrap().unwrap())
        });
        for number in 0..2 {
            shared.end_turn(&mut vec![text(number)], true, &Progress::default());
        }
        let mut got = receivers.map(JoinHandle::join);
        got.sort_unstable();
        assert_eq!(got, [0, 1]);
    });
    assert!(count > 50, "only {count} schedules");
}

/// A sleeping worker learns of each message, and a sender of the room that the worker makes.
#[test]
fn what_is_sent_leaves() {
    let count = explore_some("client: three messages, room for two", 3, || {
        let shared = shared();
        let worker = Worker::open(&shared, 0);
        let sender = {
            let shared = Arc::clone(&shared);
            spawn(move || {
                (0..3).for_each(|number| send(&shared, number, EVER).unwrap());
                shared.flush(EVER).unwrap();
                shared.destroy();
            })
        };
        assert_eq!(worker.run(), (vec![0, 1, 2], 0));
        sender.join();
    });
    assert!(count > 50, "only {count} schedules");
}

/// A worker that has stopped reading goes on when there is room.
#[test]
fn a_full_queue_is_read_again() {
    let count = explore_some("client: a queue of two, three messages", 3, || {
        let shared = shared();
        let worker = Worker::open(&shared, 3);
        let receiver = {
            let shared = Arc::clone(&shared);
            spawn(move || {
                for number in 0..3 {
                    assert_eq!(receive(&shared, EVER).unwrap(), Some(number));
                }
                shared.close(CloseCode::NORMAL, "").unwrap();
            })
        };
        worker.run();
        receiver.join();
    });
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn destroying_ends_every_wait_in_every_schedule() {
    let count = explore("client: a receiver, a sender, a destroy", || {
        let shared = shared();
        let worker = Worker::open(&shared, 0);
        // Nobody takes them: the next one waits for room.
        (0..ROOM).for_each(|number| send(&shared, number, Duration::ZERO).unwrap());
        let receiver = {
            let shared = Arc::clone(&shared);
            spawn(move || receive(&shared, EVER).unwrap_err().kind())
        };
        let sender = {
            let shared = Arc::clone(&shared);
            spawn(move || send(&shared, ROOM, EVER).unwrap_err().kind())
        };
        shared.destroy();
        assert_eq!(receiver.join(), ErrorKind::Closed);
        assert_eq!(sender.join(), ErrorKind::Closed);
        assert_eq!(worker.run(), (vec![], ROOM));
        assert!(shared.wait_exit(EVER));
    });
    assert!(count > 40, "only {count} schedules");
}

#[test]
fn a_close_ends_every_wait() {
    let count = explore_some("client: a receiver, a close, the worker", 2, || {
        let shared = shared();
        let worker = Worker::open(&shared, 0);
        let receiver = {
            let shared = Arc::clone(&shared);
            spawn(move || receive(&shared, EVER).unwrap_err().kind())
        };
        let closer = {
            let shared = Arc::clone(&shared);
            spawn(move || shared.close(CloseCode::NORMAL, ""))
        };
        worker.run();
        closer.join().unwrap();
        assert_eq!(receiver.join(), ErrorKind::Closed);
    });
    assert!(count > 50, "only {count} schedules");
}

/// Three senders, three receivers, a flush, a connection lost twice, and in the end a close or a destroy: every call
/// returns, what was accepted was sent or counted as lost, and what came was given once and in order.
#[test]
fn many_schedules_of_nine_threads_lose_nothing() {
    const INCOMING: usize = 6;
    let count = sample("client: nine threads and two losses", || {
        let shared = shared();
        let mut worker = Worker::open(&shared, INCOMING);
        worker.losses = 2;
        let worker = spawn(move || worker.run());
        let soon = Duration::from_millis(1);
        let senders = [(0, EVER), (1, soon), (2, EVER)].map(|(sender, timeout)| {
            let shared = Arc::clone(&shared);
            spawn(move || {
                let numbers = (0..3).map(|number| sender * 10 + number);
                let accepted = numbers.filter(|&number| send(&shared, number, timeout).is_ok());
                accepted.collect::<Vec<_>>()
            })
        });
        let receivers = [EVER, soon, EVER].map(|timeout| {
            let shared = Arc::clone(&shared);
            spawn(move || {
                let mut got = Vec::new();
                loop {
                    match receive(&shared, timeout) {
                        Ok(number) => got.extend(number),
                        Err(_) => return got,
                    }
                }
            })
        });
        let flush = {
            let shared = Arc::clone(&shared);
            spawn(move || drop(shared.flush(EVER)))
        };
        let accepted = senders.map(JoinHandle::join).concat();
        flush.join();
        // Whoever closes learns of its end; the other way ends without it.
        let is_destroyed = accepted.len() % 2 == 1;
        if is_destroyed {
            shared.destroy();
        } else {
            // In some schedules its time passes.
            let _ = shared.close(CloseCode::NORMAL, "");
        }
        assert!(shared.wait_exit(EVER));
        let (sent, lost) = worker.join();
        assert_eq!(sent.len() + lost, accepted.len(), "accepted {accepted:?}");
        for sender in 0..3 {
            let numbers = sent.iter().filter(|&number| number / 10 == sender);
            assert!(numbers.is_sorted(), "out of order: {sent:?}");
        }
        let mut all = Vec::new();
        for got in receivers.map(JoinHandle::join) {
            assert!(got.is_sorted(), "out of order: {got:?}");
            all.extend(got);
        }
        all.sort_unstable();
        assert!(
            all.iter().copied().eq(0..all.len()),
            "given twice or left out: {all:?}"
        );
    });
    assert_eq!(count, schedules(), "schedules");
}

//! M-13: readers, senders, loops, closes and stops in every schedule of two or three threads, and in many of more.

use std::collections::VecDeque;
use std::time::Duration;

use ws_model::{Alarm, JoinHandle, explore, explore_some, sample, schedules, spawn};

use super::error::MailboxError;
use super::fair_queue::Pushed;
use super::fair_queue::tests::{closed, details, ending, id, limits, message, number};
use super::inbox::tests::frame;
use super::inbox::{Inbox, Notices, Over};
use super::signal::signal;
use super::sync::{Arc, Mutex, deadline};

/// Without end.
const EVER: Duration = Duration::MAX;

fn inbox(connections: u32, messages: usize) -> Arc<Inbox> {
    let inbox = Inbox::new(limits(messages, 1 << 20), Notices::default());
    (0..connections).for_each(|slot| inbox.open(id(slot), details()).unwrap());
    // Somebody reads: nothing is dropped.
    assert_eq!(inbox.try_next(None), Ok(None));
    Arc::new(inbox)
}

/// What other threads want of a loop.
#[derive(Clone, Copy)]
enum Command {
    Send(usize),
    Resume,
    /// A sender has sent its last.
    Done,
}

/// The loop that serves a connection, as far as the mailbox sees it.
struct Loop {
    commands: Mutex<VecDeque<Command>>,
    alarm: Alarm,
}

impl Loop {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            commands: Mutex::new(VecDeque::new()),
            alarm: Alarm::default(),
        })
    }

    fn post(&self, command: Command) -> bool {
        self.commands.lock().push_back(command);
        self.alarm.raise();
        true
    }

    fn pop(&self) -> Option<Command> {
        self.commands.lock().pop_front()
    }

    /// Pushes the messages 0, 1, … as the mailbox has room for them, handles commands until `senders` are done, and
    /// closes.
    fn run(&self, inbox: &Inbox, slot: u32, messages: u64, mut senders: usize) {
        let (mut next, mut is_paused) = (0, false);
        while next < messages || senders > 0 {
            while let Some(command) = self.pop() {
                match command {
                    Command::Send(bytes) => inbox.sent(id(slot), bytes, 0),
                    Command::Resume => is_paused = false,
                    Command::Done => senders -= 1,
                }
            }
            if next < messages && !is_paused {
                is_paused = inbox.push(id(slot), message(next)) == Pushed::Full;
                next += 1;
            } else if next < messages || senders > 0 {
                self.alarm.wait();
            }
        }
        assert!(inbox.close(id(slot), &ending()));
    }
}

/// As `Mailbox::next` or `next_from`: the number of the connection and of the message.
fn take(
    inbox: &Inbox,
    loops: &[Arc<Loop>],
    slot: Option<u32>,
    timeout: Duration,
) -> Result<Option<(u32, u64)>, MailboxError> {
    let target = slot.map(id);
    let mut taken = inbox.try_next(target)?;
    if taken.is_none() && !timeout.is_zero() {
        taken = inbox.wait(target, deadline(timeout))?;
    }
    Ok(taken.map(|taken| {
        let slot = taken.received.id.slot_index();
        if taken.resume {
            loops[slot as usize].post(Command::Resume);
        }
        (slot, number(&taken.received))
    }))
}

/// Fills the send queue of the first connection, so that another thread waits for room in it.
fn waiting_sender(inbox: &Arc<Inbox>) -> JoinHandle<Result<(), MailboxError>> {
    let send = |inbox: &Inbox, timeout| inbox.send(id(0), frame(10), 15, timeout, || true);
    send(inbox, Duration::ZERO).unwrap();
    let inbox = Arc::clone(inbox);
    spawn(move || send(&inbox, EVER))
}

#[test]
fn two_readers_get_one_message_each_in_every_schedule() {
    let count = explore("mailbox: two readers, two messages", || {
        let inbox = inbox(1, 8);
        let readers = [None, Some(0)].map(|slot| {
            let inbox = Arc::clone(&inbox);
            spawn(move || take(&inbox, &[], slot, EVER).unwrap().unwrap().1)
        });
        for number in 0..2 {
            assert_eq!(inbox.push(id(0), message(number)), Pushed::Room);
        }
        let mut got = readers.map(JoinHandle::join);
        got.sort_unstable();
        assert_eq!(got, [0, 1]);
        assert_eq!(inbox.depth().unwrap().messages, 0);
    });
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn a_stop_ends_every_wait_in_every_schedule() {
    let count = explore("mailbox: a reader, a sender, a stop", || {
        let inbox = inbox(1, 8);
        let reader = {
            let inbox = Arc::clone(&inbox);
            spawn(move || take(&inbox, &[], None, EVER))
        };
        let sender = waiting_sender(&inbox);
        assert!(inbox.stop(Over::Stopped));
        assert_eq!(reader.join(), Err(MailboxError::NotStarted));
        assert_eq!(sender.join(), Err(MailboxError::NotStarted));
    });
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn the_end_of_a_connection_wakes_its_reader_and_its_sender_in_every_schedule() {
    let count = explore("mailbox: a reader, a sender, a close", || {
        let inbox = inbox(1, 8);
        let reader = {
            let inbox = Arc::clone(&inbox);
            spawn(move || {
                assert_eq!(take(&inbox, &[], Some(0), EVER), Ok(Some((0, 7))));
                take(&inbox, &[], Some(0), EVER)
            })
        };
        let sender = waiting_sender(&inbox);
        inbox.push(id(0), message(7));
        assert!(inbox.close(id(0), &ending()));
        assert_eq!(reader.join(), Err(closed(id(0))));
        assert_eq!(sender.join(), Err(closed(id(0))));
    });
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn whoever_waits_for_room_gets_it_in_every_schedule() {
    let count = explore_some("mailbox: two senders, room for one", 2, || {
        let inbox = inbox(1, 8);
        let served = Loop::new();
        let senders = [(); 2].map(|()| {
            let (inbox, served) = (Arc::clone(&inbox), Arc::clone(&served));
            spawn(move || {
                let post = || served.post(Command::Send(10));
                inbox.send(id(0), frame(10), 15, EVER, post).unwrap();
                served.post(Command::Done);
            })
        });
        served.run(&inbox, 0, 0, 2);
        for thread in senders {
            thread.join();
        }
        assert_eq!(inbox.waiting_senders(), 0);
    });
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn a_full_queue_is_read_again_in_every_schedule() {
    let count = explore("mailbox: a queue of two, three messages", || {
        let inbox = inbox(1, 2);
        let served = [Loop::new()];
        let reader = {
            let (inbox, served) = (Arc::clone(&inbox), served.clone());
            spawn(move || {
                for number in 0..3 {
                    let taken = take(&inbox, &served, None, EVER);
                    assert_eq!(taken, Ok(Some((0, number))));
                }
            })
        };
        served[0].run(&inbox, 0, 3, 0);
        reader.join();
    });
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn a_signal_is_never_missed() {
    let count = explore("mailbox: a signal", || {
        let (given, awaited) = signal();
        let waiter = spawn(move || awaited.wait_until(None));
        drop(given);
        assert!(waiter.join());
    });
    assert!(count > 1, "only {count} schedules");
}

/// Two loops, four readers, three senders, and a stop at the end: every message is read once, each reader sees those of
/// a connection in order, and every call returns.
#[test]
fn many_schedules_of_nine_threads_lose_nothing() {
    const MESSAGES: u64 = 6;
    let count = sample("mailbox: two loops, four readers, three senders", || {
        let inbox = inbox(2, 2);
        let loops = [Loop::new(), Loop::new()];
        let soon = Duration::from_millis(1);
        let readers = [(None, EVER), (None, soon), (Some(0), EVER), (Some(1), soon)];
        let readers = readers.map(|(slot, timeout)| {
            let (inbox, loops) = (Arc::clone(&inbox), loops.clone());
            spawn(move || {
                let mut got = Vec::new();
                loop {
                    match take(&inbox, &loops, slot, timeout) {
                        Ok(taken) => got.extend(taken),
                        Err(MailboxError::NotStarted) => return got,
                        Err(MailboxError::Closed { id, .. }) if Some(id.slot_index()) == slot => {
                            return got;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        });
        let senders = [(0, EVER), (0, soon), (1, EVER)].map(|(slot, timeout)| {
            let (inbox, served) = (Arc::clone(&inbox), Arc::clone(&loops[slot as usize]));
            spawn(move || {
                for _ in 0..2 {
                    let post = || served.post(Command::Send(10));
                    match inbox.send(id(slot), frame(10), 15, timeout, post) {
                        Ok(()) => {}
                        Err(MailboxError::QueueFull { .. }) if timeout != EVER => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                served.post(Command::Done);
            })
        });
        let serving = [(0, 2), (1, 1)].map(|(slot, senders)| {
            let (inbox, served) = (Arc::clone(&inbox), Arc::clone(&loops[slot as usize]));
            spawn(move || served.run(&inbox, slot, MESSAGES, senders))
        });
        for thread in senders {
            thread.join();
        }
        for thread in serving {
            thread.join();
        }
        let mut rest = Vec::new();
        while let Some(taken) = take(&inbox, &loops, None, Duration::ZERO).unwrap() {
            rest.push(taken);
        }
        assert!(inbox.stop(Over::Stopped));
        let mut all = rest;
        for got in readers.map(JoinHandle::join) {
            for slot in 0..2 {
                let numbers = got.iter().filter(|taken| taken.0 == slot);
                assert!(
                    numbers.is_sorted_by(|one, next| one.1 < next.1),
                    "out of order: {got:?}"
                );
            }
            all.extend(got);
        }
        all.sort_unstable();
        let sent = (0..2).flat_map(|slot| (0..MESSAGES).map(move |number| (slot, number)));
        assert_eq!(all, sent.collect::<Vec<_>>());
    });
    assert_eq!(count, schedules(), "schedules");
}

mod notices;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::super::fair_queue::tests::{closed, details, ending, id, limits, message, number};

use super::*;

pub(in crate::mailbox) const LIMITS: QueueLimits = limits(1024, 16 << 20);
/// Longer than any test lasts: a wake-up that does not come fails the test by time.
pub(in crate::mailbox) const LONG: Duration = Duration::from_secs(60);

pub(in crate::mailbox) fn inbox_with(connections: u32, limits: QueueLimits) -> Inbox {
    let inbox = Inbox::new(limits, Notices::default());
    (0..connections).for_each(|slot| inbox.open(id(slot), details()).unwrap());
    inbox
}

pub(in crate::mailbox) const fn frame(bytes: usize) -> Outgoing {
    Outgoing {
        payload_bytes: bytes,
        frame_bytes: bytes,
    }
}

fn long() -> Option<Instant> {
    Some(now() + LONG)
}

/// Waits until `count` threads are inside `next` or `next_from`.
fn wait_for_waiters(inbox: &Inbox, count: usize) {
    let deadline = now() + LONG;
    while inbox.state.lock().waiters.len() != count {
        assert!(now() < deadline, "{count} threads never came to wait");
        thread::yield_now();
    }
}

#[test]
fn does_not_wait_when_told_not_to() {
    let inbox = inbox_with(1, LIMITS);
    assert_eq!(inbox.wait(None, Some(now())), Ok(None));
    assert_eq!(inbox.wait(Some(id(0)), Some(now())), Ok(None));
    assert_eq!(
        inbox.wait(Some(id(5)), long()),
        Err(MailboxError::NotFound { id: id(5) })
    );
    inbox.push(id(0), message(1));
    assert_eq!(
        number(&inbox.wait(None, Some(now())).unwrap().unwrap().received),
        1
    );
}

#[test]
fn waits_until_the_deadline_and_leaves_no_trace() {
    let inbox = inbox_with(1, LIMITS);
    let begin = now();
    assert_eq!(
        inbox.wait(None, Some(begin + Duration::from_millis(30))),
        Ok(None)
    );
    assert_eq!(
        inbox.wait(Some(id(0)), Some(begin + Duration::from_millis(60))),
        Ok(None)
    );
    assert!(begin.elapsed() >= Duration::from_millis(60));
    assert_eq!(inbox.state.lock().waiters.len(), 0);
    inbox.push(id(0), message(1));
    assert_eq!(
        inbox.depth().unwrap().messages,
        1,
        "nothing is given to who has gone"
    );
}

/// 64 threads, one message each: who is named wakes, nobody else.
#[test]
fn wakes_exactly_whom_a_message_is_for() {
    const THREADS: u32 = 64;
    let inbox = inbox_with(THREADS, LIMITS);
    thread::scope(|scope| {
        let inbox = &inbox;
        let readers: Vec<_> = (0..THREADS)
            .map(|slot| {
                scope.spawn(move || {
                    number(
                        &inbox
                            .wait(Some(id(slot)), long())
                            .unwrap()
                            .unwrap()
                            .received,
                    )
                })
            })
            .collect();
        wait_for_waiters(inbox, THREADS as usize);
        for slot in (0..THREADS).rev() {
            assert_eq!(
                inbox.push(id(slot), message(u64::from(slot) + 100)),
                Pushed::Room
            );
        }
        for (slot, reader) in readers.into_iter().enumerate() {
            assert_eq!(reader.join().unwrap(), slot as u64 + 100);
        }
    });
    assert_eq!(
        inbox.state.lock().waits,
        THREADS as usize,
        "each slept once and woke for its own message"
    );
}

#[test]
fn one_message_wakes_one_of_many_that_wait_for_any() {
    const THREADS: usize = 32;
    let inbox = inbox_with(1, LIMITS);
    let woken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                if matches!(inbox.wait(None, long()), Ok(Some(_))) {
                    woken.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for_waiters(&inbox, THREADS);
        for count in 1..=5 {
            inbox.push(id(0), message(count));
            wait_for_waiters(&inbox, THREADS - usize::try_from(count).unwrap());
        }
        assert!(inbox.stop(Over::Stopped));
    });
    assert_eq!(woken.into_inner(), 5);
    assert_eq!(inbox.state.lock().waits, THREADS);
}

#[test]
fn who_waits_for_one_connection_goes_before_who_waits_for_any() {
    let inbox = inbox_with(2, LIMITS);
    thread::scope(|scope| {
        let any = scope.spawn(|| inbox.wait(None, long()).unwrap().unwrap().received);
        wait_for_waiters(&inbox, 1);
        let one = scope.spawn(|| inbox.wait(Some(id(1)), long()).unwrap().unwrap().received);
        wait_for_waiters(&inbox, 2);
        inbox.push(id(1), message(1));
        inbox.push(id(1), message(2));
        assert_eq!(number(&one.join().unwrap()), 1);
        assert_eq!(number(&any.join().unwrap()), 2);
    });
}

/// `more` counts what came behind the message in the same read, too, as the next call finds it.
#[test]
fn a_message_given_to_who_waits_says_how_many_are_left_to_take() {
    let inbox = inbox_with(2, LIMITS);
    let more_of = |target, slot: u32| {
        thread::scope(|scope| {
            let reader = scope.spawn(|| inbox.wait(target, long()).unwrap().unwrap().received);
            wait_for_waiters(&inbox, 1);
            inbox.push_all(id(slot), (0..3).map(message));
            reader.join().unwrap().more
        })
    };
    assert_eq!(more_of(None, 0), 2);
    assert_eq!(more_of(Some(id(1)), 1), 2, "of this connection alone");
    assert_eq!(inbox.depth().unwrap().messages, 4);
}

#[test]
fn waiting_for_one_connection_leaves_the_messages_of_others_alone() {
    let inbox = inbox_with(2, LIMITS);
    thread::scope(|scope| {
        let one = scope.spawn(|| inbox.wait(Some(id(0)), long()).unwrap().unwrap().received);
        wait_for_waiters(&inbox, 1);
        for count in 0..10 {
            inbox.push(id(1), message(count));
        }
        for count in 0..10 {
            assert_eq!(
                number(&inbox.wait(None, Some(now())).unwrap().unwrap().received),
                count
            );
        }
        inbox.push(id(0), message(77));
        assert_eq!(number(&one.join().unwrap()), 77);
    });
}

#[test]
fn close_wakes_those_who_wait_for_that_connection_only() {
    let inbox = inbox_with(2, LIMITS);
    thread::scope(|scope| {
        let gone: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| inbox.wait(Some(id(0)), None)))
            .collect();
        let other = scope.spawn(|| inbox.wait(Some(id(1)), None));
        wait_for_waiters(&inbox, 4);
        assert!(inbox.close(id(0), &ending()));
        for waiter in gone {
            assert_eq!(waiter.join().unwrap(), Err(closed(id(0))));
        }
        wait_for_waiters(&inbox, 1);
        inbox.end(id(1), true, &ending(), || true).unwrap();
        assert_eq!(other.join().unwrap(), Err(closed(id(1))));
    });
}

#[test]
fn stop_wakes_all_and_every_call_after_it_is_denied() {
    let inbox = inbox_with(3, LIMITS);
    thread::scope(|scope| {
        let mut waiting: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| inbox.wait(None, None)))
            .collect();
        waiting.extend((0..8).map(|_| scope.spawn(|| inbox.wait(Some(id(2)), None))));
        wait_for_waiters(&inbox, 16);
        assert!(inbox.stop(Over::Stopped));
        for waiter in waiting {
            assert_eq!(waiter.join().unwrap(), Err(MailboxError::NotStarted));
        }
    });
    assert_eq!(inbox.wait(None, long()), Err(MailboxError::NotStarted));
    assert_eq!(
        inbox.wait(Some(id(0)), long()),
        Err(MailboxError::NotStarted)
    );
    assert_eq!(inbox.push(id(0), message(1)), Pushed::Ended);
    assert_eq!(
        inbox.send(id(0), frame(1), 10, Duration::ZERO, || unreachable!()),
        Err(MailboxError::NotStarted)
    );
    assert_eq!(
        inbox.end(id(0), true, &ending(), || unreachable!()),
        Err(MailboxError::NotStarted)
    );
    assert_eq!(inbox.open(id(9), details()), Err(Refused::Over));
    assert_eq!(inbox.connections(), Err(MailboxError::NotStarted));
    assert_eq!(inbox.depth(), Err(MailboxError::NotStarted));
    assert_eq!(
        inbox.broadcast(None, frame(1), 10, |_| unreachable!()),
        Err(MailboxError::NotStarted)
    );
    assert!(!inbox.stop(Over::Failed), "only the first cause counts");
}

#[test]
fn until_the_first_poll_the_oldest_make_room_and_from_then_on_nothing_is_dropped() {
    let inbox = inbox_with(1, limits(4, 10_000));
    for count in 0..10 {
        assert_eq!(
            inbox.push(id(0), message(count)),
            Pushed::Room,
            "a server that only sends is never paused"
        );
    }
    assert_eq!(inbox.depth().unwrap().dropped, 6);
    assert_eq!(
        number(&inbox.wait(None, Some(now())).unwrap().unwrap().received),
        6
    );
    assert_eq!(inbox.push(id(0), message(10)), Pushed::Full);
    for expected in 7..=10 {
        assert_eq!(
            number(&inbox.wait(None, Some(now())).unwrap().unwrap().received),
            expected
        );
    }
    assert_eq!(inbox.depth().unwrap().dropped, 6);
}

#[test]
fn a_poll_that_finds_nothing_counts_as_the_first() {
    let inbox = inbox_with(1, limits(2, 10_000));
    assert_eq!(
        inbox.wait(Some(id(7)), Some(now())),
        Err(MailboxError::NotFound { id: id(7) })
    );
    inbox.push(id(0), message(0));
    assert_eq!(inbox.push(id(0), message(1)), Pushed::Full);
}

/// clients that come, say something and go must not fill the memory behind a reader that is slower.
#[test]
fn nobody_is_let_in_while_unread_messages_use_up_their_limit() {
    let limits = QueueLimits {
        total_bytes: 640,
        ..LIMITS
    };
    let inbox = Inbox::new(limits, Notices::default());
    let visit = |slot| {
        inbox.open(id(slot), details())?;
        inbox.push(id(slot), message(slot.into()));
        assert!(inbox.close(id(slot), &ending()));
        Ok(())
    };
    // Before the first poll the number of ended connections is bounded, so all are let in.
    (0..20).for_each(|slot| assert_eq!(visit(slot), Ok(())));
    let full = Err(Refused::Full { limit_bytes: 640 });
    for left in (10..20).rev() {
        assert_eq!(
            number(&inbox.try_next(None).unwrap().unwrap().received),
            19 - left
        );
        assert_eq!(visit(99), full, "{left} are left");
    }
    inbox.try_next(None).unwrap();
    assert_eq!(visit(20), Ok(()));
    assert_eq!(visit(21), full);
    assert_eq!(inbox.depth().unwrap().bytes, 640);
}

#[test]
fn sends_are_refused_with_the_figures_when_the_queue_is_full() {
    let inbox = inbox_with(1, LIMITS);
    let mut handed_over = 0;
    inbox
        .send(id(0), frame(900), 1000, Duration::ZERO, || {
            handed_over += 1;
            true
        })
        .unwrap();
    assert_eq!(
        inbox.send(id(0), frame(101), 1000, Duration::ZERO, || unreachable!()),
        Err(MailboxError::QueueFull {
            id: id(0),
            queued_bytes: 900,
            message_bytes: 101,
            limit_bytes: 1000
        })
    );
    inbox.sent(id(0), 900, 0);
    inbox
        .send(id(0), frame(5000), 1000, Duration::ZERO, || {
            handed_over += 1;
            true
        })
        .unwrap();
    assert_eq!(handed_over, 2);
    assert_eq!(
        inbox.send(id(1), frame(1), 1000, Duration::ZERO, || true),
        Err(MailboxError::NotFound { id: id(1) })
    );
    inbox.close(id(0), &ending());
    assert_eq!(
        inbox.send(id(0), frame(1), 1000, Duration::ZERO, || true),
        Err(closed(id(0)))
    );
}

#[test]
fn a_broadcast_names_whom_it_went_to_and_whom_not() {
    let inbox = inbox_with(3, LIMITS);
    inbox
        .send(id(1), frame(950), 1000, Duration::ZERO, || true)
        .unwrap();
    inbox.push(id(2), message(1));
    inbox.close(id(2), &ending());
    let mut handed_over = Vec::new();
    let result = inbox.broadcast(None, frame(100), 1000, |ids| {
        handed_over.extend_from_slice(ids);
        true
    });
    assert_eq!(
        result.unwrap(),
        Broadcast {
            sent: vec![id(0)],
            full: vec![id(1)]
        }
    );
    assert_eq!(handed_over, [id(0)]);
}

#[test]
fn a_loop_that_has_gone_is_an_error_of_the_call_and_then_of_all() {
    let inbox = inbox_with(1, LIMITS);
    assert_eq!(
        inbox.send(id(0), frame(1), 10, Duration::ZERO, || false),
        Err(MailboxError::Failed)
    );
    assert!(inbox.stop(Over::Failed));
    assert_eq!(inbox.wait(None, long()), Err(MailboxError::Failed));
}

#[test]
fn ending_twice_is_an_error_but_unread_messages_of_a_closed_connection_can_be_removed() {
    let inbox = inbox_with(2, LIMITS);
    inbox.end(id(0), true, &ending(), || true).unwrap();
    let closed = |slot| Err(closed(id(slot)));
    assert_eq!(
        inbox.end(id(0), true, &ending(), || unreachable!()),
        closed(0)
    );
    assert_eq!(
        inbox.end(id(0), false, &ending(), || unreachable!()),
        closed(0)
    );

    inbox.push(id(1), message(1));
    inbox.close(id(1), &ending());
    assert_eq!(
        inbox.end(id(1), false, &ending(), || unreachable!()),
        closed(1)
    );
    assert_eq!(inbox.connections().unwrap().len(), 1);
    inbox
        .end(id(1), true, &ending(), || unreachable!())
        .unwrap();
    assert!(inbox.connections().unwrap().is_empty());
}

/// Readers of both sorts against a writer a connection: each message arrives once, in order within its connection
/// as far as one reader can tell, whatever the threads do.
#[test]
fn nothing_is_lost_or_doubled_under_contention() {
    const CONNECTIONS: u32 = 4;
    const MESSAGES: u64 = 2_000;
    let inbox = inbox_with(CONNECTIONS, LIMITS);
    let mut all: Vec<(u32, u64)> = thread::scope(|scope| {
        let inbox = &inbox;
        let mut readers = Vec::new();
        for reader in 0..6u32 {
            let target = (reader < 2).then(|| id(reader));
            readers.push(scope.spawn(move || {
                let mut got = Vec::new();
                loop {
                    let taken = match target {
                        None => inbox.wait(None, None),
                        Some(id) => inbox.wait(Some(id), None),
                    };
                    match taken {
                        Ok(None) => unreachable!("no deadline was given"),
                        Ok(Some(Taken { received, .. })) => {
                            got.push((received.id.slot_index(), number(&received)))
                        }
                        Err(_) => return got,
                    }
                }
            }));
        }
        let writers: Vec<_> = (0..CONNECTIONS)
            .map(|slot| {
                scope.spawn(move || {
                    for count in 0..MESSAGES {
                        while inbox.depth().unwrap().messages > 500 {
                            thread::yield_now();
                        }
                        assert_ne!(inbox.push(id(slot), message(count)), Pushed::Ended);
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        let deadline = now() + LONG;
        while inbox.depth().unwrap().messages > 0 || inbox.state.lock().waiters.len() < 6 {
            assert!(
                now() < deadline,
                "{:?} messages were left lying",
                inbox.depth()
            );
            thread::yield_now();
        }
        inbox.stop(Over::Stopped);
        readers
            .into_iter()
            .flat_map(|reader| {
                let got = reader.join().unwrap();
                for slot in 0..CONNECTIONS {
                    let own: Vec<_> = got.iter().filter(|(from, _)| *from == slot).collect();
                    assert!(own.is_sorted(), "one reader sees a connection in order");
                }
                got
            })
            .collect()
    });
    all.sort_unstable();
    let expected: Vec<_> = (0..CONNECTIONS)
        .flat_map(|slot| (0..MESSAGES).map(move |count| (slot, count)))
        .collect();
    assert_eq!(all, expected);
}

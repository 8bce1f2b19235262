use std::thread;
use std::time::Duration;

use super::super::error::MailboxError;
use super::super::fair_queue::tests::{closed, ending, id};
use super::super::inbox::tests::{LIMITS, LONG, frame, inbox_with};
use super::super::inbox::{Inbox, Over};
use super::super::sync::{Mutex, now};

fn wait_for_senders(inbox: &Inbox, count: usize) {
    let deadline = now() + LONG;
    while inbox.waiting_senders() != count {
        assert!(now() < deadline, "{count} threads never came to wait");
        thread::yield_now();
    }
}

#[test]
fn senders_wait_for_room_in_the_order_they_came() {
    let inbox = inbox_with(1, LIMITS);
    let order = Mutex::new(Vec::new());
    inbox
        .send(id(0), frame(1000), 1000, Duration::ZERO, || true)
        .unwrap();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|number| {
                let (inbox, order) = (&inbox, &order);
                let thread = scope.spawn(move || {
                    inbox.send(id(0), frame(600), 1000, Duration::MAX, || {
                        order.lock().push(number);
                        true
                    })
                });
                wait_for_senders(inbox, number + 1);
                thread
            })
            .collect();
        // Room for less than one, then for one each time.
        inbox.sent(id(0), 1000, 500);
        inbox.sent(id(0), 0, 100);
        wait_for_senders(&inbox, 3);
        for left in (0..3).rev() {
            inbox.sent(id(0), 600, 0);
            wait_for_senders(&inbox, left);
        }
        for thread in waiting {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(*order.lock(), [0, 1, 2, 3]);
}

/// Small messages would fit in beside the one that waits: it would never get room if they went before it.
#[test]
fn nobody_gets_room_before_who_waits_for_it() {
    let inbox = inbox_with(1, LIMITS);
    let send = |bytes, timeout| inbox.send(id(0), frame(bytes), 1000, timeout, || true);
    send(600, Duration::ZERO).unwrap();
    let (small, to_all) = thread::scope(|scope| {
        let large = scope.spawn(|| send(700, Duration::MAX));
        wait_for_senders(&inbox, 1);
        let small = send(100, Duration::ZERO);
        let to_all = inbox.broadcast(None, frame(100), 1000, |_| true);
        inbox.sent(id(0), 600, 0);
        large.join().unwrap().unwrap();
        (small, to_all)
    });
    let full = MailboxError::QueueFull {
        id: id(0),
        queued_bytes: 600 + 700,
        message_bytes: 100,
        limit_bytes: 1000,
    };
    assert_eq!(small, Err(full));
    assert_eq!(to_all.unwrap().full, [id(0)]);
    send(300, Duration::ZERO).unwrap();
}

#[test]
fn who_waits_for_room_learns_of_the_deadline_the_end_and_the_stop() {
    let inbox = inbox_with(2, LIMITS);
    for slot in 0..2 {
        inbox
            .send(id(slot), frame(1000), 1000, Duration::ZERO, || true)
            .unwrap();
    }
    let begin = now();
    let late = inbox.send(
        id(0),
        frame(7),
        1000,
        Duration::from_millis(30),
        || unreachable!(),
    );
    assert_eq!(
        late,
        Err(MailboxError::QueueFull {
            id: id(0),
            queued_bytes: 1000,
            message_bytes: 7,
            limit_bytes: 1000
        })
    );
    assert!(begin.elapsed() >= Duration::from_millis(30));
    assert_eq!(inbox.waiting_senders(), 0);
    thread::scope(|scope| {
        let send = |slot| {
            let inbox = &inbox;
            scope.spawn(move || {
                inbox.send(id(slot), frame(7), 1000, Duration::MAX, || unreachable!())
            })
        };
        let ended = [send(0), send(0)];
        let stopped = [send(1), send(1)];
        wait_for_senders(&inbox, 4);
        assert!(inbox.close(id(0), &ending()));
        for thread in ended {
            assert_eq!(thread.join().unwrap(), Err(closed(id(0))));
        }
        assert!(inbox.stop(Over::Stopped));
        for thread in stopped {
            assert_eq!(thread.join().unwrap(), Err(MailboxError::NotStarted));
        }
    });
    assert_eq!(inbox.waiting_senders(), 0);
}

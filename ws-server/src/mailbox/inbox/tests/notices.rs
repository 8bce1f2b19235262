//! Notices, and what is kept of connections that have ended.

use super::*;

/// One waits for any, one for the connection, one for nothing: each close is told once.
#[test]
fn notices_come_only_if_asked_for_and_frame_the_messages() {
    let notices = Notices {
        open: true,
        close: true,
    };
    let inbox = Inbox::new(LIMITS, notices);
    inbox.open(id(0), details()).unwrap();
    inbox.push(id(0), message(1));
    assert!(inbox.close(id(0), &ending()));
    let taken: Vec<_> = std::iter::from_fn(|| inbox.wait(None, Some(now())).unwrap())
        .map(|taken| taken.received)
        .collect();
    let kinds: Vec<_> = taken.iter().map(|received| received.kind).collect();
    assert_eq!(
        kinds,
        [
            MessageKind::Opened,
            MessageKind::Binary,
            MessageKind::Closed
        ]
    );
    assert!(taken.iter().all(|taken| taken.end == Some(ending())));
    assert_eq!(taken.last().unwrap().more, 0);
    assert_eq!(inbox.wait(Some(id(0)), long()), Err(closed(id(0))));
    assert_eq!(inbox.connections(), Ok(Vec::new()));

    thread::scope(|scope| {
        let any = scope.spawn(|| inbox.wait(None, None));
        wait_for_waiters(&inbox, 1);
        inbox.open(id(1), details()).unwrap();
        let opened = any.join().unwrap().unwrap().unwrap().received;
        assert_eq!((opened.kind, opened.end), (MessageKind::Opened, None));
        let named = scope.spawn(|| inbox.wait(Some(id(1)), None));
        let other = scope.spawn(|| inbox.wait(Some(id(1)), None));
        wait_for_waiters(&inbox, 2);
        assert!(inbox.close(id(1), &ending()));
        let results = [named.join().unwrap(), other.join().unwrap()];
        let notices = results.iter().flatten().flatten();
        assert!(
            notices
                .clone()
                .all(|taken| taken.received.kind == MessageKind::Closed)
        );
        assert_eq!(notices.count(), 1);
        assert!(results.contains(&Err(closed(id(1)))));
    });
    let statistics = inbox.statistics().unwrap();
    assert_eq!(
        (statistics.messages_received, statistics.bytes_received),
        (1, 8),
        "notices are not messages"
    );

    let silent = inbox_with(1, LIMITS);
    assert!(silent.close(id(0), &ending()));
    assert_eq!(silent.wait(None, Some(now())), Ok(None));
}

#[test]
fn a_removed_connection_leaves_no_notice_and_a_closed_one_does() {
    let notices = Notices {
        open: false,
        close: true,
    };
    let inbox = Inbox::new(LIMITS, notices);
    inbox.open(id(0), details()).unwrap();
    inbox.open(id(1), details()).unwrap();
    inbox.end(id(0), true, &ending(), || true).unwrap();
    inbox.end(id(1), false, &ending(), || true).unwrap();
    let taken = inbox.wait(None, Some(now())).unwrap().unwrap().received;
    assert_eq!((taken.id, taken.kind), (id(1), MessageKind::Closed));
    assert_eq!(inbox.wait(None, Some(now())), Ok(None));
}

/// Clients that come, say something and go, while nobody reads: only the newest are kept, and those all, whoever closed.
#[test]
fn until_the_first_poll_ended_connections_are_bounded() {
    let inbox = Inbox::new(LIMITS, Notices::default());
    let visit = |slot| {
        inbox.open(id(slot), details()).unwrap();
        inbox.push(id(slot), message(slot.into()));
        if slot % 2 == 0 {
            assert!(inbox.close(id(slot), &ending()));
        } else {
            inbox.end(id(slot), false, &ending(), || true).unwrap();
        }
    };
    // Who says nothing takes no place.
    let silent = u32::MAX;
    let count = u32::try_from(MAX_UNREAD).unwrap();
    for slot in 0..count + 10 {
        visit(slot);
        inbox.open(id(silent), details()).unwrap();
        assert!(inbox.close(id(silent), &ending()));
    }
    assert_eq!(inbox.connections().unwrap().len(), MAX_UNREAD);
    assert_eq!(inbox.depth().unwrap().dropped, 10);
    let first = inbox.wait(None, Some(now())).unwrap().unwrap().received;
    assert_eq!(number(&first), 10);
    // Somebody reads now, so nothing more is dropped.
    (count + 10..count + 30).for_each(visit);
    assert_eq!(inbox.connections().unwrap().len(), MAX_UNREAD - 1 + 20);
    assert_eq!(inbox.depth().unwrap().dropped, 10);
}

/// What comes behind a notice is told of by it, so somebody has to be told of that.
#[test]
fn a_close_of_our_own_tells_of_its_notice_if_nothing_else_waits() {
    use std::sync::mpsc;
    let (sender, alerts) = mpsc::channel();
    let hook = Hook::new(move |alert| sender.send(alert).unwrap());
    let notices = Notices {
        open: false,
        close: true,
    };
    let inbox = Inbox::new(LIMITS, notices).with_hook(Some(hook));
    let told = || alerts.try_iter().collect::<Vec<_>>();
    for number in 0..3 {
        inbox.open(id(number), details()).unwrap();
    }
    assert_eq!(inbox.wait(None, Some(now())), Ok(None));
    inbox.end(id(0), false, &ending(), || true).unwrap();
    assert_eq!(told(), [Alert::Message]);
    inbox.end(id(1), false, &ending(), || true).unwrap();
    inbox.push(id(2), message(1));
    assert_eq!(told(), [], "the first was not taken yet");
    while inbox.wait(None, Some(now())).unwrap().is_some() {}
    inbox.push(id(2), message(2));
    assert_eq!(told(), [Alert::Message]);
}

#[test]
fn alerts_tell_of_the_first_message_that_waits_and_of_ends() {
    use std::sync::mpsc;
    let (sender, alerts) = mpsc::channel();
    let hook = Hook::new(move |alert| sender.send(alert).unwrap());
    let inbox = Inbox::new(LIMITS, Notices::default()).with_hook(Some(hook));
    let told = || alerts.try_iter().collect::<Vec<_>>();
    for number in 0..2 {
        inbox.open(id(number), details()).unwrap();
    }
    assert_eq!(told(), []);
    // Nobody has read yet.
    inbox.push(id(0), message(1));
    inbox.push(id(1), message(2));
    assert_eq!(told(), [Alert::Message]);
    while inbox.wait(None, Some(now())).unwrap().is_some() {}
    inbox.push(id(1), message(3));
    inbox.push(id(0), message(4));
    assert_eq!(told(), [Alert::Message]);
    assert!(inbox.close(id(1), &ending()));
    assert!(!inbox.close(id(1), &ending()));
    assert_eq!(told(), [Alert::Closed(id(1))]);
    while inbox.wait(None, Some(now())).unwrap().is_some() {}
    thread::scope(|scope| {
        let waiter = scope.spawn(|| inbox.wait(None, None));
        wait_for_waiters(&inbox, 1);
        inbox.push(id(0), message(5));
        assert!(waiter.join().unwrap().unwrap().is_some());
    });
    assert_eq!(told(), [], "given to whoever waited");
    inbox.end(id(0), true, &ending(), || true).unwrap();
    assert_eq!(told(), [], "whoever closes knows");
}

//! Messages from other threads to clients.

use std::thread;
use std::time::{Duration, Instant};

use ws_core::CloseCode;
use ws_server::mailbox::{Mailbox, MailboxConfig, MailboxError};
use ws_server::{Config, Message};

use crate::peer::Got;
use crate::support::{NO_WAIT, connect, entry, start, wait_until};

#[test]
fn messages_arrive_in_the_order_of_the_calls() {
    let mailbox = start();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    for number in 0..2000 {
        mailbox
            .send(id, Message::Text(&number.to_string()))
            .unwrap();
        mailbox.send(id, Message::Binary(&[1; 300])).unwrap();
    }
    for number in 0..2000 {
        assert_eq!(peer.receive(), Some(Got::Text(number.to_string())));
        assert_eq!(peer.receive(), Some(Got::Binary(vec![1; 300])));
    }
}

/// A client that does not read: at the limit the call fails with the figures; what was accepted arrives, and when
/// the client has read there is room again.
#[test]
fn a_full_send_queue_is_an_error_with_the_figures_and_nothing_accepted_is_lost() {
    const LIMIT: usize = 4 << 20;
    let config = MailboxConfig::default().server(Config::default().send_queue_bytes(LIMIT));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    let message = |number: u32| {
        let mut data = vec![number.to_be_bytes()[3]; 256 << 10];
        data[..4].copy_from_slice(&number.to_be_bytes());
        data
    };
    let mut accepted = 0;
    // The sockets' own buffers take some, so it is full when it stays full.
    let error = loop {
        match mailbox.send(id, Message::Binary(&message(accepted))) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 10_000, "the queue never gets full");
    };
    let MailboxError::QueueFull {
        id: full,
        queued_bytes,
        message_bytes,
        limit_bytes,
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (full, message_bytes, limit_bytes),
        (id, (256 << 10) + 10, LIMIT)
    );
    assert!(
        queued_bytes <= LIMIT && queued_bytes + message_bytes > LIMIT,
        "{queued_bytes}"
    );
    assert_eq!(error.error_code(), "queue_full");

    // A peer that the server does not read can still be read from.
    for number in 0..accepted {
        assert_eq!(peer.receive(), Some(Got::Binary(message(number))));
    }
    wait_until("there is room again", || {
        mailbox.send(id, Message::Text("room")).is_ok()
    });
    assert_eq!(peer.receive(), Some(Got::Text("room".to_owned())));
}

#[test]
fn an_empty_send_queue_takes_one_message_of_any_size() {
    let config = MailboxConfig::default().server(
        Config::default()
            .send_queue_bytes(1000)
            .high_water_bytes(500)
            .low_water_bytes(100),
    );
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    let big = vec![7; 8 << 20];
    for _ in 0..3 {
        wait_until("the queue is empty", || {
            mailbox.send(id, Message::Binary(&big)).is_ok()
        });
        assert!(peer.receive() == Some(Got::Binary(big.clone())));
    }
}

#[test]
fn a_broadcast_reaches_all_and_names_those_without_room() {
    let server = Config::default().workers(2).send_queue_bytes(2 << 20);
    let mailbox = Mailbox::start("127.0.0.1:0", MailboxConfig::default().server(server)).unwrap();
    let mut peers: Vec<_> = (0..20).map(|_| connect(&mailbox)).collect();
    let result = mailbox.broadcast(Message::Text("to all"), None).unwrap();
    assert_eq!((result.sent.len(), result.full.len()), (20, 0));
    for peer in &mut peers {
        assert_eq!(peer.receive(), Some(Got::Text("to all".to_owned())));
    }

    let stuck = connect(&mailbox);
    let id = entry(&mailbox, &stuck).unwrap().id;
    // Refused for a while: until then the loop may still be handing the queue to the system's buffers.
    let mut refused_since = None;
    wait_until("the queue stays full", || {
        let refused = mailbox.send(id, Message::Binary(&[0; 512 << 10])).is_err();
        let since = refused.then(|| refused_since.unwrap_or_else(Instant::now));
        refused_since = since;
        since.is_some_and(|since| since.elapsed() > Duration::from_millis(300))
    });
    let data = vec![5; 1 << 20];
    let result = thread::scope(|scope| {
        for peer in &mut peers {
            let data = &data;
            scope.spawn(move || assert!(peer.receive() == Some(Got::Binary(data.clone()))));
        }
        mailbox.broadcast(Message::Binary(&data), None).unwrap()
    });
    assert_eq!(result.sent.len(), 20);
    assert_eq!(result.full, [id]);
}

#[test]
fn a_close_frame_that_may_not_be_sent_is_an_error_and_changes_nothing() {
    let mailbox = start();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    for (code, reason) in [(1006, ""), (999, ""), (1000, &"x".repeat(124)[..])] {
        let error = mailbox
            .close(id, true, CloseCode::new(code), reason)
            .unwrap_err();
        assert_eq!(error.error_code(), "usage", "{error}");
    }
    mailbox.send(id, Message::Text("still open")).unwrap();
    assert_eq!(peer.receive(), Some(Got::Text("still open".to_owned())));
}

#[test]
fn a_connection_closed_but_not_removed_keeps_its_messages() {
    let mailbox = start();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    peer.send_text("unread").unwrap();
    wait_until("it is queued", || {
        mailbox.queue_depth().unwrap().messages == 1
    });
    mailbox
        .close(id, false, CloseCode::new(4000), "kept")
        .unwrap();
    assert!(!entry(&mailbox, &peer).unwrap().is_active);
    assert_eq!(peer.receive(), Some(Got::Close(Some(4000))));
    assert_eq!(mailbox.next(NO_WAIT).unwrap().unwrap().payload, b"unread");
    assert_eq!(mailbox.connections().unwrap(), []);
}

//! Messages from clients to readers.

use std::collections::HashMap;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ws_core::handshake::ClientRequest;
use ws_core::{CloseCode, Hook};
use ws_server::mailbox::{Alert, Mailbox, MailboxConfig, MailboxError, MessageKind};
use ws_server::{Config, ConnectionId, Message};

use crate::peer::{Got, Peer};
use crate::support::{NO_WAIT, PATIENCE, connect, entry, start, wait_until};

#[test]
fn a_message_says_where_it_comes_from() {
    let config = MailboxConfig::default().server(Config::default().subprotocols(["v2", "v1"]));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let host = mailbox.local_addr().to_string();
    let request = ClientRequest::new(&host, "/orders/7?token=a%20b").subprotocol("v1");
    let mut peer = Peer::connect_as(mailbox.local_addr(), &request).unwrap();
    peer.send_text("привет").unwrap();
    peer.send_binary(&[]).unwrap();

    let text = mailbox.next(PATIENCE).unwrap().unwrap();
    assert_eq!(
        (text.kind, text.payload.as_slice()),
        (MessageKind::Text, "привет".as_bytes())
    );
    assert!(text.is_active);
    let details = &text.connection;
    assert_eq!(details.address.to_string(), peer.local_addr().to_string());
    assert_eq!(
        (details.path.as_str(), details.query.as_deref()),
        ("/orders/7", Some("token=a%20b"))
    );
    assert_eq!(details.subprotocol.as_deref(), Some("v1"));
    assert_eq!(Some(text.id), entry(&mailbox, &peer).map(|info| info.id));

    let empty = mailbox.next_from(text.id, PATIENCE).unwrap().unwrap();
    assert_eq!(
        (empty.kind, empty.payload.len(), empty.more),
        (MessageKind::Binary, 0, 0)
    );
}

#[test]
fn a_message_of_16_mib_passes_whole() {
    let mailbox = start();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    let data: Vec<u8> = (0..16u32 << 20)
        .map(|index| index.to_le_bytes()[0] ^ index.to_le_bytes()[2])
        .collect();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            peer.send_binary(&data).unwrap();
            peer.receive()
        });
        let received = mailbox.next_from(id, PATIENCE).unwrap().unwrap();
        assert!(received.payload == data, "the payload differs");
        mailbox
            .send(id, Message::Binary(&received.payload))
            .unwrap();
        assert!(
            sender.join().unwrap() == Some(Got::Binary(data.clone())),
            "the echo differs"
        );
    });
}

#[test]
fn connections_take_turns() {
    let mailbox = start();
    let mut peers: Vec<_> = (0..4).map(|_| connect(&mailbox)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        for count in 0..5 {
            peer.send_text(&format!("{number} {count}")).unwrap();
        }
    }
    wait_until("all are queued", || {
        mailbox.queue_depth().unwrap().messages == 20
    });
    for round in 0..5 {
        let mut seen: Vec<_> = (0..4)
            .map(|_| String::from_utf8(mailbox.next(NO_WAIT).unwrap().unwrap().payload).unwrap())
            .collect();
        seen.sort();
        let expected: Vec<_> = (0..4).map(|number| format!("{number} {round}")).collect();
        assert_eq!(seen, expected);
    }
}

/// Eight readers, forty clients at once: every client gets its own echoes, whole and as many as it sent.
#[test]
fn many_readers_serve_many_clients() {
    const CLIENTS: usize = 40;
    const MESSAGES: usize = 50;
    let mailbox = Mailbox::start(
        "127.0.0.1:0",
        MailboxConfig::default().server(Config::default().workers(2)),
    )
    .unwrap();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut echoed = 0;
                    loop {
                        match mailbox.next(PATIENCE) {
                            Ok(Some(received)) => {
                                mailbox
                                    .send(received.id, Message::Binary(&received.payload))
                                    .unwrap();
                                echoed += 1;
                            }
                            Ok(None) => panic!("nothing came for {PATIENCE:?}"),
                            Err(error) => {
                                assert_eq!(error, MailboxError::NotStarted);
                                return echoed;
                            }
                        }
                    }
                })
            })
            .collect();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let mailbox = &mailbox;
                scope.spawn(move || {
                    let mut peer = connect(mailbox);
                    let message = |count: usize| {
                        format!("{client}:{count}")
                            .repeat(count * 7 + 1)
                            .into_bytes()
                    };
                    let mut expected: Vec<_> = (0..MESSAGES).map(message).collect();
                    expected
                        .iter()
                        .for_each(|data| peer.send_binary(data).unwrap());
                    // Two readers may answer one client at the same time, in any order.
                    let mut got: Vec<_> = (0..MESSAGES)
                        .map(|_| match peer.receive() {
                            Some(Got::Binary(data)) => data,
                            other => panic!("{other:?}"),
                        })
                        .collect();
                    got.sort();
                    expected.sort();
                    assert!(got == expected, "client {client}: the echoes differ");
                    peer.close().unwrap();
                })
            })
            .collect();
        clients
            .into_iter()
            .for_each(|client| client.join().unwrap());
        mailbox.stop().unwrap();
        let echoed: usize = readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum();
        assert_eq!(echoed, CLIENTS * MESSAGES);
    });
}

/// A reader that is slower than its client: the queue stays within its limit, the client is slowed down, and
/// nothing is lost, doubled or reordered; also not what comes with the Close at the end.
#[test]
fn a_full_queue_pauses_the_connection_and_loses_nothing() {
    const MESSAGES: u32 = 20_000;
    const LIMIT: usize = 32;
    let config = MailboxConfig::default().max_queued_messages(LIMIT);
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    assert_eq!(mailbox.next(NO_WAIT), Ok(None), "the first poll");
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                let mut data = vec![0; 1000];
                data[..4].copy_from_slice(&number.to_be_bytes());
                peer.send_binary(&data).unwrap();
            }
            peer.close().unwrap();
        });
        let mut most = 0;
        for number in 0..MESSAGES {
            if number % 1000 == 0 {
                // A paused connection is resumed when its queue is half empty.
                let waits_at = if number == 0 { LIMIT } else { LIMIT / 2 + 1 };
                wait_until("the client is ahead", || {
                    mailbox.queue_depth().unwrap().messages >= waits_at
                });
            }
            let received = mailbox.next_from(id, PATIENCE).unwrap().unwrap();
            assert_eq!(received.payload[..4], number.to_be_bytes());
            // Of a full queue one was taken, but for a message that was given to the waiting reader.
            most = most.max(received.more);
        }
        assert!(
            (LIMIT - 1..=LIMIT).contains(&most),
            "the queue was filled up to its limit and no further: {most}"
        );
        let end = mailbox.next_from(id, PATIENCE);
        assert!(
            matches!(
                end,
                Err(MailboxError::Closed {
                    code: CloseCode::NORMAL,
                    ..
                })
            ),
            "{end:?}"
        );
    });
    assert_eq!(mailbox.connections().unwrap(), []);
}

#[test]
fn a_full_queue_of_one_connection_does_not_hold_up_another() {
    let config = MailboxConfig::default().max_queued_messages(4);
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let (mut full, mut other) = (connect(&mailbox), connect(&mailbox));
    let (full_id, other_id) = (
        entry(&mailbox, &full).unwrap().id,
        entry(&mailbox, &other).unwrap().id,
    );
    assert_eq!(mailbox.next(NO_WAIT), Ok(None));
    (0..50).for_each(|number| full.send_text(&number.to_string()).unwrap());
    wait_until("the queue is full", || {
        mailbox.queue_depth().unwrap().messages == 4
    });
    for number in 0..100 {
        other.send_text(&number.to_string()).unwrap();
        let received = mailbox.next_from(other_id, PATIENCE).unwrap().unwrap();
        assert_eq!(received.payload, number.to_string().into_bytes());
    }
    for number in 0..50 {
        let received = mailbox.next_from(full_id, PATIENCE).unwrap().unwrap();
        assert_eq!(received.payload, number.to_string().into_bytes());
    }
}

/// A server that only sends: what clients say makes room for newer things, pings are answered, and from the first
/// poll on nothing is dropped.
#[test]
fn until_the_first_poll_the_oldest_messages_make_room() {
    let config = MailboxConfig::default().max_queued_messages(100);
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let mut peer = connect(&mailbox);
    for number in 0..1000 {
        peer.send_text(&number.to_string()).unwrap();
    }
    peer.ping(b"still there?").unwrap();
    assert_eq!(
        peer.receive(),
        Some(Got::Pong(b"still there?".to_vec())),
        "the connection is not paused"
    );
    let depth = mailbox.queue_depth().unwrap();
    assert_eq!((depth.messages, depth.dropped), (100, 900));
    for number in 900..1000 {
        let received = mailbox.next(NO_WAIT).unwrap().unwrap();
        assert_eq!(received.payload, number.to_string().into_bytes());
    }
    for number in 0..500 {
        peer.send_text(&number.to_string()).unwrap();
    }
    for number in 0..500 {
        let received = mailbox.next(PATIENCE).unwrap().unwrap();
        assert_eq!(received.payload, number.to_string().into_bytes());
    }
    assert_eq!(mailbox.queue_depth().unwrap().dropped, 900);
}

#[test]
fn a_timeout_is_kept_and_is_no_error() {
    let mailbox = start();
    let peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    let begin = Instant::now();
    assert_eq!(mailbox.next(Duration::from_millis(50)), Ok(None));
    assert_eq!(mailbox.next_from(id, Duration::from_millis(50)), Ok(None));
    assert!(begin.elapsed() >= Duration::from_millis(100));
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn an_id_of_the_past_or_from_elsewhere_names_nobody() {
    let mailbox = start();
    let mut first = connect(&mailbox);
    let id = entry(&mailbox, &first).unwrap().id;
    first.close().unwrap();
    first.run_to_end();
    // The slot is used again, by more connections than are remembered.
    for _ in 0..1100 {
        let mut peer = connect(&mailbox);
        assert!(mailbox.send(id, Message::Text("to nobody")).is_err());
        peer.close().unwrap();
        assert_eq!(
            peer.receive(),
            Some(Got::Close(Some(1000))),
            "got nothing that was meant for another"
        );
    }
    let peer = connect(&mailbox);
    let other = entry(&mailbox, &peer).unwrap().id;
    let guessed = ConnectionId::new(other.loop_index(), other.slot_index(), other.nonce() ^ 1);
    for id in [id, guessed, ConnectionId::new(999, u32::MAX, 0)] {
        let unknown = MailboxError::NotFound { id };
        assert_eq!(mailbox.send(id, Message::Text("x")), Err(unknown.clone()));
        assert_eq!(mailbox.next_from(id, PATIENCE), Err(unknown.clone()));
        assert_eq!(mailbox.close(id, true, CloseCode::NORMAL, ""), Err(unknown));
    }
    assert!(entry(&mailbox, &peer).unwrap().is_active);
}

/// The client is gone while its connection is paused: what had arrived is read to the end, then 1006.
#[test]
fn what_a_client_sent_before_it_vanished_is_read_from_a_full_queue() {
    const MESSAGES: u32 = 300;
    let config = MailboxConfig::default().max_queued_messages(8);
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    assert_eq!(mailbox.next(NO_WAIT), Ok(None), "the first poll");
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    for number in 0..MESSAGES {
        peer.send_binary(&[number.to_be_bytes(); 200].concat())
            .unwrap();
    }
    drop(peer);
    wait_until("the queue is full", || {
        mailbox.queue_depth().unwrap().messages == 8
    });
    for number in 0..MESSAGES {
        let received = mailbox.next_from(id, PATIENCE).unwrap().unwrap();
        assert_eq!(received.payload[..4], number.to_be_bytes());
    }
    let end = mailbox.next_from(id, PATIENCE);
    assert!(
        matches!(
            end,
            Err(MailboxError::Closed {
                code: CloseCode::ABNORMAL,
                ..
            })
        ),
        "{end:?}"
    );
}

/// A read brings messages and a Close, and before this is answered another connection is closed by the program.
#[test]
fn messages_before_a_close_stay_their_senders_when_another_is_closed_meanwhile() {
    let (tell, is_read) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let may_go_on = Mutex::new(may_go_on);
    // Called in the middle of the turn of whoever has sent, with its first message: holds the loop there.
    let hook = Hook::new(move |alert| {
        if alert == Alert::Message {
            tell.send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
        }
    });
    let config = MailboxConfig::default().hook(Some(hook));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    assert_eq!(mailbox.next(NO_WAIT), Ok(None), "the first poll");
    let (mut sender, other) = (connect(&mailbox), connect(&mailbox));
    let id = entry(&mailbox, &sender).unwrap().id;
    let other_id = entry(&mailbox, &other).unwrap().id;
    sender.begin_close_after(&["0", "1", "2"]).unwrap();
    is_read.recv_timeout(PATIENCE).unwrap();
    thread::scope(|scope| {
        let close = scope.spawn(|| mailbox.close(other_id, true, CloseCode::NORMAL, ""));
        // Then its loop has been told, too.
        wait_until("the other is closed", || entry(&mailbox, &other).is_none());
        go_on.send(()).unwrap();
        close.join().unwrap().unwrap();
    });
    assert_eq!(sender.receive(), Some(Got::Close(Some(1000))));
    for number in 0..3 {
        let received = mailbox.next(NO_WAIT).unwrap().expect("none is lost");
        assert_eq!(received.id, id);
        assert_eq!(received.payload, number.to_string().into_bytes());
    }
}

/// Connections that end without a Close frame: 1006, and what they sent stays.
#[test]
fn a_connection_that_breaks_leaves_its_messages() {
    let mailbox = start();
    let mut ids = HashMap::new();
    for number in 0..50u32 {
        let mut peer = connect(&mailbox);
        ids.insert(entry(&mailbox, &peer).unwrap().id, number);
        peer.send_binary(&number.to_be_bytes()).unwrap();
    }
    for (id, number) in ids {
        let received = mailbox.next_from(id, PATIENCE).unwrap().unwrap();
        assert_eq!(received.payload, number.to_be_bytes());
        let end = mailbox.next_from(id, PATIENCE);
        assert!(
            matches!(
                end,
                Err(MailboxError::Closed {
                    code: CloseCode::ABNORMAL,
                    ..
                })
            ),
            "{end:?}"
        );
    }
    assert_eq!(mailbox.connections().unwrap(), []);
}

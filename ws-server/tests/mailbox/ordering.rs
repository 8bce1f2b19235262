//! The ordering rules (a) to (f) of the method contract: 1,000 repeats each, and no pause between calls.

use std::io;
use std::net::TcpStream;
use std::thread;

use ws_core::CloseCode;
use ws_server::Message;
use ws_server::mailbox::{Mailbox, MailboxConfig, MailboxError};

use crate::peer::{Closed, Got, Peer};
use crate::support::{NO_WAIT, connect, entry, start};

const REPEATS: usize = 1000;

/// (a) A connection is listed before its client can know that it is open.
/// (b) It is gone from the list before its client can know that it is closed.
#[test]
fn a_b_the_list_follows_open_and_close() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut peer = connect(&mailbox);
        let listed = entry(&mailbox, &peer);
        assert!(
            listed.is_some_and(|info| info.is_active),
            "repeat {repeat}: open but not listed"
        );
        peer.close().unwrap();
        assert_eq!(
            entry(&mailbox, &peer),
            None,
            "repeat {repeat}: closed but listed"
        );
        assert_eq!(mailbox.connections().unwrap(), []);
    }
}

/// (b) With unread data it stays, as inactive. (c) What was sent before Close is read after it; with the last
/// message the entry goes.
#[test]
fn b_c_data_sent_before_close_is_read_after_it() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut peer = connect(&mailbox);
        let id = entry(&mailbox, &peer).unwrap().id;
        peer.send_text("first").unwrap();
        peer.send_binary(&[1, 2]).unwrap();
        peer.close().unwrap();
        let listed = entry(&mailbox, &peer).unwrap();
        assert!(!listed.is_active, "repeat {repeat}: closed but active");
        assert_eq!(listed.queued_messages, 2);

        let first = if repeat % 2 == 0 {
            mailbox.next(NO_WAIT)
        } else {
            mailbox.next_from(id, NO_WAIT)
        };
        let first = first.unwrap().unwrap();
        assert_eq!(
            (first.id, first.payload.as_slice(), first.is_active),
            (id, &b"first"[..], false)
        );
        assert!(
            entry(&mailbox, &peer).is_some(),
            "repeat {repeat}: gone before the last message was taken"
        );
        let second = mailbox.next_from(id, NO_WAIT).unwrap().unwrap();
        assert_eq!(second.payload, [1, 2]);
        assert_eq!(mailbox.connections().unwrap(), []);

        let closed = MailboxError::Closed {
            id,
            code: CloseCode::NORMAL,
            reason: "bye".to_owned(),
        };
        assert_eq!(mailbox.next_from(id, NO_WAIT), Err(closed));
        assert_eq!(mailbox.next(NO_WAIT), Ok(None));
    }
}

/// (d) Removed at once; the client learns it no later than by its second send.
#[test]
fn d_removed_at_once_and_the_clients_second_send_fails() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut peer = connect(&mailbox);
        let id = entry(&mailbox, &peer).unwrap().id;
        if repeat % 2 == 0 {
            peer.send_text("unread").unwrap();
        }
        mailbox
            .close(id, true, CloseCode::NORMAL, "enough")
            .unwrap();
        assert_eq!(mailbox.connections().unwrap(), [], "repeat {repeat}");
        let first = peer.send_text("may still go out");
        let second = peer.send_text("must not");
        assert_eq!(
            second,
            Err(Closed),
            "repeat {repeat}: the first gave {first:?}"
        );
        assert_eq!(peer.receive(), Some(Got::Close(Some(1000))));
        assert!(matches!(
            mailbox.next_from(id, NO_WAIT),
            Err(MailboxError::Closed { .. })
        ));
        assert_eq!(mailbox.next(NO_WAIT), Ok(None), "nothing of it is left");
    }
}

/// (e) After stop every call is an error, and nobody listens on the port.
#[test]
fn e_after_stop_every_call_is_an_error_and_the_port_is_free() {
    for repeat in 0..REPEATS {
        // An address that no other test uses, so that nobody else takes the port.
        let mailbox = Mailbox::start("127.0.77.1:0", MailboxConfig::default()).unwrap();
        let mut peer = connect(&mailbox);
        let id = entry(&mailbox, &peer).unwrap().id;
        thread::scope(|scope| {
            scope.spawn(|| peer.run_to_end());
            mailbox.stop().unwrap();
        });
        assert_eq!(
            peer.receive(),
            Some(Got::Close(Some(1001))),
            "repeat {repeat}"
        );

        let stopped = MailboxError::NotStarted;
        assert_eq!(mailbox.next(crate::support::PATIENCE), Err(stopped.clone()));
        assert_eq!(
            mailbox.next_from(id, crate::support::PATIENCE),
            Err(stopped.clone())
        );
        assert_eq!(mailbox.send(id, Message::Text("x")), Err(stopped.clone()));
        assert_eq!(
            mailbox.broadcast(Message::Text("x"), None),
            Err(stopped.clone())
        );
        assert_eq!(
            mailbox.close(id, true, CloseCode::NORMAL, ""),
            Err(stopped.clone())
        );
        assert_eq!(mailbox.connections(), Err(stopped.clone()));
        assert_eq!(mailbox.queue_depth(), Err(stopped.clone()));
        assert_eq!(mailbox.stop(), Err(stopped));
        let refused = TcpStream::connect(mailbox.local_addr()).map_err(|error| error.kind());
        assert_eq!(
            refused.err(),
            Some(io::ErrorKind::ConnectionRefused),
            "repeat {repeat}"
        );
    }
}

/// (f) A second close, and a send after close, are errors.
#[test]
fn f_closing_twice_and_sending_after_close_are_errors() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut peer = connect(&mailbox);
        let id = entry(&mailbox, &peer).unwrap().id;
        let remove = repeat % 2 == 0;
        mailbox.send(id, Message::Text("before")).unwrap();
        mailbox
            .close(id, remove, CloseCode::NORMAL, "done")
            .unwrap();
        let closed = MailboxError::Closed {
            id,
            code: CloseCode::NORMAL,
            reason: "done".to_owned(),
        };
        assert_eq!(
            mailbox.close(id, remove, CloseCode::GOING_AWAY, ""),
            Err(closed.clone()),
            "repeat {repeat}"
        );
        assert_eq!(mailbox.send(id, Message::Text("after")), Err(closed));
        assert_eq!(peer.receive(), Some(Got::Text("before".to_owned())));
        assert_eq!(peer.receive(), Some(Got::Close(Some(1000))));
        peer.run_to_end();
        assert_eq!(peer.receive(), None);
        assert_eq!(peer.close(), Err(Closed));
    }
}

/// The same seen from many clients at once: each finds itself in the list, and out of it.
#[test]
fn the_rules_hold_with_many_clients_and_loops_at_once() {
    let server = ws_server::Config::default().workers(3);
    let mailbox = Mailbox::start("127.0.0.1:0", MailboxConfig::default().server(server)).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..REPEATS / 8 {
                    let mut peer = Peer::connect(mailbox.local_addr(), "/").unwrap();
                    let listed = entry(&mailbox, &peer).unwrap();
                    assert!(listed.is_active);
                    peer.send_text("own").unwrap();
                    peer.close().unwrap();
                    assert!(!entry(&mailbox, &peer).unwrap().is_active);
                    let own = mailbox.next_from(listed.id, NO_WAIT).unwrap().unwrap();
                    assert_eq!(own.payload, b"own");
                    assert_eq!(entry(&mailbox, &peer), None);
                }
            });
        }
    });
    assert_eq!(mailbox.connections().unwrap(), []);
}

//! What a mailbox tells and does beyond messages: notices, headers, paths, figures.

use std::thread;
use std::time::{Duration, Instant};

use ws_core::CloseCode;
use ws_core::handshake::ClientRequest;
use ws_server::mailbox::{Mailbox, MailboxConfig, MailboxError, MessageKind};
use ws_server::{ClosedBy, Config, Message};

use crate::peer::{Got, Peer};
use crate::support::{NO_WAIT, PATIENCE, connect, entry, start, wait_until};

fn start_with(config: MailboxConfig) -> Mailbox {
    Mailbox::start("127.0.0.1:0", config).unwrap()
}

#[test]
fn headers_are_kept_only_if_asked_for_and_never_shown() {
    let request = |host: &str| {
        ClientRequest::new(host, "/orders?token=canary-query")
            .header("X-Token", "canary-token")
            .header("x-TOKEN", "second")
            .header("Authorization", "Bearer canary-bearer")
    };
    for (kept, expected) in [
        (vec![], None),
        (vec!["x-token"], Some("canary-token")),
        (vec!["*"], Some("canary-token")),
    ] {
        let all = kept.contains(&"*");
        let mailbox = start_with(MailboxConfig::default().kept_headers(kept));
        let host = mailbox.local_addr().to_string();
        let mut peer = Peer::connect_as(mailbox.local_addr(), &request(&host)).unwrap();
        peer.send_text("x").unwrap();
        let received = mailbox.next(PATIENCE).unwrap().unwrap();
        let details = &received.connection;
        assert_eq!(details.header("X-TOKEN"), expected);
        let tokens = details
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-token"))
            .count();
        assert_eq!(tokens, if expected.is_some() { 2 } else { 0 });
        assert_eq!(details.header("host"), all.then_some(host.as_str()));
        assert_eq!(details.query.as_deref(), Some("token=canary-query"));
        let shown = format!("{received:?} {:?}", mailbox.connections());
        assert!(!shown.contains("canary"), "{shown}");
    }
}

/// Nobody sees a notice who has not asked for one; see `inbox` for the waiting.
#[test]
fn notices_are_off_unless_asked_for() {
    let mailbox = start();
    let mut peer = connect(&mailbox);
    peer.close().unwrap();
    assert_eq!(mailbox.next(NO_WAIT), Ok(None));
    assert_eq!(mailbox.connections().unwrap(), []);
}

#[test]
fn notices_frame_what_a_connection_sends_and_say_how_it_ended() {
    let config = MailboxConfig::default()
        .open_notices(true)
        .close_notices(true);
    let mailbox = start_with(config);
    let mut peer = connect(&mailbox);
    let opened = mailbox.next(NO_WAIT).unwrap().unwrap();
    assert_eq!(
        (opened.kind, opened.payload.len(), opened.end),
        (MessageKind::Opened, 0, None),
        "it is there before the client knows that it is open"
    );
    // An answer to the notice arrives, too.
    mailbox.send(opened.id, Message::Text("welcome")).unwrap();
    assert_eq!(peer.receive(), Some(Got::Text("welcome".to_owned())));
    peer.send_text("one").unwrap();
    peer.close().unwrap();
    let listed = entry(&mailbox, &peer).unwrap();
    assert!(!listed.is_active);
    assert_eq!(listed.end.as_ref().unwrap().by, ClosedBy::Peer);
    let one = mailbox.next(NO_WAIT).unwrap().unwrap();
    assert_eq!((one.payload.as_slice(), one.more), (&b"one"[..], 1));
    let closed = mailbox.next_from(opened.id, NO_WAIT).unwrap().unwrap();
    let end = closed.end.unwrap();
    assert_eq!(
        (closed.kind, closed.is_active, closed.more),
        (MessageKind::Closed, false, 0)
    );
    assert_eq!(
        (end.code, end.reason.as_str(), end.by),
        (CloseCode::NORMAL, "bye", ClosedBy::Peer)
    );
    assert_eq!(mailbox.connections().unwrap(), []);

    // Whoever vanishes is told of as well.
    drop(connect(&mailbox));
    assert_eq!(
        mailbox.next(PATIENCE).unwrap().unwrap().kind,
        MessageKind::Opened
    );
    let closed = mailbox.next(PATIENCE).unwrap().unwrap();
    assert_eq!(closed.kind, MessageKind::Closed);
    assert_eq!(closed.end.unwrap().code, CloseCode::ABNORMAL);
}

#[test]
fn a_broadcast_to_a_path_reaches_those_who_asked_for_it() {
    let mailbox = start();
    let address = mailbox.local_addr();
    let mut prices = [
        Peer::connect(address, "/prices").unwrap(),
        Peer::connect(address, "/prices?since=1").unwrap(),
    ];
    let mut other = Peer::connect(address, "/prices/all").unwrap();
    let result = mailbox
        .broadcast(Message::Text("7.5"), Some("/prices"))
        .unwrap();
    assert_eq!((result.sent.len(), result.full.len()), (2, 0));
    for peer in &mut prices {
        assert_eq!(peer.receive(), Some(Got::Text("7.5".to_owned())));
    }
    let nobody = mailbox.broadcast(Message::Text("x"), Some("/")).unwrap();
    assert_eq!(nobody.sent, []);
    mailbox.broadcast(Message::Text("end"), None).unwrap();
    assert_eq!(other.receive(), Some(Got::Text("end".to_owned())));
}

#[test]
fn statistics_count_both_directions_and_what_waits() {
    let mailbox = start();
    let (mut first, mut second) = (connect(&mailbox), connect(&mailbox));
    first.send_text("four").unwrap();
    first.send_binary(&[0; 100]).unwrap();
    wait_until("both have come", || {
        mailbox.queue_depth().unwrap().messages == 2
    });
    let id = entry(&mailbox, &first).unwrap().id;
    mailbox.send(id, Message::Text("123")).unwrap();
    mailbox.broadcast(Message::Binary(&[9; 10]), None).unwrap();
    assert_eq!(first.receive(), Some(Got::Text("123".to_owned())));
    assert_eq!(second.receive(), Some(Got::Binary(vec![9; 10])));
    second.close().unwrap();
    wait_until("everything has left", || {
        mailbox.statistics().unwrap().unsent_bytes == 0
    });
    let statistics = mailbox.statistics().unwrap();
    assert_eq!(
        (statistics.connections, statistics.connections_opened),
        (1, 2)
    );
    assert_eq!(
        (statistics.messages_received, statistics.bytes_received),
        (2, 104)
    );
    assert_eq!((statistics.messages_sent, statistics.bytes_sent), (3, 23));
    assert_eq!(
        (statistics.queued_messages, statistics.queued_bytes),
        (2, 64 + 100)
    );
    assert_eq!(statistics.dropped, 0);
}

/// The peer does not read: the send waits, and either gets room or says with the figures that there was none.
#[test]
fn a_send_may_wait_for_room() {
    const LIMIT: usize = 1 << 20;
    let server = Config::default().send_queue_bytes(LIMIT);
    let mailbox = start_with(MailboxConfig::default().server(server));
    let mut peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    let data = vec![7; 512 << 10];
    let mut accepted = 0;
    let begin = Instant::now();
    let timeout = Duration::from_millis(300);
    let error = loop {
        match mailbox.send_within(id, Message::Binary(&data), timeout) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 10_000, "the queue never gets full");
    };
    assert!(begin.elapsed() >= timeout, "it waited");
    assert!(matches!(error, MailboxError::QueueFull { .. }), "{error:?}");
    let listed = entry(&mailbox, &peer).unwrap();
    assert!(listed.unsent_bytes > LIMIT / 4, "{}", listed.unsent_bytes);
    assert_eq!(
        mailbox.statistics().unwrap().unsent_bytes,
        listed.unsent_bytes
    );
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for _ in 0..20 {
                mailbox
                    .send_within(id, Message::Binary(&data), PATIENCE)
                    .unwrap();
            }
        });
        for _ in 0..accepted + 20 {
            assert!(peer.receive() == Some(Got::Binary(data.clone())));
        }
        sender.join().unwrap();
    });
}

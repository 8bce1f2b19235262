//! The closing handshake that the caller wants.

use super::*;

#[test]
fn close_sends_what_is_queued_first_and_ends_in_time_whatever_the_peer_does() {
    // Answers.
    let net = MockNet::new();
    net.at(seconds(3), Incoming::Bytes(close_frame(1000, "")));
    net.at(seconds(3), Incoming::End);
    let mut rig = Rig::new(
        [Some(net.clone())],
        no_keepalive(),
        &BackgroundConfig::default(),
    );
    assert!(rig.run(SECOND));
    rig.send("last words").unwrap();
    rig.shared.begin_close(CloseCode::NORMAL, "bye").unwrap();
    rig.send("too late").unwrap_err();
    assert!(!rig.run(seconds(10)));
    rig.shared.close(CloseCode::NORMAL, "").unwrap_err();
    let seen = net.seen_by_server();
    assert_eq!(seen[0], r#"Text("last words")"#);
    assert!(
        seen[1].contains("1000") && seen[1].contains("bye"),
        "{seen:?}"
    );
    assert!(
        rig.log()
            .contains("closed with code 1000 by this side, answered with 1000")
    );

    // Never answers; never even reads.
    for reads in [true, false] {
        let net = MockNet::new();
        if !reads {
            net.take(Take::BlockUntil(seconds(1000)));
        }
        let mut rig = Rig::new([Some(net)], no_keepalive(), &BackgroundConfig::default());
        assert!(rig.run(SECOND));
        rig.send("last words").unwrap();
        rig.shared.begin_close(CloseCode::NORMAL, "bye").unwrap();
        assert!(rig.run(MILLISECOND * 5_990));
        assert_eq!(rig.shared.state(), State::Closing);
        assert!(!rig.run(MILLISECOND * 6_100));
        assert_eq!(
            rig.receive().unwrap_err().close_code(),
            Some(CloseCode::ABNORMAL)
        );
    }
}

#[test]
fn a_code_that_may_not_be_sent_leaves_the_connection_open() {
    let mut rig = Rig::new(
        [Some(MockNet::new())],
        no_keepalive(),
        &BackgroundConfig::default(),
    );
    assert!(rig.run(SECOND));
    for (code, reason) in [(1006, ""), (999, ""), (1000, "x".repeat(124).as_str())] {
        let error = rig.shared.begin_close(CloseCode::new(code), reason);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage);
    }
    let ping = rig.shared.send(Outgoing::Ping(&[0; 126]), Duration::ZERO);
    assert_eq!(ping.unwrap_err().kind(), ErrorKind::Usage);
    assert!(rig.run(seconds(2)));
    assert_eq!(rig.shared.state(), State::Open);
}

#[test]
fn a_long_queue_leaves_before_the_close() {
    let net = MockNet::new();
    net.at(seconds(3), Incoming::Bytes(close_frame(1000, "")));
    net.at(seconds(3), Incoming::End);
    let mut rig = Rig::new(
        [Some(net.clone())],
        no_keepalive(),
        &BackgroundConfig::default(),
    );
    assert!(rig.run(SECOND));
    // More than is encoded ahead in one turn.
    for _ in 0..5 {
        rig.send(&"x".repeat(40_000)).unwrap();
    }
    rig.shared.begin_close(CloseCode::NORMAL, "").unwrap();
    assert!(!rig.run(seconds(10)));
    let seen = net.seen_by_server();
    assert_eq!(seen.len(), 6);
    assert!(seen[5].starts_with("Close"), "{}", seen[5]);
    assert_eq!(rig.shared.statistics().messages_unsent, 0);
}

#[test]
fn the_end_is_the_last_event_although_it_is_known_before() {
    let net = MockNet::new();
    net.at(seconds(2), Incoming::Bytes(close_frame(1000, "")));
    let mut rig = Rig::new([Some(net)], no_keepalive(), &BackgroundConfig::default());
    assert!(rig.run(SECOND));
    let shared = Arc::clone(&rig.shared);
    let last = std::thread::scope(|scope| {
        let events = std::iter::from_fn(|| shared.next_event(Duration::MAX));
        let last = scope.spawn(|| events.last());
        rig.run(seconds(10));
        shared.exit();
        last.join().unwrap()
    });
    assert!(
        matches!(last, Some(ConnectionEvent::Closed { .. })),
        "{last:?}"
    );
}

#[test]
fn whatever_a_receive_answers_with_at_once_makes_the_client_readable() {
    let net = MockNet::new();
    net.at(seconds(2), Incoming::Bytes(frame(PING, b"")));
    net.at(seconds(4), Incoming::Bytes(close_frame(1000, "")));
    net.at(seconds(4), Incoming::End);
    let mut rig = Rig::new([Some(net)], no_keepalive(), &BackgroundConfig::default());
    assert!(rig.run(SECOND));
    assert!(!rig.shared.is_readable());
    assert!(rig.run(seconds(3)));
    assert!(rig.shared.is_readable(), "a ping waits");
    assert!(matches!(rig.receive(), Ok(Some(Message::Ping(_)))));
    assert!(!rig.shared.is_readable());
    assert!(!rig.run(seconds(5)));
    assert!(rig.shared.is_readable(), "a Close waits");
    assert!(matches!(rig.receive(), Ok(Some(Message::Close(_)))));
    assert!(rig.shared.is_readable(), "the end is answered at once");
    rig.receive().unwrap_err();
}

//! Full queues, and a peer that stays silent.

use super::*;

/// 1,000 messages a second and a ping each second, for two minutes.
fn busy_peer() -> MockNet {
    let net = MockNet::new();
    for number in 0_u32..120_000 {
        let time = MILLISECOND * number;
        net.at(
            time,
            Incoming::Bytes(frame(TEXT, number.to_string().as_bytes())),
        );
        if number % 1000 == 500 {
            net.at(time, Incoming::Bytes(frame(PING, &number.to_be_bytes())));
        }
    }
    net
}

/// What has come, checked to be the next numbers in order.
fn take_numbers(rig: &Rig, next: &mut u32) {
    while let Some(message) = rig.receive().unwrap() {
        if let Message::Text(text) = message {
            assert_eq!(text, next.to_string());
            *next += 1;
        }
    }
}

#[test]
fn with_a_caller_that_reads_now_and_then_every_ping_is_answered_at_once() {
    let net = busy_peer();
    let mut rig = Rig::new(
        [Some(net.clone())],
        Config::default(),
        &BackgroundConfig::default(),
    );
    let mut next = 0;
    for second in 0..120 {
        assert!(rig.run(seconds(second) + MILLISECOND * 499));
        assert_eq!(rig.shared.statistics().pings_answered, second);
        assert!(rig.run(seconds(second) + MILLISECOND * 500));
        assert_eq!(rig.shared.statistics().pings_answered, second + 1);
        if second % 10 == 9 {
            take_numbers(&rig, &mut next);
        }
    }
    assert!(rig.run(seconds(120)));
    take_numbers(&rig, &mut next);
    assert_eq!(next, 120_000);
    let statistics = rig.shared.statistics();
    assert_eq!(statistics.messages_received, 120_000);
    assert!(
        !statistics.is_paused && !rig.log().contains("full"),
        "{}",
        rig.log()
    );
    assert_eq!(net.seen_by_server().len(), 120, "pongs and nothing else");
}

#[test]
fn a_caller_that_does_not_read_pauses_the_peer_and_then_gets_everything() {
    let mut rig = Rig::new(
        [Some(busy_peer())],
        Config::default(),
        &BackgroundConfig::default(),
    );
    for second in 1..=120 {
        assert!(
            rig.run(seconds(second)),
            "alive, since keepalive stands still"
        );
        let statistics = rig.shared.statistics();
        assert!(statistics.receive_queue_messages <= 16_384);
        assert_eq!(statistics.is_paused, second >= 17, "second {second}");
    }
    assert_eq!(rig.shared.state(), State::Open);
    let log = rig.log();
    let warning = "receive queue is full: 16384 messages and 1048576 bytes are unread \
                   (limits 16384 and 67108864); reading is paused";
    assert_eq!(log.matches(warning).count(), 1, "{log}");
    assert_eq!(rig.shared.statistics().pings_answered, 16);
    // From now on the caller reads.
    let mut next = 0;
    while next < 120_000 {
        take_numbers(&rig, &mut next);
        let soon = rig.elapsed() + MILLISECOND;
        assert!(rig.run(soon));
    }
    assert_eq!(rig.shared.statistics().pings_answered, 120);
    assert!(rig.elapsed() < seconds(125), "{:?}", rig.elapsed());
}

#[test]
fn a_caller_that_does_not_read_closes_the_connection_if_it_is_to() {
    let net = busy_peer();
    let background = BackgroundConfig::default().on_full(OnFull::Close);
    let mut rig = Rig::new([Some(net.clone())], Config::default(), &background);
    // The message number 16,384 is the first for which there is no room.
    assert!(rig.run(MILLISECOND * 16_383));
    assert_eq!(rig.shared.state(), State::Open);
    assert_eq!(rig.shared.statistics().pings_answered, 16);
    assert!(rig.run(MILLISECOND * 16_384));
    assert_eq!(rig.shared.state(), State::Closing);
    let seen = net.seen_by_server();
    assert!(
        seen[16].contains("1008") && seen[16].contains("receive queue is full"),
        "{seen:?}"
    );
    assert!(
        rig.log()
            .contains("16384 messages and 1048576 bytes are unread")
    );
    // The peer goes on and never answers: the closing handshake has 5 s.
    assert!(!rig.run(seconds(120)));
    let took = rig.elapsed();
    assert!(
        took >= MILLISECOND * 21_384 && took < seconds(22),
        "{took:?}"
    );
    for number in 0..16_384 {
        let message = rig.receive().unwrap();
        if let Some(Message::Ping(_)) = message {
            let message = rig.receive().unwrap();
            assert_eq!(message, Some(Message::Text(number.to_string())));
        } else {
            assert_eq!(message, Some(Message::Text(number.to_string())));
        }
    }
    let error = loop {
        match rig.receive() {
            Ok(Some(Message::Ping(_))) => {}
            other => break other.unwrap_err(),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(error.close_code(), Some(CloseCode::POLICY_VIOLATION));
    assert_eq!(error.close_reason(), Some("receive queue is full"));
}

#[test]
fn a_paused_client_goes_on_sending_and_an_answered_overflow_shows_the_close_once() {
    let net = MockNet::new();
    for text in ["one", "two", "three"] {
        net.bytes(frame(TEXT, text.as_bytes()));
    }
    net.at(
        seconds(2),
        Incoming::Bytes(close_frame(1008, "as you wish")),
    );
    net.at(seconds(2), Incoming::End);
    let background = BackgroundConfig::default().on_full(OnFull::Close);
    let config = Config::default().max_queued_messages(2);
    let mut rig = Rig::new([Some(net)], config, &background);
    assert!(!rig.run(seconds(3)));
    assert_eq!(rig.receive().unwrap(), Some(Message::Text("one".into())));
    assert_eq!(rig.receive().unwrap(), Some(Message::Text("two".into())));
    assert!(
        matches!(rig.receive().unwrap(), Some(Message::Close(close)) if close.reason == "as you wish")
    );
    for _ in 0..3 {
        let error = rig.receive().unwrap_err();
        assert_eq!(error.close_reason(), Some("receive queue is full"));
    }

    let net = MockNet::new();
    net.bytes(frame(TEXT, b"one")).bytes(frame(TEXT, b"two"));
    let config = Config::default().max_queued_messages(1);
    let mut rig = Rig::new([Some(net.clone())], config, &BackgroundConfig::default());
    assert!(rig.run(SECOND));
    assert!(rig.shared.statistics().is_paused);
    rig.send("still here").unwrap();
    assert!(rig.run(seconds(2)));
    assert_eq!(net.seen_by_server(), [r#"Text("still here")"#]);
}

/// However soon the peer closes behind the message for which there is no room, both sides learn of it.
#[test]
fn an_overflow_with_the_peers_close_in_the_same_turn_is_told_all_the_same() {
    let net = MockNet::new();
    let came = [frame(TEXT, b"one"), frame(TEXT, b"lost")].concat();
    net.bytes([came, close_frame(1001, "so long")].concat());
    net.at(SECOND, Incoming::End);
    let background = BackgroundConfig::default()
        .on_full(OnFull::Close)
        .reconnect(Some(Reconnect::default()));
    let config = Config::default().max_queued_messages(1);
    let mut rig = Rig::new([Some(net.clone())], config, &background);
    assert!(!rig.run(seconds(60)));
    assert_eq!(rig.receive().unwrap(), Some(Message::Text("one".into())));
    assert!(
        matches!(rig.receive().unwrap(), Some(Message::Close(close)) if close.reason == "so long")
    );
    let error = rig.receive().unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::POLICY_VIOLATION));
    assert_eq!(error.close_reason(), Some("receive queue is full"));
    let log = rig.log();
    assert!(
        log.contains(
            "1 messages and 64 bytes are unread (limits 1 and 67108864); closing with 1008"
        ),
        "{log}"
    );
    let seen = net.seen_by_server();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(
        seen[0].contains("1008") && seen[0].contains("receive queue is full"),
        "{seen:?}"
    );
}

#[test]
fn a_paused_client_whose_peer_is_gone_fails_to_send_and_still_gives_what_came() {
    let net = MockNet::new();
    for text in ["one", "two", "three"] {
        net.bytes(frame(TEXT, text.as_bytes()));
    }
    net.at(Duration::ZERO, Incoming::End);
    net.take(Take::Error(io::ErrorKind::BrokenPipe));
    let config = Config::default().max_queued_messages(1);
    let mut rig = Rig::new([Some(net)], config, &BackgroundConfig::default());
    assert!(rig.run(SECOND));
    rig.send("into the void").unwrap();
    assert!(rig.run(seconds(60)));
    assert_eq!(rig.shared.state(), State::Open);
    assert_eq!(rig.send("again").unwrap_err().kind(), ErrorKind::Closed);
    for (text, second) in [("one", 61), ("two", 62), ("three", 63)] {
        assert_eq!(rig.receive().unwrap(), Some(Message::Text(text.into())));
        assert_eq!(rig.run(seconds(second)), text != "three");
    }
    assert_eq!(
        rig.receive().unwrap_err().close_code(),
        Some(CloseCode::ABNORMAL)
    );
}

#[test]
fn a_silent_peer_is_given_up_after_interval_and_timeout() {
    let mut rig = Rig::new(
        [Some(MockNet::new())],
        Config::default(),
        &BackgroundConfig::default(),
    );
    assert!(rig.run(MILLISECOND * 44_900));
    assert!(!rig.run(seconds(46)));
    let error = rig.receive().unwrap_err();
    assert!(error.is_peer_silent());
    assert_eq!(
        (error.kind(), error.error_code()),
        (ErrorKind::Closed, "closed")
    );
    assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
    assert!(
        rig.log()
            .contains("dropped: peer has not answered a ping within 20 s")
    );
}

/// R-13
#[test]
fn a_send_queue_is_full_of_empty_messages_and_pings_too() {
    let net = MockNet::new();
    net.take(Take::BlockUntil(seconds(10)));
    let background = BackgroundConfig::default().max_send_queue_bytes(640);
    let mut rig = Rig::new([Some(net)], no_keepalive(), &background);
    assert!(rig.run(SECOND));
    for _ in 0..5 {
        rig.send("").unwrap();
        rig.shared
            .send(Outgoing::Ping(&[]), Duration::ZERO)
            .unwrap();
    }
    let error = rig
        .send("")
        .expect_err("10 of 64 bytes wait, of 640 at most");
    assert_eq!(error.kind(), ErrorKind::QueueFull);
    let statistics = rig.shared.statistics();
    assert_eq!(statistics.send_queue_messages, 10);
    assert_eq!(statistics.send_queue_bytes, 640, "10 times 64 at least");
    assert!(rig.run(seconds(11)));
    let left = rig.shared.statistics().send_queue_bytes;
    assert_eq!(left, 0, "{left} bytes are charged for what has gone");
}

#[test]
fn a_full_send_queue_is_an_error_with_the_figures_and_an_empty_one_admits_one() {
    let net = MockNet::new();
    net.take(Take::BlockUntil(seconds(10)));
    let background = BackgroundConfig::default().max_send_queue_bytes(1000);
    let mut rig = Rig::new([Some(net.clone())], no_keepalive(), &background);
    assert!(rig.run(SECOND));
    rig.send(&"x".repeat(5000)).unwrap();
    let error = rig.send("y").unwrap_err();
    assert_eq!(
        (error.kind(), error.error_code()),
        (ErrorKind::QueueFull, "queue_full")
    );
    assert_eq!(
        error.to_string(),
        "cannot send to ws://mock: send queue is full: 1 messages and 5000 bytes wait, the limit is 1000 bytes"
    );
    assert!(rig.run(seconds(2)));
    rig.send("y").expect_err("the system has not taken it yet");
    assert!(rig.run(seconds(11)));
    rig.send("y").unwrap();
    assert!(rig.run(seconds(12)));
    assert_eq!(net.seen_by_server().len(), 2);
    let statistics = rig.shared.statistics();
    assert_eq!((statistics.messages_sent, statistics.bytes_sent), (2, 5001));
    assert_eq!(statistics.send_queue_bytes, 0);
}

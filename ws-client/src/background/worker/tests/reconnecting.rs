//! When the client connects again, and what it sends then.

use super::*;

fn reconnecting() -> BackgroundConfig {
    let reconnect = Reconnect::default()
        .repeat_text("login")
        .repeat_binary(*b"subscribe");
    BackgroundConfig::default().reconnect(Some(reconnect))
}

#[test]
fn reconnects_on_schedule_and_repeats_what_it_is_told_to_and_nothing_else() {
    let (first, second) = (MockNet::new(), MockNet::new());
    first.at(seconds(10), Incoming::Bytes(frame(TEXT, b"before")));
    first.at(seconds(10), Incoming::End);
    second.at(seconds(1), Incoming::Bytes(frame(TEXT, b"after")));
    let networks = [Some(first.clone()), None, None, None, Some(second.clone())];
    let mut rig = Rig::new(networks, no_keepalive(), &reconnecting());
    assert!(rig.run(seconds(1)));
    rig.send("application").unwrap();
    assert!(rig.run(MILLISECOND * 10_500));
    // Attempts after (nearly) 1, 2, 4 and 8 s, each with the jitter's highest number.
    let State::Reconnecting { attempt: 1, next } = rig.shared.state() else {
        panic!("{:?}", rig.shared.state());
    };
    assert!(next - rig.start > MILLISECOND * 10_999 && next - rig.start <= seconds(11));
    let error = rig.send("lost?").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("being made again"), "{error}");
    assert!(rig.run(MILLISECOND * 25_500));
    assert_eq!(rig.shared.state(), State::Open);
    assert_eq!(rig.receive().unwrap(), Some(Message::Text("before".into())));
    rig.send("fresh").unwrap();
    assert!(rig.run(seconds(30)));
    assert_eq!(rig.receive().unwrap(), Some(Message::Text("after".into())));
    assert_eq!(rig.receive().unwrap(), None);
    let dials: Vec<_> = rig
        .dials
        .borrow()
        .iter()
        .map(|at| (*at - rig.start).as_secs_f64().round())
        .collect();
    assert_eq!(dials, [0.0, 11.0, 13.0, 17.0, 25.0]);
    assert_eq!(first.seen_by_server(), [r#"Text("application")"#]);
    let seen = second.seen_by_server();
    assert_eq!(seen[0], r#"Text("login")"#);
    assert!(seen[1].starts_with("Binary("), "{seen:?}");
    assert_eq!(seen[2..], [r#"Text("fresh")"#]);
    assert_eq!(rig.shared.statistics().reconnects, 1);
    let mut events = Vec::new();
    while let Some(event) = rig.shared.next_event(Duration::ZERO) {
        events.push(match event {
            ConnectionEvent::Opened { attempt } => format!("opened {attempt}"),
            ConnectionEvent::Lost {
                error,
                unsent_messages,
            } => {
                assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
                format!("lost {unsent_messages}")
            }
            ConnectionEvent::AttemptFailed { attempt, .. } => format!("failed {attempt}"),
            ConnectionEvent::Closed { .. } => String::from("closed"),
        });
    }
    let want = [
        "opened 0", "lost 0", "failed 1", "failed 2", "failed 3", "opened 4",
    ];
    assert_eq!(events, want);
    let log = rig.log();
    assert!(
        log.contains("reconnected with attempt 4, 2 messages repeated"),
        "{log}"
    );
    assert!(!log.contains("login"), "{log}");
}

#[test]
fn what_was_queued_when_the_connection_was_lost_is_reported_and_not_sent_again() {
    let (first, second) = (MockNet::new(), MockNet::new());
    first.take(Take::BlockUntil(seconds(100)));
    first.at(seconds(5), Incoming::End);
    let networks = [Some(first), Some(second.clone())];
    let mut rig = Rig::new(networks, no_keepalive(), &reconnecting());
    assert!(rig.run(seconds(1)));
    // The first ones fill what is encoded ahead; the rest stays in the queue.
    let large = "x".repeat(40_000);
    for _ in 0..5 {
        rig.send(&large).unwrap();
    }
    assert!(rig.run(seconds(4)));
    let queued = rig.shared.statistics().send_queue_messages;
    assert_eq!(queued, 3);
    assert!(rig.run(seconds(10)));
    assert_eq!(rig.shared.state(), State::Open);
    assert_eq!(second.seen_by_server().len(), 2, "the repeated ones");
    let statistics = rig.shared.statistics();
    assert_eq!(
        (statistics.messages_unsent, statistics.send_queue_bytes),
        (5, 0),
        "the three, and two that the socket never took"
    );
    assert!(rig.log().contains("5 messages were not sent"));
}

#[test]
fn attempts_end_with_their_number_or_with_a_close_by_the_caller() {
    let lost = MockNet::new();
    lost.at(SECOND, Incoming::End);
    let background =
        BackgroundConfig::default().reconnect(Some(Reconnect::default().max_attempts(2)));
    let mut rig = Rig::new([Some(lost), None, None], no_keepalive(), &background);
    assert!(!rig.run(seconds(60)));
    assert_eq!(rig.shared.state(), State::Closed);
    let error = rig.receive().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(
        error.to_string().contains("ended without a Close"),
        "{error}"
    );
    assert!(rig.log().contains("gave up reconnecting"));

    let lost = MockNet::new();
    lost.at(SECOND, Incoming::End);
    let mut rig = Rig::new([Some(lost), None], no_keepalive(), &reconnecting());
    assert!(rig.run(seconds(3)));
    assert!(matches!(
        rig.shared.state(),
        State::Reconnecting { attempt: 2, .. }
    ));
    assert_eq!(
        rig.shared.begin_close(CloseCode::NORMAL, "").unwrap(),
        Begun::Asked
    );
    assert!(!rig.run(seconds(4)));
    assert_eq!(
        rig.shared.close(CloseCode::NORMAL, "").unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(rig.shared.state(), State::Closed);
}

#[test]
fn a_close_after_a_reconnection_is_a_closing_handshake_of_its_own() {
    let (first, second) = (MockNet::new(), MockNet::new());
    first.at(SECOND, Incoming::Bytes(close_frame(1001, "")));
    first.at(SECOND, Incoming::End);
    let networks = [Some(first), Some(second.clone())];
    let mut rig = Rig::new(networks, no_keepalive(), &reconnecting());
    assert!(rig.run(seconds(5)));
    let asked = rig.shared.begin_close(CloseCode::NORMAL, "");
    assert_eq!(asked.unwrap(), Begun::Asked);
    assert_eq!(rig.shared.close_outcome(), None);
    assert!(!rig.run(seconds(20)), "never answered");
    assert_eq!(rig.shared.close_outcome(), Some(false));
    assert!(second.seen_by_server()[2].contains("1000"));
}

#[test]
fn a_farewell_of_the_peer_is_final_and_a_restart_is_not() {
    for (code, is_final) in [(1000, true), (4001, true), (1001, false), (1012, false)] {
        let net = MockNet::new();
        net.at(SECOND, Incoming::Bytes(close_frame(code, "see you")));
        net.at(SECOND, Incoming::End);
        let networks = [Some(net.clone()), Some(MockNet::new())];
        let mut rig = Rig::new(networks, no_keepalive(), &reconnecting());
        assert_eq!(rig.run(seconds(5)), !is_final);
        assert_eq!(net.seen_by_server().len(), 1, "the answer");
        if is_final {
            assert!(
                matches!(rig.receive().unwrap(), Some(Message::Close(close)) if close.code.as_u16() == code)
            );
            let error = rig.receive().unwrap_err();
            assert_eq!(error.close_code().unwrap().as_u16(), code);
            assert_eq!(error.close_reason(), Some("see you"));
            assert!(rig.log().contains(&format!(
                "closed by the peer: connection is closed with code {code}, saying \"see you\""
            )));
        } else {
            assert_eq!(rig.shared.state(), State::Open);
            assert_eq!(rig.receive().unwrap(), None);
        }
    }
}

#[test]
fn a_first_connection_that_fails_is_final_and_says_why() {
    let mut rig = Rig::new([None], no_keepalive(), &reconnecting());
    assert!(!rig.worker.step(Deadline::NEVER));
    let error = rig.shared.wait_open(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(rig.shared.state(), State::Closed);
    let close = rig.shared.close(CloseCode::NORMAL, "");
    for answer in [rig.receive().map(drop), rig.send("x"), close] {
        let later = answer.unwrap_err();
        // "timeout" would tell a caller to try again, without end.
        assert_eq!(later.kind(), ErrorKind::Closed, "{later}");
        assert!(later.to_string().ends_with(&error.to_string()), "{later}");
    }
}

/// What was lost has not left, whether the flush began before the loss or after.
#[test]
fn a_flush_tells_that_the_connection_was_lost() {
    for reconnect in [Some(Reconnect::default()), None] {
        let lost = MockNet::new();
        lost.take(Take::BlockUntil(seconds(100)));
        lost.at(seconds(5), Incoming::End);
        let background = BackgroundConfig::default().reconnect(reconnect);
        let networks = [Some(lost), Some(MockNet::new())];
        let mut rig = Rig::new(networks, no_keepalive(), &background);
        assert!(rig.run(SECOND));
        rig.send("never sent").unwrap();
        assert!(rig.run(seconds(2)));
        let shared = Arc::clone(&rig.shared);
        std::thread::scope(|scope| {
            let during = scope.spawn(move || shared.flush(seconds(60)));
            rig.run(MILLISECOND * 5500);
            let after = rig.shared.flush(Duration::ZERO).unwrap_err();
            assert_eq!(after.kind(), ErrorKind::Closed, "{after}");
            let during = during.join().unwrap().unwrap_err();
            assert_eq!(during.kind(), ErrorKind::Closed, "{during}");
        });
        if background.reconnect.is_some() {
            rig.run(seconds(10));
            assert_eq!(rig.shared.state(), State::Open);
            rig.shared.flush(Duration::ZERO).unwrap();
        }
    }
}

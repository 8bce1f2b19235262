//! Ends, failures and broken rules at every point.

use super::*;

#[test]
fn an_end_at_every_byte_gives_what_was_whole_and_then_one_error() {
    let frames = [
        frame(TEXT, b"one"),
        frame(0x01, b"t"),
        frame(PING, b""),
        frame(0x80, b"wo"),
        frame(TEXT, b"3"),
    ];
    let stream = frames.concat();
    let ends: Vec<usize> = frames
        .iter()
        .scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        })
        .collect();
    let whole = [
        (ends[0], text("one")),
        (ends[2], Some(Message::Ping(vec![]))),
        (ends[3], text("two")),
        (ends[4], text("3")),
    ];
    for cut in 0..=stream.len() {
        for reset in [false, true] {
            let net = MockNet::new();
            if cut > 0 {
                net.bytes(&stream[..cut]);
            }
            let end = if reset {
                Incoming::Error(Io::ConnectionReset)
            } else {
                Incoming::End
            };
            net.at(Duration::ZERO, end);
            let mut calls = open(&net, &no_keepalive());
            for (_, message) in whole.iter().filter(|(end, _)| *end <= cut) {
                assert_eq!(&calls.receive(MINUTE).unwrap(), message, "cut at {cut}");
            }
            for _ in 0..2 {
                let error = calls.receive(MINUTE).unwrap_err();
                assert_eq!(
                    error.close_code(),
                    Some(CloseCode::ABNORMAL),
                    "cut at {cut}: {error}"
                );
                let mid_message =
                    cut != 0 && !(ends.contains(&cut) && cut != ends[1] && cut != ends[2]);
                assert_eq!(
                    error.to_string().contains("in the middle"),
                    mid_message,
                    "cut at {cut}: {error}"
                );
                assert_eq!(
                    error.to_string().ends_with("reset by the peer"),
                    reset,
                    "{error}"
                );
            }
            assert_eq!(net.elapsed(), Duration::ZERO);
        }
    }
}

/// M-9: a whole conversation in which the n-th call to the outside fails, for every n and several ways.
#[test]
fn a_failure_at_every_io_call_is_one_clear_error_and_stays_one() {
    let script = || {
        let net = MockNet::new();
        net.take(Take::Bytes(2)).take(Take::Error(Io::WouldBlock));
        net.bytes(frame(TEXT, b"one"))
            .bytes(frame(PING, b"p"))
            .at(Duration::from_secs(1), Incoming::Bytes(frame(TEXT, b"two")))
            .at(
                Duration::from_secs(2),
                Incoming::Bytes(frame(CLOSE, b"\x03\xe8")),
            )
            .at(Duration::from_secs(2), Incoming::End);
        net
    };
    let converse = |net: &MockNet| -> Result<Vec<Message>, Error> {
        let mut calls = try_open(net, &no_keepalive())?;
        let mut received = Vec::new();
        send_text(&mut calls, "hello")?;
        for _ in 0..3 {
            received.extend(calls.receive(MINUTE)?);
        }
        calls.close(CloseCode::NORMAL, "bye")?;
        received.extend(calls.receive(MINUTE)?);
        Ok(received)
    };
    let whole = script();
    assert_eq!(converse(&whole).unwrap().len(), 4);
    let calls = whole.script().calls;
    assert!(calls > 10, "{calls} calls");
    let mut texts = Vec::new();
    for kind in [Io::ConnectionReset, Io::BrokenPipe, Io::TimedOut, Io::Other] {
        for at in 0..calls {
            let net = script();
            net.script().fail_at = Some((at, kind));
            if let Err(error) = converse(&net) {
                let expected = if at == 0 {
                    ErrorKind::Internal
                } else {
                    ErrorKind::Closed
                };
                assert_eq!(error.kind(), expected, "{kind} at {at}: {error}");
                let text = error.to_string();
                assert!(!text.contains('\n') && text.contains("ws://mock"), "{text}");
                texts.push(text);
            } else {
                // Only the end of the TCP connection was left to be waited for.
                assert!(at + 4 >= calls, "{kind} at {at} of {calls} went unnoticed");
            }
            assert!(net.elapsed() <= Duration::from_secs(10), "{kind} at {at}");
        }
    }
    texts.sort();
    texts.dedup();
    let texts = texts.join("\n") + "\n";
    expect_test::expect![[r#"
        cannot close the connection to ws://mock: connection ended without a Close after 2 received messages: connection closed by the peer
        cannot close the connection to ws://mock: connection ended without a Close after 2 received messages: connection reset by the peer
        cannot close the connection to ws://mock: connection ended without a Close after 2 received messages: no answer
        cannot close the connection to ws://mock: connection ended without a Close after 2 received messages: other error
        cannot connect to ws://mock: connection closed by the peer
        cannot connect to ws://mock: connection reset by the peer
        cannot connect to ws://mock: no answer
        cannot connect to ws://mock: other error
        cannot receive from ws://mock: connection ended without a Close after 1 received message: connection closed by the peer
        cannot receive from ws://mock: connection ended without a Close after 1 received message: connection reset by the peer
        cannot receive from ws://mock: connection ended without a Close after 1 received message: no answer
        cannot receive from ws://mock: connection ended without a Close after 1 received message: other error
        cannot send to ws://mock: connection ended without a Close after 0 received messages: connection closed by the peer
        cannot send to ws://mock: connection ended without a Close after 0 received messages: connection reset by the peer
        cannot send to ws://mock: connection ended without a Close after 0 received messages: no answer
        cannot send to ws://mock: connection ended without a Close after 0 received messages: other error
        cannot send to ws://mock: connection ended without a Close after 1 received message: connection closed by the peer
        cannot send to ws://mock: connection ended without a Close after 1 received message: connection reset by the peer
        cannot send to ws://mock: connection ended without a Close after 1 received message: no answer
        cannot send to ws://mock: connection ended without a Close after 1 received message: other error
    "#]].assert_eq(&texts);
}

/// The last words of a peer that resets are not lost to a failing write.
#[test]
fn a_failed_write_does_not_hide_what_had_come() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"last words"), frame(CLOSE, b"\x03\xe9")].concat());
    net.take(Take::Error(Io::ConnectionReset));
    let mut calls = open(&net, &no_keepalive());
    let error = send_text(&mut calls, "x").unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::GOING_AWAY), "{error}");
    assert_eq!(calls.receive(MINUTE).unwrap(), text("last words"));
    assert!(matches!(
        calls.receive(MINUTE).unwrap(),
        Some(Message::Close(_))
    ));
    assert_eq!(calls.receive(MINUTE).unwrap_err().kind(), ErrorKind::Closed);
}

/// The same where the news of them has not been told yet: a refusal of a long message races with its bytes.
#[test]
fn a_failed_write_looks_for_what_has_come_untold() {
    let net = MockNet::new();
    net.bytes(frame(TEXT, b"first"));
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(MINUTE).unwrap(), text("first"));
    net.bytes(frame(CLOSE, b"\x03\xf1"));
    net.take(Take::Error(Io::BrokenPipe));
    let error = send_text(&mut calls, "x").unwrap_err();
    assert_eq!(
        error.close_code(),
        Some(CloseCode::MESSAGE_TOO_BIG),
        "{error}"
    );
}

#[test]
fn a_failed_write_does_not_lose_what_a_full_queue_had_no_room_for() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"1"), frame(TEXT, b"2")].concat())
        .bytes(frame(TEXT, b"3"));
    net.take(Take::Error(Io::ConnectionReset));
    let mut calls = open(&net, &no_keepalive().max_queued_messages(1));
    for _ in 0..2 {
        let error = send_text(&mut calls, "x").unwrap_err();
        assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL), "{error}");
        assert_eq!(error.stage(), Stage::Send);
        // Long enough for the next call to look around.
        net.pass(Duration::from_millis(20));
    }
    for expected in ["1", "2", "3"] {
        assert_eq!(calls.receive(MINUTE).unwrap(), text(expected));
    }
    let error = calls.receive(MINUTE).unwrap_err();
    assert!(
        error.to_string().contains("after 3 received messages"),
        "{error}"
    );
    assert_eq!(net.elapsed(), Duration::from_millis(40));
}

#[test]
fn a_broken_rule_is_told_to_the_peer_and_costs_one_second_at_most() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"good"), vec![0x83, 0]].concat());
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(MINUTE).unwrap(), text("good"));
    let error = calls.receive(MINUTE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(net.elapsed() <= Duration::from_secs(1));
    assert!(net.script().is_shut_down);
    assert!(net.seen_by_server()[0].starts_with("Close(Some(CloseFrame { code: CloseCode(1002)"));
}

/// Autobahn 3.2 and others: the answer to a message leaves before the Close that punishes what came behind it.
#[test]
fn what_came_before_a_broken_rule_can_be_answered() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"good"), vec![0x83, 0]].concat());
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(MINUTE).unwrap(), text("good"));
    send_text(&mut calls, "answer").unwrap();
    assert_eq!(
        calls.receive(MINUTE).unwrap_err().kind(),
        ErrorKind::Protocol
    );
    let seen = net.seen_by_server();
    assert_eq!((seen.len(), &*seen[0]), (2, r#"Text("answer")"#));
    assert!(seen[1].starts_with("Close("));
}

#[test]
fn a_caller_who_never_receives_learns_of_a_broken_rule_within_a_second() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"unread"), vec![0x83, 0]].concat());
    let mut calls = open(&net, &no_keepalive());
    let error = loop {
        net.pass(Duration::from_millis(100));
        if let Err(error) = send_text(&mut calls, "x") {
            break error;
        }
        assert!(net.elapsed() < Duration::from_secs(10));
    };
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Protocol, Stage::Send)
    );
    assert!(
        net.elapsed() <= Duration::from_millis(2200),
        "{:?}",
        net.elapsed()
    );
    assert_eq!(calls.receive(MINUTE).unwrap(), text("unread"));
    assert_eq!(
        calls.receive(MINUTE).unwrap_err().kind(),
        ErrorKind::Protocol
    );
}

/// With nothing to wait for, a caller that only takes what is queued still answers pings.
/// Contract, Ordering (d): the caller has not received, and no time has passed since the last call.
#[test]
fn a_send_after_the_peers_close_has_come_fails_without_a_receive() {
    let net = MockNet::new();
    let mut calls = open(&net, &no_keepalive());
    send_text(&mut calls, "before").unwrap();
    net.bytes(frame(CLOSE, &1000u16.to_be_bytes()));
    let error = send_text(&mut calls, "after").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(net.seen_by_server()[0], r#"Text("before")"#);
    assert_eq!(net.elapsed(), Duration::ZERO);
}

#[test]
fn a_stuck_send_ends_soon_after_the_peer_has_broken_a_rule() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"unread"), vec![0x83, 0]].concat());
    net.take(Take::BlockUntil(Duration::from_secs(3600)));
    let mut calls = open(&net, &Config::default());
    let error = send_text(&mut calls, "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(net.elapsed(), Duration::from_secs(2));
}

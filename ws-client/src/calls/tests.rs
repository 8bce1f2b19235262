//! Calls over a mock with a virtual clock.

use std::io::ErrorKind as Io;
use std::time::Duration;

use ws_core::{CloseCode, KeepaliveConfig};

use super::Calls;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Stage};
use crate::message::Message;
use crate::net::mock::{Incoming, MockNet, Take};
use crate::wire::Wire;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const MINUTE: Duration = Duration::from_secs(60);

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    assert!(length < 126);
    [&[first, length], payload].concat()
}

fn try_open(net: &MockNet, config: &Config) -> Result<Calls<MockNet>, Error> {
    Calls::new("ws://mock".to_owned(), Wire::new(net.clone()), b"", config)
}

fn open(net: &MockNet, config: &Config) -> Calls<MockNet> {
    try_open(net, config).unwrap()
}

fn no_keepalive() -> Config {
    Config::default().keepalive(KeepaliveConfig::default().interval(None))
}

fn send_text(calls: &mut Calls<MockNet>, text: &str) -> Result<(), Error> {
    calls.send(|sender, scratch, output| sender.encode_text(text, scratch, output))
}

fn text(text: &str) -> Option<Message> {
    Some(Message::Text(text.to_owned()))
}

#[test]
fn short_writes_and_interruptions_change_nothing() {
    let net = MockNet::new();
    for _ in 0..200 {
        net.take(Take::Bytes(1));
        net.take(Take::Error(Io::Interrupted));
        net.take(Take::Error(Io::WouldBlock));
    }
    for byte in [
        frame(TEXT, b"hello"),
        frame(PING, b"p"),
        frame(TEXT, b"you"),
    ]
    .concat()
    {
        net.at(Duration::ZERO, Incoming::Error(Io::Interrupted));
        net.bytes([byte]);
    }
    let mut calls = open(&net, &no_keepalive());
    send_text(&mut calls, "a message of some length").unwrap();
    assert_eq!(calls.receive(MINUTE).unwrap(), text("hello"));
    assert_eq!(
        calls.receive(MINUTE).unwrap(),
        Some(Message::Ping(b"p".to_vec()))
    );
    assert_eq!(calls.receive(MINUTE).unwrap(), text("you"));
    send_text(&mut calls, "end").unwrap();
    let seen = net.seen_by_server();
    assert_eq!(
        seen,
        [
            r#"Text("a message of some length")"#,
            "Pong([112])",
            r#"Text("end")"#
        ]
    );
    assert_eq!(net.elapsed(), Duration::ZERO);
}

#[test]
fn the_answer_to_a_ping_leaves_in_the_call_that_reports_it() {
    let net = MockNet::new();
    net.bytes(frame(PING, b"one"));
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(
        calls.receive(MINUTE).unwrap(),
        Some(Message::Ping(b"one".to_vec()))
    );
    assert_eq!(net.seen_by_server(), ["Pong([111, 110, 101])"]);
}

#[test]
fn receive_returns_exactly_at_its_timeout() {
    let net = MockNet::new();
    net.at(
        Duration::from_secs(9),
        Incoming::Bytes(frame(TEXT, b"late")),
    );
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(Duration::ZERO).unwrap(), None);
    assert_eq!(net.elapsed(), Duration::ZERO);
    assert_eq!(calls.receive(Duration::from_secs(4)).unwrap(), None);
    assert_eq!(net.elapsed(), Duration::from_secs(4));
    assert_eq!(calls.receive(MINUTE).unwrap(), text("late"));
    assert_eq!(net.elapsed(), Duration::from_secs(9));
}

/// R-31: what trickles in does not move the deadline.
#[test]
fn a_message_that_trickles_does_not_extend_the_timeout() {
    let net = MockNet::new();
    for (second, byte) in (1..).zip(frame(TEXT, b"slow")) {
        net.at(Duration::from_secs(second), Incoming::Bytes(vec![byte]));
    }
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(Duration::from_millis(2500)).unwrap(), None);
    assert_eq!(net.elapsed(), Duration::from_millis(2500));
    assert_eq!(calls.receive(MINUTE).unwrap(), text("slow"));
    assert_eq!(net.elapsed(), Duration::from_secs(6));
}

#[test]
fn an_interrupt_ends_one_receive() {
    let net = MockNet::new();
    let mut calls = open(&net, &no_keepalive());
    net.script().is_interrupted = true;
    assert_eq!(calls.receive(Duration::MAX).unwrap(), None);
    assert_eq!(calls.receive(Duration::from_secs(1)).unwrap(), None);
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(1),
        "the second one waited"
    );
}

#[test]
fn a_send_that_does_not_get_through_ends_at_its_timeout_and_goes_on_later() {
    let net = MockNet::new();
    net.take(Take::Bytes(3))
        .take(Take::BlockUntil(Duration::from_secs(10)));
    let mut calls = open(&net, &no_keepalive().send_timeout(Duration::from_secs(7)));
    let error = send_text(&mut calls, "hello").unwrap_err();
    assert_eq!(net.elapsed(), Duration::from_secs(7));
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Timeout, Stage::Send)
    );
    let text = "cannot send to ws://mock: 8 bytes have not left within 7 s; they stay queued";
    assert_eq!(error.to_string(), text);
    assert_eq!(calls.unsent_bytes(), 8);
    // A receive goes on sending it.
    assert_eq!(calls.receive(Duration::from_secs(5)).unwrap(), None);
    assert_eq!(net.elapsed(), Duration::from_secs(12));
    assert_eq!(calls.unsent_bytes(), 0);
    assert_eq!(net.seen_by_server(), [r#"Text("hello")"#]);
}

/// R-14: while the socket takes nothing, one pong is kept, the newest.
#[test]
fn pings_during_a_blocked_send_are_answered_once_by_the_newest() {
    let net = MockNet::new();
    net.take(Take::Bytes(3))
        .take(Take::BlockUntil(Duration::from_secs(10)));
    for second in 1..10 {
        net.at(
            Duration::from_secs(second.into()),
            Incoming::Bytes(frame(PING, &[second])),
        );
    }
    let mut calls = open(&net, &no_keepalive());
    send_text(&mut calls, "hello").unwrap();
    assert_eq!(net.elapsed(), Duration::from_secs(10));
    assert_eq!(net.seen_by_server(), [r#"Text("hello")"#, "Pong([9])"]);
    assert_eq!(calls.receive(MINUTE).unwrap(), Some(Message::Ping(vec![9])));
}

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

/// A whole conversation in which the n-th call to the outside fails, for every n and several ways.
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
fn a_peer_that_closes_and_does_not_read_holds_nobody_up() {
    let net = MockNet::new();
    net.take(Take::Bytes(1))
        .take(Take::BlockUntil(Duration::from_secs(3600)));
    net.at(Duration::from_secs(2), Incoming::Bytes(frame(CLOSE, b"")));
    let mut calls = open(&net, &no_keepalive().send_timeout(Duration::from_secs(1)));
    assert!(send_text(&mut calls, "stuck").unwrap_err().is_timeout());
    let close = calls.receive(Duration::MAX).unwrap();
    assert!(matches!(close, Some(Message::Close(_))));
    assert_eq!(net.elapsed(), Duration::from_secs(3));
}

#[test]
fn keepalive_asks_and_gives_up_on_time() {
    let net = MockNet::new();
    let mut calls = open(&net, &Config::default());
    assert_eq!(calls.receive(Duration::from_secs(24)).unwrap(), None);
    assert_eq!(net.seen_by_server().len(), 0);
    let error = calls.receive(Duration::MAX).unwrap_err();
    assert_eq!(net.elapsed(), Duration::from_secs(45));
    assert_eq!(net.seen_by_server().len(), 1);
    assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Closed, Stage::Receive)
    );
    let text = "cannot receive from ws://mock: peer has not answered a ping within 20 s";
    assert_eq!(error.to_string(), text);
}

/// Between calls nothing is read: an answer that waits in the socket counts, however late it is looked at.
#[test]
fn keepalive_does_not_blame_the_peer_for_a_caller_who_was_away() {
    let net = MockNet::new();
    let mut calls = open(&net, &Config::default());
    assert_eq!(calls.receive(Duration::from_secs(26)).unwrap(), None);
    let ping = net.script().sent.clone();
    assert_eq!(ping.len(), 2 + 4 + 8);
    let payload: Vec<u8> = ping[6..]
        .iter()
        .zip(ping[2..6].iter().cycle())
        .map(|(a, b)| a ^ b)
        .collect();
    net.at(
        Duration::from_secs(27),
        Incoming::Bytes(frame(PONG, &payload)),
    );
    net.pass(Duration::from_secs(600));
    net.at(
        Duration::from_secs(630),
        Incoming::Bytes(frame(TEXT, b"still here")),
    );
    assert_eq!(
        calls.receive(MINUTE).unwrap(),
        text("still here"),
        "and the pong is not reported"
    );
}

/// R-17: our own full queue is no reason to give the peer up.
#[test]
fn keepalive_stands_still_while_the_queue_is_full() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"1"), frame(TEXT, b"2"), frame(TEXT, b"3")].concat());
    net.take(Take::BlockUntil(Duration::from_secs(300)));
    let config = Config::default()
        .max_queued_messages(1)
        .send_timeout(Duration::from_secs(400));
    let mut calls = open(&net, &config);
    send_text(&mut calls, "x").unwrap();
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(300),
        "longer than interval and timeout together"
    );
    assert_eq!(net.seen_by_server(), [r#"Text("x")"#], "no ping");
    for expected in ["1", "2", "3"] {
        assert_eq!(calls.receive(MINUTE).unwrap(), text(expected));
    }
}

/// A slow upload is no silence: the peer takes bytes, though its pong must wait behind them.
#[test]
fn keepalive_counts_room_for_output_as_a_sign_of_life() {
    let net = MockNet::new();
    for minute in 1..=4_u64 {
        net.take(Take::Bytes(1));
        net.take(Take::BlockUntil(Duration::from_secs(20 * minute)));
    }
    let mut calls = open(
        &net,
        &Config::default().send_timeout(Duration::from_secs(400)),
    );
    send_text(&mut calls, "slow").unwrap();
    assert_eq!(net.elapsed(), Duration::from_secs(80));
    assert_eq!(net.seen_by_server(), [r#"Text("slow")"#], "no ping");
}

#[test]
fn the_close_timeout_is_kept_to_the_moment() {
    let net = MockNet::new();
    for second in 1..1000 {
        net.at(
            Duration::from_millis(second * 100),
            Incoming::Bytes(frame(TEXT, b"chat")),
        );
    }
    let mut calls = open(&net, &no_keepalive());
    let error = calls.close(CloseCode::NORMAL, "").unwrap_err();
    assert_eq!(net.elapsed(), Duration::from_secs(5));
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Timeout, Stage::Close)
    );
    assert_eq!(
        error.to_string(),
        "cannot close the connection to ws://mock: peer has not answered the Close within 5 s; the connection was ended"
    );
    assert!(net.script().is_shut_down);
}

#[test]
fn a_peer_that_keeps_tcp_open_after_both_closes_costs_one_second() {
    let net = MockNet::new();
    net.bytes(frame(CLOSE, b"\x03\xe8"));
    let mut calls = open(&net, &no_keepalive());
    calls.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(net.elapsed(), Duration::from_secs(1));
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
fn taking_queued_messages_looks_at_the_socket_now_and_then() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"1"), frame(TEXT, b"2"), frame(TEXT, b"3")].concat());
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(MINUTE).unwrap(), text("1"));
    net.bytes(frame(PING, b"x"));
    for expected in ["2", "3"] {
        net.pass(Duration::from_millis(20));
        assert_eq!(calls.receive(MINUTE).unwrap(), text(expected));
    }
    assert_eq!(net.seen_by_server(), ["Pong([120])"]);
}

#[test]
fn closing_when_an_unread_close_is_queued_succeeds_and_keeps_it() {
    let net = MockNet::new();
    net.bytes([frame(TEXT, b"1"), frame(CLOSE, b"\x03\xe9")].concat());
    net.at(Duration::ZERO, Incoming::End);
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(MINUTE).unwrap(), text("1"));
    calls.close(CloseCode::NORMAL, "").unwrap();
    assert!(matches!(
        calls.receive(MINUTE).unwrap(),
        Some(Message::Close(_))
    ));
    let error = calls.close(CloseCode::NORMAL, "").unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::GOING_AWAY));
}

/// A ping that falls due during the closing handshake is not sent, and the wait for it does not spin.
#[test]
fn keepalive_is_silent_in_the_closing_handshake() {
    let net = MockNet::new();
    let mut calls = open(&net, &Config::default());
    assert_eq!(calls.receive(Duration::from_secs(24)).unwrap(), None);
    let error = calls.close(CloseCode::NORMAL, "").unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(net.elapsed(), Duration::from_secs(29));
    assert_eq!(net.seen_by_server().len(), 1, "the Close alone");
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

/// A caller who only polls is given what is there, though it takes several reads.
#[test]
fn one_receive_without_waiting_takes_several_pieces() {
    let net = MockNet::new();
    for byte in frame(TEXT, b"hello") {
        net.bytes([byte]);
    }
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(Duration::ZERO).unwrap(), text("hello"));
}

/// On Linux a short read means drained: no call is made to be told `WouldBlock`.
#[test]
#[cfg(target_os = "linux")]
fn one_message_costs_one_wait_and_one_read() {
    let net = MockNet::new();
    net.bytes(frame(TEXT, b"first"));
    let mut calls = open(&net, &no_keepalive());
    assert_eq!(calls.receive(MINUTE).unwrap(), text("first"));
    let before = net.script().calls;
    net.bytes(frame(TEXT, b"second"));
    assert_eq!(calls.receive(MINUTE).unwrap(), text("second"));
    assert_eq!(net.script().calls - before, 2);
}

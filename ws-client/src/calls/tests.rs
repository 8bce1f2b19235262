//! Calls over a mock with a virtual clock.

mod failures;
mod keepalive;

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
    Calls::new(
        "ws://mock".to_owned(),
        Wire::new(net.clone()),
        b"",
        config,
        None,
    )
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
    let timeout = Duration::from_millis(2500);
    assert_eq!(net.elapsed(), timeout, "the end, with a timeout of 2.5 s");
    assert_eq!(calls.receive(MINUTE).unwrap(), text("slow"));
    assert_eq!(net.elapsed(), Duration::from_secs(6), "the last byte");
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

/// What stays queued is not to be sent again, and what is not queued is: callers tell them apart.
#[test]
fn a_send_for_which_there_is_no_time_left_says_that_nothing_of_it_is_queued() {
    let net = MockNet::new();
    net.take(Take::Bytes(3))
        .take(Take::BlockUntil(Duration::from_secs(100)));
    let mut calls = open(&net, &no_keepalive().send_timeout(Duration::from_secs(7)));
    assert!(send_text(&mut calls, "queued").unwrap_err().is_timeout());
    let error = send_text(&mut calls, "not queued").unwrap_err();
    assert_eq!(net.elapsed(), Duration::from_secs(14));
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::QueueFull, Stage::Send)
    );
    let text = "cannot send to ws://mock: 9 bytes have not left within 7 s; nothing of this message is queued behind them";
    assert_eq!(error.to_string(), text);
    assert_eq!(calls.receive(Duration::from_secs(100)).unwrap(), None);
    assert_eq!(net.seen_by_server(), [r#"Text("queued")"#]);
}

/// R-14: while the socket takes nothing, one pong is queued, and one kept, the newest.
#[test]
fn pings_during_a_blocked_send_are_answered_by_one_pong_and_the_newest() {
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
    let blocked = Duration::from_secs(10);
    assert_eq!(net.elapsed(), blocked, "the end of the send");
    assert_eq!(
        net.seen_by_server(),
        [r#"Text("hello")"#, "Pong([1])", "Pong([9])"],
        "two pongs to 9 pings, to the first and the newest"
    );
    assert_eq!(calls.receive(MINUTE).unwrap(), Some(Message::Ping(vec![9])));
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

/// R-23: traffic does not extend it, in virtual time
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
    assert_eq!(net.elapsed(), Duration::from_secs(5), "the close timeout");
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
fn a_close_without_any_time_leaves_all_the_same() {
    let net = MockNet::new();
    let mut calls = open(&net, &no_keepalive());
    calls.set_close_timeout(Duration::ZERO);
    let error = calls.close(CloseCode::NORMAL, "").unwrap_err();
    assert_eq!(
        (error.kind(), net.elapsed()),
        (ErrorKind::Timeout, Duration::ZERO)
    );
    assert_eq!(
        net.seen_by_server(),
        [r#"Close(Some(CloseFrame { code: CloseCode(1000), reason: "" }))"#]
    );
}

#[test]
fn a_peer_that_keeps_tcp_open_after_both_closes_costs_one_second() {
    let net = MockNet::new();
    net.bytes(frame(CLOSE, b"\x03\xe8"));
    let mut calls = open(&net, &no_keepalive());
    calls.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(net.elapsed(), Duration::from_secs(1));
    assert!(net.script().is_shut_down);
}

/// RFC 6455 §5.5.1: the caller who asks for more after the peer's Close ends what the peer has left open.
#[test]
fn a_peer_that_closes_first_and_keeps_tcp_open_costs_one_second() {
    let net = MockNet::new();
    net.bytes(frame(CLOSE, b"\x03\xe8"));
    let mut calls = open(&net, &no_keepalive());
    let close = calls.receive(MINUTE).unwrap();
    assert!(matches!(close, Some(Message::Close(_))));
    assert_eq!(net.elapsed(), Duration::ZERO);
    for _ in 0..2 {
        let error = calls.receive(MINUTE).unwrap_err();
        assert_eq!(error.close_code(), Some(CloseCode::NORMAL));
        assert_eq!(net.elapsed(), Duration::from_secs(1));
        assert!(net.script().is_shut_down);
    }
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

//! When a silent peer is asked, and when it is given up.

use super::*;

#[test]
fn keepalive_asks_and_gives_up_on_time() {
    let net = MockNet::new();
    let mut calls = open(&net, &Config::default());
    assert_eq!(calls.receive(Duration::from_secs(24)).unwrap(), None);
    assert_eq!(net.seen_by_server().len(), 0, "pings after 24 s of 25");
    let error = calls.receive(Duration::MAX).unwrap_err();
    let given_up = Duration::from_secs(25 + 20);
    assert_eq!(net.elapsed(), given_up, "interval and timeout");
    assert_eq!(net.seen_by_server().len(), 1, "pings in all");
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

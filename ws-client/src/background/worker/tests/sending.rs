//! What is known of messages that were taken from the queue: whether they have left, and what has come meanwhile.

use super::*;

/// An open connection at its first second.
fn open(net: &MockNet, background: &BackgroundConfig) -> Rig {
    let mut rig = Rig::new([Some(net.clone())], no_keepalive(), background);
    assert!(rig.run(SECOND));
    rig
}

fn flush(rig: &Rig) -> Result<(), Error> {
    rig.shared.flush(Duration::ZERO)
}

/// One turn, which may wait for a minute.
fn step(rig: &mut Rig) -> bool {
    let deadline = Deadline::at(rig.start + seconds(60));
    rig.worker.step(deadline)
}

#[test]
fn a_message_that_a_broken_socket_took_in_part_is_never_said_to_have_left() {
    for taken in [0, 10, 1_007] {
        let net = MockNet::new();
        net.take(Take::Bytes(taken));
        net.take(Take::Error(io::ErrorKind::BrokenPipe));
        let mut rig = open(&net, &BackgroundConfig::default());
        rig.send(&"x".repeat(1_000)).unwrap();
        while step(&mut rig) {
            flush(&rig).unwrap_err();
        }
        assert_eq!(flush(&rig).unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(rig.shared.statistics().messages_unsent, 1, "{taken} bytes");
        assert!(rig.log().contains("1 messages were not sent"));
    }
}

#[test]
fn a_message_that_has_left_whole_is_no_loss_of_the_connection_behind_it() {
    let net = MockNet::new();
    net.at(seconds(2), Incoming::Error(io::ErrorKind::ConnectionReset));
    let mut rig = open(&net, &BackgroundConfig::default());
    rig.send("x").unwrap();
    assert!(step(&mut rig));
    flush(&rig).unwrap();
    while step(&mut rig) {}
    assert_eq!(rig.shared.statistics().messages_unsent, 0);
}

#[test]
fn a_message_that_waits_for_the_socket_when_the_connection_is_lost_is_counted() {
    let net = MockNet::new();
    net.take(Take::Bytes(10))
        .take(Take::BlockUntil(seconds(50)));
    net.at(seconds(2), Incoming::Error(io::ErrorKind::ConnectionReset));
    let mut rig = open(&net, &BackgroundConfig::default());
    rig.send("taken").unwrap();
    rig.send("in part").unwrap();
    while step(&mut rig) {
        flush(&rig).unwrap_err();
    }
    flush(&rig).unwrap_err();
    let statistics = rig.shared.statistics();
    assert_eq!(
        (statistics.messages_unsent, statistics.messages_sent),
        (2, 2)
    );
}

#[test]
fn messages_that_a_destroyed_client_has_not_sent_are_counted() {
    let net = MockNet::new();
    net.take(Take::BlockUntil(seconds(50)));
    let mut rig = open(&net, &BackgroundConfig::default());
    rig.send("waits for the socket").unwrap();
    assert!(rig.run(seconds(2)));
    rig.send("waits for the next turn").unwrap();
    rig.shared.destroy();
    assert!(!step(&mut rig));
    assert_eq!(rig.shared.statistics().messages_unsent, 2);
}

/// Before it sends, a turn looks whether the peer has closed. What that brings is told in the same turn, which does not
/// wait for something else first.
#[test]
fn a_close_that_the_look_before_a_send_brings_ends_the_connection_and_the_message_is_counted() {
    let net = MockNet::new();
    net.at(seconds(2), Incoming::Bytes(close_frame(1001, "")));
    let mut rig = open(&net, &BackgroundConfig::default());
    rig.send("too late").unwrap();
    net.pass(SECOND);
    while step(&mut rig) {}
    // The server, which does not end TCP, is given a second for it.
    assert_eq!(rig.elapsed(), seconds(3));
    let code = Some(CloseCode::new(1001));
    assert_eq!(flush(&rig).unwrap_err().close_code(), code);
    assert_eq!(rig.shared.statistics().messages_unsent, 1);
    let received = rig.receive().unwrap();
    assert!(matches!(received, Some(Message::Close(_))), "{received:?}");
}

#[test]
fn a_message_that_the_look_before_a_send_brings_is_given_out_at_once() {
    let net = MockNet::new();
    net.take(Take::BlockUntil(seconds(50)));
    net.at(seconds(2), Incoming::Bytes(frame(TEXT, b"news")));
    let mut rig = open(&net, &BackgroundConfig::default());
    rig.send("finds no room").unwrap();
    assert!(rig.run(MILLISECOND * 1_500));
    net.pass(MILLISECOND * 500);
    rig.send("looks first").unwrap();
    assert!(step(&mut rig));
    assert_eq!(rig.elapsed(), seconds(2), "waited before it told");
    let news = Message::Text(String::from("news"));
    assert_eq!(rig.receive().unwrap(), Some(news));
}

/// beside output that never ends a ping is answered behind what waited before it, and of ten that come together one,
/// and behind that the newest.
#[test]
fn pings_are_answered_beside_a_queue_that_does_not_become_empty() {
    let net = MockNet::new();
    for second in 2..120 {
        net.take(Take::Bytes(5_000))
            .take(Take::BlockUntil(seconds(second)));
    }
    net.at(seconds(5), Incoming::Bytes(frame(PING, &[0])));
    for payload in 1..=10 {
        net.at(seconds(40), Incoming::Bytes(frame(PING, &[payload])));
    }
    let mut rig = open(&net, &BackgroundConfig::default());
    for _ in 0..100 {
        rig.send(&"x".repeat(5_000)).unwrap();
    }
    assert!(rig.run(seconds(110)));
    flush(&rig).unwrap();
    let mut messages = 0;
    let mut pongs = Vec::new();
    for seen in net.seen_by_server() {
        match seen.starts_with("Pong") {
            true => pongs.push((seen, messages)),
            false => messages += 1,
        }
    }
    println!("{pongs:?}");
    // At most 64 KiB wait before a ping: what came later is behind the pong.
    let most = 5 + (64 << 10) / 5_000;
    assert!(
        pongs.first().is_some_and(|(_, before)| *before <= most),
        "{pongs:?}: with the messages before each, at most {most} before the first"
    );
    let pongs: Vec<_> = pongs.iter().map(|(pong, _)| pong.as_str()).collect();
    let expected = ["Pong([0])", "Pong([1])", "Pong([10])"];
    assert_eq!(pongs, expected, "the pings that were answered");
}

//! How connections and servers end.

use std::{
    io::Write,
    net::{Shutdown, TcpListener},
    time::{Duration, Instant},
};

use socket2::SockRef;
use ws_core::ReceiveError;
use ws_server::{ClosedBy, Config, ErrorKind, Server};

use crate::{
    peer::{Got, Peer, exchange},
    recorder::{Ask, Record, Recorder, Told, start},
    timing::{SLACK, check_one_of_five},
};

#[test]
fn the_peer_closes_and_the_server_ends_tcp() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    peer.send(&Got::Close(3210, "so long".into()));
    assert_eq!(peer.next(), Got::Close(3210, String::new()));
    assert_eq!(peer.next(), Got::End);
    assert_eq!(
        record.wait_for_close(),
        (3210, "so long".into(), ClosedBy::Peer)
    );
}

/// Contract, Ordering (b) and (c).
#[test]
fn the_handler_knows_of_the_end_before_the_peer_does() {
    let (server, record) = start(Config::default());
    for count in 1..=300 {
        let mut peer = Peer::open(server.local_addr());
        let mut frames = peer.encode(&Got::Text("last".into()));
        frames.extend(peer.encode(&Got::Close(1000, String::new())));
        peer.stream.write_all(&frames).unwrap();
        assert_eq!(peer.next(), Got::Text("last".into()));
        assert_eq!(peer.next(), Got::Close(1000, String::new()));
        let all = record.all();
        assert_eq!(
            all.iter()
                .filter(|told| matches!(told, Told::Close(..)))
                .count(),
            count
        );
        assert_eq!(
            all.iter()
                .filter(|told| matches!(told, Told::Message(..)))
                .count(),
            count
        );
    }
}

#[test]
fn the_handler_closes_and_the_peer_answers() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    // What follows the order in the same read is discarded.
    let mut frames = peer.encode(&Got::Text("close".into()));
    frames.extend(peer.encode(&Got::Text("not seen".into())));
    peer.stream.write_all(&frames).unwrap();
    assert_eq!(peer.next(), Got::Close(4001, "you asked".into()));
    assert_eq!(peer.next(), Got::End);
    let (code, reason, by) = record.wait_for_close();
    assert_eq!((code, &*reason, by), (4001, "you asked", ClosedBy::Handler));
    assert!(
        !record
            .all()
            .iter()
            .any(|told| matches!(told, Told::Message(..)))
    );
}

#[test]
fn a_close_from_a_timer_is_told_before_the_peer_answers() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    peer.is_polite = false;
    peer.send_text("expire");
    assert_eq!(peer.next(), Got::Close(4003, "expired".into()));
    assert_eq!(
        record.wait_for_close(),
        (4003, "expired".into(), ClosedBy::Handler)
    );
}

#[test]
fn another_thread_closes_and_sending_fails_from_then_on() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    let id = record.wait_for_open();
    let commands = server.commands(0).unwrap();
    let (answer, answers) = std::sync::mpsc::channel();
    commands
        .send(Ask::Send(id, "hello".into(), answer.clone()))
        .unwrap();
    assert_eq!(answers.recv().unwrap(), Ok(()));
    commands.send(Ask::Close(id)).unwrap();
    commands
        .send(Ask::Send(id, "too late".into(), answer))
        .unwrap();
    assert_eq!(
        answers.recv().unwrap(),
        Err(ws_server::SendError::NotFound(id))
    );
    assert_eq!(peer.next(), Got::Text("hello".into()));
    assert_eq!(peer.next(), Got::Close(4002, "asked".into()));
    assert_eq!(peer.next(), Got::End);
}

/// What was held back is discarded, and the peer's Close found behind it: sent before ours, or as its answer.
#[test]
fn closing_a_paused_connection_ends_with_the_peers_close() {
    for has_closed in [true, false] {
        let (server, record) = start(Config::default());
        let mut peer = Peer::open(server.local_addr());
        let mut frames = peer.encode(&Got::Text("pause".into()));
        frames.extend(peer.encode(&Got::Text("held back".into())));
        if has_closed {
            frames.extend(peer.encode(&Got::Close(1000, String::new())));
        }
        peer.stream.write_all(&frames).unwrap();
        let id = record.wait_for_open();
        record.wait_for(|told| *told == Told::Message(id, "pause".into()));
        let began = Instant::now();
        server.commands(0).unwrap().send(Ask::Close(id)).unwrap();
        assert_eq!(peer.next(), Got::Close(4002, "asked".into()));
        assert_eq!(peer.next(), Got::End);
        // Long before the deadline of 5 s.
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        assert!(
            !record
                .all()
                .contains(&Told::Message(id, "held back".into()))
        );
    }
}

#[test]
fn an_abort_ends_at_once() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    peer.send_text("abort");
    assert!(matches!(peer.next(), Got::End | Got::Reset));
    assert_eq!(
        record.wait_for_close(),
        (1006, String::new(), ClosedBy::Handler)
    );
}

#[test]
fn a_lost_connection_is_told() {
    let (server, record) = start(Config::default());
    for is_reset in [false, true] {
        let mut peer = Peer::open(server.local_addr());
        peer.send_text("here");
        assert_eq!(peer.next(), Got::Text("here".into()));
        if is_reset {
            SockRef::from(&peer.stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        } else {
            peer.stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(peer.next(), Got::End);
        }
        drop(peer);
    }
    let lost = |told: &Told| matches!(told, Told::Close(_, 1006, _, ClosedBy::Lost));
    let count = || record.all().iter().filter(|told| lost(told)).count();
    let began = Instant::now();
    while count() < 2 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            record.all()
        );
        std::thread::yield_now();
    }
}

/// RFC 6455 §7.1.7; the peer can read why, whatever it still sends.
#[test]
fn a_broken_rule_fails_the_connection_with_its_code() {
    // What is behind is still unread when the connection fails.
    let (server, record) = start(Config::default().turn_bytes(1024));
    for (frame, code) in [
        (&b"\x81\x05Hello"[..], 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x81\x82\0\0\0\0\xc3\x28", 1007),
        (b"\x82\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0", 1009),
    ] {
        let mut peer = Peer::open(server.local_addr());
        // An answer to the Close would meet a reset before the next read does.
        peer.is_polite = false;
        let mut bytes = peer.encode(&Got::Text("before".into()));
        bytes.extend_from_slice(frame);
        bytes.resize(bytes.len() + 20_000, 0);
        peer.stream.write_all(&bytes).unwrap();
        assert_eq!(peer.next(), Got::Text("before".into()));
        assert!(
            matches!(peer.next(), Got::Close(got, _) if got == code),
            "{code}"
        );
        let end = peer.next();
        assert_eq!(end, Got::End, "behind {code}, with 20,000 bytes unread");
    }
    let unmasked = ClosedBy::Protocol(ReceiveError::UnmaskedFrame);
    record.wait_for(|told| matches!(told, Told::Close(_, 1002, _, by) if *by == unmasked));
}

/// a peer that never answers, or answers anything else, cannot hold the connection.
#[test]
fn a_closing_handshake_ends_at_its_deadline_whatever_comes() {
    let timeout = Duration::from_millis(400);
    // The loop counts whole milliseconds.
    let bounds = timeout - Duration::from_millis(1)..=timeout + SLACK;
    check_one_of_five("to end a closing handshake", bounds, || {
        let (server, _) = start(Config::default().close_timeout(timeout));
        let mut peer = Peer::open(server.local_addr());
        peer.is_polite = false;
        let began = Instant::now();
        peer.send_text("close");
        assert_eq!(peer.next(), Got::Close(4001, "you asked".into()));
        let chat = peer.encode(&Got::Text("bla".into()));
        while peer.stream.write_all(&chat).is_ok() && began.elapsed() < 5 * timeout {
            std::thread::sleep(Duration::from_millis(5));
        }
        began.elapsed()
    });
}

/// bounded, whatever the peers do; the port is free again.
#[test]
fn stop_is_bounded_and_tells_everybody() {
    let timeout = Duration::from_millis(500);
    check_one_of_five("to stop", Duration::ZERO..=timeout + SLACK, || {
        let (mut server, record) = start(Config::default().workers(2));
        let address = server.local_addr();
        let mut deaf: Vec<_> = (0..50).map(|_| Peer::open(address)).collect();
        let _half = crate::peer::connect(address);
        let mut polite = Peer::open(address);
        let reader = std::thread::spawn(move || [polite.next(), polite.next()]);
        let began = Instant::now();
        server.stop(timeout).unwrap();
        let time = began.elapsed();
        TcpListener::bind(address).expect("the port is free");
        assert_eq!(
            reader.join().unwrap(),
            [Got::Close(1001, "the server stops".into()), Got::End]
        );
        for peer in &mut deaf {
            assert_eq!(peer.next(), Got::Close(1001, "the server stops".into()));
        }
        let all = record.all();
        assert_eq!(all.iter().filter(|told| **told == Told::Stop).count(), 2);
        let by_stop = |told: &&Told| matches!(told, Told::Close(.., ClosedBy::Stop));
        assert_eq!(all.iter().filter(by_stop).count(), 51);
        assert!(!server.is_running());
        server.stop(Duration::ZERO).unwrap();
        time
    });
}

#[test]
fn a_server_can_be_stopped_before_and_while_it_runs_in_this_thread() {
    for is_early in [true, false] {
        let record = Record::default();
        let server = Server::bind("127.0.0.1:0", Config::default()).unwrap();
        let (stopper, address) = (server.stopper(), server.local_addr());
        if is_early {
            stopper.stop(Duration::from_secs(1));
        }
        let client = std::thread::spawn(move || {
            if !is_early {
                let answer = exchange(address, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
                stopper.stop(Duration::from_secs(1));
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            }
        });
        server
            .run(|_| Recorder {
                record: record.clone(),
            })
            .unwrap();
        client.join().unwrap();
        assert_eq!(record.all(), [Told::Stop]);
    }
}

/// A handler that panics takes its server along: nobody may hang at a dead loop.
#[test]
fn a_panic_of_the_handler_ends_the_server_and_is_reported() {
    let (mut server, _) = start(Config::default().workers(2));
    let mut peer = Peer::open(server.local_addr());
    let mut other = Peer::open(server.local_addr());
    peer.send_text("panic");
    assert!(matches!(peer.next(), Got::End | Got::Reset));
    assert_eq!(other.next(), Got::Close(1001, "the server stops".into()));
    assert_eq!(other.next(), Got::End);
    // The sockets close a moment before their loop's thread ends.
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.is_running() {
        assert!(Instant::now() < deadline, "the server goes on");
        std::thread::yield_now();
    }
    let error = server.stop(Duration::from_secs(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HandlerPanicked);
    let commands = server.commands(0).unwrap();
    assert!(commands.send(Ask::Broadcast(Vec::new())).is_err());
}

//! Many connections in one thread, each to a server of its own that behaves differently.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ws_client::{CloseCode, ConnectRequest, Connected, Error, ErrorKind, Swarm, SwarmEvent};

use crate::support::*;

/// What was told of each connection, in words.
#[derive(Default)]
struct Told(BTreeMap<usize, Vec<String>>);

impl Told {
    fn note(&mut self, number: usize, event: &SwarmEvent<'_>) {
        let text = match event {
            SwarmEvent::Text(text) => format!("text {text}"),
            SwarmEvent::Binary(data) => format!("{} bytes", data.len()),
            SwarmEvent::Pong(payload) => format!("pong {payload:?}"),
            SwarmEvent::Closed(close) => format!("closed {} {}", close.code, close.reason),
            SwarmEvent::Ended(error) => format!("ended {:?}", error.kind()),
            _ => String::from("?"),
        };
        self.0.entry(number).or_default().push(text);
    }

    fn of(&self, number: usize) -> Vec<&str> {
        let events = self.0.get(&number).into_iter().flatten();
        events.map(String::as_str).collect()
    }
}

/// Turns until `is_done`; fails if that takes too long.
#[track_caller]
fn turn_until(swarm: &mut Swarm, told: &mut Told, is_done: impl Fn(&Swarm, &Told) -> bool) {
    let latest = Instant::now() + LONG;
    while !is_done(swarm, told) {
        let left = latest.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{:?}", told.0);
        swarm
            .turn(Some(left), |number, event, _| told.note(number, &event))
            .unwrap();
    }
}

fn add<T>(swarm: &mut Swarm, server: &Server<T>) -> usize {
    let request = ConnectRequest::new(&server.url).unwrap();
    swarm.add(Connected::dial(&request).unwrap()).unwrap()
}

fn swarm() -> Result<Swarm, Error> {
    Swarm::new(&ConnectRequest::new("ws://127.0.0.1/")?)
}

#[test]
fn each_connection_has_its_own_messages_and_its_own_end() {
    let talkative = serve_raw(|mut stream| {
        let head = read_head(&mut stream);
        // The first frame comes with the answer, the second in two pieces, and a ping between.
        let mut bytes = accept(&head).into_bytes();
        bytes.extend(frame(TEXT, b"early"));
        stream.write_all(&bytes).unwrap();
        let second = frame(TEXT, b"in two pieces");
        stream.write_all(&second[..5]).unwrap();
        stream.write_all(&second[5..]).unwrap();
        stream.write_all(&frame(PING, b"p")).unwrap();
        let pong = read_frame(&mut stream).unwrap();
        stream.write_all(&frame(CLOSE, b"\x03\xe9going")).unwrap();
        (pong, read_frame(&mut stream).unwrap())
    });
    let lost = serve_frames(|mut stream| {
        stream.write_all(&frame(BINARY, &[7; 70_000])).unwrap();
        stream.write_all(&frame(TEXT, b"half")[..3]).unwrap();
    });
    let broken = serve_frames(|mut stream| {
        stream.write_all(&frame(TEXT, b"good")).unwrap();
        stream.write_all(&frame(TEXT, b"\xFF")).unwrap();
        read_frame(&mut stream).unwrap()
    });
    let mut swarm = swarm().unwrap();
    let numbers = [
        add(&mut swarm, &talkative),
        add(&mut swarm, &lost),
        add(&mut swarm, &broken),
    ];
    assert_eq!(numbers, [0, 1, 2]);
    let mut told = Told::default();
    turn_until(&mut swarm, &mut told, |swarm, _| swarm.is_empty());
    assert_eq!(
        told.of(0),
        ["text early", "text in two pieces", "closed 1001 going"]
    );
    assert_eq!(told.of(1), ["70000 bytes", "ended Closed"]);
    assert_eq!(told.of(2), ["text good", "ended Protocol"]);
    let (pong, close) = talkative.join();
    assert_eq!(pong, (PONG, b"p".to_vec()));
    assert_eq!(close.0, CLOSE);
    let (first, payload) = broken.join();
    assert_eq!((first, &payload[..2]), (CLOSE, &1007_u16.to_be_bytes()[..]));
    assert!(!swarm.send_text(0, "too late") && !swarm.close(1, CloseCode::NORMAL));
    lost.join();
}

#[test]
fn long_messages_pass_both_ways_at_once_and_closing_is_answered() {
    const CONNECTIONS: usize = 8;
    let servers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            serve_tungstenite(|mut peer| {
                while let Ok(message) = peer.read() {
                    if message.is_binary() {
                        peer.send(message).unwrap();
                    }
                }
            })
        })
        .collect();
    let mut swarm = swarm().unwrap();
    let data = vec![9; 3 << 20];
    for server in &servers {
        let number = add(&mut swarm, server);
        assert!(swarm.send_binary(number, &data));
    }
    assert!(swarm.unsent_bytes(0) > data.len());
    let mut told = Told::default();
    turn_until(&mut swarm, &mut told, |_, told| told.0.len() == CONNECTIONS);
    for number in 0..swarm.count() {
        assert_eq!(told.of(number), ["3145728 bytes"]);
        assert_eq!(swarm.unsent_bytes(number), 0);
        assert!(swarm.close(number, CloseCode::new(4000)));
        assert!(!swarm.send_text(number, "after the Close"));
    }
    turn_until(&mut swarm, &mut told, |swarm, _| swarm.is_empty());
    assert_eq!(told.of(3), ["3145728 bytes", "closed 4000 "]);
    for server in servers {
        server.join();
    }
}

/// of pings that come while a connection's output is stuck, the first and the newest are answered, with no other event
/// than that the peer reads.
#[test]
fn pings_to_a_connection_whose_socket_is_full_are_answered_when_it_is_not() {
    const LENGTH: usize = 32 << 20;
    let (go, wait) = mpsc::channel::<()>();
    let server = serve_frames(move |mut stream| {
        wait.recv().unwrap();
        let pings = [[1], [2], [3]].map(|payload| frame(PING, &payload));
        let bytes = [pings.concat(), frame(TEXT, b"behind them")].concat();
        stream.write_all(&bytes).unwrap();
        wait.recv().unwrap();
        let long = read_frame(&mut stream).unwrap().1.len();
        let pongs = [(); 2].map(|()| read_frame(&mut stream).unwrap());
        stream.write_all(&frame(CLOSE, b"")).unwrap();
        (long, pongs)
    });
    let mut swarm = swarm().unwrap();
    let number = add(&mut swarm, &server);
    assert!(swarm.send_binary(number, &vec![0; LENGTH]));
    let mut told = Told::default();
    swarm
        .turn(Some(Duration::ZERO), |_, event, _| panic!("{event:?}"))
        .unwrap();
    assert!((1..LENGTH).contains(&swarm.unsent_bytes(number)));
    go.send(()).unwrap();
    turn_until(&mut swarm, &mut told, |_, told| {
        told.of(number) == ["text behind them"]
    });
    go.send(()).unwrap();
    turn_until(&mut swarm, &mut told, |swarm, _| swarm.is_empty());
    let pongs = [[1], [3]].map(|payload| (PONG, payload.to_vec()));
    assert_eq!(server.join(), (LENGTH, pongs));
}

/// Elsewhere a reset takes along what has come and was not read.
#[cfg(target_os = "linux")]
#[test]
fn what_a_peer_sent_before_it_went_away_is_told_though_an_answer_is_refused() {
    let (go, wait) = mpsc::channel::<()>();
    let server = serve_frames(move |mut stream| {
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
        stream.write_all(&frame(TEXT, b"first")).unwrap();
        wait.recv().unwrap();
        let rest = [frame(TEXT, b"last"), frame(CLOSE, b"\x03\xe9going")].concat();
        // With what it was sent unread, its end is a reset.
        stream.write_all(&rest).unwrap();
    });
    let mut swarm = swarm().unwrap();
    let number = add(&mut swarm, &server);
    assert!(swarm.send_text(number, "unread"));
    let mut told = Told::default();
    let mut server = Some(server);
    while !swarm.is_empty() {
        swarm
            .turn(Some(LONG), |number, event, link| {
                told.note(number, &event);
                if let Some(server) = server.take() {
                    // Between the turn's reading and its writing.
                    go.send(()).unwrap();
                    server.join();
                    assert!(link.send_text("into the void"));
                }
            })
            .unwrap();
    }
    assert_eq!(
        told.of(number),
        ["text first", "text last", "closed 1001 going"]
    );
}

#[test]
fn a_dial_that_fails_is_no_connection() {
    let request = ConnectRequest::new("ws://127.0.0.1:1/").unwrap();
    assert_eq!(
        Connected::dial(&request).unwrap_err().kind(),
        ErrorKind::Refused
    );
}

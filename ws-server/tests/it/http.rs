//! What the port answers to requests that become no WebSocket.

use std::{
    io::{Read, Write},
    time::Duration,
};

use ws_server::Config;

use crate::{
    peer::{Got, Peer, connect, exchange, read_head, request},
    recorder::{Told, start},
};

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

#[test]
fn health_is_answered_with_ok() {
    let (server, _) = start(Config::default());
    let answer = exchange(server.local_addr(), &get("/health"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    let head = exchange(
        server.local_addr(),
        b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let (server, _) = start(Config::default().health(false));
    let answer = exchange(server.local_addr(), &get("/health"));
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
}

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let (server, _) = start(Config::default());
    let answer = exchange(server.local_addr(), &get("/"));
    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nUpgrade: websocket\r\n"), "{answer}");
}

#[test]
fn unknown_paths_do_not_exist() {
    let (server, record) = start(Config::default().paths(["/chat"]));
    for answer in [
        exchange(server.local_addr(), &get("/other")),
        exchange(server.local_addr(), request("/other").as_bytes()),
    ] {
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    }
    assert!(record.all().is_empty());
    assert!(Peer::try_open(server.local_addr(), "/chat?a=b").is_ok());
}

#[test]
fn the_handler_may_refuse() {
    let (server, record) = start(Config::default().max_connections(1));
    for _ in 0..3 {
        let answer = Peer::try_open(server.local_addr(), "/refused")
            .err()
            .unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 401 ") && answer.ends_with("who are you"),
            "{answer}"
        );
    }
    assert!(record.all().is_empty());
    // A refusal takes no place in the pool.
    Peer::open(server.local_addr());
}

#[test]
fn an_origin_of_another_site_is_refused() {
    let (server, record) = start(Config::default());
    let evil = request("/").replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n");
    let answer = exchange(server.local_addr(), evil.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(record.all().is_empty());
}

/// as many slow ones as the pool has places: a good client gets in, in 1 s at most, and all of them are gone
/// within a quarter more than the deadline.
#[test]
fn a_pool_full_of_slow_handshakes_has_a_place_for_a_good_client() {
    const POOL: usize = 100;
    const DEADLINE: Duration = Duration::from_secs(4);
    let config = Config::default().handshake_timeout(DEADLINE);
    assert_eq!(Config::default().handshake_timeout, Duration::from_secs(10));
    let (server, _) = start(config.max_connections(POOL));
    let began = std::time::Instant::now();
    let mut slow: Vec<_> = (0..POOL).map(|_| connect(server.local_addr())).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    let before = std::time::Instant::now();
    let mut good = Peer::open(server.local_addr());
    good.send_text("let in");
    assert_eq!(good.next(), Got::Text("let in".into()));
    let took = before.elapsed();
    assert!(
        took <= Duration::from_secs(1),
        "{took:?} for a good client beside {POOL} slow ones, at most 1 s"
    );
    // A line more wins no time.
    for stream in &mut slow {
        let _ = stream.write_all(b"X: y\r\n");
    }
    let mut answered = 0;
    for stream in &mut slow {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answered += usize::from(answer.starts_with("HTTP/1.1 408 "));
    }
    // The oldest had to make room.
    assert!(
        answered >= POOL - 1,
        "{answered} of {POOL} got 408, all but one are to"
    );
    let took = began.elapsed();
    assert!(
        took <= DEADLINE + DEADLINE / 4,
        "{took:?} until all {POOL} slow ones were gone, at most {DEADLINE:?} and a quarter"
    );
}

/// the deadline is absolute, whatever trickles in.
#[test]
fn a_slow_handshake_gets_408() {
    let config = Config::default().handshake_timeout(Duration::from_millis(300));
    let (server, _) = start(config);
    for part in ["", "GET / HTT", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let answer = exchange(server.local_addr(), part.as_bytes());
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{part}: {answer}"
        );
    }
    let mut trickle = connect(server.local_addr());
    let request = request("/");
    let sent = request.bytes().position(|byte| {
        let _ = trickle.write_all(&[byte]);
        std::thread::sleep(Duration::from_millis(10));
        trickle.set_nonblocking(true).unwrap();
        let has_answer = trickle.peek(&mut [0]).is_ok();
        trickle.set_nonblocking(false).unwrap();
        has_answer
    });
    assert!(
        sent.is_some_and(|sent| sent < request.len() - 1),
        "no answer before the last of {} bytes, 10 ms each; the deadline is 300 ms",
        request.len()
    );
    assert!(read_head(&mut trickle).starts_with("HTTP/1.1 408 "));
}

/// whoever keeps silent holds no place of the pool.
#[test]
fn unfinished_handshakes_keep_nobody_out() {
    let (server, _) = start(Config::default().max_connections(3).max_unfinished(Some(8)));
    let mut silent: Vec<_> = (0..30).map(|_| connect(server.local_addr())).collect();
    for stream in &mut silent {
        // The oldest are dropped when others come.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n");
    }
    let mut peers: Vec<_> = (0..3).map(|_| Peer::open(server.local_addr())).collect();
    for peer in &mut peers {
        peer.send_text("hello");
        assert_eq!(peer.next(), Got::Text("hello".into()));
    }
}

#[test]
fn one_connection_too_many_gets_503() {
    let (server, _) = start(Config::default().max_connections(2));
    let mut first = Peer::open(server.local_addr());
    let mut second = Peer::open(server.local_addr());
    for _ in 0..20 {
        let answer = Peer::try_open(server.local_addr(), "/").err().unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with("all 2 connections of this server are in use"),
            "{answer}"
        );
    }
    for peer in [&mut first, &mut second] {
        peer.send_text("still here");
        assert_eq!(peer.next(), Got::Text("still here".into()));
    }
    // The place is free as soon as the closing handshake is done, at once and every time.
    for _ in 0..200 {
        assert_eq!(first.close(), Got::Close(1000, String::new()));
        first = Peer::open(server.local_addr());
    }
}

/// what a client still sends must not cost it the answer: 1,000 of 1,000 read it, and a clean end, be it 400 or 503.
#[test]
fn a_refused_client_reads_the_answer_and_a_clean_end() {
    const CLIENTS: usize = 1000;
    const SURPLUS: usize = 30_000;
    // The head alone fills a turn: what is behind it is unread when it is answered.
    const HEAD: usize = 1024;
    let config = Config::default().turn_bytes(HEAD).max_connections(1);
    let (server, _) = start(config);
    let padded = request("/").replace("\r\n\r\n", "\r\nX-Padding: \r\n\r\n");
    let padding = format!("X-Padding: {}", "x".repeat(HEAD - padded.len()));
    let full = padded.replace("X-Padding: ", &padding).into_bytes();
    let bad = request("/") + "x";
    let _only = Peer::open(server.local_addr());
    for (head, status) in [
        (full, "503 Service Unavailable"),
        (bad.into(), "400 Bad Request"),
    ] {
        let mut together = head.clone();
        together.resize(head.len() + SURPLUS, b'x');
        let (begin, rest) = together.split_at(head.len());
        let mut answered = 0;
        for client in 0..CLIENTS {
            let mut stream = connect(server.local_addr());
            if client % 2 == 0 {
                stream.write_all(&together).unwrap();
            } else {
                stream.write_all(begin).unwrap();
                stream.peek(&mut [0]).unwrap();
                let _ = stream.write_all(rest);
            }
            let mut answer = String::new();
            // A reset would be an error.
            let has_ended = stream.read_to_string(&mut answer).is_ok();
            let is_it = answer.starts_with(&format!("HTTP/1.1 {status}\r\n"));
            answered += usize::from(has_ended && is_it);
        }
        assert_eq!(
            answered, CLIENTS,
            "clients that read {status} and a clean end behind it, all {CLIENTS} are to"
        );
    }
}

/// Contract, Ordering (a).
#[test]
fn the_handler_knows_a_connection_before_the_client_does() {
    let (server, record) = start(Config::default());
    for count in 1..=300 {
        let _peer = Peer::open(server.local_addr());
        let opened = record
            .all()
            .iter()
            .filter(|t| matches!(t, Told::Open(..)))
            .count();
        assert_eq!(opened, count);
    }
}

#[test]
fn what_is_sent_while_opening_follows_the_101() {
    let (server, _) = start(Config::default());
    let mut peer = Peer::try_open(server.local_addr(), "/welcome").unwrap();
    assert_eq!(peer.next(), Got::Text("welcome".into()));
}

/// The configuration's order decides, unless the handler chooses.
#[test]
fn subprotocols_are_chosen_by_configuration_or_handler() {
    let (server, _) = start(Config::default().subprotocols(["first", "second"]));
    let offer = |path: &str, names: &str| {
        let lines = format!("\r\nSec-WebSocket-Protocol: {names}\r\n\r\n");
        let request = request(path).replace("\r\n\r\n", &lines);
        let mut stream = connect(server.local_addr());
        stream.write_all(request.as_bytes()).unwrap();
        read_head(&mut stream)
    };
    let chosen = |head: &str| {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        line.map(str::to_owned)
    };
    let head = offer("/", "third, second, first");
    assert_eq!(chosen(&head).as_deref(), Some("first"), "{head}");
    assert_eq!(chosen(&offer("/", "third")), None);
    let head = offer("/chosen", "first, second");
    assert_eq!(chosen(&head).as_deref(), Some("second"), "{head}");
    assert!(head.contains("\r\nX-Mine: 1\r\n"), "{head}");
}

/// A handler's mistake never splits the answer, and its connection still has an end.
#[test]
fn an_answer_that_cannot_be_written_is_500() {
    let (server, record) = start(Config::default());
    for path in ["/not-offered", "/split"] {
        let answer = Peer::try_open(server.local_addr(), path).err().unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && !answer.contains("Theirs"),
            "{answer}"
        );
    }
    let all = record.all();
    assert_eq!(
        all.iter()
            .filter(|told| matches!(told, Told::Open(..)))
            .count(),
        2
    );
    assert_eq!(
        all.iter()
            .filter(|told| matches!(told, Told::Close(..)))
            .count(),
        2
    );
}

/// judged before it is parsed.
#[test]
fn heads_beyond_the_limits_are_refused() {
    let (server, _) = start(Config::default());
    let many = "X: y\r\n".repeat(200);
    let long = "x".repeat(9000);
    for (request, status) in [
        (
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
            431,
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
            431,
        ),
        (
            format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            414,
        ),
        ("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n".into(), 505),
        ("nonsense\r\n\r\n".into(), 400),
    ] {
        let answer = exchange(server.local_addr(), request.as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {answer}"
        );
    }
}

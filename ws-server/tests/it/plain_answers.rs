//! What a handler answers to requests that ask for no WebSocket, long answers among them.

use std::{
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{
    Accepted, Auth, Config, Context, Flow, Handler, Limit, Message, PlainAnswer, Running, Server,
};

use crate::peer::{Got, Peer, connect, exchange, read_head};

/// Serves pages beside an echo.
struct Pages {
    /// Bytes that were read from the sources of long answers.
    read: Arc<AtomicU64>,
}

impl Handler for Pages {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_request(&mut self, request: &Request) -> Option<PlainAnswer> {
        let head = HttpAnswer::new(200, "")
            .with_header("Content-Type", "application/octet-stream")
            .unwrap();
        let counted = Counted {
            at: 0,
            read: Arc::clone(&self.read),
        };
        match request.path() {
            "/page" => Some(HttpAnswer::new(200, "a page").into()),
            "/long" => Some(PlainAnswer::streamed(head, LONG_BYTES, counted)),
            "/broken" => Some(PlainAnswer::streamed(head, 200_000, counted.take(100_000))),
            "/empty" => Some(PlainAnswer::streamed(head, 0, counted)),
            _ => None,
        }
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        (): &mut (),
        message: Message<'_>,
    ) -> Flow {
        context.send(message).unwrap();
        Flow::Continue
    }
}

/// Bytes that tell their place, without an end.
struct Counted {
    at: u64,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = (self.at % 251) as u8;
            self.at += 1;
        }
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    }
}

fn start(config: Config) -> (Running<()>, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let server = Server::bind("127.0.0.1:0", config).unwrap();
    let running = server
        .spawn(|_| Pages {
            read: Arc::clone(&read),
        })
        .unwrap();
    (running, read)
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

#[test]
fn the_handler_answers_what_it_knows_and_the_rest_is_told_to_upgrade() {
    let (server, _) = start(Config::default());
    let answer = exchange(server.local_addr(), &get("/page"));
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\na page"),
        "{answer}"
    );
    let answer = exchange(server.local_addr(), &get("/other"));
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    let answer = exchange(server.local_addr(), &get("/health"));
    assert!(answer.ends_with("ok\n"), "{answer}");
    let answer = exchange(server.local_addr(), &get("/empty"));
    assert!(answer.contains("\r\nContent-Length: 0\r\n"), "{answer}");
    let answer = exchange(
        server.local_addr(),
        b"HEAD /long HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(
        answer.contains("\r\nContent-Length: 20000000\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn strangers_and_pages_of_other_names_get_nothing_of_the_handlers() {
    let (server, _) = start(Config::default().auth(Auth::new().token("secret")));
    let answer = exchange(server.local_addr(), &get("/page"));
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let answer = exchange(
        server.local_addr(),
        b"GET /page HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n",
    );
    assert!(answer.ends_with("a page"), "{answer}");
    // A name of the attacker's that leads to this machine (DNS rebinding).
    let answer = exchange(
        server.local_addr(),
        b"GET /page HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer secret\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn a_long_answer_is_read_no_faster_than_the_peer_reads_it_and_holds_nobody_up() {
    let (server, read) = start(Config::default());
    let mut slow = connect(server.local_addr());
    slow.write_all(&get("/long")).unwrap();
    let head = read_head(&mut slow);
    assert!(head.contains("\r\nContent-Length: 20000000\r\n"), "{head}");
    let mut peer = Peer::open(server.local_addr());
    // Until the socket is full; what it holds depends on the system.
    let mut before = u64::MAX;
    while read.load(Ordering::Relaxed) != before {
        before = read.load(Ordering::Relaxed);
        for _ in 0..50 {
            peer.send(&Got::Text("still there".into()));
            assert_eq!(peer.next(), Got::Text("still there".into()));
        }
    }
    assert!(before < LONG_BYTES, "all {before} bytes were read at once");
    let mut at = 0u64;
    let mut buffer = vec![0; 100_000];
    loop {
        let count = slow.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        for byte in &buffer[..count] {
            assert_eq!(*byte, (at % 251) as u8, "at {at}");
            at += 1;
        }
    }
    assert_eq!(at, LONG_BYTES);
    peer.close();
}

#[test]
fn an_answer_that_cannot_be_read_to_its_end_is_cut_off() {
    let (server, _) = start(Config::default());
    let mut stream = connect(server.local_addr());
    stream.write_all(&get("/broken")).unwrap();
    let head = read_head(&mut stream);
    assert!(head.contains("\r\nContent-Length: 200000\r\n"), "{head}");
    let mut body = Vec::new();
    // It ends with or without a reset, but early.
    let _ = stream.read_to_end(&mut body);
    assert!(body.len() <= 100_000, "{}", body.len());
}

#[test]
fn a_long_answer_takes_a_place_in_the_pool_until_it_is_sent() {
    let server = Server::bind("127.0.0.1:0", Config::default().max_connections(1)).unwrap();
    let statistics = server.statistics();
    let read = Arc::default();
    let server = server
        .spawn(|_| Pages {
            read: Arc::clone(&read),
        })
        .unwrap();
    let mut first = connect(server.local_addr());
    first.write_all(&get("/long")).unwrap();
    read_head(&mut first);
    assert_eq!(statistics.connections(), 1);
    let refused = Peer::try_open(server.local_addr(), "/").err().unwrap();
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    let refused = exchange(server.local_addr(), &get("/long"));
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(exchange(server.local_addr(), &get("/page")).ends_with("a page"));
    let mut body = Vec::new();
    first.read_to_end(&mut body).unwrap();
    assert_eq!(body.len() as u64, LONG_BYTES);
    Peer::open(server.local_addr());
    assert_eq!(statistics.answers(), [(200, 2), (503, 2)]);
    assert_eq!(statistics.limit_hits(Limit::Connections), 2);
    assert_eq!(statistics.accepted(), 5);
}

#[test]
fn who_takes_nothing_of_a_long_answer_is_dropped() {
    let config = Config::default()
        .write_stall_timeout(Duration::from_millis(300))
        .max_connections(1);
    let (server, _) = start(config);
    let mut stuck = connect(server.local_addr());
    stuck.write_all(&get("/long")).unwrap();
    read_head(&mut stuck);
    // The place is free again as soon as it is dropped.
    while Peer::try_open(server.local_addr(), "/").is_err() {
        std::thread::yield_now();
    }
    let mut body = Vec::new();
    let _ = stuck.read_to_end(&mut body);
    assert!((body.len() as u64) < LONG_BYTES);
}

/// More than any socket buffer holds.
const LONG_BYTES: u64 = 20_000_000;

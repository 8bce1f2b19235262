//! What an idle connection costs, measured in a process that does nothing else (run with `--nocapture` to see it).

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "the test is the clients, and prints what it measured"
)]

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};

struct Idle;

impl Handler for Idle {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        _: &mut (),
        message: Message<'_>,
    ) -> Flow {
        context.send(message).unwrap();
        Flow::Continue
    }
}

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// "Hi" as a masked text frame, and what comes back.
const HI: &[u8] = b"\x81\x82\0\0\0\0Hi";
const ECHO: &[u8] = b"\x81\x02Hi";

fn open(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(REQUEST).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    echo(&mut stream);
    stream
}

fn echo(stream: &mut TcpStream) {
    stream.write_all(HI).unwrap();
    let mut answer = [0; ECHO.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, ECHO);
}

/// Resident memory of this process that is not a file's, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

#[test]
fn an_idle_connection_costs_a_slot_and_nothing_else() {
    let mut server = Server::bind("127.0.0.1:0", Config::default().backlog(4096))
        .unwrap()
        .spawn(|_| Idle)
        .unwrap();
    let address = server.local_addr();
    let mut streams = Vec::with_capacity(CONNECTIONS + FIRST);
    // Everything that is there once for all connections.
    streams.extend((0..FIRST).map(|_| open(address)));
    let before = resident();
    streams.extend((0..CONNECTIONS).map(|_| open(address)));
    let each = resident().saturating_sub(before) / CONNECTIONS;
    println!("an idle connection costs {each} bytes of memory ({CONNECTIONS} connections)");
    assert!(
        each <= MOST_BYTES_EACH,
        "{each} bytes for each of {CONNECTIONS} idle connections, at most {MOST_BYTES_EACH}"
    );
    for stream in &mut streams {
        echo(stream);
    }
    drop(streams);
    server.stop(Duration::from_secs(5)).unwrap();
}

/// README's figure: slot, socket and tick (192 bytes, 208 with debug assertions), what the tables of these have in
/// reserve as far as its pages are used, and the tests' own socket of the connection (4 bytes).
const MOST_BYTES_EACH: usize = 250;
const FIRST: usize = 500;
const CONNECTIONS: usize = 6000;

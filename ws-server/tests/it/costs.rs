//! What peers that promise, flood or do not read cost: figures of a server in a process of its own.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use ws_server::{Config, mailbox::MailboxConfig};

use crate::{
    flow::{small, write_until_refused},
    peer::{Got, PATIENCE, Peer, connect, read_head, request},
    process::{self, OwnProcess},
};

/// An empty ping, masked, and its pong.
const PING: &[u8] = b"\x89\x80\0\0\0\0";
const PONG: &[u8] = b"\x8a\0";

/// An open connection without what a [`Peer`] needs: there are thousands.
fn open(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(request("/").as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    stream
}

/// Sends what stands before a ping, and waits for the pong: the server has taken all of it.
fn send_and_wait(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    let mut pong = [0; PONG.len()];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(pong, PONG);
}

/// 10,000 connections announce the largest message and send one byte of it: at most 4 KiB each, resident or
/// only set aside.
#[test]
fn ten_thousand_announced_messages_cost_what_came_of_them() {
    const CONNECTIONS: usize = 10_000;
    if process::is_child() {
        return process::serve(Config::default().backlog(4096));
    }
    let server = OwnProcess::start(
        "costs::ten_thousand_announced_messages_cost_what_came_of_them",
        20_000,
    );
    let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| open(server.address)).collect();
    streams
        .iter_mut()
        .for_each(|stream| send_and_wait(stream, PING));
    let before = server.memory();
    let length = 16_u64 << 20;
    let begun = [PING, b"\x82\xff", &length.to_be_bytes(), &[0; 4], b"x"].concat();
    streams
        .iter_mut()
        .for_each(|stream| send_and_wait(stream, &begun));
    let grown = server.memory().since(before);
    let (resident, reserved) = (grown.resident / CONNECTIONS, grown.reserved / CONNECTIONS);
    println!("{resident} bytes for a message begun, {reserved} set aside");
    assert!(
        resident <= 4096 && reserved <= 4096,
        "{resident} bytes resident and {reserved} set aside for each of {CONNECTIONS}, at most 4,096"
    );
    drop(streams);
    server.end();
}

/// a million pings to whom nobody reads the pongs: at most 256 KiB, and the newest is answered.
#[test]
fn a_million_pings_unread_cost_nothing() {
    const PINGS: u32 = 1_000_000;
    if process::is_child() {
        return process::serve(Config::default());
    }
    let server = OwnProcess::start("costs::a_million_pings_unread_cost_nothing", 100);
    // The first flood fills the buffers of the loop.
    flood(&server, PINGS / 20);
    let before = server.memory();
    let last = flood(&server, PINGS);
    let resident = server.memory().since(before).resident;
    println!("{resident} bytes for {PINGS} pings");
    assert!(
        resident <= 256 << 10,
        "{resident} bytes more after {PINGS} pings, at most 262,144"
    );
    assert_eq!(last, PINGS - 1, "the last pong answers the last ping");
    server.end();
}

/// Sends that many pings before it reads, and returns the number in the last pong.
fn flood(server: &OwnProcess, pings: u32) -> u32 {
    let mut peer = Peer::open(server.address);
    small(&peer);
    let mut frames = Vec::new();
    for number in 0..pings {
        let mut payload = [7; 125];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        frames.extend(peer.encode(&Got::Ping(payload.to_vec())));
    }
    peer.stream.write_all(&frames).unwrap();
    peer.send_text("end");
    let (mut last, mut has_ended) = (0, false);
    while !has_ended || last < pings - 1 {
        match peer.next() {
            Got::Pong(payload) => last = u32::from_be_bytes(*payload.first_chunk().unwrap()),
            got => has_ended = got == Got::Text("end".into()),
        }
    }
    last
}

/// 100 of 1,000 do not read. They cost at most their marks, and those who read get everything for at most twice
/// the processor time that it takes without them.
#[test]
fn a_hundred_that_do_not_read_cost_the_others_nothing() {
    const STOPPED: usize = 100;
    const HEALTHY: usize = 900;
    if process::is_child() {
        return process::serve(Config::default());
    }
    let server = OwnProcess::start(
        "costs::a_hundred_that_do_not_read_cost_the_others_nothing",
        5000,
    );
    let mut healthy: Vec<_> = (0..HEALTHY).map(|_| open(server.address)).collect();
    let mut rounds = || {
        let before = server.cpu_time();
        for round in 0..20_u8 {
            let sent = [b"\x82\x84\0\0\0\0abc".as_slice(), &[round]].concat();
            for stream in &mut healthy {
                stream.write_all(&sent).unwrap();
            }
            for stream in &mut healthy {
                let mut echo = [0; 6];
                stream.read_exact(&mut echo).unwrap();
                assert_eq!(echo, [0x82, 4, b'a', b'b', b'c', round]);
            }
        }
        server.cpu_time() - before
    };
    rounds();
    let alone = rounds();
    let before = server.memory();
    let mut stopped: Vec<_> = (0..STOPPED).map(|_| Peer::open(server.address)).collect();
    let frames = stopped[0]
        .encode(&Got::Binary(vec![1; 1000]))
        .repeat(30_000);
    for peer in &mut stopped {
        small(peer);
        fill(&mut peer.stream, &frames);
    }
    let beside = rounds();
    let resident = server.memory().since(before).resident;
    println!("{beside:?} beside those that do not read, {alone:?} without; {resident} bytes");
    let most = STOPPED * ((256 << 10) + (256 << 10));
    assert!(
        resident <= most,
        "{resident} bytes for {STOPPED} that do not read, at most {most}: their mark and what one turn may add"
    );
    assert!(
        beside <= 2 * alone,
        "{beside:?} of processor time for the others, at most twice the {alone:?} without the stopped ones"
    );
    server.end();
}

/// Writes until nothing more goes, without waiting.
fn fill(stream: &mut TcpStream, mut bytes: &[u8]) {
    stream.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    let mut idle = 0;
    while idle < 3 {
        match stream.write(bytes) {
            Ok(count) => (bytes, idle) = (&bytes[count..], 0),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                thread::park_timeout(Duration::from_millis(10));
                idle += 1;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(
            !bytes.is_empty() && begun.elapsed() < PATIENCE,
            "nothing holds the peer back"
        );
    }
}

/// while the application does not want a connection, whatever its peer sends costs no processor time and no more
/// memory than one turn may have read, and no ping goes out that cannot be answered; then every message comes, in order.
#[test]
fn a_paused_connection_under_load_costs_nothing_and_loses_nothing() {
    let config = Config::default();
    let most = config.turn_bytes + BASE_BYTES;
    if process::is_child() {
        let keepalive = ws_core::KeepaliveConfig::default()
            .interval(Some(Duration::from_millis(200)))
            .timeout(Duration::from_millis(200));
        return process::serve(config.keepalive(keepalive));
    }
    let name = "costs::a_paused_connection_under_load_costs_nothing_and_loses_nothing";
    let server = OwnProcess::start(name, 100);
    let mut peer = Peer::open(server.address);
    peer.send_text("pause");
    check_that_load_waits(server, peer, most);
}

/// the same of a mailbox that nobody polls; what it takes of a connection is bounded by the limit of its queue.
#[test]
fn a_mailbox_that_is_not_polled_costs_its_limit_and_loses_nothing() {
    const QUEUE_BYTES: usize = 1 << 20;
    let config = MailboxConfig::default()
        .max_queued_messages(100_000)
        .max_queued_bytes(QUEUE_BYTES);
    // Half as much again is what stands beside payloads of 500 bytes.
    let most = QUEUE_BYTES * 3 / 2 + config.server.turn_bytes + BASE_BYTES;
    if process::is_child() {
        return process::serve_mailbox(config);
    }
    let name = "costs::a_mailbox_that_is_not_polled_costs_its_limit_and_loses_nothing";
    let server = OwnProcess::start(name, 100);
    let peer = Peer::open(server.address);
    check_that_load_waits(server, peer, most);
}

/// Sends 20 MB to a server that does not want them: it is to hold `most` bytes of them, and to send all of them back
/// when it resumes.
fn check_that_load_waits(mut server: OwnProcess, mut peer: Peer, most: usize) {
    small(&peer);
    let texts: Vec<_> = (0..40_000)
        .map(|n| format!("{n}:{}", "x".repeat(500)))
        .collect();
    let mut frames = Vec::new();
    for text in &texts {
        frames.extend(peer.encode(&Got::Text(text.clone())));
    }
    let before = server.memory();
    let written = write_until_refused(&mut peer.stream, &frames);
    // Three times as long as keepalive would bear.
    server.check_that_it_rests(Duration::from_millis(1200), "of a pause under load");
    let resident = server.memory().since(before).resident;
    println!("{resident} bytes for a connection that is paused under load");
    assert!(
        resident <= most,
        "{resident} bytes for a connection that is paused under load, at most {most}"
    );
    server.resume();
    let mut stream = peer.stream.try_clone().unwrap();
    let rest = frames.split_off(written);
    let writer = thread::spawn(move || {
        stream.set_write_timeout(None).unwrap();
        stream.write_all(&rest).unwrap();
    });
    for text in &texts {
        loop {
            match peer.next() {
                Got::Ping(_) => {}
                got => break assert_eq!(got, Got::Text(text.clone())),
            }
        }
    }
    writer.join().unwrap();
    server.end();
}

/// The receive buffer, whose pages are used for the first time (520 KiB), and what the allocator keeps.
const BASE_BYTES: usize = (520 + 128) << 10;

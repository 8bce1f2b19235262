//! Dialling over real loopback sockets with names that a test resolves.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are the servers, and measure"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::dial;
use super::resolve::Resolver;
use crate::config::Config;
use crate::deadline::tests::ends_on_time;
use crate::error::{Error, ErrorKind, Stage};
use crate::request::ConnectRequest;

/// A server that does the opening handshake with whoever comes first and tells who that was.
fn server() -> (SocketAddr, JoinHandle<SocketAddr>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        // A losing attempt may come and go before the one that is kept.
        loop {
            let (stream, peer) = listener.accept().unwrap();
            if tungstenite::accept(stream).is_ok() {
                return peer;
            }
        }
    });
    (address, thread)
}

fn refused() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// An address that answers nothing: a listener whose backlog is full.
struct Blackhole {
    address: SocketAddr,
    _listener: Socket,
    _fillers: Vec<TcpStream>,
}

fn blackhole() -> Blackhole {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut fillers = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        fillers.push(stream);
        assert!(fillers.len() < 1000, "the backlog never fills");
    }
    Blackhole {
        address,
        _listener: listener,
        _fillers: fillers,
    }
}

fn dial_to(addresses: Vec<SocketAddr>, config: Config) -> (Result<SocketAddr, Error>, Duration) {
    let resolver = Resolver::new(Arc::new(move |_, _| Ok(addresses.clone())));
    let request = ConnectRequest::new("ws://several.test/")
        .unwrap()
        .config(config);
    let start = Instant::now();
    let result = dial(&request, &resolver).map(|dialled| dialled.wire.net.peer_address.unwrap());
    (result, start.elapsed())
}

#[test]
fn a_refused_first_address_costs_no_delay() {
    let (address, thread) = server();
    let config = Config::default().attempt_delay(Duration::from_secs(20));
    let (peer, took) = dial_to(vec![refused(), refused(), address], config);
    assert_eq!(peer.unwrap(), address);
    assert!(took < Duration::from_secs(10), "{took:?}");
    thread.join().unwrap();
}

#[test]
fn a_silent_first_address_costs_the_attempt_delay() {
    let (address, thread) = server();
    let silent = blackhole();
    let config = Config::default().attempt_delay(Duration::from_millis(100));
    let (peer, took) = dial_to(vec![silent.address, address], config);
    assert_eq!(peer.unwrap(), address);
    assert!(
        took >= Duration::from_millis(100) && took < Duration::from_secs(10),
        "{took:?}"
    );
    thread.join().unwrap();
}

#[test]
fn a_silent_and_a_refused_address_before_the_right_one() {
    let (address, thread) = server();
    let silent = blackhole();
    let config = Config::default().attempt_delay(Duration::from_millis(50));
    let (peer, _) = dial_to(vec![refused(), silent.address, refused(), address], config);
    assert_eq!(peer.unwrap(), address);
    thread.join().unwrap();
}

/// silent addresses
#[test]
fn silent_addresses_end_at_the_one_deadline() {
    let (one, two) = (blackhole(), blackhole());
    ends_on_time(Duration::from_millis(400), |timeout| {
        let config = Config::default()
            .connect_timeout(timeout)
            .attempt_delay(Duration::from_millis(100));
        let (result, _) = dial_to(vec![one.address, two.address], config);
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Timeout, Stage::Connect)
        );
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to ws://several.test: not done within 400 ms: no answer from {}, {}",
                one.address, two.address
            )
        );
    });
}

#[test]
fn all_addresses_refused_are_all_named() {
    let addresses: Vec<SocketAddr> = (0..6).map(|_| refused()).collect();
    let (result, _) = dial_to(addresses.clone(), Config::default());
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Refused, Stage::Connect)
    );
    let named: Vec<String> = addresses[..4]
        .iter()
        .map(|address| format!("connection refused ({address})"))
        .collect();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to ws://several.test: {}; and 2 more addresses",
            named.join("; ")
        )
    );
}

/// the lookup counts towards the same deadline.
#[test]
fn a_lookup_that_hangs_ends_at_the_deadline() {
    ends_on_time(Duration::from_millis(100), |timeout| {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let resolver = Resolver::new(Arc::new(move |_, _| {
            let _ = held.lock().unwrap().recv();
            Ok(Vec::new())
        }));
        let request = ConnectRequest::new("ws://slow.test/")
            .unwrap()
            .config(Config::default().connect_timeout(timeout));
        let error = dial(&request, &resolver).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot connect to ws://slow.test: not done within 100 ms: the name was still being looked up"
        );
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Timeout, Stage::Resolve)
        );
        drop(release);
    });
}

#[test]
fn losing_attempts_are_closed() {
    // Both listen; the second is begun at once, so both attempts run. Whichever loses must see an end.
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let addresses: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    let threads = listeners.map(|listener| {
        thread::spawn(move || {
            listener.set_nonblocking(true).unwrap();
            let start = Instant::now();
            let mut stream = loop {
                match listener.accept() {
                    Ok((stream, _)) => break stream,
                    // The attempt that was never begun.
                    Err(_) if start.elapsed() > Duration::from_secs(2) => return 0,
                    Err(_) => thread::yield_now(),
                }
            };
            stream.set_nonblocking(false).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            let mut first = [0];
            let read = stream.read(&mut first).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
            read
        })
    });
    let config = Config::default().attempt_delay(Duration::ZERO);
    let (result, _) = dial_to(addresses, config);
    assert_eq!(result.unwrap_err().status(), Some(503));
    let requests: usize = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    assert_eq!(requests, 1, "one request in all");
}

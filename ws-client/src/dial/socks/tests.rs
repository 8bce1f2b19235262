//! SOCKS against scripted proxies on real sockets: every reply cut at every byte, every code.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests are the proxies, and measure"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::*;
use crate::error::{Error, ProxyFailure, Stage};
use crate::net::now;

/// What a proxy does, one after the other.
#[derive(Clone)]
enum Step {
    /// Reads exactly these bytes.
    Expect(Vec<u8>),
    Say(Vec<u8>),
    /// Says it in two pieces, the second only when the first must have been read.
    SayCut(Vec<u8>, usize),
}

use Step::{Expect, Say, SayCut};

/// A proxy that follows a script with one connection, then ends it.
fn proxy(steps: Vec<Step>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        for step in steps {
            match step {
                Expect(bytes) => {
                    let mut read = vec![0; bytes.len()];
                    stream.read_exact(&mut read).unwrap();
                    assert_eq!(read, bytes);
                }
                Say(bytes) => stream.write_all(&bytes).unwrap(),
                SayCut(bytes, cut) => {
                    stream.write_all(&bytes[..cut]).unwrap();
                    // Gives the other side the chance to see the first piece alone.
                    thread::yield_now();
                    stream.write_all(&bytes[cut..]).unwrap();
                }
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    });
    (address, thread)
}

fn dial(kind: ProxyKind, address: SocketAddr, login: Option<(&str, &str)>) -> SocksDial {
    SocksDial {
        kind,
        proxy: address,
        host: String::from("t.test"),
        port: 258,
        login: login.map(|(login, password)| (Secret::new(login), Secret::new(password))),
    }
}

fn run(dial: SocksDial) -> Result<TcpStream, Failure> {
    dial.run(
        &Arc::default(),
        &Cancel::default(),
        Deadline::after(now(), Duration::from_secs(30)),
    )
}

/// The error as a caller sees it.
fn shown(result: Result<TcpStream, Failure>) -> String {
    let Err(Failure::Answer(answer)) = result else {
        panic!("no answer");
    };
    let failure = ProxyFailure::answered("p".to_owned(), answer);
    let error = Error::new(Stage::Proxy, "t", Cause::Proxy(Box::new(failure)));
    let hint = error.hint().unwrap_or_default();
    let text = error.to_string();
    let text = text.strip_prefix("cannot connect to t: p: ").unwrap();
    format!("{:?}: {text} [{hint}]", error.kind())
}

const REQUEST: &[u8] = b"\x05\x01\x00\x03\x06t.test\x01\x02";
const REPLY: &[u8] = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x01\x02";
const REQUEST_4A: &[u8] = b"\x04\x01\x01\x02\x00\x00\x00\x01user\x00t.test\x00";
const REPLY_4: &[u8] = b"\x00\x5a\x01\x02\x7f\x00\x00\x01";

fn exact(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// R-35, M-9: every reply of three, cut at every byte
#[test]
fn every_reply_may_be_cut_and_what_follows_belongs_to_the_tunnel() {
    let replies = [
        REPLY.to_vec(),
        b"\x05\x00\x00\x03\x02pp\x01\x02".to_vec(),
        [&b"\x05\x00\x00\x04"[..], &[0; 16], &[1, 2]].concat(),
    ];
    for reply in replies {
        let bytes = [&reply[..], b"surplus"].concat();
        for cut in 0..bytes.len() {
            let (address, thread) = proxy(vec![
                Expect(b"\x05\x01\x00".to_vec()),
                SayCut(b"\x05\x00".to_vec(), cut % 2),
                Expect(REQUEST.to_vec()),
                SayCut(bytes.clone(), cut),
            ]);
            let mut stream = run(dial(ProxyKind::Socks5, address, None)).unwrap();
            assert_eq!(exact(&mut stream, 7), b"surplus", "cut at {cut}");
            thread.join().unwrap();
        }
    }
    let bytes = [REPLY_4, b"surplus"].concat();
    for cut in 0..bytes.len() {
        let (address, thread) = proxy(vec![
            Expect(REQUEST_4A.to_vec()),
            SayCut(bytes.clone(), cut),
        ]);
        let login = Some(("user", "ignored"));
        let mut stream = run(dial(ProxyKind::Socks4a, address, login)).unwrap();
        assert_eq!(exact(&mut stream, 7), b"surplus", "cut at {cut}");
        thread.join().unwrap();
    }
}

#[test]
fn a_login_is_shown_only_to_a_proxy_that_asks() {
    let hello = Expect(b"\x05\x02\x02\x00".to_vec());
    let login = Some(("user", "secret"));
    let (address, thread) = proxy(vec![
        hello.clone(),
        Say(b"\x05\x02".to_vec()),
        Expect(b"\x01\x04user\x06secret".to_vec()),
        Say(b"\x01\x00".to_vec()),
        Expect(REQUEST.to_vec()),
        Say(REPLY.to_vec()),
    ]);
    run(dial(ProxyKind::Socks5, address, login)).unwrap();
    thread.join().unwrap();
    let (address, thread) = proxy(vec![
        hello,
        Say(b"\x05\x00".to_vec()),
        Expect(REQUEST.to_vec()),
        Say(REPLY.to_vec()),
    ]);
    run(dial(ProxyKind::Socks5, address, login)).unwrap();
    thread.join().unwrap();
}

/// R-35: every reply code
#[test]
fn each_refusal_has_its_own_text() {
    let mut texts = String::new();
    let mut refused = |name: &str, kind, login, steps: Vec<Step>| {
        let (address, thread) = proxy(steps);
        texts.push_str(&format!(
            "{name} -> {}\n",
            shown(run(dial(kind, address, login)))
        ));
        thread.join().unwrap();
    };
    let hello = Expect(b"\x05\x01\x00".to_vec());
    let hello_2 = Expect(b"\x05\x02\x02\x00".to_vec());
    let login = Some(("user", "secret"));
    let five = ProxyKind::Socks5;
    for code in [1, 2, 3, 4, 5, 6, 7, 8, 9, 255] {
        refused(
            &format!("reply {code}"),
            five,
            None,
            vec![
                hello.clone(),
                Say(b"\x05\x00".to_vec()),
                Expect(REQUEST.to_vec()),
                Say([&[5, code][..], &REPLY[2..]].concat()),
            ],
        );
    }
    let says = |bytes: &[u8]| vec![hello.clone(), Say(bytes.to_vec())];
    let says_2 = |bytes: &[u8]| vec![hello_2.clone(), Say(bytes.to_vec())];
    refused("no method", five, None, says(b"\x05\xff"));
    refused("password unasked", five, None, says(b"\x05\x02"));
    refused("no method for a login", five, login, says_2(b"\x05\xff"));
    refused("GSSAPI", five, login, says_2(b"\x05\x01"));
    refused(
        "HTTP",
        five,
        None,
        says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    refused("SOCKS4 instead", five, None, says(b"\x00\x5b"));
    let password = |answer: &[u8]| {
        vec![
            hello_2.clone(),
            Say(b"\x05\x02".to_vec()),
            Expect(b"\x01\x04user\x06secret".to_vec()),
            Say(answer.to_vec()),
        ]
    };
    refused("wrong password", five, login, password(b"\x01\x01"));
    refused("odd password answer", five, login, password(b"\x05\x00"));
    let reply = |reply: &[u8]| {
        vec![
            hello.clone(),
            Say(b"\x05\x00".to_vec()),
            Expect(REQUEST.to_vec()),
            Say(reply.to_vec()),
        ]
    };
    refused("other version", five, None, reply(b"\x04\x00\x00\x01"));
    refused("reserved byte", five, None, reply(b"\x05\x00\x01\x01"));
    refused("address kind", five, None, reply(b"\x05\x00\x00\x09"));
    let name = b"\x05\x00\x00\x03\x02\xff\xff\x00\x00";
    refused("name not in UTF-8", five, None, reply(name));
    for code in [91, 92, 93, 94, 0] {
        refused(
            &format!("SOCKS4 reply {code}"),
            ProxyKind::Socks4a,
            Some(("user", "")),
            vec![
                Expect(REQUEST_4A.to_vec()),
                Say([&[0, code][..], &REPLY_4[2..]].concat()),
            ],
        );
    }
    let http = vec![
        Expect(REQUEST_4A.to_vec()),
        Say(b"HTTP/1.1 400 Bad\r\n".to_vec()),
    ];
    refused(
        "HTTP for SOCKS4",
        ProxyKind::Socks4a,
        Some(("user", "")),
        http,
    );
    expect_test::expect![[r#"
        reply 1 -> Proxy: it has not reached the target: general SOCKS server failure [check that the proxy's machine can reach the server]
        reply 2 -> Proxy: its rules do not allow the connection [the rules of the proxy must allow this host and port]
        reply 3 -> Proxy: it has not reached the target: network unreachable [check that the proxy's machine can reach the server]
        reply 4 -> Proxy: it has not reached the target: host unreachable [check that the proxy's machine can reach the server]
        reply 5 -> Proxy: it has not reached the target: connection refused [check that the proxy's machine can reach the server]
        reply 6 -> Proxy: it has not reached the target: TTL expired [check that the proxy's machine can reach the server]
        reply 7 -> Proxy: it makes no connections (CONNECT) [try another kind of proxy]
        reply 8 -> Proxy: it does not take this kind of address [try another kind of proxy]
        reply 9 -> Proxy: it answered with an unknown error [try another kind of proxy]
        reply 255 -> Proxy: it answered with an unknown error [try another kind of proxy]
        no method -> ProxyAuth: it wants a login, and none was given [give a login and password for the proxy]
        password unasked -> ProxyAuth: it wants a login, and none was given [give a login and password for the proxy]
        no method for a login -> ProxyAuth: it wants a login of another kind (not by password) [only logins by password are supported (Basic, RFC 1929)]
        GSSAPI -> ProxyAuth: it wants a login of another kind (not by password) [only logins by password are supported (Basic, RFC 1929)]
        HTTP -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        SOCKS4 instead -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        wrong password -> ProxyAuth: wrong login or password [check login and password of the proxy]
        odd password answer -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        other version -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        reserved byte -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        address kind -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        name not in UTF-8 -> Proxy: it does not answer as a SOCKS5 proxy does [check address, port and kind of the proxy]
        SOCKS4 reply 91 -> Proxy: it has not reached the target: request rejected or failed [check that the proxy's machine can reach the server]
        SOCKS4 reply 92 -> Proxy: it asks for an identd service on this machine [try another kind of proxy]
        SOCKS4 reply 93 -> Proxy: it asks for an identd service on this machine [try another kind of proxy]
        SOCKS4 reply 94 -> Proxy: it does not answer as a SOCKS4 proxy does [check address, port and kind of the proxy]
        SOCKS4 reply 0 -> Proxy: it does not answer as a SOCKS4 proxy does [check address, port and kind of the proxy]
        HTTP for SOCKS4 -> Proxy: it does not answer as a SOCKS4 proxy does [check address, port and kind of the proxy]
    "#]].assert_eq(&texts);
}

/// R-35, M-9
#[test]
fn a_proxy_that_dies_at_any_byte_is_an_error() {
    let ended = "Proxy: it ended the connection without a whole answer [check address, port and kind of the proxy]";
    for cut in 0..2 {
        let steps = vec![
            Expect(b"\x05\x01\x00".to_vec()),
            Say(b"\x05\x00"[..cut].to_vec()),
        ];
        let (address, thread) = proxy(steps);
        assert_eq!(shown(run(dial(ProxyKind::Socks5, address, None))), ended);
        thread.join().unwrap();
    }
    for cut in 0..REPLY.len() {
        let (address, thread) = proxy(vec![
            Expect(b"\x05\x01\x00".to_vec()),
            Say(b"\x05\x00".to_vec()),
            Expect(REQUEST.to_vec()),
            Say(REPLY[..cut].to_vec()),
        ]);
        assert_eq!(shown(run(dial(ProxyKind::Socks5, address, None))), ended);
        thread.join().unwrap();
    }
    for cut in 0..REPLY_4.len() {
        let (address, thread) = proxy(vec![
            Expect(REQUEST_4A.to_vec()),
            Say(REPLY_4[..cut].to_vec()),
        ]);
        let login = Some(("user", ""));
        assert_eq!(shown(run(dial(ProxyKind::Socks4a, address, login))), ended);
        thread.join().unwrap();
    }
}

const NO_PLACE: &str = "Proxy: 8 connections of this process still wait for its answer, the most allowed at once \
                        [wait until they end; the proxy does not answer]";

/// R-35: a proxy that is silent for ever costs nobody who goes through another.
#[test]
fn silent_proxies_take_no_place_of_another() {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (silent, other) = (listen(), listen());
    let try_once = |listener: &TcpListener| {
        let address = listener.local_addr().unwrap();
        let dial = dial(ProxyKind::Socks5, address, None);
        dial.run(&in_flight(address), &Cancel::default(), Deadline::at(now()))
    };
    for _ in 0..LIMIT {
        let result = try_once(&silent);
        assert!(matches!(result, Err(Failure::Timeout)), "{result:?}");
    }
    assert_eq!(shown(try_once(&silent)), NO_PLACE, "the ninth dial");
    let result = try_once(&other);
    assert!(matches!(result, Err(Failure::Timeout)), "{result:?}");
}

/// R-31, style.md 8.2
#[test]
fn silent_proxies_hold_eight_threads_and_the_ninth_dial_fails_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let in_flight: Arc<AtomicUsize> = Arc::default();
    let silent = || dial(ProxyKind::Socks5, address, None);
    let mut held = Vec::new();
    let timeout = Duration::from_millis(30);
    let took = [(); LIMIT].map(|()| {
        let start = Instant::now();
        let deadline = Deadline::after(start, timeout);
        let result = silent().run(&in_flight, &Cancel::default(), deadline);
        let took = start.elapsed();
        assert!(matches!(result, Err(Failure::Timeout)), "{result:?}");
        held.push(listener.accept().unwrap());
        took
    });
    let most = timeout + Duration::from_millis(100);
    assert!(
        took.iter().all(|&took| took >= timeout) && took.iter().any(|&took| took <= most),
        "{took:?} with a deadline of {timeout:?}, the best at most {most:?}"
    );
    let start = Instant::now();
    let result = silent().run(
        &in_flight,
        &Cancel::default(),
        Deadline::after(start, Duration::from_secs(60)),
    );
    assert_eq!(shown(result), NO_PLACE);
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(5),
        "{took:?} for a dial without a place, at most 5 s of the 60 s that it might wait"
    );
    // The threads end with their proxy, and make room.
    drop(held);
    let start = Instant::now();
    while in_flight.load(std::sync::atomic::Ordering::SeqCst) > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "a thread hangs");
        thread::yield_now();
    }
    let result = silent().run(&in_flight, &Cancel::default(), Deadline::at(now()));
    assert!(matches!(result, Err(Failure::Timeout)), "{result:?}");
}

//! Calls from many threads, and objects that are destroyed while calls wait.

use std::net::TcpListener;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ws_ffi::dispatch::{Client, Server, Value};

use crate::support::*;

/// Twice what is promised: the machine may be busy.
const AT_ONCE: Duration = Duration::from_secs(4);
/// How long a call waits, in milliseconds, that something else is to end.
const WAITS: i32 = 20_000;

///
#[test]
fn eight_threads_use_one_client_and_one_server() {
    const EACH: usize = 200;
    let (client, server, id) = pair();
    let (sent, got) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    client.ok("SendTextMessage", &["x".into()]);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
            scope.spawn(|| {
                for _ in 0..EACH {
                    next(&server);
                    got.fetch_add(1, Ordering::Relaxed);
                }
            });
            scope.spawn(|| {
                for _ in 0..EACH {
                    server.ok("SendData", &[id.clone(), "y".into()]);
                }
            });
            scope.spawn(|| {
                for _ in 0..EACH {
                    assert_eq!(text(&receive(&client), "data"), "y");
                    client.ok("GetConnectionStatus", &[]);
                    assert_eq!(listed(&server).len(), 1);
                }
            });
        }
    });
    assert_eq!(
        (sent.into_inner(), got.into_inner()),
        (2 * EACH, 2 * EACH),
        "messages sent by 2 threads, and received by 2 others"
    );
}

///
#[test]
fn only_one_of_many_threads_connects_or_starts() {
    let (server, port) = serve();
    let client = Client::new();
    let second = Server::new();
    let settings = map([("address", "127.0.0.1".into())]);
    let start = [0.into(), 5.into(), Value::Undefined, settings];
    let count = |answers: Vec<Value>| {
        for answer in answers.iter().filter(|answer| !answer.is_success()) {
            assert_eq!(text(answer, "errorCode"), "usage", "{answer:?}");
        }
        answers.iter().filter(|answer| answer.is_success()).count()
    };
    // Nobody answers the one that dials, until the others have been refused.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = url(silent.local_addr().unwrap().port());
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let answer = client.ask("CreateConnection", slice::from_ref(&nowhere));
                tell.send(answer).unwrap();
            });
        }
        let early = (0..7).map_while(|_| told.recv_timeout(AT_ONCE).ok());
        let early = early.filter(|answer| text(answer, "errorCode") == "usage");
        let refused = early.count();
        drop(silent);
        assert_eq!(
            refused, 7,
            "of 8 calls of CreateConnection that are refused while one dials"
        );
    });
    thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| client.ask("CreateConnection", &[url(port)])))
            .collect();
        assert_eq!(
            count(calls.into_iter().map(|call| call.join().unwrap()).collect()),
            1,
            "of 8 calls of CreateConnection that succeed"
        );
        let calls: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| second.ask("StartServer", &start)))
            .collect();
        assert_eq!(
            count(calls.into_iter().map(|call| call.join().unwrap()).collect()),
            1,
            "of 8 calls of StartServer that succeed"
        );
    });
    assert_eq!(listed(&server).len(), 1);
}

/// no lock is held while a call waits, so the others of its object are answered
#[test]
fn no_call_waits_for_another() {
    let (client, server, id) = pair();
    let calls: [(&str, &dyn Fn()); 5] = [
        ("GetConnectionStatus", &|| {
            client.ok("GetConnectionStatus", &[]);
        }),
        ("GetStatistics of the client", &|| {
            client.ok("GetStatistics", &[]);
        }),
        ("SendPong", &|| {
            client.ok("SendPong", &[]);
        }),
        ("GetConnectionList", &|| {
            assert_eq!(listed(&server).len(), 1)
        }),
        ("GetStatistics of the server", &|| {
            server.ok("GetStatistics", &[]);
        }),
    ];
    thread::scope(|scope| {
        let waiting = [
            scope.spawn(|| client.ask("GetMessage", &[WAITS.into()])),
            scope.spawn(|| server.ask("GetNextConnectionData", &[WAITS.into()])),
        ];
        let begun = Instant::now();
        // Long enough for both to wait by then.
        while begun.elapsed() < Duration::from_millis(300) {
            for (name, call) in calls {
                let asked = Instant::now();
                call();
                let took = asked.elapsed();
                assert!(
                    took <= AT_ONCE,
                    "{name} took {took:?} beside a call that waits, more than {AT_ONCE:?}"
                );
            }
        }
        server.ok("SendData", &[id, "x".into()]);
        client.ok("SendTextMessage", &["y".into()]);
        for call in waiting {
            let answer = call.join().unwrap();
            assert!(answer.is_success(), "{answer:?}");
        }
    });
}

/// nor for an abort, and every call of the objects has ended when it is over
#[test]
fn an_abort_ends_every_call_at_once() {
    for round in 0..10 {
        let (client, server, id) = pair();
        let begins = Barrier::new(4);
        let begin = |call: &dyn Fn() -> Value| {
            begins.wait();
            call()
        };
        thread::scope(|scope| {
            let waiting = [
                scope.spawn(|| begin(&|| client.ask("GetMessage", &[WAITS.into()]))),
                scope.spawn(|| begin(&|| server.ask("GetNextConnectionData", &[WAITS.into()]))),
                scope.spawn(|| {
                    begin(&|| server.ask("GetConnectionData", &[id.clone(), WAITS.into()]))
                }),
            ];
            begins.wait();
            // The abort meets the calls on their way to the wait at first, and in it later.
            for _ in 0..100 * round {
                thread::yield_now();
            }
            let begun = Instant::now();
            client.abort();
            server.abort();
            let aborted = begun.elapsed();
            let answers = waiting.map(|call| call.join().unwrap());
            let ended = begun.elapsed();
            assert!(
                aborted <= AT_ONCE,
                "the aborts of a client and a server took {aborted:?}, more than {AT_ONCE:?}, in round {round}"
            );
            assert!(
                ended <= AT_ONCE,
                "the calls ended {ended:?} after the aborts had begun, more than {AT_ONCE:?}, in round {round}"
            );
            for answer in answers {
                check_failure("aborted", &answer);
            }
        });
        client.fails("SendPing", &[], "closed");
        client.fails("CreateConnection", &["ws://127.0.0.1:1".into()], "closed");
        server.fails("GetConnectionList", &[], "not_started");
        server.fails("StartServer", &[0.into()], "not_started");
    }
}

/// A server that accepts and says nothing, and a proxy that does the same.
#[test]
fn an_abort_ends_a_dial_and_a_proxy_that_hang() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let proxy = |kind: &str| {
        map([
            ("server", "127.0.0.1".into()),
            ("port", port.into()),
            ("proxy_type", kind.into()),
        ])
    };
    for proxy in [
        Value::Undefined,
        proxy("socks5"),
        proxy("socks4"),
        proxy("http"),
    ] {
        let client = Client::new();
        thread::scope(|scope| {
            let call = scope.spawn(|| {
                client.ask(
                    "CreateConnection",
                    &["ws://127.0.0.1:9/".into(), Value::Undefined, proxy.clone()],
                )
            });
            if proxy != Value::Undefined {
                silent.accept().unwrap();
            }
            let begun = Instant::now();
            client.abort();
            check_failure("CreateConnection", &call.join().unwrap());
            assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        });
    }
    let client = Client::new();
    let address = Value::from(format!("ws://127.0.0.1:{port}/"));
    thread::scope(|scope| {
        let call = scope.spawn(|| client.ask("CreateConnection", &[address]));
        let peer = silent.accept().unwrap();
        let begun = Instant::now();
        client.abort();
        client.abort();
        check_failure("CreateConnection", &call.join().unwrap());
        assert!(begun.elapsed() < AT_ONCE);
        drop(peer);
    });
}

/// A peer that neither reads nor answers holds up no destructor.
#[test]
fn a_drop_is_quick_whatever_the_peer_does() {
    let (server, port) = serve();
    let peer = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    use std::io::{Read, Write};
    let head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    (&peer).write_all(head.as_bytes()).unwrap();
    (&peer).read_exact(&mut [0; 12]).unwrap();
    let id = only_id(&server);
    server.ok("SendData", &[id, vec![0; 8 << 20].into()]);
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(TcpListener::bind(("127.0.0.1", port)).unwrap());
    drop(peer);
}

/// Whatever comes first: no call hangs, and none panics.
#[test]
fn an_abort_races_with_every_call() {
    let (server, port) = serve();
    for round in 0..300 {
        let client = Client::new();
        let call: fn(&Client, u16) -> Value = match round % 3 {
            0 => |client, port| client.ask("CreateConnection", &[url(port)]),
            1 => |client, _| client.ask("GetMessage", &[PATIENCE.into()]),
            _ => |client, _| client.ask("CloseConnection", &[]),
        };
        if round % 3 > 0 {
            client.ok("CreateConnection", &[url(port)]);
        }
        thread::scope(|scope| {
            let racing = scope.spawn(|| call(&client, port));
            client.abort();
            let answer = racing.join().unwrap();
            if !answer.is_success() {
                check_failure("raced", &answer);
            }
        });
        client.fails("SendPing", &[], "closed");
    }
    wait_until("the server knows of every end", || {
        listed(&server).is_empty()
    });
}

#[test]
fn a_server_is_aborted_while_it_starts_and_stops() {
    let settings = map([("address", "localhost".into())]);
    for round in 0..100 {
        let server = Server::new();
        let arguments = [0.into(), 10.into(), Value::Undefined, settings.clone()];
        if round % 2 > 0 {
            server.ok("StartServer", &arguments);
        }
        thread::scope(|scope| {
            let racing = scope.spawn(|| match round % 2 {
                0 => server.ask("StartServer", &arguments),
                _ => server.ask("StopServer", &[]),
            });
            server.abort();
            let answer = racing.join().unwrap();
            if !answer.is_success() {
                check_failure("raced", &answer);
            }
        });
        server.fails("GetConnectionList", &[], "not_started");
    }
}

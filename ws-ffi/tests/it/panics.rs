//! Panics in the threads that serve an object: it fails, who waits is woken, and other objects do not notice.

use std::thread;
use std::time::{Duration, Instant};

use ws_core::Hook;
use ws_ffi::dispatch::{Notice, Value};

use crate::support::*;

/// At once, on a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long the calls wait that nobody wakes, in milliseconds.
const WAITS: i32 = 20_000;

/// Panics in the thread of the connection or of the event loop: at a message, or at the end of a connection.
fn panics_at(wanted: fn(&Notice) -> bool) -> Hook<Notice> {
    Hook::new(move |notice| assert!(!wanted(&notice), "a test of a panic"))
}

/// The call fails as the object does, and soon after `act`, which is what the thread panics at.
#[track_caller]
fn is_woken(call: impl FnOnce() -> Value + Send, act: impl FnOnce()) {
    thread::scope(|scope| {
        let waits = scope.spawn(call);
        let began = Instant::now();
        act();
        let woken = waits.join().unwrap();
        let took = began.elapsed();
        assert!(
            took <= AT_ONCE,
            "the call was woken after {took:?}, more than {AT_ONCE:?}"
        );
        assert_eq!(text(&woken, "errorCode"), "internal", "{woken:?}");
    });
}

///
#[test]
fn a_panic_in_a_clients_thread_fails_the_client_and_wakes_its_call() {
    let (client, server, id) = pair();
    client.set_notify(Some(panics_at(|notice| *notice == Notice::Message)));
    let receive = || client.ask("GetMessage", &[WAITS.into()]);
    is_woken(
        // The message itself may have come before the panic.
        || {
            Some(receive())
                .filter(|first| !first.is_success())
                .unwrap_or_else(receive)
        },
        || drop(server.ok("SendData", &[id, "x".into()])),
    );
    check_failure("SendPing", &client.ask("SendPing", &[]));
    wait_until("the server knows of the end", || listed(&server).is_empty());
    // Nothing else has broken.
    let (next, _server, _) = pair();
    next.ok("SendPing", &[]);
}

///
#[test]
fn a_panic_in_a_servers_thread_fails_the_server_and_wakes_its_call() {
    let (client, server, _) = pair();
    server.set_notify(Some(panics_at(|notice| *notice != Notice::Message)));
    is_woken(
        || server.ask("GetNextConnectionData", &[WAITS.into()]),
        // Whose end it is that the loop panics at.
        || drop(client),
    );
    server.fails("GetConnectionList", &[], "internal");
    // The next server is a whole one.
    let (next, server, id) = pair();
    server.ok("SendData", &[id, "y".into()]);
    assert_eq!(text(&receive(&next), "data"), "y");
}

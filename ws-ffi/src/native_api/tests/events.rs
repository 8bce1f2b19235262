//! Events: off unless asked for, coalesced, never after the end.

use std::thread;
use std::time::{Duration, Instant};

use super::host::{Item, Object};
use super::messages::{pair, text};

fn wait_for_events(object: &Object, count: usize) -> Vec<[String; 3]> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let events = object.told().events;
        if events.len() >= count {
            return events;
        }
        assert!(Instant::now() < deadline, "{events:?}");
        thread::yield_now();
    }
}

/// Sees the messages in the queue, which takes none of them.
fn wait_for_queued(object: &Object, count: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while object.json("GetStatistics", &[])["queuedMessages"] != count {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
}

fn waiting(source: &str) -> [String; 3] {
    [source.into(), "MessageWaiting".into(), String::new()]
}

#[test]
fn no_event_comes_unasked() {
    let (server, client, id) = pair();
    for _ in 0..3 {
        server.json("SendData", &[text(&id), text("x")]);
        assert_eq!(client.json("GetMessage", &[])["type"], "text");
    }
    client.json("CloseConnection", &[]);
    assert_eq!(client.told(), server.told());
    assert!(client.told().events.is_empty() && client.told().depth.is_none());
}

#[test]
fn one_event_tells_of_all_that_waits_and_one_of_the_end() {
    let (server, client, id) = pair();
    let on = client.json(
        "SetEvents",
        &[Item::Boolean(true), text("Тест"), Item::I4(7)],
    );
    assert_eq!(on["result"], true, "{on}");
    assert_eq!(client.told().depth, Some(7));
    for _ in 0..5 {
        server.json("SendData", &[text(&id), text("x")]);
    }
    wait_for_queued(&client, 5);
    assert_eq!(wait_for_events(&client, 1), [waiting("Тест")]);
    for _ in 0..5 {
        assert_eq!(client.json("GetMessage", &[])["type"], "text");
    }
    // Everything was taken: what comes now is told again.
    server.json("SendData", &[text(&id), text("x")]);
    assert_eq!(wait_for_events(&client, 2)[1], waiting("Тест"));
    assert_eq!(client.json("GetMessage", &[])["type"], "text");
    assert_eq!(server.json("SetEvents", &[])["result"], true);
    client.json("CloseConnection", &[]);
    assert_eq!(
        wait_for_events(&server, 1)[0],
        ["WebSocket".into(), "Closed".into(), id]
    );
    // The Close that came may be told of as something to receive, too.
    let mut count = 3;
    while wait_for_events(&client, count)[count - 1] == waiting("Тест") {
        count += 1;
    }
    let events = client.told().events;
    assert_eq!(
        events[count - 1],
        ["Тест".into(), "Closed".into(), String::new()]
    );
}

#[test]
fn what_waits_already_is_told_at_once() {
    let (server, client, _) = pair();
    client.json("SendTextMessage", &[text("x")]);
    wait_for_queued(&server, 1);
    server.json("УстановитьСобытия", &[]);
    assert_eq!(wait_for_events(&server, 1), [waiting("WebSocket")]);
    assert_eq!(
        server.json("SetEvents", &[Item::Boolean(false)])["result"],
        true
    );
}

#[test]
fn a_close_that_waits_already_is_told_at_once() {
    let (server, client, id) = pair();
    let closed = server.json("CloseIncomingConnection", &[text(&id)]);
    assert_eq!(closed["result"], true, "{closed}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.json("GetStatistics", &[])["connections"] != 0 {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
    client.json("SetEvents", &[]);
    assert_eq!(wait_for_events(&client, 1)[0], waiting("WebSocket"));
    assert_eq!(client.json("GetMessage", &[])["type"], "close");
}

#[test]
fn wrong_arguments_change_nothing() {
    let client = Object::new("Client");
    let cases: [&[Item]; 4] = [
        &[Item::I4(1)],
        &[Item::Boolean(true), Item::I4(1)],
        &[Item::Boolean(true), text("x"), Item::I4(0)],
        &[Item::Boolean(true), text("x"), Item::R8(1e9)],
    ];
    for arguments in cases {
        assert_eq!(client.json("SetEvents", arguments)["errorCode"], "usage");
    }
    assert_eq!(client.told().depth, None);
}

/// A host that was not given anything yet, or has taken it back
#[test]
fn a_host_without_a_connection_takes_no_events() {
    let client = Object::bare("Client");
    assert!(client.set_memory());
    assert_eq!(client.json("SetEvents", &[])["errorCode"], "usage");
}

#[test]
fn no_event_comes_after_the_end() {
    let (server, client, id) = pair();
    client.json("SetEvents", &[]);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                server.call("SendData", &[text(&id), text("x")]);
            }
        });
        wait_for_events(&client, 1);
        client.done();
        let events = client.told().events.len();
        client.destroy();
        assert_eq!(client.told().events.len(), events);
    });
}

/// Which a handler would take for a loss, and connect again. Often, as it was a race.
#[test]
fn the_end_of_an_object_is_no_event() {
    for _ in 0..50 {
        let (_server, client, _) = pair();
        client.json("SetEvents", &[]);
        client.done();
        assert_eq!(client.told().events, Vec::<[String; 3]>::new());
    }
}

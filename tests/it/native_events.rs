//! External events: off unless asked for, from another thread, and never instead of polling.

use serde_json::{Value, json};

use crate::native_lifecycle::{start_server, url};
use crate::support::native::{Host, text};

/// A client `c` and a server `s` that are connected, and the connection's id as an argument.
fn two_ends() -> (Host, String) {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    host.create("c", "Client", "manager");
    let port = start_server(&mut host, "s");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    let list = host.succeed("s", "GetConnectionList", &[]);
    let id = text(list["connections"][0]["connectionId"].as_str().unwrap());
    (host, id)
}

#[track_caller]
fn wait_for_event(host: &mut Host, object: &str) -> Value {
    let came = host.ask(&["waitevent", object, "30000"]);
    assert_eq!(came["ok"], true, "no event came to {object}");
    host.ask(&["events", object])
}

#[test]
fn no_event_comes_unasked() {
    let (mut host, id) = two_ends();
    host.succeed("s", "SendData", &[&id, "s:x"]);
    host.succeed("c", "GetMessage", &["i4:30000"]);
    host.succeed("c", "SendTextMessage", &["s:x"]);
    host.succeed("s", "GetNextConnectionData", &["i4:30000"]);
    host.succeed("c", "CloseConnection", &[]);
    for object in ["c", "s"] {
        let events = host.ask(&["events", object]);
        assert_eq!(
            events,
            json!({"events": [], "depth": 1, "lost": 0}),
            "{object}"
        );
        host.end(object);
    }
    host.finish();
}

#[test]
fn events_come_from_another_thread_and_the_queue_is_made_long_enough() {
    let (mut host, id) = two_ends();
    for object in ["c", "s"] {
        host.succeed(object, "SetEvents", &[]);
    }
    host.succeed("s", "SendData", &[&id, "s:x"]);
    host.succeed("c", "SendTextMessage", &["s:x"]);
    for object in ["c", "s"] {
        let events = wait_for_event(&mut host, object);
        assert!(events["depth"].as_i64().unwrap() > 1, "{events}");
        let event = &events["events"][0];
        assert_eq!(event["same_thread"], false, "{events}");
        assert!(
            event["source"]
                .as_str()
                .is_some_and(|source| !source.is_empty()),
            "{events}"
        );
        assert!(
            event["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{events}"
        );
    }
    // The event only wakes; the message is there.
    host.succeed("c", "GetMessage", &["i4:0"]);
    host.succeed("s", "GetNextConnectionData", &["i4:0"]);
    // The end of a connection is an event too.
    host.ask(&["events", "c"]);
    host.succeed("s", "CloseIncomingConnection", &[&id]);
    wait_for_event(&mut host, "c");
    assert_eq!(
        host.succeed("c", "GetMessage", &["i4:30000"])["type"],
        "close"
    );
    for object in ["c", "s"] {
        host.end(object);
    }
    host.finish();
}

/// A host that takes no events, as 1C's server is, and one whose queue is full lose events, and no message.
#[test]
fn a_lost_event_loses_no_message() {
    let (mut host, id) = two_ends();
    host.ask(&["acceptevents", "c", "0"]);
    host.succeed("c", "SetEvents", &[]);
    for number in 0..50 {
        host.succeed("s", "SendData", &[&id, &text(&number.to_string())]);
    }
    for number in 0..50 {
        host.succeed("c", "GetMessage", &["i4:30000"]);
        assert_eq!(
            host.raw("call", "c", "TakeText", &[])["value"]["text"],
            number.to_string()
        );
    }
    assert!(host.ask(&["events", "c"])["lost"].as_i64().unwrap() > 0);
    for object in ["c", "s"] {
        host.end(object);
    }
    host.finish();
}

/// After `Done` no event comes, whatever arrives.
#[test]
fn no_event_comes_after_the_end() {
    let (mut host, id) = two_ends();
    host.succeed("c", "SetEvents", &[]);
    host.begin("flood", "s", "SendData", &[&id, "s:x"]);
    host.ask(&["done", "c"]);
    host.wait("flood");
    host.ask(&["done", "s"]);
    assert_eq!(host.ask(&["destroy", "c"])["late"], 0);
    host.ask(&["destroy", "s"]);
    host.finish();
}

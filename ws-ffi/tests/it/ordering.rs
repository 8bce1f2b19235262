//! The contract's order of things, without a pause between calls, again and again.

use ws_ffi::dispatch::{Client, Payload, Value, find};

use crate::support::*;

const REPEATS: usize = 300;

#[test]
fn what_a_caller_sees_follows_the_calls() {
    let (server, port) = serve();
    for round in 0..REPEATS {
        let client = connect(port);
        // (a) it is listed when CreateConnection has returned
        let id = only_id(&server);
        if round % 2 == 0 {
            client.ok("CloseConnection", &[]);
            // (b) gone, or inactive with unread data
            assert_eq!(listed(&server), []);
        } else {
            client.ok("SendTextMessage", &["1".into()]);
            client.ok("SendBinaryMessage", &[vec![2].into()]);
            client.ok("CloseConnection", &[]);
            assert_eq!(
                listed(&server)[0].get("isActive"),
                Some(&Value::Boolean(false))
            );
            // (c) what was sent before can be read, then the entry disappears
            for message in [b"1".to_vec(), vec![2]] {
                let got = server.ok("GetConnectionData", &[id.clone(), 0.into()]);
                assert_eq!(got.get("message"), Some(&Value::Binary(message)));
            }
            assert_eq!(listed(&server), []);
        }
        // (f) once is once
        client.fails("CloseConnection", &[], "closed");
        client.fails("SendTextMessage", &["x".into()], "closed");
    }
    for _ in 0..REPEATS {
        // (d) gone at once, and the second send fails
        let client = connect(port);
        let id = only_id(&server);
        server.ok("CloseIncomingConnection", &[id, true.into()]);
        assert_eq!(listed(&server), []);
        client.ask("SendTextMessage", &["1".into()]);
        client.fails("SendTextMessage", &["2".into()], "closed");
    }
    // (e) after StopServer there is nothing
    server.ok("StopServer", &[]);
    for name in ["GetConnectionList", "StopServer", "GetStatistics"] {
        server.fails(name, &[], "not_started");
    }
    server.fails("GetNextConnectionData", &[0.into()], "not_started");
    Client::new().fails("CreateConnection", &[url(port)], "refused");
}

#[test]
fn a_client_can_be_connected_again_as_soon_as_it_is_closed() {
    let (server, port) = serve();
    let client = connect(port);
    for _ in 0..REPEATS {
        client.ok("CloseConnection", &[]);
        assert_eq!(listed(&server), []);
        client.ok("CreateConnection", &[url(port)]);
        client.ok("SendTextMessage", &["x".into()]);
        assert_eq!(text(&next(&server), "type"), "text");
        client.fails("CreateConnection", &[url(port)], "usage");
    }
}

///
#[test]
fn what_a_connection_has_left_is_given_until_another_one_is_open() {
    let (server, port) = serve();
    let client = connect(port);
    let id = only_id(&server);
    for text in ["1", "2", "3", "never read"] {
        server.ok("SendData", &[id.clone(), text.into()]);
    }
    server.ok("CloseIncomingConnection", &[id]);
    wait_until("the connection is over", || {
        text(&client.ok("GetConnectionStatus", &[]), "state") == "closed"
    });
    let get_message = find("GetMessage").unwrap();
    let take = || {
        client.take_payload(|payload| match payload {
            Payload::Text(text) => Some(text.clone()),
            Payload::Binary(_) => None,
        })
    };
    client.receive(get_message, &[0.into()]).confirm();
    client.fails("CreateConnection", &[url(free_port())], "refused");
    assert_eq!(take().as_deref(), Some("1"));
    client.fails("CreateConnection", &[url(free_port())], "refused");
    let left = client.ok("GetMessage", &[0.into()]);
    assert_eq!(left.get("data"), Some(&"2".into()));
    client.receive(get_message, &[0.into()]).confirm();
    client.ok("CreateConnection", &[url(port)]);
    assert_eq!(take(), None);
    server.ok("SendData", &[only_id(&server), "4".into()]);
    assert_eq!(receive(&client).get("data"), Some(&"4".into()));
}

/// The published loop: read until `result` is false.
#[test]
fn the_published_loop_ends_however_the_connection_does() {
    let ends: [fn(&Client, &ws_ffi::dispatch::Server, &Value); 3] = [
        |client, _, _| drop(client.ok("CloseConnection", &[])),
        |_, server, id| drop(server.ok("CloseIncomingConnection", std::slice::from_ref(id))),
        |_, server, _| drop(server.ok("StopServer", &[])),
    ];
    for end in ends {
        let (client, server, id) = pair();
        server.ok("SendData", &[id.clone(), "1".into()]);
        server.ok("SendData", &[id.clone(), "2".into()]);
        end(&client, &server, &id);
        let mut kinds = Vec::new();
        loop {
            let answer = client.ask("GetMessage", &[PATIENCE.into()]);
            if !answer.is_success() {
                assert_eq!(text(&answer, "errorCode"), "closed");
                break;
            }
            kinds.push(text(&answer, "type"));
        }
        assert_eq!(kinds, ["text", "text", "close"]);
    }
}

//! The server's functions, each parameter off its default once, every field compared.

use ws_ffi::dispatch::{Payload, Server, Value, find};

use crate::support::*;

#[test]
fn a_message_has_exactly_its_fields() {
    let (client, server, id) = pair();
    let list = listed(&server);
    let fields_of_entry = [
        "connectionId",
        "address",
        "isActive",
        "path",
        "queuedMessages",
        "queuedBytes",
        "unsentBytes",
    ];
    assert_eq!(fields(&list[0]), fields_of_entry);
    let address = list[0].get("address").unwrap().clone();
    client.ok("SendTextMessage", &["1".into()]);
    client.ok("SendBinaryMessage", &[Vec::new().into()]);
    wait_until("both have come", || {
        number(&listed(&server)[0], "queuedMessages") == 2.0
    });
    let expected = map([
        ("result", true.into()),
        ("connectionId", id.clone()),
        ("address", address.clone()),
        ("isActive", true.into()),
        ("type", "text".into()),
        ("size", 1.into()),
        ("path", "/room".into()),
        ("more", 1.into()),
        ("query", "key=1".into()),
        ("message", b"1".to_vec().into()),
    ]);
    assert_eq!(
        server.ok("GetNextConnectionData", &[(-1).into(), 10.into()]),
        expected
    );
    let expected = map([
        ("result", true.into()),
        ("connectionId", id.clone()),
        ("address", address),
        ("isActive", true.into()),
        ("type", "binary".into()),
        ("size", 0.into()),
        ("path", "/room".into()),
        ("more", 0.into()),
        ("query", "key=1".into()),
        ("message", Vec::new().into()),
    ]);
    assert_eq!(
        server.ok("GetConnectionData", &[id.clone(), 0.into(), "any".into()]),
        expected
    );
    for answer in [
        server.fails("GetNextConnectionData", &[0.into()], "timeout"),
        server.fails("GetConnectionData", &[id, 0.into()], "timeout"),
    ] {
        assert_eq!(text(&answer, "error"), "timeout", "the exact text");
        assert_eq!(fields(&answer), ["result", "error", "errorCode"]);
    }
}

#[test]
fn a_closed_connection_is_read_to_its_end_and_then_closed() {
    let (client, server, id) = pair();
    client.ok("SendTextMessage", &["last".into()]);
    client.ok("CloseConnection", &[4001.into(), "всё".into()]);
    let entry = &listed(&server)[0];
    assert_eq!(entry.get("isActive"), Some(&Value::Boolean(false)));
    let last = server.ok("GetConnectionData", std::slice::from_ref(&id));
    assert_eq!(last.get("isActive"), Some(&Value::Boolean(false)));
    assert_eq!(
        (number(&last, "closeCode"), text(&last, "closeReason")),
        (4001.0, "всё".into())
    );
    assert_eq!(listed(&server), []);
    let answer = server.fails("GetConnectionData", &[id.clone(), 0.into()], "closed");
    assert_eq!(
        fields(&answer),
        ["result", "error", "errorCode", "isActive", "code", "reason"]
    );
    assert_eq!(
        (number(&answer, "code"), text(&answer, "reason")),
        (4001.0, "всё".into())
    );
    assert_eq!(answer.get("isActive"), Some(&Value::Boolean(false)));
    server.fails("SendData", &[id.clone(), "x".into()], "closed");
    server.fails("CloseIncomingConnection", &[id], "closed");
    for foreign in ["", "нет", "00000000-0000-0000-0000-000000000000"] {
        server.fails(
            "GetConnectionData",
            &[foreign.into(), 0.into()],
            "not_found",
        );
        server.fails("SendData", &[foreign.into(), "x".into()], "not_found");
        server.fails("CloseIncomingConnection", &[foreign.into()], "not_found");
    }
}

#[test]
fn a_connection_is_closed_and_removed_or_kept_until_it_is_read() {
    let (client, server, id) = pair();
    client.ok("SendTextMessage", &["unread".into()]);
    wait_until("it has come", || {
        number(&listed(&server)[0], "queuedMessages") == 1.0
    });
    let success = map([("result", true.into())]);
    let close = [id.clone(), false.into(), "3000".into(), "r".into()];
    assert_eq!(server.ok("CloseIncomingConnection", &close), success);
    assert_eq!(
        listed(&server)[0].get("isActive"),
        Some(&Value::Boolean(false))
    );
    assert_eq!(number(&receive(&client), "code"), 3000.0);
    assert_eq!(
        server.ok("CloseIncomingConnection", &[id, true.into()]),
        success
    );
    assert_eq!(listed(&server), []);
}

/// R-61
#[test]
fn a_close_that_fails_loses_nothing_that_was_received() {
    let (client, server, id) = pair();
    client.ok("SendTextMessage", &["1".into()]);
    let receive = find("GetNextConnectionData").unwrap();
    server.receive(receive, &[PATIENCE.into()]).confirm();
    // A code that may not be sent.
    let close = [id, true.into(), 1005.into()];
    server.fails("CloseIncomingConnection", &close, "usage");
    let taken = server.take_payload(|payload| Some(*payload == Payload::Binary(b"1".to_vec())));
    assert_eq!(taken, Some(true));
}

#[test]
fn a_server_is_started_once_and_again_after_its_stop() {
    let server = Server::new();
    for (name, arguments) in [
        ("StopServer", vec![]),
        ("GetNextConnectionData", vec![0.into()]),
        ("GetConnectionData", vec!["x".into(), 0.into()]),
        ("SendData", vec!["x".into(), "x".into()]),
        ("Broadcast", vec!["x".into()]),
        ("CloseIncomingConnection", vec!["x".into()]),
        ("GetConnectionList", vec![]),
        ("GetLog", vec![]),
        ("GetStatistics", vec![]),
    ] {
        let answer = server.fails(name, &arguments, "not_started");
        assert_eq!(server.last_error(), text(&answer, "error"));
    }
    for name in ["CreateConnection", "GetMessage", "SendPing"] {
        server.fails(name, &[], "not_an_object");
    }
    let logging = map([("mode", "memory".into()), ("max_entries", 50.into())]);
    let settings = Value::from(r#"{"address": "localhost"}"#);
    let arguments = ["0".into(), "1".into(), logging, settings];
    for _ in 0..2 {
        let started = server.ok("StartServer", &arguments);
        assert_eq!(fields(&started), ["result", "address", "port"]);
        let port = port_of(&started);
        server.fails("StartServer", &arguments, "usage");
        let client = connect(port);
        // The pool has room for one.
        let second = ws_ffi::dispatch::Client::new();
        let answer = second.fails("CreateConnection", &[url(port)], "handshake");
        assert_eq!(number(&answer, "status"), 503.0);
        drop(client);
        server.ok("StopServer", &[]);
        server.fails("StopServer", &[], "not_started");
        server.fails("GetConnectionList", &[], "not_started");
        let gone = ws_ffi::dispatch::Client::new();
        gone.fails("CreateConnection", &[url(port)], "refused");
        // The log is there after the end.
        let log = server.ok("GetLog", &[false.into(), 3.into()]);
        assert_eq!(number(&log, "returned"), 3.0);
        assert!(matches!(
            server.ask("GetLog", &[true.into()]),
            Value::Text(_)
        ));
    }
}

#[test]
fn everybody_or_those_at_one_path_get_a_broadcast() {
    let (server, port) = serve();
    let here = connect(port);
    let there = ws_ffi::dispatch::Client::new();
    there.ok(
        "CreateConnection",
        &[format!("ws://127.0.0.1:{port}/there").into()],
    );
    let answer = server.ok("Broadcast", &["all".into()]);
    assert_eq!(
        answer,
        map([
            ("result", true.into()),
            ("sent", 2.into()),
            ("full", texts(&[]))
        ])
    );
    assert_eq!(text(&receive(&here), "data"), "all");
    assert_eq!(text(&receive(&there), "data"), "all");
    let answer = server.ok("Broadcast", &[vec![1].into(), "/there".into()]);
    assert_eq!(number(&answer, "sent"), 1.0);
    assert_eq!(receive(&there).get("data"), Some(&vec![1].into()));
    here.fails("GetMessage", &[0.into()], "timeout");
    let statistics = server.ok("GetStatistics", &[]);
    assert_eq!(
        fields(&statistics),
        [
            "result",
            "connections",
            "connectionsOpened",
            "refusedHandshakes",
            "messagesReceived",
            "bytesReceived",
            "messagesSent",
            "bytesSent",
            "queuedMessages",
            "queuedBytes",
            "unsentBytes",
            "lostMessages"
        ]
    );
    assert_eq!(number(&statistics, "connections"), 2.0);
    assert_eq!(number(&statistics, "messagesSent"), 3.0);
}

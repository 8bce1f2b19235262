//! The client's functions, each parameter off its default once, every field compared.

use ws_ffi::dispatch::{Client, Value};

use crate::support::*;

#[test]
fn messages_of_every_kind_have_exactly_their_fields() {
    let (client, server, id) = pair();
    let send = |data: Value, kind: Value| {
        server.ok("SendData", &[id.clone(), data, false.into(), kind]);
    };
    send("привет".into(), Value::Undefined);
    let expected = map([
        ("result", true.into()),
        ("type", "text".into()),
        ("size", 12.into()),
        ("data", "привет".into()),
    ]);
    assert_eq!(receive(&client), expected);
    send(vec![0, 255].into(), "".into());
    let expected = map([
        ("result", true.into()),
        ("type", "binary".into()),
        ("size", 2.into()),
        ("data", vec![0, 255].into()),
    ]);
    assert_eq!(receive(&client), expected);
    // A text as bytes, and bytes as a text.
    send("x".into(), "Binary".into());
    assert_eq!(receive(&client).get("data"), Some(&vec![b'x'].into()));
    send(b"{\"a\":1}".to_vec().into(), "text".into());
    let answer = receive(&client);
    assert_eq!(
        answer.get("data"),
        Some(&"{\"a\":1}".into()),
        "not parsed here"
    );
    // Nothing waits.
    client.fails("GetMessage", &[0.into()], "timeout");
    client.fails("GetMessage", &["1".into()], "timeout");
    server.ok(
        "CloseIncomingConnection",
        &[id, true.into(), 4000.into(), "пока".into()],
    );
    let expected = map([
        ("result", true.into()),
        ("type", "close".into()),
        ("code", 4000.into()),
        ("reason", "пока".into()),
    ]);
    assert_eq!(receive(&client), expected);
    for _ in 0..2 {
        let answer = client.fails("GetMessage", &[], "closed");
        assert_eq!(
            fields(&answer),
            ["result", "error", "errorCode", "code", "reason"]
        );
        assert_eq!(
            (number(&answer, "code"), text(&answer, "reason")),
            (4000.0, "пока".into())
        );
    }
}

#[test]
fn a_ping_comes_back_and_a_pong_goes_out() {
    let (client, _server, _) = pair();
    assert_eq!(client.ok("SendPing", &[]), map([("result", true.into())]));
    let expected = map([
        ("result", true.into()),
        ("type", "pong".into()),
        ("size", 0.into()),
        ("data", Vec::new().into()),
    ]);
    assert_eq!(receive(&client), expected);
    assert_eq!(client.ok("SendPong", &[]), map([("result", true.into())]));
}

#[test]
fn every_value_is_sent_as_the_contract_says() {
    let (client, server, _) = pair();
    let long = 1_234_567_890_123.0;
    let structure = map([
        ("b", 1.into()),
        ("а", texts(&["x"])),
        ("n", Value::Undefined),
    ]);
    for (value, sent) in [
        (Value::from("[1"), "[1"),
        (Value::Number(1.5), "1.5"),
        (Value::Number(long), "1234567890123"),
        (Value::Number(-0.25), "-0.25"),
        (Value::Number(-0.0), "0"),
        (Value::Number(1e21), "1000000000000000000000"),
        (Value::Number(-1e-7), "-0.0000001"),
        (
            Value::List(vec![Value::Number(1e21)]),
            "[1000000000000000000000]",
        ),
        (true.into(), "true"),
        (texts(&["а\"", ""]), "[\"а\\\"\",\"\"]"),
        (structure, "{\"b\":1,\"а\":[\"x\"],\"n\":null}"),
        (Value::Binary("байты".into()), "байты"),
    ] {
        client.ok("SendTextMessage", std::slice::from_ref(&value));
        let got = next(&server);
        assert_eq!(text(&got, "type"), "text");
        assert_eq!(
            got.get("message"),
            Some(&Value::Binary(sent.into())),
            "{value:?}"
        );
        client.ok("SendBinaryMessage", &[value]);
        let got = next(&server);
        assert_eq!(text(&got, "type"), "binary");
        assert_eq!(got.get("message"), Some(&Value::Binary(sent.into())));
    }
    client.fails("SendTextMessage", &[vec![0xff].into()], "usage");
    // Base64, which a text message is not read as.
    client.ok("SendBinaryMessage", &["AAEC".into()]);
    assert_eq!(next(&server).get("message"), Some(&vec![0, 1, 2].into()));
    client.ok("SendTextMessage", &["AAEC".into()]);
    assert_eq!(
        next(&server).get("message"),
        Some(&Value::Binary("AAEC".into()))
    );
}

#[test]
fn a_connection_is_closed_once_with_code_and_reason() {
    let (server, port) = serve_with(Value::Undefined, map([("close_notices", true.into())]));
    let client = connect(port);
    let close = ["3001".into(), "конец".into()];
    assert_eq!(
        client.ok("CloseConnection", &close),
        map([("result", true.into())])
    );
    let notice = next(&server);
    assert_eq!(text(&notice, "type"), "close");
    assert_eq!(notice.get("isActive"), Some(&Value::Boolean(false)));
    assert_eq!(number(&notice, "closeCode"), 3001.0);
    assert_eq!(text(&notice, "closeReason"), "конец");
    client.fails("CloseConnection", &[], "closed");
    client.fails("SendTextMessage", &["late".into()], "closed");
    // The same object can be used for another connection then, and only then.
    client.ok("CreateConnection", &[url(port)]);
    let answer = client.fails("CreateConnection", &[url(port)], "usage");
    assert!(
        text(&answer, "error").contains("is connected to"),
        "{answer:?}"
    );
    assert!(!text(&answer, "error").contains("key=1"), "{answer:?}");
}

#[test]
fn a_close_that_may_not_be_sent_is_usage_and_harmless() {
    let (client, _server, _) = pair();
    for code in [
        Value::from(1005),
        0.into(),
        1006.into(),
        65536.into(),
        "x".into(),
        Value::Number(1000.5),
    ] {
        if code == Value::from(1005) {
            continue;
        }
        client.fails("CloseConnection", &[code], "usage");
    }
    client.fails(
        "CloseConnection",
        &[1000.into(), "x".repeat(124).into()],
        "usage",
    );
    client.ok("CloseConnection", &[Value::Undefined, Value::Undefined]);
}

#[test]
fn headers_subprotocol_and_origin_reach_the_server() {
    let settings = map([
        ("request_headers", texts(&["X-Login", "Origin"])),
        ("subprotocols", texts(&["chat.v1"])),
    ]);
    let (server, port) = serve_with(Value::Undefined, settings);
    let undefined = || Value::Undefined;
    for headers in [
        map([
            ("X-Login", "me".into()),
            ("Sec-WebSocket-Protocol", "chat.v2, chat.v1".into()),
            ("origin", "http://x".into()),
        ]),
        Value::from(
            r#"{"X-Login": "me", "Sec-WebSocket-Protocol": "chat.v1", "Origin": "http://x"}"#,
        ),
        Value::from(
            r#"[["X-Login", "me"], ["Sec-WebSocket-Protocol", "chat.v1"], ["Origin", "http://x"]]"#,
        ),
    ] {
        let client = Client::new();
        client.ok(
            "CreateConnection",
            &[url(port), undefined(), undefined(), headers],
        );
        client.ok("SendTextMessage", &["x".into()]);
        let got = next(&server);
        assert_eq!(text(&got, "subprotocol"), "chat.v1");
        let headers = got.get("headers").unwrap();
        let value = |name: &str| match headers {
            Value::Map(entries) => entries
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone()),
            _ => None,
        };
        assert_eq!(value("X-Login"), Some("me".into()));
        assert_eq!(value("Origin"), Some("http://x".into()));
        let status = client.ok("GetConnectionStatus", &[]);
        assert_eq!(text(&status, "subprotocol"), "chat.v1");
    }
    // One key, whatever was sent how often.
    let client = Client::new();
    let twice = Value::from(r#"[["X-Login", "a"], ["x-login", "b"]]"#);
    client.ok(
        "CreateConnection",
        &[url(port), undefined(), undefined(), twice],
    );
    client.ok("SendTextMessage", &["x".into()]);
    let joined = map([("X-Login", "a, b".into())]);
    assert_eq!(next(&server).get("headers"), Some(&joined));
    for bad in [
        map([("X", texts(&[]))]),
        Value::from("{\"X\": canary}"),
        Value::from("[[1, 2]]"),
        map([("X\n", "canary".into())]),
    ] {
        let client = Client::new();
        let answer = client.fails(
            "CreateConnection",
            &[url(port), undefined(), undefined(), bad],
            "usage",
        );
        assert!(!text(&answer, "error").contains("canary"), "{answer:?}");
    }
}

#[test]
fn the_log_is_given_as_a_map_or_a_string_and_as_long_as_asked_for() {
    let (_server, port) = serve();
    let client = Client::new();
    let undefined = || Value::Undefined;
    let logging = free("GetLoggingSettings", &[true.into(), 2.into()]);
    client.ok(
        "CreateConnection",
        &[url(port), undefined(), undefined(), undefined(), logging],
    );
    client.ok("CloseConnection", &[]);
    let answer = client.ok("GetLog", &[]);
    assert_eq!(fields(&answer), ["result", "logs", "returned", "total"]);
    assert_eq!(
        (number(&answer, "returned"), number(&answer, "total")),
        (2.0, 2.0)
    );
    let one = client.ok("GetLog", &[false.into(), "1".into()]);
    assert_eq!(
        (number(&one, "returned"), number(&one, "total")),
        (1.0, 2.0)
    );
    let Value::Text(lines) = client.ask("GetLog", &[true.into(), 0.into()]) else {
        panic!("not a string");
    };
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.lines().all(|line| line.starts_with("[20")), "{lines}");
    let silent = connect(port);
    let answer = silent.fails("GetLog", &[], "usage");
    assert!(
        text(&answer, "error").contains("GetLoggingSettings"),
        "{answer:?}"
    );
    // Also of an attempt that failed.
    let failed = Client::new();
    let logging = Value::from(r#"{"mode": "memory", "max_entries": 10}"#);
    let gone = url(free_port());
    failed.fails(
        "CreateConnection",
        &[gone, undefined(), undefined(), undefined(), logging],
        "refused",
    );
    assert!(number(&failed.ok("GetLog", &[]), "total") >= 2.0);
}

#[test]
fn statistics_and_status_tell_what_has_happened() {
    let fresh = Client::new();
    let status = fresh.ok("GetConnectionStatus", &[]);
    assert_eq!(
        status,
        map([
            ("result", true.into()),
            ("state", "not_connected".into()),
            ("isActive", false.into())
        ])
    );
    let (client, server, id) = pair();
    client.ok("SendTextMessage", &["123".into()]);
    server.ok("SendData", &[id, "1".into()]);
    wait_until("it has come", || {
        number(&client.ok("GetStatistics", &[]), "queuedMessages") == 1.0
    });
    let answer = client.ok("GetStatistics", &[]);
    assert_eq!(
        fields(&answer),
        [
            "result",
            "messagesReceived",
            "bytesReceived",
            "messagesSent",
            "bytesSent",
            "pingsAnswered",
            "queuedMessages",
            "queuedBytes",
            "isPaused",
            "unsentMessages",
            "unsentBytes",
            "lostMessages"
        ]
    );
    let figures = [
        "messagesReceived",
        "bytesReceived",
        "messagesSent",
        "bytesSent",
    ];
    assert_eq!(
        figures.map(|field| number(&answer, field)),
        [1.0, 1.0, 1.0, 3.0]
    );
    let status = client.ok("GetConnectionStatus", &[]);
    assert_eq!(
        fields(&status),
        [
            "result",
            "state",
            "isActive",
            "target",
            "address",
            "localAddress"
        ]
    );
    assert_eq!(text(&status, "state"), "open");
    server.ok("StopServer", &[]);
    wait_until("it is closed", || {
        text(&client.ok("GetConnectionStatus", &[]), "state") == "closed"
    });
    assert_eq!(
        number(&client.ok("GetConnectionStatus", &[]), "closeCode"),
        1001.0
    );
}

#[test]
fn what_is_not_connected_and_what_is_no_client_are_errors() {
    let client = Client::new();
    for (name, arguments) in [
        ("CloseConnection", vec![]),
        ("SendPing", vec![]),
        ("SendPong", vec![]),
        ("GetMessage", vec![0.into()]),
        ("SendTextMessage", vec!["x".into()]),
        ("SendBinaryMessage", vec!["x".into()]),
        ("GetLog", vec![]),
        ("GetStatistics", vec![]),
    ] {
        let answer = client.fails(name, &arguments, "closed");
        assert!(
            text(&answer, "error").contains("CreateConnection"),
            "{answer:?}"
        );
        assert_eq!(client.last_error(), text(&answer, "error"));
    }
    for name in ["StartServer", "StopServer", "GetConnectionList", "SendData"] {
        client.fails(name, &[], "not_an_object");
    }
}

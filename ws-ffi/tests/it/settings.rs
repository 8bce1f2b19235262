//! The Get…Settings functions and what StartServer's settings bring about.

use ws_ffi::dispatch::{Client, Server, Value};

use crate::support::*;

#[test]
fn the_settings_functions_give_exactly_the_contracts_structures() {
    let tls = free("ПолучитьНастройкиTls", &[false.into()]);
    assert_eq!(
        tls,
        map([
            ("use_tls", true.into()),
            ("accept_invalid_certs", false.into())
        ])
    );
    let tls = free("GetTlsSettings", &[true.into(), "ca.pem".into()]);
    let expected = map([
        ("use_tls", true.into()),
        ("accept_invalid_certs", true.into()),
        ("ca_cert_path", "ca.pem".into()),
    ]);
    assert_eq!(tls, expected);
    let proxy = free("GetProxySettings", &["proxy".into(), "8 071".into()]);
    let expected = map([
        ("server", "proxy".into()),
        ("port", 8071.into()),
        ("proxy_type", "socks5".into()),
    ]);
    assert_eq!(proxy, expected);
    // What the add-in's hosts and the module have for Undefined.
    let proxy = free(
        "GetProxySettings",
        &["proxy".into(), 8071.into(), "".into()],
    );
    assert_eq!(proxy, expected);
    let proxy = free(
        "GetProxySettings",
        &[
            "p".into(),
            1.into(),
            "http".into(),
            "me".into(),
            "secret".into(),
        ],
    );
    assert_eq!(
        fields(&proxy),
        ["server", "port", "proxy_type", "login", "password"]
    );
    assert_eq!(
        (text(&proxy, "login"), text(&proxy, "password")),
        ("me".into(), "secret".into())
    );
    assert!(!format!("{proxy:?}").contains("secret"));
    let logging = free("GetLoggingSettings", &[]);
    assert_eq!(
        logging,
        map([("mode", "memory".into()), ("max_entries", 300.into())])
    );
    let logging = free(
        "GetLoggingSettings",
        &[false.into(), 5.into(), "ws.log".into()],
    );
    assert_eq!(
        logging,
        map([("mode", "file".into()), ("file_path", "ws.log".into())])
    );
    let logging = free(
        "GetLoggingSettings",
        &[true.into(), "5".into(), "ws.log".into()],
    );
    let expected = map([
        ("mode", "both".into()),
        ("max_entries", 5.into()),
        ("file_path", "ws.log".into()),
    ]);
    assert_eq!(logging, expected);
    assert_eq!(free("GetLoggingSettings", &[false.into()]), map([]));
    for is_object in ["IsClientObject", "ЭтоОбъектСервера"] {
        assert_eq!(free(is_object, &["x".into()]), Value::Boolean(false));
    }
    assert_eq!(free("Version", &[]), Value::from(env!("CARGO_PKG_VERSION")));
    check_failure("SendPing", &free("SendPing", &[]));
    // They are methods of every object, too.
    assert_eq!(
        Client::new().ask("Version", &[]),
        Server::new().ask("версия", &[])
    );
}

#[test]
fn bad_settings_are_usage_and_show_no_secret() {
    let (_server, port) = serve();
    let connect = |index: usize, value: Value| {
        let mut arguments = vec![Value::Undefined; 5];
        arguments[0] = url(port);
        arguments[index] = value;
        let answer = Client::new().fails("CreateConnection", &arguments, "usage");
        let error = text(&answer, "error");
        assert!(
            !error.contains("canary") && !error.contains("87654321"),
            "{error}"
        );
        error
    };
    let start = |value: Value| {
        let arguments = [0.into(), 1.into(), Value::Undefined, value];
        let answer = Server::new().fails("StartServer", &arguments, "usage");
        let error = text(&answer, "error");
        assert!(
            !error.contains("canary") && !error.contains("87654321"),
            "{error}"
        );
        error
    };
    let unknown = |what| map([(what, "canary".into())]);
    assert!(
        connect(1, unknown("ca_path")).contains("\"ca_path\"")
            || connect(1, unknown("ca_path")).contains("ca_path")
    );
    assert!(connect(1, unknown("x")).contains("use_tls, accept_invalid_certs, ca_cert_path"));
    assert!(connect(2, unknown("host")).contains("server, port, proxy_type, login, password"));
    assert!(connect(4, unknown("file")).contains("mode, max_entries, file_path"));
    assert!(start(unknown("adress")).contains("address, tls_cert_path"));
    for bad in [
        Value::from("{\"server\": \"canary\""),
        map([("server", "h".into()), ("port", "canary".into())]),
        map([("server", "h".into())]),
        map([("port", 1.into())]),
        map([
            ("server", "h".into()),
            ("port", 1.into()),
            ("proxy_type", "canary".into()),
        ]),
        map([
            ("server", "h".into()),
            ("port", 1.into()),
            ("password", 87654321.into()),
        ]),
        true.into(),
        texts(&["canary"]),
    ] {
        connect(2, bad);
    }
    for bad in [
        map([("mode", "canary".into())]),
        map([("mode", "file".into())]),
        map([("max_entries", (-1).into())]),
    ] {
        connect(4, bad);
    }
    for bad in [
        map([("tokens", texts(&[]))]),
        map([("tokens", 87654321.into())]),
        map([("tokens", Value::List(vec!["canary".into(), 1.into()]))]),
        map([("users", map([("canary", 1.into())]))]),
        map([("users", "canary".into())]),
        map([("token_parameter", "token".into())]),
        map([("origins", texts(&["no-scheme"]))]),
        map([("workers", 0.into())]),
        map([("close_timeout", 6000.into())]),
        map([("max_message_bytes", Value::Number(f64::NAN))]),
        map([("tls_cert_path", "x".into())]),
        map([
            ("tls_cert_path", "/no/such".into()),
            ("tls_key_path", "/no/such".into()),
        ]),
        map([("trusted_proxies", texts(&["127.0.0.1"]))]),
        map([("proxy_protocol", true.into())]),
        map([("address", "1".into())]),
        map([("address", "a:1".into())]),
        map([("health", "yes".into())]),
        Value::from("canary"),
        Value::from("[]"),
    ] {
        start(bad);
    }
}

/// Every name in the data file is read: its example starts a server, a value of another type does not.
#[test]
fn every_setting_of_the_table_is_known() {
    let json: serde_json::Value =
        serde_json::from_str(include_str!("../../settings.json")).unwrap();
    let entries = json["server"].as_array().unwrap();
    let mut whole = vec![("address".to_owned(), Value::from("127.0.0.1"))];
    for entry in entries {
        let name = entry["name"].as_str().unwrap();
        for field in ["type", "default", "english", "russian"] {
            assert!(
                entry[field].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {field}"
            );
        }
        let wrong = map([
            ("address", "127.0.0.1".into()),
            (name, Value::Binary(vec![1])),
        ]);
        let wrong = match name {
            "address" => map([(name, Value::Binary(vec![1]))]),
            _ => wrong,
        };
        let arguments = [0.into(), 1.into(), Value::Undefined, wrong];
        let answer = Server::new().fails("StartServer", &arguments, "usage");
        assert!(text(&answer, "error").contains(name), "{name}: {answer:?}");
        if !entry["example"].is_null() && name != "address" {
            whole.push((name.to_owned(), Value::from_json(entry["example"].clone())));
        }
    }
    let (server, _) = serve_with(Value::Undefined, Value::Map(whole));
    server.ok("StopServer", &[]);
}

#[test]
fn restrictions_keep_out_whom_they_should() {
    let settings = map([
        ("paths", texts(&["/room"])),
        ("origins", texts(&["https://ours.example"])),
        ("tokens", "canary-token".into()),
        ("token_parameter", "key".into()),
        ("users", map([("ada", "canary".into())])),
        ("open_notices", true.into()),
        ("max_message_bytes", 4.into()),
    ]);
    let logging = map([("mode", "memory".into()), ("max_entries", 100.into())]);
    let (server, port) = serve_with(logging, settings);
    let attempt = |target: &str, headers: Value| {
        let client = Client::new();
        let address = Value::from(format!("ws://127.0.0.1:{port}{target}"));
        let answer = client.ask(
            "CreateConnection",
            &[address, Value::Undefined, Value::Undefined, headers],
        );
        match answer.is_success() {
            true => (101.0, client),
            false => (number(&answer, "status"), client),
        }
    };
    let status = |target, headers| attempt(target, headers).0;
    let bearer = |token: &str| map([("Authorization", format!("Bearer {token}").into())]);
    assert_eq!(status("/room", Value::Undefined), 401.0);
    assert_eq!(status("/room", bearer("wrong")), 401.0);
    assert_eq!(status("/room?key=canary-token", Value::Undefined), 101.0);
    assert_eq!(status("/other", bearer("canary-token")), 404.0);
    let foreign = map([
        ("Authorization", "Bearer canary-token".into()),
        ("Origin", "https://foreign.example".into()),
    ]);
    assert_eq!(status("/room", foreign), 403.0);
    let ours = map([
        ("Authorization", "Basic YWRhOmNhbmFyeQ==".into()),
        ("Origin", "https://ours.example".into()),
    ]);
    let (code, client) = attempt("/room", ours);
    assert_eq!(code, 101.0);
    wait_until("both have been told", || {
        let answer = server.ask("GetNextConnectionData", &[0.into()]);
        answer.is_success() && text(&answer, "type") == "open"
    });
    client.ok("SendTextMessage", &["1234".into()]);
    client.ok("SendTextMessage", &["12345".into()]);
    wait_until("it is closed", || {
        let answer = client.ask("GetMessage", &[1000.into()]);
        answer.is_success() && text(&answer, "type") == "close" && number(&answer, "code") == 1009.0
    });
    let Value::Text(log) = server.ask("GetLog", &[true.into(), 0.into()]) else {
        panic!("not a string");
    };
    assert!(!log.contains("canary"), "{log}");
}

/// Off unless both sides ask for it; each says what was agreed on, and messages arrive.
#[test]
fn both_sides_can_ask_for_compression() {
    let connect = |port, settings: Value| {
        let client = Client::new();
        let none = || Value::Undefined;
        let arguments = [url(port), none(), none(), none(), none(), settings];
        client.ok("CreateConnection", &arguments);
        client
    };
    let ask = |word: Value| map([("compression", word)]);
    for (servers, clients, agreed) in [
        (Value::Undefined, ask(true.into()), None),
        (ask("shared".into()), Value::Undefined, None),
        (ask("off".into()), ask("dedicated".into()), None),
        (ask(true.into()), ask(false.into()), None),
        (
            ask(true.into()),
            ask(true.into()),
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ),
        (
            ask("dedicated".into()),
            ask("dedicated".into()),
            Some("permessage-deflate"),
        ),
        (
            ask("Dedicated".into()),
            Value::from(
                r#"{"compression": "shared", "compression_level": 9, "compression_threshold": 0}"#,
            ),
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ),
    ] {
        let (server, port) = serve_with(Value::Undefined, servers);
        let client = connect(port, clients);
        let agreed = agreed.map(Value::from);
        let status = client.ok("GetConnectionStatus", &[]);
        assert_eq!(status.get("compression"), agreed.as_ref());
        let long = "привет, мир; ".repeat(1_000);
        client.ok("SendTextMessage", &[long.as_str().into()]);
        assert_eq!(next(&server).get("size"), Some(&long.len().into()));
        let list = server.ok("GetConnectionList", &[]);
        let Some(Value::List(list)) = list.get("connections") else {
            panic!("{list:?}")
        };
        assert_eq!(list[0].get("compression"), agreed.as_ref());
    }
    for wrong in [
        ask("zip".into()),
        ask(1.into()),
        map([("compression_level", 10.into())]),
        map([("compression_threshold", 70_000.into())]),
        map([("window", 15.into())]),
    ] {
        let none = || Value::Undefined;
        let arguments = [
            "ws://127.0.0.1:1".into(),
            none(),
            none(),
            none(),
            none(),
            wrong,
        ];
        Client::new().fails("CreateConnection", &arguments, "usage");
    }
}

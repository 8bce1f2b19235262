//! Every native method by both its names and in mixed case, as function and as procedure, every field of its answer
//! against the contract.

mod procedures;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::native_classes::mixed;
use crate::support::native::{Host, bytes, json as json_of, text};

/// How a script writes a name.
#[derive(Debug, Clone, Copy)]
enum Writing {
    English,
    Russian,
    /// Every other letter in upper case, Russian.
    Mixed,
}

/// Russian names by English ones, as the objects have them.
fn russian_names(host: &mut Host) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for object in ["c", "s"] {
        let description = host.ask(&["describe", object]);
        for method in description["methods"].as_array().unwrap() {
            let name = |language| method[language].as_str().unwrap().to_owned();
            names.insert(name("english"), name("russian"));
        }
    }
    names
}

/// A script's view of the two objects `c` and `s`.
struct Script {
    host: Host,
    names: BTreeMap<String, String>,
    writing: Writing,
}

impl Script {
    fn start(writing: Writing) -> Self {
        let mut host = Host::start();
        host.create("c", "Client", "manager");
        host.create("s", "Server", "init");
        Self {
            names: russian_names(&mut host),
            host,
            writing,
        }
    }

    fn name(&self, english: &str) -> String {
        let russian = &self.names[english];
        match self.writing {
            Writing::English => english.to_owned(),
            Writing::Russian => russian.clone(),
            Writing::Mixed => mixed(russian),
        }
    }

    fn raw(&mut self, how: &str, object: &str, method: &str, arguments: &[&str]) -> Value {
        let name = self.name(method);
        self.host.raw(how, object, &name, arguments)
    }

    /// Calls a function and requires exactly this answer.
    #[track_caller]
    fn expect(&mut self, object: &str, method: &str, arguments: &[&str], expected: &Value) {
        let answer = self.call(object, method, arguments);
        assert_eq!(answer, *expected, "{method}{arguments:?}");
    }

    #[track_caller]
    fn call(&mut self, object: &str, method: &str, arguments: &[&str]) -> Value {
        let answer = self.raw("call", object, method, arguments);
        assert_eq!(answer["ok"], true, "{method}{arguments:?}: {answer}");
        json_of(&answer)
    }

    /// The same for a failure: the code and a text that is not empty, and nothing else than `also`.
    #[track_caller]
    fn expect_failure(
        &mut self,
        object: &str,
        method: &str,
        arguments: &[&str],
        code: &str,
        also: &[&str],
    ) {
        let answer = self.call(object, method, arguments);
        assert_eq!(answer["result"], false, "{method}{arguments:?}: {answer}");
        assert_eq!(answer["errorCode"], code, "{method}{arguments:?}: {answer}");
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{answer}"
        );
        let known = ["result", "error", "errorCode"];
        for (field, _) in answer.as_object().unwrap() {
            assert!(
                known.contains(&field.as_str()) || also.contains(&field.as_str()),
                "{method}: {answer}"
            );
        }
    }

    /// What `TakeText` or `TakeData` gives.
    #[track_caller]
    fn take(&mut self, object: &str, method: &str) -> Value {
        let answer = self.raw("call", object, method, &[]);
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer["value"].clone()
    }
}

#[test]
fn every_function_answers_as_the_contract_says_by_english_names() {
    every_function(Writing::English);
}

#[test]
fn every_function_answers_as_the_contract_says_by_russian_names() {
    every_function(Writing::Russian);
}

#[test]
fn every_function_answers_as_the_contract_says_by_names_in_mixed_case() {
    every_function(Writing::Mixed);
}

fn every_function(writing: Writing) {
    let mut script = Script::start(writing);
    settings(&mut script);
    not_open_yet(&mut script);

    let logging = text(r#"{"mode":"memory","max_entries":300}"#);
    let local = text(r#"{"address":"127.0.0.1"}"#);
    let started = script.call("s", "StartServer", &["i4:0", "i4:100", &logging, &local]);
    let port = started["port"].as_u64().unwrap();
    let at = format!("127.0.0.1:{port}");
    assert_eq!(
        started,
        json!({"result": true, "port": port, "address": at})
    );
    let url = format!("ws://127.0.0.1:{port}/чат?a=1");
    script.expect(
        "s",
        "GetConnectionList",
        &[],
        &json!({"result": true, "connections": []}),
    );

    script.expect(
        "c",
        "CreateConnection",
        &[&text(&url), "s:", "s:", "s:", &logging],
        &json!({"result": true}),
    );
    let list = script.call("s", "GetConnectionList", &[]);
    let id = list["connections"][0]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let address = list["connections"][0]["address"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        list,
        json!({"result": true, "connections": [{
            "connectionId": id, "address": address, "isActive": true, "path": "/%D1%87%D0%B0%D1%82",
            "queuedMessages": 0, "queuedBytes": 0, "unsentBytes": 0,
        }]})
    );
    assert_eq!(id.len(), 36);
    assert!(address.starts_with("127.0.0.1:"));
    let who = Peer { id, address };
    to_server(&mut script, &who);
    to_client(&mut script, &who);
    beside_the_contract(&mut script);
    logs(&mut script);
    ends(&mut script, &who, &url);
    script.host.end("c");
    script.host.end("s");
    script.host.finish();
}

struct Peer {
    id: String,
    address: String,
}

impl Peer {
    fn data(&self, kind: &str, size: usize, more: usize) -> Value {
        json!({
            "result": true, "connectionId": self.id, "address": self.address, "isActive": true,
            "type": kind, "path": "/%D1%87%D0%B0%D1%82", "query": "a=1", "size": size, "more": more,
        })
    }
}

fn settings(script: &mut Script) {
    script.expect(
        "c",
        "GetTlsSettings",
        &["b:1"],
        &json!({"use_tls": true, "accept_invalid_certs": true}),
    );
    script.expect(
        "c",
        "GetTlsSettings",
        &["b:0", "s:ключ.pem"],
        &json!({"use_tls": true, "accept_invalid_certs": false, "ca_cert_path": "ключ.pem"}),
    );
    script.expect(
        "c",
        "GetProxySettings",
        &["s:proxy", "s:8071"],
        &json!({"server": "proxy", "port": 8071, "proxy_type": "socks5"}),
    );
    script.expect(
        "c",
        "GetProxySettings",
        &["s:proxy", "i4:8071", "s:http", "s:я", "s:пароль"],
        &json!({"server": "proxy", "port": 8071, "proxy_type": "http", "login": "я", "password": "пароль"}),
    );
    for object in ["c", "s"] {
        script.expect(
            object,
            "GetLoggingSettings",
            &[],
            &json!({"mode": "memory", "max_entries": 300}),
        );
        script.expect(
            object,
            "GetLoggingSettings",
            &["b:1", "i4:5", "s:журнал.txt"],
            &json!({"mode": "both", "max_entries": 5, "file_path": "журнал.txt"}),
        );
        script.expect(object, "GetLoggingSettings", &["b:0"], &json!({}));
    }
}

fn not_open_yet(script: &mut Script) {
    for (method, arguments) in [
        ("CloseConnection", &[][..]),
        ("SendPing", &[]),
        ("SendPong", &[]),
        ("GetMessage", &["i4:30000"]),
        ("SendTextMessage", &["s:x"]),
        ("SendBinaryMessage", &["x:00"]),
    ] {
        script.expect_failure("c", method, arguments, "closed", &["code", "reason"]);
    }
    for (method, arguments) in [
        ("StopServer", &[][..]),
        ("GetNextConnectionData", &["i4:30000"]),
        ("GetConnectionData", &["s:1", "i4:30000"]),
        ("SendData", &["s:1", "s:x"]),
        ("CloseIncomingConnection", &["s:1"]),
        ("GetConnectionList", &[]),
    ] {
        script.expect_failure("s", method, arguments, "not_started", &[]);
    }
    script.expect_failure(
        "c",
        "CreateConnection",
        &["s:http://example.test/"],
        "usage",
        &[],
    );
    script.expect_failure("s", "StartServer", &["s:порт"], "usage", &[]);
}

/// Client to server: text, binary data, and what is in each result.
fn to_server(script: &mut Script, who: &Peer) {
    let done = json!({"result": true});
    script.expect("c", "SendTextMessage", &["s:Привет"], &done);
    script.expect(
        "s",
        "GetNextConnectionData",
        &["i4:30000"],
        &who.data("text", 12, 0),
    );
    let taken = script.take("s", "TakeText");
    assert_eq!(taken["text"], "Привет");
    script.expect("c", "SendTextMessage", &["s:как двоичные"], &done);
    let id = text(&who.id);
    script.expect(
        "s",
        "GetConnectionData",
        &[&id, "i4:30000"],
        &who.data("text", 23, 0),
    );
    let taken = script.take("s", "TakeData");
    assert_eq!(
        taken["hex"],
        data_encoding::HEXLOWER.encode("как двоичные".as_bytes())
    );

    script.expect("c", "SendBinaryMessage", &[&bytes(&[0, 255, 7])], &done);
    script.expect(
        "s",
        "GetNextConnectionData",
        &["s:30000", "i4:1"],
        &who.data("binary", 3, 0),
    );
    assert_eq!(script.take("s", "TakeData")["hex"], "00ff07");
    script.expect_failure("s", "GetNextConnectionData", &["i4:0"], "timeout", &[]);
    let waited = script.call("s", "GetConnectionData", &[&id, "i4:0"]);
    assert_eq!(waited["error"], "timeout");
    script.expect_failure(
        "s",
        "GetConnectionData",
        &["s:nobody", "i4:0"],
        "not_found",
        &[],
    );
}

/// Server to client: text, binary data, pings and pongs.
fn to_client(script: &mut Script, who: &Peer) {
    let done = json!({"result": true});
    let id = text(&who.id);
    script.expect("s", "SendData", &[&id, "s:[1, 2]"], &done);
    script.expect(
        "c",
        "GetMessage",
        &["i4:30000"],
        &json!({"result": true, "type": "text", "size": 6, "json": true}),
    );
    assert_eq!(script.take("c", "TakeText")["text"], "[1, 2]");
    script.expect("s", "SendData", &[&id, "x:0001"], &done);
    script.expect(
        "c",
        "GetMessage",
        &["i4:30000"],
        &json!({"result": true, "type": "binary", "size": 2}),
    );
    assert_eq!(script.take("c", "TakeData")["hex"], "0001");
    script.expect("s", "SendData", &[&id, "x:31", "b:0", "s:text"], &done);
    script.expect(
        "c",
        "GetMessage",
        &["i4:30000"],
        &json!({"result": true, "type": "text", "size": 1}),
    );
    assert_eq!(script.take("c", "TakeText")["text"], "1");
    script.expect_failure("s", "SendData", &["s:nobody", "s:x"], "not_found", &[]);
    script.expect_failure(
        "s",
        "SendData",
        &[&id, "s:x", "b:0", "s:слово"],
        "usage",
        &[],
    );

    script.expect("c", "SendPing", &[], &done);
    script.expect(
        "c",
        "GetMessage",
        &["i4:30000"],
        &json!({"result": true, "type": "pong", "size": 0}),
    );
    script.expect("c", "SendPong", &[], &done);
    script.expect_failure("c", "GetMessage", &["i4:0"], "timeout", &[]);
}

/// What there is beside the twenty functions.
fn beside_the_contract(script: &mut Script) {
    for object in ["c", "s"] {
        let version = script.raw("call", object, "Version", &[]);
        assert_eq!(version["value"]["text"], env!("CARGO_PKG_VERSION"));
        let statistics = script.call(object, "GetStatistics", &[]);
        // Three went each way.
        assert_eq!(
            (&statistics["messagesSent"], &statistics["messagesReceived"]),
            (&json!(3), &json!(3)),
            "{statistics}"
        );
    }
    let status = script.call("c", "GetConnectionStatus", &[]);
    assert_eq!(
        (&status["result"], &status["isActive"]),
        (&json!(true), &json!(true)),
        "{status}"
    );
    let all = script.call("s", "Broadcast", &["s:всем"]);
    assert_eq!(all["result"], true, "{all}");
    script.expect(
        "c",
        "GetMessage",
        &["i4:30000"],
        &json!({"result": true, "type": "text", "size": 8}),
    );
    assert_eq!(script.take("c", "TakeText")["text"], "всем");
}

fn logs(script: &mut Script) {
    for object in ["c", "s"] {
        let log = script.call(object, "GetLog", &[]);
        let lines = log["logs"].as_array().unwrap();
        assert!(!lines.is_empty());
        assert_eq!(
            log,
            json!({"result": true, "logs": lines, "returned": lines.len(), "total": lines.len()})
        );
        let one = script.call(object, "GetLog", &["b:0", "i4:1"]);
        assert_eq!(
            (&one["returned"], &one["total"]),
            (&json!(1), &log["total"])
        );
        let whole = script.raw("call", object, "GetLog", &["b:1"]);
        let whole = whole["value"]["text"].as_str().unwrap();
        assert_eq!(whole.lines().count(), lines.len(), "{whole}");
    }
}

/// Who closes, what the other reads, and that the same object opens again.
fn ends(script: &mut Script, who: &Peer, url: &str) {
    let done = json!({"result": true});
    let id = text(&who.id);
    script.expect(
        "s",
        "CloseIncomingConnection",
        &[&id, "b:1", "i4:4000", "s:пора"],
        &done,
    );
    script.expect(
        "s",
        "GetConnectionList",
        &[],
        &json!({"result": true, "connections": []}),
    );
    script.expect(
        "c",
        "GetMessage",
        &["i4:30000"],
        &json!({"result": true, "type": "close", "code": 4000, "reason": "пора"}),
    );
    script.expect_failure(
        "c",
        "GetMessage",
        &["i4:30000"],
        "closed",
        &["code", "reason"],
    );
    script.expect_failure(
        "c",
        "SendTextMessage",
        &["s:x"],
        "closed",
        &["code", "reason"],
    );
    script.expect_failure(
        "s",
        "CloseIncomingConnection",
        &[&id],
        "closed",
        &["isActive", "code", "reason"],
    );

    script.expect("c", "CreateConnection", &[&text(url)], &done);
    script.expect("c", "CloseConnection", &["s:1000", "s:пока"], &done);
    script.expect_failure("c", "CloseConnection", &[], "closed", &["code", "reason"]);
    script.expect(
        "s",
        "GetConnectionList",
        &[],
        &json!({"result": true, "connections": []}),
    );
    script.expect("s", "StopServer", &[], &done);
    script.expect_failure("s", "StopServer", &[], "not_started", &[]);
    script.expect_failure("c", "CreateConnection", &[&text(url)], "refused", &[]);
    let started = script.call(
        "s",
        "StartServer",
        &["i4:0", "i4:1", "s:", &text(r#"{"address":"127.0.0.1"}"#)],
    );
    assert_eq!(started["result"], true);
    let log = script.call("s", "GetLog", &[]);
    assert_eq!(log["result"], false, "logging is off: {log}");
}

//! Statements: calls whose result nobody looks at.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::json;

use super::{Script, Writing};
use crate::support::native::text;

/// OneScript makes every statement a procedure: it must do what the function does.
#[test]
fn procedures_do_what_functions_do() {
    for writing in [Writing::English, Writing::Russian, Writing::Mixed] {
        every_procedure(writing);
    }
}

fn every_procedure(writing: Writing) {
    let mut script = Script::start(writing);
    let every: BTreeSet<String> = script.names.keys().cloned().collect();
    let called = RefCell::new(BTreeSet::new());
    let local = text(r#"{"address":"127.0.0.1"}"#);
    let started = script.call("s", "StartServer", &["i4:0", "i4:100", "s:", &local]);
    let url = text(&format!("ws://127.0.0.1:{}/", started["port"]));
    let statement = |script: &mut Script, object: &str, method: &str, arguments: &[&str]| {
        called.borrow_mut().insert(method.to_owned());
        let answer = script.raw("proc", object, method, arguments);
        assert_eq!(
            (&answer["ok"], &answer["value"]["type"]),
            (&json!(true), &json!("undefined")),
            "{method}: {answer}"
        );
    };
    statement(&mut script, "c", "CreateConnection", &[&url]);
    statement(&mut script, "c", "SendTextMessage", &["s:текст"]);
    statement(&mut script, "c", "SendBinaryMessage", &["x:0102"]);
    let first = script.call("s", "GetNextConnectionData", &["i4:30000"]);
    assert_eq!(script.take("s", "TakeText")["text"], "текст");
    // A receive whose result nobody looks at has received all the same.
    statement(&mut script, "s", "GetNextConnectionData", &["i4:30000"]);
    assert_eq!(script.take("s", "TakeData")["hex"], "0102");
    let id = text(first["connectionId"].as_str().unwrap());
    statement(&mut script, "s", "SendData", &[&id, "s:ответ"]);
    script.call("c", "GetMessage", &["i4:30000"]);
    assert_eq!(script.take("c", "TakeText")["text"], "ответ");
    statement(&mut script, "c", "SendPing", &[]);
    assert_eq!(
        script.call("c", "GetMessage", &["i4:30000"])["type"],
        "pong"
    );
    for (method, arguments) in [
        ("GetTlsSettings", &["b:1"][..]),
        ("GetProxySettings", &["s:proxy", "i4:1"]),
        ("GetLoggingSettings", &[]),
        ("GetLog", &[]),
        ("SendPong", &[]),
        ("Version", &[]),
        ("GetStatistics", &[]),
        ("GetConnectionStatus", &[]),
        ("SetEvents", &["b:0"]),
    ] {
        statement(&mut script, "c", method, arguments);
    }
    statement(&mut script, "s", "GetConnectionList", &[]);
    // A taken payload is gone, also if nobody has looked at it.
    statement(&mut script, "s", "Broadcast", &["s:всем"]);
    statement(&mut script, "c", "GetMessage", &["i4:30000"]);
    statement(&mut script, "c", "TakeText", &[]);
    assert_eq!(script.take("c", "TakeText")["type"], "undefined");
    statement(&mut script, "c", "SendBinaryMessage", &["x:03"]);
    statement(&mut script, "s", "GetConnectionData", &[&id, "i4:30000"]);
    statement(&mut script, "s", "TakeData", &[]);
    assert_eq!(script.take("s", "TakeData")["type"], "undefined");
    statement(&mut script, "s", "CloseIncomingConnection", &[&id]);
    assert_eq!(
        script.call("c", "GetMessage", &["i4:30000"])["type"],
        "close"
    );
    statement(&mut script, "c", "CreateConnection", &[&url]);
    statement(&mut script, "c", "CloseConnection", &[]);
    script.expect_failure("c", "SendPing", &[], "closed", &["code", "reason"]);
    statement(&mut script, "s", "StopServer", &[]);
    script.expect_failure("s", "GetConnectionList", &[], "not_started", &[]);
    statement(
        &mut script,
        "s",
        "StartServer",
        &["i4:0", "i4:100", "s:", &local],
    );
    script.expect(
        "s",
        "GetConnectionList",
        &[],
        &json!({"result": true, "connections": []}),
    );
    // A failed statement says so in LastError.
    statement(
        &mut script,
        "c",
        "CreateConnection",
        &["s:ftp://example.test/"],
    );
    let error = script.host.ask(&["get", "c", "последняяОшибка"]);
    assert!(
        error["value"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("scheme")),
        "{error}"
    );
    assert_eq!(every, called.into_inner());
    script.host.end("c");
    script.host.end("s");
    script.host.finish();
}

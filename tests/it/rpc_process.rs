//! `ws rpc` as a process: its lines, its end, its help.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ws_tests::process::{Finished, Process};

use crate::support::cli::{Checked, Ws, line_with, piped_into_head, serve, ws};
use crate::support::schema::{types, valid_answer, valid_lines};

fn rpc() -> Ws {
    ws(&["rpc"])
}

/// Every answer, each of which fits the schema.
#[track_caller]
fn answers(finished: &Finished) -> Vec<Value> {
    let text = finished.stdout_text();
    assert!(text.is_empty() || text.ends_with('\n'), "cut: {text}");
    text.lines().map(valid_answer).collect()
}

/// The answer with this id.
#[track_caller]
fn with_id(answers: &[Value], id: impl Into<Value>) -> &Value {
    let id = id.into();
    let mut found = answers.iter().filter(|answer| answer["id"] == id);
    let answer = found.next().unwrap_or_else(|| panic!("no answer {id}"));
    assert!(found.next().is_none(), "two answers {id}");
    answer
}

/// Waits for the answer with this id.
fn wait_for(process: &mut Process, id: u32) -> Value {
    let start = format!("{{\"id\":{id},");
    process.wait_for_stdout(|line| line.starts_with(&start).then(|| valid_answer(line)))
}

#[test]
fn a_script_may_name_an_object_before_it_exists_and_gets_every_answer() {
    let server = serve(&["--echo"]);
    let finished = rpc()
        .stdin(format!(
            r#"{{"id":1,"method":"CreateConnection","params":["{}"]}}
{{"id":2,"method":"IsClientObject","params":["c1"]}}
{{"id":3,"method":"SendTextMessage","params":{{"connection":"c1","text":"[1, \"ж\"]"}}}}
{{"id":4,"method":"ПолучитьСообщение","params":{{"Соединение":"c1","Таймаут":"30000"}}}}
{{"id":"last","method":"CloseConnection","params":["c1"]}}"#,
            server.url
        ))
        .run()
        .expect_code(0);
    let answers = answers(&finished);
    let is = |id: u32, result: Value| {
        assert_eq!(with_id(&answers, id), &json!({"id": id, "result": result}))
    };
    is(1, json!({"result": true, "object": "c1"}));
    is(2, json!(true));
    is(3, json!({"result": true}));
    let text = "[1, \"ж\"]";
    is(
        4,
        json!({"result": true, "type": "text", "size": text.len(), "data": text}),
    );
    assert_eq!(
        with_id(&answers, "last"),
        &json!({"id": "last", "result": {"result": true}})
    );
    assert_eq!(answers.len(), 5);
    assert_eq!(finished.stderr, "");
}

#[test]
fn the_name_of_an_object_that_could_not_be_made_means_nothing() {
    let finished = rpc()
        .stdin(concat!(
            r#"{"id":1,"method":"CreateConnection","params":["http://127.0.0.1"]}"#,
            "\n",
            r#"{"id":2,"method":"SendPing","params":["c1"]}"#,
            "\n",
            r#"{"id":3,"method":"IsClientObject","params":["c1"]}"#,
        ))
        .run()
        .expect_code(0);
    let answers = answers(&finished);
    assert_eq!(with_id(&answers, 1)["result"]["errorCode"], "usage");
    assert_eq!(with_id(&answers, 2)["result"]["errorCode"], "not_an_object");
    assert_eq!(with_id(&answers, 3)["result"], false);
}

#[test]
fn what_is_no_call_is_told_so_and_it_goes_on() {
    let mut stdin = b"nonsense\n\n  \t \r\n[]\n{\"id\":\"\xff\"}\n".to_vec();
    for line in [
        r#"{"id":{"a":1},"method":"Nothing"}"#,
        r#"{"id":2,"method":"GetMessage","params":{"Connection":"c1","Tiemout":1}}"#,
        r#"{"id":3,"method":"GetMessage","params":["c1",1,2]}"#,
        r#"{"id":4,"method":"GetMessage","params":[]}"#,
        r#"{"id":5,"method":"GetMessage","params":[{}]}"#,
        r#"{"method":"IsServerObject","params":["s1"]}"#,
    ] {
        stdin.extend_from_slice(line.as_bytes());
        stdin.push(b'\n');
    }
    let finished = rpc().stdin(stdin).run().expect_code(0);
    let answers = answers(&finished);
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(
        json!(ids),
        json!([null, null, null, {"a": 1}, 2, 3, 4, 5, null])
    );
    for answer in &answers[..7] {
        assert_eq!(answer["errorCode"], "usage", "{answer}");
    }
    assert_eq!(answers[7]["result"]["errorCode"], "not_an_object");
    assert_eq!(answers[8]["result"], false);
}

#[test]
fn a_line_beyond_the_limit_is_refused_and_it_goes_on() {
    let mut process = rpc().start();
    // Kibibytes up to the limit, and one more: never held whole here.
    let chunk = vec![b'x'; 1024 * 1024];
    for _ in 0..129 {
        assert!(process.write(&chunk));
    }
    assert!(process.write(b"\n{\"id\":2,\"method\":\"Version\"}\n"));
    let finished = process.finish().expect_code(0);
    let answers = answers(&finished);
    assert_eq!(answers.len(), 2);
    assert_eq!(
        (&answers[0]["id"], &answers[0]["errorCode"]),
        (&Value::Null, &"too_big".into())
    );
    assert!(answers[0]["error"].as_str().unwrap().contains("134217728"));
    assert_eq!(answers[1]["result"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_end_of_stdin_closes_all_objects() {
    let mut server = serve(&["--json"]);
    let mut process = rpc().start();
    for id in 1..=3 {
        let url = &server.url;
        let line = format!(r#"{{"id":{id},"method":"CreateConnection","params":["{url}"]}}"#);
        assert!(process.write(format!("{line}\n").as_bytes()));
        wait_for(&mut process, id);
    }
    process.finish().expect_code(0);
    for _ in 0..3 {
        server
            .process
            .wait_for_stdout(line_with(r#""type":"close""#));
    }
    server.process.signal("TERM");
    let lines = server.process.finish().expect_code(0);
    let lines = valid_lines(lines.stdout_text());
    assert_eq!(types(&lines).len(), 7);
    let closes = lines.iter().filter(|line| line["type"] == "close");
    assert!(closes.clone().all(|line| line["code"] == 1000), "{lines:?}");
}

#[test]
fn waits_end_when_nothing_is_answered_after_the_end_of_stdin() {
    let begin = Instant::now();
    let finished = ws(&["rpc", "--wait", "250ms"])
        .stdin(concat!(
            r#"{"id":1,"method":"StartServer","params":{"Port":0,"Settings":{"address":"127.0.0.1"}}}"#,
            "\n",
            r#"{"id":2,"method":"GetNextConnectionData","params":{"ServerObject":"s1","Timeout":600000}}"#,
        ))
        .run()
        .expect_code(0);
    assert!(begin.elapsed() < Duration::from_secs(50));
    let answers = answers(&finished);
    assert_eq!(with_id(&answers, 1)["result"]["object"], "s1");
    assert_eq!(with_id(&answers, 2)["result"]["errorCode"], "not_started");
}

#[cfg(unix)]
#[test]
fn signals_close_all_objects_and_end_what_waits() {
    for (signal, code) in [("INT", 130), ("TERM", 0)] {
        let mut peer = serve(&["--json"]);
        let mut process = rpc().start();
        let lines = format!(
            r#"{{"id":1,"method":"CreateConnection","params":["{}"]}}
{{"id":2,"method":"StartServer","params":{{"Port":0,"Settings":{{"address":"127.0.0.1"}}}}}}
{{"id":3,"method":"GetMessage","params":["c1",600000]}}
{{"id":4,"method":"GetNextConnectionData","params":["s1",600000]}}
"#,
            peer.url
        );
        assert!(process.write(lines.as_bytes()));
        let mut started = Value::Null;
        for _ in 1..=2 {
            let answer = process.wait_for_stdout(|line| Some(valid_answer(line)));
            if answer["id"] == 2 {
                started = answer;
            }
        }
        let address = started["result"]["address"].as_str().unwrap().to_owned();
        process.signal(signal);
        let finished = process.finish().expect_code(code);
        let answers = answers(&finished);
        assert_eq!(with_id(&answers, 4)["result"]["errorCode"], "not_started");
        // The end is a message too.
        let end = json!({"result": true, "type": "close", "code": 1001, "reason": ""});
        assert_eq!(with_id(&answers, 3)["result"], end);
        std::net::TcpListener::bind(address).expect("the port is free");
        peer.process.wait_for_stdout(line_with(r#""type":"close""#));
        peer.process.signal("TERM");
        let lines = peer.process.finish().expect_code(0);
        let lines = valid_lines(lines.stdout_text());
        assert_eq!(lines.last().unwrap()["code"], 1001);
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_went_away_ends_it_with_0() {
    let mut process = piped_into_head("rpc");
    let line = b"{\"id\":1,\"method\":\"Version\"}\n";
    process.write(line);
    process.wait_for_stdout(line_with("\"id\":1"));
    // head has it and ends; the next answer finds nobody.
    let end = loop {
        process.write(line);
        if process.stderr_so_far().contains("exit ") {
            break process.wait_for_stderr(line_with("exit "));
        }
        std::thread::yield_now();
    };
    assert_eq!(end, "exit 0");
}

#[test]
fn help_tells_of_it_with_examples() {
    let help = ws(&["--help"]).run().expect_code(0);
    assert!(help.stdout_text().contains("\n  rpc "), "{help:?}");
    let help = ws(&["rpc", "--help"]).run().expect_code(0);
    for words in ["CreateConnection", "Examples:", "Exit codes:", "--wait"] {
        assert!(help.stdout_text().contains(words), "{words}: {help:?}");
    }
}

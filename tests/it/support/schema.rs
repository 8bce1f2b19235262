//! Judges the lines of `--json` and the answers of `ws rpc` by the schemas that the README shows to users.

use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// Parses every line and requires that it fits the schema.
#[track_caller]
pub(crate) fn valid_lines(text: &str) -> Vec<Value> {
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the last line is cut: {text}"
    );
    text.lines().map(valid_line).collect()
}

/// Parses one line and requires that it fits the schema.
#[track_caller]
pub(crate) fn valid_line(line: &str) -> Value {
    valid(line, &EVENT)
}

/// Parses one line of `ws rpc` and requires that it fits the schema of its answers.
#[track_caller]
pub(crate) fn valid_answer(line: &str) -> Value {
    valid(line, &ANSWER)
}

#[track_caller]
fn valid(line: &str, validator: &Validator) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert!(
        errors.is_empty(),
        "{line} does not fit the README's schema: {errors:?}"
    );
    value
}

/// The `type` of each line.
pub(crate) fn types(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["type"].as_str().unwrap_or("?"))
        .collect()
}

static EVENT: LazyLock<Validator> = LazyLock::new(|| schema("An event printed by ws --json"));
static ANSWER: LazyLock<Validator> = LazyLock::new(|| schema("An answer printed by ws rpc"));

fn schema(title: &str) -> Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).expect("README.md is there");
    let schema = readme
        .split("```json\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .filter(|block| block.contains("\"$schema\""))
        .map(|block| serde_json::from_str::<Value>(block).expect("the schema is JSON"))
        .find(|schema| schema["title"] == title)
        .expect("README.md has the JSON Schema block");
    jsonschema::validator_for(&schema).expect("the schema is a JSON Schema")
}

#[test]
fn the_schema_refuses_what_is_not_an_event() {
    let time = "2026-05-02T11:07:56.936Z";
    let good = format!(
        r#"{{"type":"text","dir":"in","time":"{time}","address":"127.0.0.1:5","path":"/","size":1,"data":"a"}}"#
    );
    valid_line(&good);
    let bad = [
        good.replace("\"text\"", "\"message\""),
        good.replace("\"dir\":\"in\",", ""),
        good.replace(time, "2026-05-02 11:07:56"),
        good.replace("\"size\":1", "\"size\":-1"),
        good.replace("\"data\"", "\"base64\""),
        good.replace("\"size\"", "\"length\":1,\"size\""),
        format!(r#"{{"type":"error","time":"{time}","reason":"x","errorCode":"oops"}}"#),
        format!(
            r#"{{"type":"close","dir":"in","time":"{time}","address":"127.0.0.1:5","path":"/","reason":""}}"#
        ),
    ];
    for line in bad {
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert!(!EVENT.is_valid(&value), "{line}");
    }
}

#[test]
fn the_schema_refuses_what_is_not_an_answer() {
    valid_answer(r#"{"id":1,"result":{"result":true,"object":"c1"}}"#);
    valid_answer(r#"{"id":[null],"result":false}"#);
    valid_answer(r#"{"id":1,"result":{"use_tls":true}}"#);
    valid_answer(r#"{"id":null,"error":"x","errorCode":"usage"}"#);
    for line in [
        r#"{"result":true}"#,
        r#"{"id":1}"#,
        r#"{"id":1,"result":1}"#,
        r#"{"id":1,"result":{"result":false}}"#,
        r#"{"id":1,"result":{"result":false,"error":"x","errorCode":"oops"}}"#,
        r#"{"id":1,"result":{"result":"true"}}"#,
        r#"{"id":1,"result":true,"error":"x","errorCode":"usage"}"#,
        r#"{"id":1,"error":"x"}"#,
        r#"{"id":1,"error":"x","errorCode":"timeout"}"#,
        r#"{"id":1,"result":true,"jsonrpc":"2.0"}"#,
    ] {
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert!(!ANSWER.is_valid(&value), "{line}");
    }
}

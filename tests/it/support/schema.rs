//! Judges the lines of `--json` by the schema that the README shows to users.

use std::path::Path;
use std::sync::OnceLock;

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
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let errors: Vec<String> = validator()
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

fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let readme = std::fs::read_to_string(path).expect("README.md is there");
        let schema = readme
            .split("```json\n")
            .skip(1)
            .filter_map(|block| block.split("```").next())
            .find(|block| block.contains("\"$schema\""))
            .expect("README.md has a JSON Schema block");
        let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
        jsonschema::validator_for(&schema).expect("the schema is a JSON Schema")
    })
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
        assert!(!validator().is_valid(&value), "{line}");
    }
}

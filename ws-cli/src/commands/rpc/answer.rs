//! Answers as lines of JSON.
//!
//! Invariant: an answer is one line, and holds no character that could act on a terminal.

use std::fmt::Write as _;

use data_encoding::BASE64;
use ws_ffi::dispatch::{MAX_EXACT, Value};

use super::request::Refusal;
use crate::output::{push_json, push_string};

/// Appends the answer to a call.
pub(super) fn result(id: &str, value: &Value, line: &mut String) {
    line.push_str("{\"id\":");
    push_json(id, line);
    line.push_str(",\"result\":");
    push_value(value, line);
    line.push('}');
}

/// Appends the answer to a line that is no call.
pub(super) fn refusal(id: &str, refusal: &Refusal, line: &mut String) {
    line.push_str("{\"id\":");
    push_json(id, line);
    line.push_str(",\"error\":");
    push_string(&refusal.text, line);
    line.push_str(",\"errorCode\":");
    push_string(refusal.error_code, line);
    line.push('}');
}

/// Appends the answer to a call that asked for parsed JSON: `data` of a text message that begins with `{` or `[` and is
/// wholly JSON is written as it is, with the original beside it in `text`.
pub(super) fn parsed_result(id: &str, value: &Value, line: &mut String) {
    let Value::Map(fields) = value else {
        return result(id, value, line);
    };
    let is_text = value.get("type").and_then(Value::as_text) == Some("text");
    line.push_str("{\"id\":");
    push_json(id, line);
    line.push_str(",\"result\":{");
    for (number, (name, value)) in fields.iter().enumerate() {
        push_name(number, name, line);
        match value {
            Value::Text(text) if is_text && name == "data" && is_json(text) => {
                push_json(text, line);
                line.push_str(",\"text\":");
                push_string(text, line);
            }
            value => push_value(value, line),
        }
    }
    line.push_str("}}");
}

/// What the 1C module takes for JSON: an object or an array, wholly valid.
fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok()
}

fn push_value(value: &Value, line: &mut String) {
    match value {
        Value::Undefined => line.push_str("null"),
        Value::Boolean(true) => line.push_str("true"),
        Value::Boolean(false) => line.push_str("false"),
        Value::Number(number) => push_number(*number, line),
        Value::Text(text) => push_string(text, line),
        Value::Binary(bytes) => {
            line.push_str("{\"base64\":\"");
            BASE64.encode_append(bytes, line);
            line.push_str("\"}");
        }
        Value::List(items) => {
            line.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    line.push(',');
                }
                push_value(item, line);
            }
            line.push(']');
        }
        Value::Map(fields) => {
            line.push('{');
            for (number, (name, value)) in fields.iter().enumerate() {
                push_name(number, name, line);
                push_value(value, line);
            }
            line.push('}');
        }
    }
}

fn push_name(number: usize, name: &str, line: &mut String) {
    if number > 0 {
        line.push(',');
    }
    push_string(name, line);
    line.push(':');
}

fn push_number(number: f64, line: &mut String) {
    // Writing to a String cannot fail.
    let _ = if !number.is_finite() {
        write!(line, "null")
    } else if number.fract() == 0.0 && number.abs() <= MAX_EXACT {
        write!(line, "{number:.0}")
    } else {
        write!(line, "{number:?}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        let fields = fields.iter();
        Value::Map(
            fields
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    }

    fn answered(value: &Value, encode: impl Fn(&str, &Value, &mut String)) -> String {
        let mut line = String::new();
        encode("1", value, &mut line);
        let _: serde_json::Value = serde_json::from_str(&line).expect("an answer is JSON");
        assert!(!line.contains(['\n', '\r', '\u{2028}']), "{line}");
        line
    }

    #[test]
    fn every_kind_of_value_is_json() {
        let value = map(&[
            ("undefined", Value::Undefined),
            ("yes", Value::Boolean(true)),
            ("no", Value::Boolean(false)),
            ("whole", Value::Number(8071.0)),
            ("below", Value::Number(-1.5)),
            ("huge", Value::Number(1e300)),
            ("nan", Value::Number(f64::NAN)),
            ("text", text("ж\"\n\u{2028}")),
            ("binary", Value::Binary(vec![0, 255])),
            ("list", Value::List(vec![Value::Number(1.0), text("")])),
        ]);
        assert_eq!(
            answered(&value, result),
            concat!(
                r#"{"id":1,"result":{"undefined":null,"yes":true,"no":false,"whole":8071,"below":-1.5,"huge":1e300,"nan":null,"#,
                r#""text":"ж\"\n\u2028","binary":{"base64":"AP8="},"list":[1,""]}}"#
            )
        );
        assert_eq!(
            answered(&Value::Boolean(false), result),
            r#"{"id":1,"result":false}"#
        );
        assert_eq!(
            answered(&Value::Boolean(false), parsed_result),
            r#"{"id":1,"result":false}"#
        );
    }

    #[test]
    fn an_id_is_repeated_on_one_line() {
        for (id, repeated) in [
            ("1e400", "1e400"),
            ("[1,\r\n\t2]", "[1,2]"),
            ("\"\u{2028}\u{202e}\"", r#""\u2028\u202e""#),
            ("null", "null"),
        ] {
            let mut line = String::new();
            result(id, &Value::Boolean(true), &mut line);
            assert_eq!(line, format!(r#"{{"id":{repeated},"result":true}}"#));
        }
    }

    #[test]
    fn json_of_a_text_message_is_parsed_when_asked_for_and_kept_beside_it() {
        let message = |kind: &str, data: &str| {
            map(&[
                ("result", Value::Boolean(true)),
                ("type", text(kind)),
                ("data", text(data)),
            ])
        };
        for json in [
            "{}",
            "[]",
            "[1.50, 12345678901234567890]",
            r#"{"a":"\u2028"}"#,
        ] {
            assert_eq!(
                answered(&message("text", json), parsed_result),
                format!(
                    r#"{{"id":1,"result":{{"result":true,"type":"text","data":{json},"text":{}}}}}"#,
                    serde_json::Value::from(json)
                )
            );
        }
        assert!(
            answered(&message("text", "{\"a\":\r\n1}"), parsed_result)
                .contains(r#""data":{"a":1}"#)
        );
        for no_json in [
            "",
            "1",
            "\"a\"",
            " {}",
            "{",
            "[1",
            "{} x",
            "{'a':1}",
            "[\"\\ud800\"]",
        ] {
            let message = message("text", no_json);
            assert_eq!(
                answered(&message, parsed_result),
                answered(&message, result)
            );
        }
        let message = message("ping", "{}");
        assert_eq!(
            answered(&message, parsed_result),
            answered(&message, result)
        );
    }
}

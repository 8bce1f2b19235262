//! A line of stdin as a call: method and parameters by English or Russian name.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde_json::value::RawValue;
use serde_json::{Number, Value as Json};
use ws_ffi::dispatch::{self, Default, Function, MAX_EXACT, Parameter, Value};

/// The members of a request.
const MEMBERS: &str = "\"id\", \"method\", \"params\" and \"parse\"";

/// Why a line is no call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The contract's word.
    pub(super) error_code: &'static str,
    /// What is wrong, with what, and what to write instead.
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(error_code: &'static str, text: impl Into<String>) -> Self {
        Self {
            error_code,
            text: text.into(),
        }
    }

    /// Wrong usage, what nearly every refusal is.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::new("usage", text)
    }
}

/// A function with its arguments.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) function: &'static Function,
    /// What the function is called on; `None` for a function without an object.
    pub(super) object: Option<Value>,
    /// The other arguments in the order of the table, missing ones as `Undefined`.
    pub(super) arguments: Vec<Value>,
    /// Is `data` to be parsed if it is JSON?
    pub(super) parse: bool,
}

/// Does the function ask what a value is?
pub(super) fn is_question(function: &Function) -> bool {
    ["IsClientObject", "IsServerObject"].contains(&function.english)
}

/// Reads a line; the first part of the answer is its id as JSON, `null` if it has none.
pub(super) fn parse(line: &[u8]) -> (String, Result<Request, Refusal>) {
    let members = std::str::from_utf8(line)
        .map_err(|error| {
            let position = error.valid_up_to();
            Refusal::usage(format!("the line is not UTF-8 (byte {position})"))
        })
        .and_then(|line| {
            serde_json::from_str::<BTreeMap<String, &RawValue>>(line)
                .map_err(|error| Refusal::usage(format!("the line is not a JSON object: {error}")))
        });
    match members {
        Ok(members) => {
            let id = members.get("id").map_or("null", |id| id.get()).to_owned();
            (id, Request::new(&members))
        }
        Err(refusal) => (String::from("null"), Err(refusal)),
    }
}

impl Request {
    fn new(members: &BTreeMap<String, &RawValue>) -> Result<Self, Refusal> {
        for name in members.keys() {
            if !["id", "method", "params", "parse"].contains(&name.as_str()) {
                let text = format!("a request has no \"{name}\"; its members are {MEMBERS}");
                return Err(Refusal::usage(text));
            }
        }
        let method = members.get("method").ok_or_else(|| {
            Refusal::usage("\"method\" is missing; it names one of the contract's functions")
        })?;
        let method: String = serde_json::from_str(method.get())
            .map_err(|error| Refusal::usage(format!("\"method\" is not a string: {error}")))?;
        let function = dispatch::find(&method).ok_or_else(|| {
            Refusal::usage(format!(
                "there is no method \"{method}\"; the README lists them, 'ws rpc --help' shows some"
            ))
        })?;
        let params = match members.get("params") {
            Some(params) => json(params, "params")?,
            None => Json::Null,
        };
        let mut parse = match members.get("parse") {
            Some(parse) => is_true(json(parse, "parse")?)?,
            None => false,
        };
        let values = match params {
            Json::Null => Vec::new(),
            Json::Array(values) => in_order(function, values)?,
            Json::Object(values) => by_name(function, values, &mut parse)?,
            _ => {
                return Err(Refusal::usage(
                    "\"params\" is neither an object nor an array of parameters",
                ));
            }
        };
        Self::with_values(function, values, parse)
    }

    /// Takes the values in the order of the table; the last ones may be missing.
    fn with_values(
        function: &'static Function,
        mut values: Vec<Option<Json>>,
        parse: bool,
    ) -> Result<Self, Refusal> {
        values.resize_with(function.parameters.len(), || None);
        let mut object = None;
        let mut arguments = Vec::with_capacity(values.len());
        for (parameter, value) in function.parameters.iter().zip(values) {
            if value.is_none() && parameter.default == Default::Mandatory {
                return Err(Refusal::usage(format!(
                    "{} needs {}, which is missing; its parameters are {}",
                    function.english,
                    parameter.english,
                    names(function)
                )));
            }
            let value = value.map_or(Ok(Value::Undefined), |value| argument(parameter, value))?;
            // What a value is, its own object knows.
            if parameter.is_object || is_question(function) {
                object = Some(value);
            } else {
                arguments.push(value);
            }
        }
        Ok(Self {
            function,
            object,
            arguments,
            parse,
        })
    }
}

fn json(raw: &RawValue, name: &str) -> Result<Json, Refusal> {
    serde_json::from_str(raw.get())
        .map_err(|error| Refusal::usage(format!("\"{name}\" cannot be read: {error}")))
}

fn is_true(value: Json) -> Result<bool, Refusal> {
    value
        .as_bool()
        .ok_or_else(|| Refusal::usage("\"parse\" is neither true nor false"))
}

fn in_order(function: &Function, values: Vec<Json>) -> Result<Vec<Option<Json>>, Refusal> {
    if values.len() > function.parameters.len() {
        return Err(Refusal::usage(format!(
            "{} takes at most {} parameters, not {}: {}",
            function.english,
            function.parameters.len(),
            values.len(),
            names(function)
        )));
    }
    Ok(values.into_iter().map(Some).collect())
}

fn by_name(
    function: &Function,
    values: serde_json::Map<String, Json>,
    parse: &mut bool,
) -> Result<Vec<Option<Json>>, Refusal> {
    let mut placed: Vec<Option<Json>> = Vec::new();
    placed.resize_with(function.parameters.len(), || None);
    for (name, value) in values {
        let folded = name.to_lowercase();
        let place = function.parameters.iter().position(|parameter| {
            parameter.english.to_lowercase() == folded || parameter.russian.to_lowercase() == folded
        });
        match place {
            Some(place) if placed[place].is_none() => placed[place] = Some(value),
            Some(place) => {
                return Err(Refusal::usage(format!(
                    "{} is given twice, the second time as \"{name}\"",
                    function.parameters[place].english
                )));
            }
            None if name == "parse" => *parse = is_true(value)?,
            None => {
                return Err(Refusal::usage(format!(
                    "{} has no parameter \"{name}\"; its parameters are {}",
                    function.english,
                    names(function)
                )));
            }
        }
    }
    Ok(placed)
}

/// The parameters of a function, for an error.
fn names(function: &Function) -> String {
    let names: Vec<&str> = function
        .parameters
        .iter()
        .map(|parameter| parameter.english)
        .collect();
    names.join(", ")
}

/// A parameter's value; `{"base64":"…"}` is bytes where the parameter may be bytes, and a map everywhere else.
fn argument(parameter: &Parameter, value: Json) -> Result<Value, Refusal> {
    let encoded = match &value {
        Json::Object(fields) if fields.len() == 1 && parameter.types.contains("BinaryData") => {
            fields.get("base64").and_then(Json::as_str)
        }
        _ => None,
    };
    let Some(encoded) = encoded else {
        let is_sent = parameter.types.contains("BinaryData");
        return match inexact(&value).filter(|_| is_sent) {
            Some(number) => Err(Refusal::usage(format!(
                "{}: not every digit of {number} can be kept; give the number, or the JSON that it is in, as a string",
                parameter.english
            ))),
            None => Ok(Value::from_json(value)),
        };
    };
    BASE64
        .decode(encoded.as_bytes())
        .map(Value::Binary)
        .map_err(|error| {
            let name = parameter.english;
            Refusal::usage(format!("\"base64\" of {name} is not Base64: {error}"))
        })
}

/// A whole number in `value` so large that an `f64` may have another in its place.
fn inexact(value: &Json) -> Option<&Number> {
    let is_inexact = |number: f64| number.fract() == 0.0 && number.abs() >= MAX_EXACT;
    match value {
        Json::Number(number) => Some(number).filter(|n| n.as_f64().is_some_and(is_inexact)),
        Json::Array(items) => items.iter().find_map(inexact),
        Json::Object(members) => members.values().find_map(inexact),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Request {
        let (id, request) = parse(line.as_bytes());
        assert_eq!(id, "7", "{line}");
        request.unwrap_or_else(|refusal| panic!("{line}: {refusal:?}"))
    }

    #[track_caller]
    fn refused(line: &[u8], id: &str, words: &[&str]) {
        let (given, request) = parse(line);
        let refusal = request.expect_err("must be refused");
        assert_eq!((given.as_str(), refusal.error_code), (id, "usage"));
        for word in words {
            assert!(refusal.text.contains(word), "{word} in {refusal:?}");
        }
    }

    #[test]
    fn names_are_english_or_russian_in_any_case_and_values_go_to_their_place() {
        for line in [
            r#"{"id":7,"method":"SendTextMessage","params":{"Connection":"c1","Text":"ж","FromFile":false}}"#,
            r#"{"id":7,"method":"sendtextmessage","params":{"fromfile":false,"TEXT":"ж","connection":"c1"}}"#,
            r#"{"id":7,"method":"ОТПРАВИТЬтекстовоеСообщение","params":{"соединение":"c1","ТЕКСТ":"ж","ИзФайла":false}}"#,
            r#" { "params" : ["c1","ж",false] , "method" : "SENDTEXTMESSAGE", "id" : 7 } "#,
        ] {
            let request = read(line);
            assert_eq!(request.function.english, "SendTextMessage", "{line}");
            assert_eq!(request.object, Some(Value::from("c1")));
            assert_eq!(request.arguments, [Value::from("ж"), Value::from(false)]);
            assert!(!request.parse);
        }
    }

    #[test]
    fn what_is_missing_is_undefined() {
        let request = read(r#"{"id":7,"method":"StartServer","params":[0,null]}"#);
        let expected = [
            0.into(),
            Value::Undefined,
            Value::Undefined,
            Value::Undefined,
        ];
        assert_eq!((request.object, request.arguments), (None, expected.into()));
        let request = read(r#"{"id":7,"method":"GetLoggingSettings"}"#);
        assert_eq!(request.arguments.len(), 3);
    }

    #[test]
    fn bytes_are_base64_where_bytes_may_be() {
        let request =
            read(r#"{"id":7,"method":"SendBinaryMessage","params":["c1",{"base64":"AP8="}]}"#);
        assert_eq!(request.arguments, [Value::Binary(vec![0, 255])]);
        for map in [
            r#"{"id":7,"method":"SendTextMessage","params":["c1",{"base64":"AP8=","x":1}]}"#,
            r#"{"id":7,"method":"SendTextMessage","params":["c1",{"base64":1}]}"#,
            r#"{"id":7,"method":"CreateConnection","params":["ws://h",null,null,{"base64":"AP8="}]}"#,
        ] {
            let request = read(map);
            let map = request.arguments.iter().find(|value| value.kind() == "Map");
            assert!(map.is_some(), "{request:?}");
        }
        refused(
            br#"{"id":7,"method":"SendData","params":["s1","id",{"base64":"AP8"}]}"#,
            "7",
            &["Data", "Base64"],
        );
    }

    #[test]
    fn a_number_is_sent_with_every_digit_or_not_at_all() {
        for data in [
            "1234567890123456789",
            r#"{"a":[-9007199254740993]}"#,
            "1e21",
        ] {
            let line = format!(r#"{{"id":7,"method":"SendTextMessage","params":["c1",{data}]}}"#);
            refused(line.as_bytes(), "7", &["Text", "digit"]);
        }
        let line =
            r#"{"id":7,"method":"SendTextMessage","params":["c1",[9007199254740991,0.1,1e-300]]}"#;
        assert_eq!(read(line).arguments[0].kind(), "Array");
    }

    #[test]
    fn parse_stands_beside_the_parameters_or_among_them() {
        for (line, parse) in [
            (
                r#"{"id":7,"method":"GetMessage","params":["c1"],"parse":true}"#,
                true,
            ),
            (
                r#"{"id":7,"method":"GetMessage","params":{"Connection":"c1","parse":true}}"#,
                true,
            ),
            (
                r#"{"id":7,"method":"GetMessage","params":["c1"],"parse":false}"#,
                false,
            ),
        ] {
            assert_eq!(read(line).parse, parse, "{line}");
        }
        let line = br#"{"id":7,"method":"GetMessage","params":["c1"],"parse":1}"#;
        refused(line, "7", &["parse", "true"]);
    }

    #[test]
    fn the_object_of_a_question_is_its_value() {
        for (value, object) in [("\"c1\"", Value::from("c1")), ("null", Value::Undefined)] {
            let request = read(&format!(
                r#"{{"id":7,"method":"IsClientObject","params":[{value}]}}"#
            ));
            assert_eq!((request.object, request.arguments), (Some(object), vec![]));
        }
    }

    #[test]
    fn what_is_no_request_is_told_why() {
        refused(b"nonsense", "null", &["JSON object"]);
        refused(b"[1]", "null", &["JSON object"]);
        refused(
            b"{\"id\":7,\"method\":\"\xff\"}",
            "null",
            &["UTF-8", "byte 18"],
        );
        refused(br#"{"id":7}"#, "7", &["method", "missing"]);
        refused(br#"{"id":7,"method":1}"#, "7", &["method", "string"]);
        refused(br#"{"id":7,"method":"GetMessages"}"#, "7", &["GetMessages"]);
        refused(
            br#"{"id":7,"method":"GetLog","parms":[]}"#,
            "7",
            &["parms", "params"],
        );
        refused(
            br#"{"id":7,"method":"GetLog","params":"s1"}"#,
            "7",
            &["params", "array"],
        );
    }

    #[test]
    fn wrong_parameters_are_named() {
        let wrong = |params: &str, words: &[&str]| {
            let line = format!(r#"{{"id":[7],"method":"GetMessage","params":{params}}}"#);
            refused(line.as_bytes(), "[7]", words);
        };
        wrong("[]", &["Connection", "missing"]);
        wrong("{}", &["Connection", "missing"]);
        wrong(r#"["c1",0,0]"#, &["at most 2", "Connection, Timeout"]);
        wrong(
            r#"{"Connection":"c1","Timeuot":0}"#,
            &["Timeuot", "Connection, Timeout"],
        );
        wrong(
            r#"{"Connection":"c1","Соединение":"c1"}"#,
            &["Connection", "twice"],
        );
        wrong(r#"{"Connection":"c1","Timeout":1e999}"#, &["params"]);
        wrong(r#"{"Connection":"\ud800"}"#, &["params"]);
    }

    #[test]
    fn any_id_is_kept_as_it_came() {
        for id in [
            "1e999",
            "18446744073709551616",
            "-0.10",
            r#""\ud800""#,
            "{\"a\":[1]}",
            "null",
        ] {
            let (kept, request) = parse(format!(r#"{{"id":{id},"method":"Version"}}"#).as_bytes());
            assert!(request.is_ok(), "{request:?}");
            assert_eq!(kept, id);
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let deep = "[".repeat(100_000);
        for line in [
            deep.clone(),
            format!(r#"{{"id":7,"method":"GetLog","params":{deep}"#),
        ] {
            assert!(parse(line.as_bytes()).1.is_err());
        }
        let line = format!(
            r#"{{"id":7,"method":"GetLog","params":{deep}{}}}"#,
            "]".repeat(100_000)
        );
        assert!(parse(line.as_bytes()).1.is_err());
    }
}

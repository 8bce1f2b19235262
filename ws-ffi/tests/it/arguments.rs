//! Anything for any parameter: never a panic, always a failure with a word or a success.

use proptest::prelude::*;
use ws_ffi::dispatch::{Class, Client, Function, Returns, Server, Value, call, find, functions};

use crate::support::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Undefined),
        any::<bool>().prop_map(Value::Boolean),
        any::<f64>().prop_map(Value::Number),
        (-2i32..70_000).prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::Text),
        "[0-9 +.eE-]{0,12}".prop_map(Value::Text),
        r#"\{"[a-z_]{1,12}": ?("[a-z:/0-9]{0,8}"|[0-9]{1,6}|null|true|\[\])\}"#
            .prop_map(Value::Text),
        Just(Value::from("\0\u{feff}\u{202e}")),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            "\\PC{0,8}",
            Just(String::from("address")),
            Just(String::from("server")),
            Just(String::from("mode")),
            Just(String::from("tokens")),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec((key, inner), 0..4).prop_map(Value::Map),
        ]
    })
}

/// Judges an answer by the function's kind.
fn check(function: &Function, answer: &Value) {
    match (function.returns, answer) {
        (Returns::Boolean, Value::Boolean(_))
        | (Returns::Text | Returns::MapOrText, Value::Text(_)) => {}
        (_, Value::Map(_)) if answer.get("result") == Some(&Value::Boolean(false)) => {
            check_failure(function.english, answer);
        }
        (Returns::Structure, Value::Map(_)) => {}
        (_, Value::Map(_)) => assert_eq!(answer.get("result"), Some(&Value::Boolean(true))),
        (_, other) => panic!("{}: {other:?}", function.english),
    }
}

/// What would wait, or dial somewhere, is left to the tests of those.
fn is_quick(function: &Function, arguments: &[Value]) -> bool {
    match function.english {
        "CreateConnection" | "StartServer" => false,
        "SendBinaryMessage" => {
            !matches!(&arguments[0], Value::Text(text) if text.to_lowercase().starts_with("http"))
        }
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_every_answer_is_of_its_kind(
        index in 0..functions().len(),
        mut arguments in prop::collection::vec(value(), 6),
        count in 0_usize..6,
    ) {
        let function = &functions()[index];
        arguments.truncate(count.max(1));
        // A wait is to be short.
        for (parameter, argument) in function.arguments().zip(&mut arguments) {
            if parameter.english == "Timeout" && !matches!(argument, Value::Map(_) | Value::List(_) | Value::Binary(_)) {
                *argument = Value::from(0);
            }
        }
        if function.arguments().any(|parameter| parameter.english == "Timeout") && arguments.len() < 2 {
            arguments = vec![Value::from("id"), Value::from(0)];
            if function.english != "GetConnectionData" {
                arguments.remove(0);
            }
        }
        if is_quick(function, &arguments) {
            check(function, &call(function, &arguments));
            check(function, &Client::new().call(function, &arguments));
            check(function, &Server::new().call(function, &arguments));
        }
    }

    /// Each parameter alone, the others as they should be.
    #[test]
    fn a_bad_setting_is_a_failure_and_starts_nothing(bad in value(), position in 0_usize..3) {
        let server = Server::new();
        let mut arguments = vec![Value::from(0), 1.into(), Value::Undefined, map([("address", "127.0.0.1".into())])];
        arguments[position] = match (position, bad) {
            // Any port will do, but not one that others use.
            (0, Value::Number(number)) if number.fract() == 0.0 && (1.0..65536.0).contains(&number) => 0.into(),
            (0, Value::Text(text)) if text.trim().parse::<f64>().is_ok() => 0.into(),
            (_, bad) => bad,
        };
        let answer = server.call(find("StartServer").unwrap(), &arguments);
        check(find("StartServer").unwrap(), &answer);
        let stopped = server.call(find("StopServer").unwrap(), &[]);
        prop_assert_eq!(answer.is_success(), stopped.is_success());
    }

    #[test]
    fn a_bad_parameter_of_a_connection_is_a_failure(bad in value(), position in 0_usize..5) {
        let mut arguments = vec![Value::Undefined; 5];
        // Refused at once where everything else is accepted.
        arguments[0] = Value::from("ws://127.0.0.1:1/");
        if position == 0 && matches!(&bad, Value::Text(text) if text.to_lowercase().contains("ws")) {
            return Ok(());
        }
        arguments[position] = match bad {
            // No proxy anywhere else.
            Value::Text(text) if text.contains("server") => Value::Undefined,
            bad => bad,
        };
        let answer = Client::new().call(find("CreateConnection").unwrap(), &arguments);
        check_failure("CreateConnection", &answer);
    }
}

#[test]
fn numbers_are_numbers_or_numeric_strings() {
    let (client, _server, _) = pair();
    for timeout in ["0", " 0 ", "0.5"] {
        client.fails("GetMessage", &[timeout.into()], "timeout");
    }
    for timeout in ["", "x", "1e3", "inf", "0x1", "1 x"] {
        let answer = client.fails("GetMessage", &[timeout.into()], "usage");
        assert!(text(&answer, "error").contains("Timeout"), "{answer:?}");
    }
    for timeout in [f64::NAN, f64::INFINITY] {
        client.fails("GetMessage", &[Value::Number(timeout)], "usage");
    }
    for wrong in [true.into(), vec![1].into(), texts(&["1"]), map([])] {
        client.fails("GetMessage", &[wrong], "usage");
    }
    // Beyond what is clamped: the message is there at once.
    let (client, server, id) = pair();
    for timeout in [
        Value::Number(1e300),
        "99999999999".into(),
        (-5).into(),
        Value::Undefined,
    ] {
        server.ok("SendData", &[id.clone(), "x".into()]);
        client.ok("GetMessage", &[timeout]);
    }
    // 1C writes numbers with spaces that do not break.
    let proxy = free("GetProxySettings", &["h".into(), "8\u{a0}080".into()]);
    assert_eq!(number(&proxy, "port"), 8080.0);
}

#[test]
fn missing_and_surplus_parameters_are_named() {
    for function in functions() {
        let mandatory = function
            .arguments()
            .find(|parameter| parameter.default.value().is_none());
        let surplus = vec![Value::from(1); function.arguments().count() + 1];
        let answers = |arguments: &[Value]| match function.class {
            Class::Server => Server::new().call(function, arguments),
            Class::None => call(function, arguments),
            _ => Client::new().call(function, arguments),
        };
        let answer = answers(&surplus);
        check_failure(function.english, &answer);
        assert_eq!(text(&answer, "errorCode"), "usage");
        if let Some(parameter) = mandatory.filter(|_| function.returns != Returns::Boolean) {
            let answer = answers(&[]);
            assert_eq!(text(&answer, "errorCode"), "usage", "{answer:?}");
            assert!(
                text(&answer, "error").contains(parameter.english),
                "{answer:?}"
            );
        }
    }
}

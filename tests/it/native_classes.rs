//! What the two classes offer: names, parameters and defaults, against the contract's table.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::native::Host;

/// Both classes offer exactly the contract's functions that are not about their object's type, with its names, parameters
/// and defaults, and what hands payloads over.
#[test]
fn the_classes_offer_what_the_table_says() {
    let mut host = Host::start();
    assert_eq!(host.loaded()["classes"], "Client|Server");
    //
    assert_eq!(
        host.loaded()["attach"],
        3,
        "how it may be attached: 1 is in this process alone, 3 also in one of its own"
    );
    assert!(host.loaded()["level"].as_i64().unwrap() >= 1);
    let table = table();
    for (class, own) in [("Client", "client"), ("Server", "server")] {
        host.create(class, class, "manager");
        let description = host.ask(&["describe", class]);
        assert_eq!(description["info"], 2000);
        assert_eq!(description["extension"], class);
        let methods = description["methods"].as_array().unwrap();
        let lists = ["functions", "extras"].map(|list| table[list].as_array().unwrap());
        let mut offered: BTreeSet<&str> = OWN_METHODS.into_iter().collect();
        for function in lists.into_iter().flatten() {
            let name = &function["english"];
            if !is_offered(function, class, own) {
                continue;
            }
            offered.insert(name.as_str().unwrap());
            let method = methods.iter().find(|method| method["english"] == *name);
            let method = method.unwrap_or_else(|| panic!("{class} has no {name}"));
            assert_eq!(method["russian"], function["russian"]);
            assert_eq!(method["returns"], true, "{name}");
            let parameters = function["parameters"].as_array().unwrap();
            let parameters: Vec<_> = parameters
                .iter()
                .filter(|parameter| parameter["object"] != true)
                .collect();
            let defaults = method["defaults"].as_array().unwrap();
            assert_eq!(defaults.len(), parameters.len(), "{name}");
            for (default, parameter) in defaults.iter().zip(parameters) {
                assert_eq!(default["ok"], true, "{name}: {default}");
                assert_eq!(
                    default["value"],
                    expected_default(parameter),
                    "{name}: {parameter}"
                );
            }
        }
        let names: Vec<_> = methods
            .iter()
            .map(|method| method["english"].as_str().unwrap())
            .collect();
        assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), offered);
        assert_eq!(names.len(), offered.len(), "{class}: a name twice");
        for (field, list) in [
            ("find", methods),
            (
                "findproperty",
                description["properties"].as_array().unwrap(),
            ),
        ] {
            for (index, item) in list.iter().enumerate() {
                for name in [&item["english"], &item["russian"]] {
                    let name = name.as_str().unwrap();
                    for written in [
                        name.to_owned(),
                        name.to_lowercase(),
                        name.to_uppercase(),
                        mixed(name),
                    ] {
                        assert_eq!(
                            host.ask(&[field, class, &written])["index"],
                            index,
                            "{written}"
                        );
                    }
                    for other in [format!("{name}x"), format!("_{name}"), String::new()] {
                        assert_eq!(host.ask(&[field, class, &other])["index"], -1, "{other}");
                    }
                }
            }
        }
        let properties = description["properties"].as_array().unwrap();
        assert_eq!(properties[0]["english"], "LastError");
        assert_eq!(properties[0]["russian"], "ПоследняяОшибка");
        assert_eq!(
            (&properties[0]["readable"], &properties[0]["writable"]),
            (&json!(true), &json!(false))
        );
        host.end(class);
    }
    host.finish();
}

/// What hands payloads over, and turns events on.
const OWN_METHODS: [&str; 3] = ["TakeText", "TakeData", "SetEvents"];

/// No object crosses, so nobody can ask what one is; the settings of a client are no server's affair.
fn is_offered(function: &Value, class: &str, own: &str) -> bool {
    match function["english"].as_str().unwrap() {
        "IsClientObject" | "IsServerObject" => false,
        "GetTlsSettings" | "GetProxySettings" => class == "Client",
        "GetLoggingSettings" | "Version" => true,
        _ => [own, "both"].contains(&function["class"].as_str().unwrap()),
    }
}

/// What a host sees of a default: Undefined cannot cross, so it has a word of its own.
fn expected_default(parameter: &Value) -> Value {
    let kind = parameter["type"].as_str().unwrap();
    let of_text = |content: &str| json!({"type": "text", "length": content.encode_utf16().count(), "text": content});
    match parameter.get("default") {
        None => json!({"type": "undefined"}),
        Some(Value::Null) if kind.starts_with("Number") => json!({"type": "i4", "value": -1}),
        Some(Value::Null) => of_text(""),
        Some(Value::Bool(value)) => json!({"type": "boolean", "value": value}),
        Some(Value::Number(value)) => json!({"type": "i4", "value": value}),
        Some(Value::String(value)) => of_text(value),
        Some(other) => panic!("no default can be {other}"),
    }
}

/// The contract's table, as the modules are made from it.
fn table() -> Value {
    serde_json::from_str(include_str!("../../ws-ffi/methods.json")).unwrap()
}

/// A name with every other letter in upper case.
pub(crate) fn mixed(name: &str) -> String {
    let letters = name.chars().enumerate();
    letters
        .flat_map(|(at, letter)| -> Vec<char> {
            if at % 2 == 0 {
                letter.to_lowercase().collect()
            } else {
                letter.to_uppercase().collect()
            }
        })
        .collect()
}

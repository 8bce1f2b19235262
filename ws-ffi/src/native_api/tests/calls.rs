//! Names, counts, defaults, properties, arguments, errors.

use super::host::{Item, Object, raw};
use crate::native_api::exports;
use crate::native_api::layout::{Bytes, Payload, RawVariant, Units, tag};

fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

#[test]
fn the_component_says_what_it_is() {
    // SAFETY: these take nothing that could be wrong.
    unsafe {
        let mut units = Vec::new();
        let names = exports::GetClassNames();
        while let unit @ 1.. = *names.add(units.len()) {
            units.push(unit);
        }
        assert_eq!(String::from_utf16_lossy(&units), "Client|Server");
        assert_eq!(exports::SetPlatformCapabilities(1), 3);
        assert_eq!(exports::GetAttachType(), 3);
        let name = super::host::name("Nobody");
        let mut object = std::ptr::null_mut();
        assert_eq!(exports::GetClassObject(name.as_ptr(), &raw mut object), 0);
        assert_eq!(
            exports::GetClassObject(std::ptr::null(), &raw mut object),
            0
        );
        assert!(object.is_null());
        assert_ne!(exports::DestroyObject(&raw mut object), 0);
        assert_ne!(exports::DestroyObject(std::ptr::null_mut()), 0);
    }
    for class in ["Client", "Server"] {
        let object = Object::new(class);
        assert_eq!(object.class_name().as_deref(), Some(class));
        assert_eq!(object.info(), 2000);
        object.set_languages();
    }
}

#[test]
fn every_name_is_found_in_both_languages_and_any_case() {
    for class in ["Client", "Server"] {
        let object = Object::new(class);
        let (methods, properties) = object.counts();
        assert!(methods > 9 && properties == 2, "{methods}, {properties}");
        for number in 0..methods {
            for alias in [0, 1] {
                let name = object.method_name(number, alias).expect("a name");
                for written in [name.to_uppercase(), name.to_lowercase(), name] {
                    assert_eq!(object.find_method(&written), number, "{written}");
                }
            }
            assert!(object.has_result(number));
            assert_eq!(object.method_name(number, 2), None);
        }
        for number in 0..properties {
            for alias in [0, 1] {
                let name = object.property_name(number, alias).expect("a name");
                assert_eq!(object.find_property(&name.to_uppercase()), number);
            }
            assert!(object.property_access(number).0);
        }
        for number in [-1, methods] {
            assert_eq!(object.method_name(number, 0), None);
            assert_eq!(object.parameter_count(number), 0);
            assert!(!object.has_result(number));
            assert_eq!(object.parameter_default(number, 0), None);
            assert_eq!(object.call_raw(number, &mut []), None);
        }
        for name in ["", "Nothing", "IsClientObject", "ЭтоОбъектСервера"] {
            assert_eq!(object.find_method(name), -1, "{name}");
            assert_eq!(object.find_property(name), -1, "{name}");
        }
    }
}

#[test]
fn defaults_stand_for_what_hosts_cannot_pass() {
    let client = Object::new("Client");
    let connect = client.find_method("ОткрытьСоединение");
    let defaults: Vec<_> = (0..client.parameter_count(connect))
        .map(|parameter| client.parameter_default(connect, parameter))
        .collect();
    let empty = Some(text(""));
    let expected = [
        Some(Item::Undefined),
        empty.clone(),
        empty.clone(),
        empty.clone(),
        empty.clone(),
        empty,
    ];
    assert_eq!(defaults, expected);
    let close = client.find_method("CloseConnection");
    assert_eq!(client.parameter_default(close, 0), Some(Item::I4(1000)));
    assert_eq!(client.parameter_default(close, 1), Some(text("")));
    assert_eq!(client.parameter_default(close, 2), None);
    assert_eq!(client.parameter_default(close, -1), None);
    let server = Object::new("Server");
    let next = server.find_method("GetNextConnectionData");
    assert_eq!(server.parameter_default(next, 0), Some(Item::I4(1000)));
    assert_eq!(server.parameter_default(next, 1), Some(Item::I4(-1)));
    let send = server.find_method("SendData");
    assert_eq!(
        server.parameter_default(send, 2),
        Some(Item::Boolean(false))
    );
}

#[test]
fn settings_come_as_json_in_the_contracts_order() {
    let client = Object::new("Client");
    assert_eq!(
        client.call(
            "ПолучитьНастройкиПрокси",
            &[
                text("прокси"),
                Item::I4(8071),
                text("http"),
                text(""),
                text("")
            ]
        ),
        Some(text(
            r#"{"server":"прокси","port":8071,"proxy_type":"http"}"#
        ))
    );
    assert_eq!(
        client.call("gettlssettings", &[Item::Boolean(true), text("")]),
        Some(text(r#"{"use_tls":true,"accept_invalid_certs":true}"#))
    );
    assert_eq!(
        client.call("Version", &[]),
        Some(text(env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn a_wrong_argument_is_a_usage_error_and_kept() {
    let client = Object::new("Client");
    let last_error = client.find_property("ПоследняяОшибка");
    assert_eq!(client.property(last_error), Some(text("")));
    let many = vec![text(""); 6];
    let cases: [(&str, &[Item]); 4] = [
        ("GetMessage", &[Item::Binary(vec![1])]),
        ("CreateConnection", &[]),
        ("CreateConnection", &[Item::I4(5)]),
        ("CreateConnection", &many),
    ];
    for (method, arguments) in cases {
        let result = client.json(method, arguments);
        assert_eq!(result["result"], false, "{method} {arguments:?}");
        assert_eq!(result["errorCode"], "usage", "{result}");
        let error = result["error"].as_str().expect("a text");
        assert_eq!(client.property(last_error), Some(text(error)));
    }
    client.call("Version", &[]);
    assert_eq!(client.property(last_error), Some(text("")));
    assert!(!client.set_property(last_error, &text("x")));
    assert_eq!(client.property_access(last_error), (true, false));
}

#[test]
fn errors_are_thrown_only_where_the_script_asks_for_it() {
    let client = Object::new("Client");
    assert_eq!(client.json("SendPing", &[])["errorCode"], "closed");
    assert!(client.told().errors.is_empty());
    let throws = client.find_property("throwerrors");
    assert_eq!(client.property(throws), Some(Item::Boolean(false)));
    assert!(!client.set_property(throws, &text("yes")));
    assert!(client.set_property(throws, &Item::Boolean(true)));
    assert_eq!(client.property(throws), Some(Item::Boolean(true)));
    assert_eq!(client.call("SendPing", &[]), None);
    assert!(!client.run("SendPing", &[]));
    assert_eq!(client.call("TakeText", &[]), None);
    let errors = client.told().errors;
    assert_eq!(errors.len(), 3);
    for (code, source, text, kind) in errors {
        assert_eq!((code, source.as_str(), kind), (1006, "WebSocket", 1));
        assert!(!text.is_empty());
    }
    let last_error = client.find_property("LastError");
    let Some(Item::Text(text)) = client.property(last_error) else {
        panic!("no text");
    };
    assert_eq!(client.told().errors[2].2, text);
    assert_eq!(
        client.call("Version", &[]),
        Some(Item::Text(env!("CARGO_PKG_VERSION").into()))
    );
}

#[test]
fn a_procedure_call_runs_the_function() {
    let server = Object::new("Server");
    assert!(server.run("StopServer", &[]));
    let last_error = server.find_property("LastError");
    assert!(matches!(server.property(last_error), Some(Item::Text(text)) if !text.is_empty()));
    assert!(server.run("Version", &[]));
}

/// R-60: every type of number; what is no port in it, and other types, are refused
#[test]
fn every_type_of_argument_is_read_or_refused() {
    let client = Object::new("Client");
    let number = client.find_method("GetProxySettings");
    let port = |tag, payload| {
        let (mut host, mut kind) = (Vec::new(), Vec::new());
        let port = RawVariant {
            payload,
            tag,
            ..RawVariant::EMPTY
        };
        let mut arguments = [
            raw(&text("h"), &mut host),
            port,
            raw(&text("http"), &mut kind),
        ];
        match client.call_raw(number, &mut arguments) {
            Some(Item::Text(text)) => {
                serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
            }
            other => panic!("{other:?}"),
        }
    };
    let numbers = [
        (tag::I1, Payload { i1: 80 }),
        (tag::UI1, Payload { ui1: 80 }),
        (tag::I2, Payload { i2: 80 }),
        (tag::UI2, Payload { ui2: 80 }),
        (tag::I4, Payload { i4: 80 }),
        (tag::UI4, Payload { ui4: 80 }),
        (tag::INT, Payload { i4: 80 }),
        (tag::UINT, Payload { ui4: 80 }),
        (tag::I8, Payload { i8: 80 }),
        (tag::UI8, Payload { ui8: 80 }),
        (tag::R4, Payload { r4: 80.0 }),
        (tag::R8, Payload { r8: 80.0 }),
    ];
    for (tag, payload) in numbers {
        assert_eq!(port(tag, payload)["port"], 80, "{tag}");
    }
    let mut digits = *b"80";
    let pstr = |digits: &mut [u8]| Payload {
        bytes: Bytes {
            pointer: digits.as_mut_ptr(),
            length: 2,
        },
    };
    assert_eq!(port(tag::PSTR, pstr(&mut digits))["port"], 80);
    let null = Payload {
        units: Units {
            pointer: std::ptr::null_mut(),
            length: 5,
        },
    };
    let mut not_utf8 = [0xFF, 0xFE];
    let refused = [
        (tag::PSTR, pstr(&mut not_utf8)),
        (tag::PWSTR, null),
        (tag::BLOB, null),
        (tag::BOOL, Payload { boolean: 1 }),
        (tag::R8, Payload { r8: f64::NAN }),
        (tag::R8, Payload { r8: 1e300 }),
        (tag::R8, Payload { r8: f64::INFINITY }),
        (
            tag::R8,
            Payload {
                r8: f64::NEG_INFINITY,
            },
        ),
        (tag::R8, Payload { r8: 80.5 }),
        (tag::R4, Payload { r4: f32::NAN }),
        (tag::I1, Payload { i1: -1 }),
        (tag::I2, Payload { i2: -1 }),
        (tag::I4, Payload { i4: -1 }),
        (tag::I4, Payload { i4: 65_536 }),
        (tag::INT, Payload { i4: -80 }),
        (tag::UINT, Payload { ui4: u32::MAX }),
        (tag::UI4, Payload { ui4: (1 << 31) + 1 }),
        (
            tag::UI8,
            Payload {
                ui8: (1 << 32) + 80,
            },
        ),
        (tag::I8, Payload { i8: i64::MIN }),
        (tag::DATE, Payload { r8: 1.0 }),
        (tag::TM, Payload { r8: 1.0 }),
        (tag::EMPTY, Payload { i4: 0 }),
        (tag::NULL, Payload { i4: 0 }),
        (9, Payload { i4: 0 }),
        (10, Payload { i4: 0 }),
        (12, Payload { i4: 0 }),
        (21, Payload { i4: 0 }),
        (24, Payload { i4: 0 }),
        (0x2003, Payload { i4: 80 }),
        (0x4003, Payload { i4: 80 }),
        (0xFFFF, Payload { i4: 0 }),
    ];
    for (tag, payload) in refused {
        let result = port(tag, payload);
        assert_eq!(result["errorCode"], "usage", "{tag}: {result}");
    }
}

/// R-60: all 65,536 types, but for the three with an address, each with any bits for a value
#[test]
fn any_bits_of_any_type_are_answered() {
    let client = Object::new("Client");
    let number = client.find_method("GetProxySettings");
    let mut bits = 0x9E37_79B9_7F4A_7C15_u64;
    let mut answered = 0;
    for tag in 0..=u16::MAX {
        if [tag::PSTR, tag::PWSTR, tag::BLOB].contains(&tag) {
            continue;
        }
        // xorshift64
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        let value = RawVariant {
            payload: Payload { ui8: bits },
            tag,
            elements: u32::MAX,
        };
        let mut arguments = [value; 3];
        let Some(Item::Text(answer)) = client.call_raw(number, &mut arguments) else {
            panic!("type {tag} with {bits:#x} is not answered");
        };
        assert!(
            answer.contains(r#""errorCode":"usage""#),
            "type {tag} with {bits:#x}: {answer}"
        );
        answered += 1;
    }
    assert_eq!(answered, 65_533, "types that were answered");
}

//! The dynamic library in a host that is not ours, compiled from the platform's own headers.

use std::path::PathBuf;

use addin1c_test::{TestAddinLib, Variant};
use ws_ffi::dispatch::{Class, Default, Function, Parameter, functions};

/// The library that cargo has built beside this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let name = format!(
        "{}ws_ffi{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    test.with_file_name(name)
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn name(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn string(value: &Variant) -> String {
    String::from_utf16(value.get_str().unwrap()).unwrap()
}

#[test]
fn a_host_that_is_not_ours_talks_to_itself_through_the_add_in() {
    let host = TestAddinLib::new(library()).unwrap();
    let server = host.new_addin("Server").unwrap();
    let client = host.new_addin("Client").unwrap();

    let empty = || Variant::new_str(&[]);
    let settings = Variant::new_str(&units(r#"{"address": "127.0.0.1"}"#));
    let started = server.call_as_func(
        &name("ЗАПУСТИТЬСЕРВЕР"),
        &mut [Variant::new_i32(0), Variant::new_i32(10), empty(), settings],
    );
    let started: serde_json::Value = serde_json::from_str(&string(&started.unwrap())).unwrap();
    assert_eq!(started["result"], true, "{started}");

    let address = format!("ws://127.0.0.1:{}/", started["port"]);
    let address = Variant::new_str(&units(&address));
    let connected = client
        .call_as_func(
            &name("createConnection"),
            &mut [address, empty(), empty(), empty(), empty(), empty()],
        )
        .unwrap();
    assert_eq!(string(&connected), r#"{"result":true}"#);

    let text = "Привет, 1С 😀";
    let sent = client.call_as_func(
        &name("ОтправитьТекстовоеСообщение"),
        &mut [Variant::new_str(&units(text)), Variant::new_bool(false)],
    );
    assert_eq!(string(&sent.unwrap()), r#"{"result":true}"#);
    let got = server.call_as_func(
        &name("GetNextConnectionData"),
        &mut [Variant::new_i32(30_000), Variant::new_f64(-1.0)],
    );
    let got = string(&got.unwrap());
    assert!(got.contains(r#""type":"text""#), "{got}");
    let taken = server.call_as_func(&name("ЗабратьТекст"), &mut []);
    assert_eq!(string(&taken.unwrap()), text);
    let taken = server.call_as_func(&name("TakeText"), &mut []);
    assert!(taken.unwrap().get_empty().is_some());

    let last_error = server.get_property(&name("ПОСЛЕДНЯЯОШИБКА")).unwrap();
    assert!(!string(&last_error).is_empty());
    let throws = Variant::new_bool(true);
    server.set_property(&name("ThrowErrors"), &throws).unwrap();
    let value = server.get_property(&name("ВызыватьИсключения"));
    assert_eq!(value.unwrap().get_bool(), Some(true));
    assert!(server.call_as_func(&name("TakeText"), &mut []).is_err());
}

/// Calls a method of that host's object, which wants to know the number of arguments when it is compiled.
macro_rules! call {
    ($object:expr, $name:expr, $arguments:expr; $($count:literal)*) => {
        match $arguments.len() {
            $($count => {
                let mut array: [Variant; $count] = $arguments.try_into().ok().unwrap();
                $object.call_as_func($name, &mut array)
            })*
            other => panic!("a function has {other} parameters"),
        }
    };
}

/// Every function of both classes by its English name, its Russian one and one in mixed case, with an answer of its own.
#[test]
fn a_host_that_is_not_ours_finds_every_method_by_every_name() {
    let host = TestAddinLib::new(library()).unwrap();
    for (class, own) in [("Client", Class::Client), ("Server", Class::Server)] {
        let object = host.new_addin(class).unwrap();
        let writings: [fn(&Function) -> String; 4] = [
            |function| function.english.to_owned(),
            |function| function.russian.to_owned(),
            |function| mixed(function.english),
            |function| mixed(function.russian),
        ];
        let mut count = 0;
        for writing in writings {
            for function in functions() {
                let is_for_both = ["GetLoggingSettings", "Version"].contains(&function.english);
                if function.class != own && function.class != Class::Both && !is_for_both {
                    continue;
                }
                let written = writing(function);
                let arguments: Vec<_> = function
                    .arguments()
                    .map(|parameter| argument(function, parameter))
                    .collect();
                let answer = call!(object, &name(&written), arguments; 0 1 2 3 4 5 6)
                    .unwrap_or_else(|error| panic!("{class}.{written}: {error:?}"));
                check_answer(function, &string(&answer));
                count += 1;
            }
        }
        assert!(count > 40, "{class}: only {count} calls");
    }
}

fn mixed(name: &str) -> String {
    let letters = name.chars().enumerate();
    letters
        .flat_map(|(at, letter)| -> Vec<char> {
            match at % 2 {
                0 => letter.to_lowercase().collect(),
                _ => letter.to_uppercase().collect(),
            }
        })
        .collect()
}

/// What no call waits for, and what nothing is reached by.
fn argument(function: &Function, parameter: &Parameter) -> Variant {
    match (function.english, parameter.english, &parameter.default) {
        ("StartServer", "Settings", _) => Variant::new_str(&units(r#"{"address": "127.0.0.1"}"#)),
        (_, "Timeout", _) => Variant::new_i32(0),
        (_, _, Default::Number(number)) => Variant::new_f64(*number),
        (_, _, Default::Boolean(value)) => Variant::new_bool(*value),
        (_, _, Default::Text(text)) => Variant::new_str(&units(text)),
        (_, _, Default::Undefined) => Variant::new_str(&[]),
        (_, "Port", Default::Mandatory) => Variant::new_i32(0),
        (_, _, Default::Mandatory) => Variant::new_str(&units("x")),
    }
}

/// The server starts and stops four times; everything else says that there is no connection.
fn check_answer(function: &Function, answer: &str) {
    if function.english == "Version" {
        return assert_eq!(answer, env!("CARGO_PKG_VERSION"));
    }
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let expected = match function.english {
        "StartServer" | "StopServer" | "GetConnectionStatus" => "",
        "GetLoggingSettings" => return assert_eq!(answer["mode"], "memory", "{answer}"),
        "CreateConnection" => "usage",
        "GetLog" | "GetStatistics" if function.class == Class::Both => return,
        _ if function.class == Class::Client => "closed",
        // Whoever names a connection may be told that there is none.
        _ if answer["errorCode"] == "not_found" => "not_found",
        _ => "not_started",
    };
    match expected {
        "" => assert_eq!(answer["result"], true, "{}: {answer}", function.english),
        code => assert_eq!(answer["errorCode"], code, "{}: {answer}", function.english),
    }
}

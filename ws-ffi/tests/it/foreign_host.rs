//! The dynamic library in a host that is not ours, compiled from the platform's own headers.

use std::path::PathBuf;

use addin1c_test::{TestAddinLib, Variant};

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

//! Texts and data that are hard to carry, through the border and back (R-59, R-60).

use serde_json::json;

use crate::native_lifecycle::{start_server, url};
use crate::support::native::{Host, filling, fingerprint, letters, text};

const LARGEST: usize = 64 * 1024 * 1024;

/// A client `c` and a server `s` that are connected, and the connection's id as an argument.
fn two_ends() -> (Host, String) {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    host.create("c", "Client", "manager");
    let port = start_server(&mut host, "s");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    let list = host.succeed("s", "GetConnectionList", &[]);
    let id = text(list["connections"][0]["connectionId"].as_str().unwrap());
    (host, id)
}

fn end(mut host: Host) {
    host.end("c");
    host.end("s");
    host.finish();
}

/// R-59
#[test]
fn texts_of_every_kind_cross_unchanged() {
    let (mut host, id) = two_ends();
    for content in [
        "",
        " ",
        "\0",
        "до\0после",
        "\u{FEFF}с меткой",
        "\u{FFFE}\u{FFFF}",
        "😀 за пределами",
        "Ёё Щщ Ъъ",
        "\t\r\n\\\"\u{7F}\u{80}",
        "{\"а\": [1, 2]}",
        "e\u{301}",
    ] {
        let units = content.encode_utf16().count();
        host.succeed("c", "SendTextMessage", &[&text(content)]);
        let told = host.succeed("s", "GetNextConnectionData", &["i4:30000"]);
        assert_eq!(
            (&told["type"], &told["size"]),
            (&json!("text"), &json!(content.len())),
            "type and bytes of {content:?}"
        );
        let taken = host.raw("call", "s", "TakeText", &[]);
        assert_eq!(
            taken["value"],
            json!({"type": "text", "length": units, "text": content}),
            "what the server takes of {content:?}"
        );
        host.succeed("s", "SendData", &[&id, &text(content)]);
        host.succeed("c", "GetMessage", &["i4:30000"]);
        let taken = host.raw("call", "c", "TakeText", &[]);
        assert_eq!(
            taken["value"],
            json!({"type": "text", "length": units, "text": content}),
            "what the client takes of {content:?}"
        );
    }
    end(host);
}

/// R-59: UTF-8 has no form for a surrogate without its other half: the call is refused, and nothing is sent.
#[test]
fn lone_surrogates_are_refused_by_their_position() {
    let (mut host, id) = two_ends();
    for (content, position) in [
        (r"s:\uD800", 1),
        (r"s:аб\uDC00", 3),
        (r"s:\uD83D\uD83D\uDE00", 1),
        (r"s:\uDE00\uD83D", 1),
    ] {
        for (object, method, arguments) in [
            ("c", "SendTextMessage", &[content][..]),
            ("s", "SendData", &[&id, content]),
        ] {
            let refused = host.fail(object, method, arguments, "usage");
            let error = refused["error"].as_str().unwrap();
            assert!(error.contains(&position.to_string()), "{content}: {error}");
        }
    }
    // A pair is none of them.
    host.succeed("c", "SendTextMessage", &[r"s:\uD83D\uDE00"]);
    let told = host.succeed("s", "GetNextConnectionData", &["i4:30000"]);
    assert_eq!(told["size"], 4, "nothing came before it: {told}");
    end(host);
}

#[test]
fn data_of_every_size_crosses_unchanged() {
    let (mut host, id) = two_ends();
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, LARGEST] {
        let content = filling(size);
        let given = format!("fill:{size}");
        let same = json!([size, fingerprint(&content)]);
        host.succeed("s", "SendData", &[&id, &given]);
        let told = host.succeed("c", "GetMessage", &["i4:60000"]);
        assert_eq!(
            (&told["type"], &told["size"]),
            (&json!("binary"), &json!(size))
        );
        let taken = host.raw("call", "c", "TakeData", &[])["value"].clone();
        assert_eq!(json!([taken["length"], taken["fingerprint"]]), same);
        host.succeed("c", "SendBinaryMessage", &[&given]);
        let told = host.succeed("s", "GetNextConnectionData", &["i4:60000"]);
        assert_eq!(
            (&told["type"], &told["size"]),
            (&json!("binary"), &json!(size))
        );
        let taken = host.raw("call", "s", "TakeData", &[])["value"].clone();
        assert_eq!(json!([taken["length"], taken["fingerprint"]]), same);
    }
    // One byte more than a server takes ends the connection, and says why.
    // The server says so as soon as it has seen the length, perhaps before all of it has left.
    let sent = host.call(
        "c",
        "SendBinaryMessage",
        &[&format!("fill:{}", LARGEST + 1)],
    );
    if sent["result"] == false {
        assert_eq!(
            (&sent["errorCode"], &sent["code"]),
            (&json!("closed"), &json!(1009)),
            "{sent}"
        );
    }
    let told = host.succeed("c", "GetMessage", &["i4:60000"]);
    assert_eq!(
        (&told["type"], &told["code"]),
        (&json!("close"), &json!(1009))
    );
    end(host);
}

#[test]
fn a_text_of_megabytes_crosses_unchanged() {
    let (mut host, id) = two_ends();
    let units = 8 << 20;
    let content = letters(units);
    let utf16: Vec<u8> = content.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let same = json!([units, fingerprint(&utf16)]);
    let given = format!("letters:{units}");
    host.succeed("c", "SendTextMessage", &[&given]);
    assert_eq!(
        host.succeed("s", "GetNextConnectionData", &["i4:60000"])["size"],
        content.len()
    );
    let taken = host.raw("call", "s", "TakeText", &[])["value"].clone();
    assert_eq!(json!([taken["length"], taken["fingerprint"]]), same);
    host.succeed("s", "SendData", &[&id, &given]);
    host.succeed("c", "GetMessage", &["i4:60000"]);
    let taken = host.raw("call", "c", "TakeText", &[])["value"].clone();
    assert_eq!(json!([taken["length"], taken["fingerprint"]]), same);
    end(host);
}

/// R-60: numbers come in every type that hosts have; those that no timeout can be are refused or clamped, never believed.
#[test]
fn numbers_of_every_type_are_read() {
    let (mut host, _) = two_ends();
    for zero in [
        "i1:0", "i2:0", "i4:0", "i8:0", "ui1:0", "ui2:0", "ui4:0", "ui8:0", "r4:0", "r8:0",
        "r8:-0", "s:0",
    ] {
        host.fail("c", "GetMessage", &[zero], "timeout");
    }
    for (port, code) in [
        ("i4:-1", "usage"),
        ("i4:65536", "usage"),
        ("r8:80.5", "usage"),
        ("r8:nan", "usage"),
        ("r8:inf", "usage"),
        ("r8:-inf", "usage"),
        ("i8:-9223372036854775808", "usage"),
        ("ui8:18446744073709551615", "usage"),
        // 0 in its lower 32 bits, which would be any free port.
        ("ui8:4294967296", "usage"),
        ("s:8O", "usage"),
        ("s:-0.5", "usage"),
    ] {
        host.create("t", "Server", "manager");
        host.fail("t", "StartServer", &[port], code);
        host.end("t");
    }
    end(host);
}

/// R-60: types that no function takes are refused by name.
#[test]
fn other_types_are_refused() {
    let (mut host, _) = two_ends();
    for other in [
        "date:45000.5",
        "tag:7",
        "tag:9",
        "tag:12",
        "tag:24",
        "tag:99",
        "tag:8195",
        "tag:65535",
        "nowhere:5",
        "nowhereblob:5",
    ] {
        let refused = host.fail("c", "SendTextMessage", &[other], "usage");
        assert!(
            refused["error"].as_str().unwrap().contains('1'),
            "{other}: {refused}"
        );
    }
    // A length that is a lie is not believed.
    for lie in [
        "longer:4294967295",
        "longerblob:4294967295",
        "longer:2147483648",
        "longerblob:2147483648",
    ] {
        let refused = host.call("c", "SendBinaryMessage", &[lie]);
        assert_eq!(refused["result"], false, "{lie}: {refused}");
    }
    host.succeed("c", "SendTextMessage", &["s:still here"]);
    assert_eq!(
        host.succeed("s", "GetNextConnectionData", &["i4:30000"])["size"],
        10
    );
    end(host);
}

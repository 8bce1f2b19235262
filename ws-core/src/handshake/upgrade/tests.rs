#![cfg_attr(
    not(feature = "deflate"),
    expect(
        clippy::needless_update,
        reason = "a field of Accept comes with the feature"
    )
)]

use super::super::head::HeadLimits;
use super::super::server::{ServerHandshake, ServerStep};
use super::*;

type Lines = Vec<(&'static str, &'static str)>;

const REQUIRED: [(&str, &str); 5] = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

fn head(lines: &[(&str, &str)]) -> String {
    let lines: String = lines
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("GET /chat HTTP/1.1\r\n{lines}\r\n")
}

/// What a server does with this head in the end.
fn status(head: &str) -> u16 {
    match ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default()) {
        ServerStep::NeedMore => panic!("{head:?} is whole"),
        ServerStep::Refused(answer) => answer.status(),
        ServerStep::Request(request) => {
            let mut output = Vec::new();
            let accepted = request.encode_accept(&Accept::default(), &mut output);
            match request.check_upgrade() {
                Ok(()) => {
                    assert_eq!(accepted, Ok(()));
                    101
                }
                Err(answer) => {
                    assert_eq!(
                        (accepted, output),
                        (Err(HandshakeError::NotAnUpgrade), vec![])
                    );
                    answer.status()
                }
            }
        }
    }
}

fn with(name: &str, value: &str) -> String {
    let mut lines = REQUIRED.to_vec();
    match lines.iter_mut().find(|(known, _)| *known == name) {
        Some(line) => line.1 = value,
        None => lines.push((name, value)),
    }
    head(&lines)
}

fn request(head: &str) -> Request {
    match ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default()) {
        ServerStep::Request(request) => request,
        step => panic!("{head:?} gives {step:?}"),
    }
}

/// each required header without, twice, empty, folded: refused, each with its status; in another case: taken.
#[test]
fn needs_each_header_once() {
    assert_eq!(status(&head(&REQUIRED)), 101);
    for (index, &(name, value)) in REQUIRED.iter().enumerate() {
        let changed = |change: &dyn Fn(&mut Lines)| {
            let mut lines = REQUIRED.to_vec();
            change(&mut lines);
            status(&head(&lines))
        };
        let missing = match name {
            "Upgrade" | "Sec-WebSocket-Version" => 426,
            _ => 400,
        };
        assert_eq!(
            changed(&|lines| {
                lines.remove(index);
            }),
            missing,
            "without {name}"
        );
        assert_eq!(
            changed(&|lines| lines[index].1 = ""),
            missing,
            "empty {name}"
        );

        // Lists may come twice, and say the same again.
        let twice = if matches!(name, "Upgrade" | "Connection") {
            101
        } else {
            400
        };
        assert_eq!(
            changed(&|lines| lines.push(lines[index])),
            twice,
            "{name} twice"
        );

        let folded = head(&REQUIRED).replace(&format!("{name}: "), &format!("{name}:\r\n "));
        assert_eq!(status(&folded), 400, "folded {name}");
        for other in [name.to_lowercase(), name.to_uppercase()] {
            let recased =
                head(&REQUIRED).replace(&format!("{name}: {value}"), &format!("{other}: {value}"));
            assert_eq!(status(&recased), 101, "{other}");
        }
    }
}

/// RFC 6455 §4.2.1 with the list rules of RFC 9110 §5.6.1
#[test]
fn reads_upgrade_and_connection_as_lists() {
    for (name, value, expected) in [
        ("Upgrade", "WebSocket", 101),
        ("Upgrade", "h2c, websocket", 101),
        ("Upgrade", "websocket/13", 426),
        ("Upgrade", "websockets", 426),
        ("Upgrade", "web socket", 426),
        ("Connection", "keep-alive, Upgrade", 101),
        ("Connection", ",upgrade,", 101),
        ("Connection", "keep-alive", 400),
        ("Connection", "keep-alive upgrade", 400),
    ] {
        assert_eq!(status(&with(name, value)), expected, "{name}: {value}");
    }
    let mut split = REQUIRED.to_vec();
    split.insert(1, ("Connection", "keep-alive"));
    split.insert(1, ("Upgrade", "h2c"));
    assert_eq!(status(&head(&split)), 101);
}

#[test]
fn speaks_version_13_only() {
    for (version, expected) in [
        ("13", 101),
        ("8", 426),
        ("14", 426),
        ("013", 426),
        ("13, 8", 426),
        ("1 3", 426),
    ] {
        let head = with("Sec-WebSocket-Version", version);
        assert_eq!(status(&head), expected, "{version}");
    }
}

/// RFC 6455 §4.1 step 7, whose own example sets bits that base64 leaves unused.
#[test]
fn needs_a_key_of_16_bytes() {
    for (key, expected) in [
        ("AQIDBAUGBwgJCgsMDQ4PEC==", 101),
        ("AQIDBAUGBwgJCgsMDQ4PEA==", 101),
        ("AQIDBAUGBwgJCgsMDQ4PEA=", 400),
        ("AQIDBAUGBwgJCgsMDQ4PEA", 400),
        ("AQIDBAUGBwgJCgsMDQ4=", 400),
        ("AQIDBAUGBwgJCgsMDQ4PEBE=", 400),
        ("AQIDBAUGBwgJCgsMDQ4PEBES", 400),
        ("AQIDBAUGBwgJCgsMDQ4-EA==", 400),
        ("AQIDBAUGBwgJCgsMDQ4PE===", 400),
        ("AQIDBAUGBwgJ CgsMDQ4PE==", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", 400),
        ("==", 400),
    ] {
        assert_eq!(status(&with("Sec-WebSocket-Key", key)), expected, "{key}");
    }
}

/// no body, announced in any way
#[test]
fn refuses_a_request_with_a_body() {
    for (name, value, expected) in [
        ("Content-Length", "0", 101),
        ("Content-Length", "1", 400),
        ("Content-Length", "+0", 400),
        ("Content-Length", "-1", 400),
        ("Content-Length", "", 400),
        ("Content-Length", "0, 0", 400),
        ("Content-Length", "99999999999999999999", 400),
        ("Transfer-Encoding", "chunked", 400),
        ("Transfer-Encoding", "identity", 400),
        ("Transfer-Encoding", "", 400),
    ] {
        assert_eq!(status(&with(name, value)), expected, "{name}: {value}");
    }
}

#[test]
fn takes_get_only() {
    for method in ["POST", "HEAD", "OPTIONS", "get", "GETS"] {
        let head = head(&REQUIRED).replace("GET", method);
        assert_eq!(status(&head), 405, "{method}");
        let answer = request(&head).check_upgrade().unwrap_err();
        let mut output = Vec::new();
        answer.encode(false, &mut output);
        assert!(
            String::from_utf8(output)
                .unwrap()
                .contains("\r\nAllow: GET\r\n")
        );
    }
}

/// 32 subprotocols, 16 extensions; RFC 6455 §4.3: both are lists of one element at least, by the grammar.
#[test]
fn bounds_the_lists() {
    let list = |count: usize| {
        (0..count)
            .map(|index| format!("p{index}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    for (name, value, expected) in [
        ("Sec-WebSocket-Protocol", list(32), 101),
        ("Sec-WebSocket-Protocol", list(33), 400),
        ("Sec-WebSocket-Protocol", "a b".to_owned(), 400),
        ("Sec-WebSocket-Protocol", "\"a\"".to_owned(), 400),
        ("Sec-WebSocket-Protocol", String::new(), 400),
        ("Sec-WebSocket-Protocol", ",".to_owned(), 400),
        ("Sec-WebSocket-Protocol", ",a".to_owned(), 101),
        ("Sec-WebSocket-Extensions", list(16), 101),
        ("Sec-WebSocket-Extensions", list(17), 400),
        (
            "Sec-WebSocket-Extensions",
            "constructor; __proto__".to_owned(),
            101,
        ),
        ("Sec-WebSocket-Extensions", "a; b=\"".to_owned(), 400),
        ("Sec-WebSocket-Extensions", String::new(), 400),
    ] {
        assert_eq!(status(&with(name, &value)), expected, "{name}: {value}");
    }
}

/// RFC 6455 §1.2, §1.3
#[test]
fn writes_the_answer_of_the_rfc() {
    let request = request(&with("Sec-WebSocket-Protocol", "chat, superchat"));
    let mut output = b"before".to_vec();
    request
        .encode_accept(
            &Accept {
                subprotocol: Some("chat"),
                headers: &[("Set-Cookie", "a=b")],
                ..Accept::default()
            },
            &mut output,
        )
        .unwrap();
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "beforeHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\nSet-Cookie: a=b\r\n\r\n"
    );
}

#[test]
fn refuses_an_answer_that_breaks_the_rules() {
    let request = request(&with("Sec-WebSocket-Protocol", "chat"));
    for (subprotocol, headers, error) in [
        (Some("Chat"), &[][..], HandshakeError::SubprotocolNotOffered),
        (
            None,
            &[("Upgrade", "h2c")],
            HandshakeError::ReservedHeader {
                name: "Upgrade".into(),
            },
        ),
        (
            None,
            &[("a\r\nb", "c")],
            HandshakeError::InvalidHeaderName {
                name: "a\\u{d}\\u{a}b".into(),
            },
        ),
        (
            None,
            &[("A", "b"), ("C", "d\r\n")],
            HandshakeError::InvalidHeaderValue { name: "C".into() },
        ),
    ] {
        let mut output = Vec::new();
        assert_eq!(
            request.encode_accept(
                &Accept {
                    subprotocol,
                    headers,
                    ..Accept::default()
                },
                &mut output
            ),
            Err(error)
        );
        assert!(output.is_empty());
    }
}

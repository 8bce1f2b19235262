use super::super::head::HeadLimits;
use super::super::server::{ServerHandshake, ServerStep};
use super::*;

fn step(head: &str) -> ServerStep {
    ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default())
}

fn request(head: &str) -> Request {
    match step(head) {
        ServerStep::Request(request) => request,
        step => panic!("{head:?} gives {step:?}"),
    }
}

/// RFC 9112 §3.2
#[test]
fn reads_every_form_of_a_target() {
    for (target, path, query) in [
        ("/", "/", None),
        ("/a/b%20c", "/a/b%20c", None),
        ("/a?b=c?d", "/a", Some("b=c?d")),
        ("/?", "/", Some("")),
        ("//a", "//a", None),
        ("/a://b", "/a://b", None),
        ("ws://example.com/a?b", "/a", Some("b")),
        ("HTTP://EXAMPLE.com", "/", None),
        ("https://example.com?b=/c", "/", Some("b=/c")),
    ] {
        let request = request(&format!(
            "GET {target} HTTP/1.1\r\nHost: example.com\r\n\r\n"
        ));
        assert_eq!(
            (request.path(), request.query(), request.target()),
            (path, query, target)
        );
    }
    assert_eq!(request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path(), "*");
}

#[test]
fn refuses_other_targets() {
    for target in [
        "*",
        "a",
        "example.com:80",
        "ftp://example.com/",
        "http:/a",
        "/a#b",
        "/\u{fc}",
        "http://other.example/",
        "http://example.com:81/",
        "http://user@example.com/",
        "http:///a",
        "?a",
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: example.com\r\n\r\n");
        assert!(
            matches!(step(&head), ServerStep::Refused(answer) if answer.status() == 400),
            "{target}"
        );
    }
}

#[test]
fn finds_headers_in_any_case() {
    let request = request(
        "POST /x HTTP/1.1\r\nhOST: a\r\nX-Two:  1 \t\r\nx-two:2\r\nX-Empty:\r\nOrigin: http://b\r\n\r\n",
    );
    assert_eq!(request.method(), "POST");
    assert_eq!(request.header("x-TWO"), Some("1"));
    assert_eq!(request.header_all("X-two").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(request.header("x-empty"), Some(""));
    assert_eq!(request.header("x-none"), None);
    assert_eq!(
        (request.host(), request.origin()),
        (Some("a"), Some("http://b"))
    );
    assert_eq!(request.headers().nth(2), Some(("x-two", "2")));
    assert_eq!(request.headers().count(), 5);
}

/// RFC 9110 §5.5: old senders write Latin-1, new ones UTF-8.
#[test]
fn reads_values_as_utf_8_or_latin_1() {
    let head =
        [&b"GET / HTTP/1.1\r\nHost: a\r\nNew: \xd0\xb6\r\nOld: \xe9t\xe9\r\n\r\n"[..]].concat();
    let ServerStep::Request(request) =
        ServerHandshake::new().receive(&head, &HeadLimits::default())
    else {
        panic!("such bytes may stand in a value")
    };
    assert_eq!(
        (request.header("new"), request.header("old")),
        (Some("ж"), Some("été"))
    );
}

/// RFC 9112 §3.2
#[test]
fn needs_one_valid_host() {
    for hosts in [
        "",
        "Host:\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a b\r\n",
        "Host: user@a\r\n",
        "Host: a, b\r\n",
    ] {
        let head = format!("GET / HTTP/1.1\r\n{hosts}\r\n");
        assert!(
            matches!(step(&head), ServerStep::Refused(answer) if answer.status() == 400),
            "{hosts}"
        );
    }
}

#[test]
fn lists_what_the_client_offers() {
    let request = request(
        "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x\r\n\r\n",
    );
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["a", "b", "c"]);
    let offers = request.extension_offers();
    assert_eq!(
        offers.iter().map(ExtensionOffer::name).collect::<Vec<_>>(),
        ["permessage-deflate", "x"]
    );
    assert_eq!(offers[0].params()[0].name(), "client_max_window_bits");
    assert_eq!(offers[0].params()[0].value(), None);
}

/// curl --http2 asks every server for h2c and takes HTTP/1.1 for an answer.
#[test]
fn knows_who_wants_a_websocket() {
    for (header, expected) in [
        ("Upgrade: websocket", true),
        ("Upgrade: h2c, WebSocket", true),
        ("Sec-WebSocket-Key: x", true),
        ("Sec-WebSocket-Version: 13", true),
        ("Upgrade: h2c", false),
        ("Upgrade: websocket/13", false),
        ("Connection: Upgrade", false),
    ] {
        let request = request(&format!("GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n"));
        assert_eq!(request.is_upgrade(), expected, "{header}");
    }
}

///
#[test]
fn hides_values_in_its_debug_text() {
    let request = request("GET /path?token=secret HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n");
    let text = format!(
        "{request:?} {:?}",
        step("GET /?secret HTTP/1.1\r\nHost: secret\r\n\r\n")
    );
    assert!(
        text.contains("/path") && text.contains("Cookie") && !text.contains("secret"),
        "{text}"
    );
}

//! R-04: heads that one reader takes for this and another for that, and what our server says to each.

use std::time::Duration;

use ws_core::handshake::{HeadLimits, ServerHandshake, ServerStep};

const HEAD: &str = "GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Replaces a part of the good head that must be there.
fn head(from: &str, to: &str) -> Vec<u8> {
    assert!(HEAD.contains(from), "{from:?}");
    HEAD.replacen(from, to, 1).into_bytes()
}

/// Adds header lines to the good head.
fn with(lines: &str) -> Vec<u8> {
    format!("{}{lines}\r\n\r\n", &HEAD[..HEAD.len() - 2]).into_bytes()
}

/// The status in the end: 101, that of the refusal, or 0 while the head is not whole.
fn status(stream: &[u8], piece_bytes: usize) -> u16 {
    let mut handshake = ServerHandshake::new();
    let mut status = 0;
    for piece in stream.chunks(piece_bytes) {
        match handshake.receive(piece, &HeadLimits::default()) {
            ServerStep::NeedMore => {}
            ServerStep::Refused(answer) => return answer.status(),
            ServerStep::Request(request) => {
                status = request
                    .check_upgrade()
                    .map_or_else(|answer| answer.status(), |()| 101);
            }
        }
    }
    status
}

#[test]
fn answers_each_head_with_one_status_over_any_cut() {
    let table: &[(&str, Vec<u8>, u16)] = &[
        ("the good head", HEAD.into(), 101),
        // Where lines end (RFC 9112 §2.2)
        ("LF only", HEAD.replace("\r\n", "\n").into(), 400),
        (
            "LF after the request line",
            head("HTTP/1.1\r\n", "HTTP/1.1\n"),
            400,
        ),
        (
            "LF after a header",
            head("Upgrade: websocket\r\n", "Upgrade: websocket\n"),
            400,
        ),
        (
            "LF instead of the empty line",
            head("13\r\n\r\n", "13\r\n\n"),
            400,
        ),
        ("two LF at the end", head("13\r\n\r\n", "13\n\n"), 400),
        ("CR only", HEAD.replace("\r\n", "\r").into(), 400),
        ("CR in a value", head("websocket", "web\rsocket"), 400),
        ("CR CR LF", head("websocket\r\n", "websocket\r\r\n"), 400),
        ("LF CR", head("websocket\r\n", "websocket\n\r"), 400),
        ("CR in the target", head("/chat", "/ch\rat"), 400),
        ("empty line first", format!("\r\n{HEAD}").into(), 400),
        ("LF first", format!("\n{HEAD}").into(), 400),
        ("space first", format!(" {HEAD}").into(), 400),
        // Folded lines and spaces (§5.1, §5.2)
        (
            "folded value",
            head("Upgrade: websocket", "Upgrade:\r\n websocket"),
            400,
        ),
        (
            "folded with tab",
            head("Upgrade: websocket", "Upgrade:\r\n\twebsocket"),
            400,
        ),
        (
            "folded header hides another",
            with("X-A: b\r\n Transfer-Encoding: chunked"),
            400,
        ),
        (
            "space before the first header",
            head("\r\nHost", "\r\n Host"),
            400,
        ),
        ("space before a colon", head("Host:", "Host :"), 400),
        ("tab before a colon", head("Host:", "Host\t:"), 400),
        ("space in a name", with("X A: b"), 400),
        ("no colon", with("X-A"), 400),
        ("no name", with(": b"), 400),
        ("space only", with(" "), 400),
        ("quoted name", with("\"X-A\": b"), 400),
        ("name with a slash", with("X/A: b"), 400),
        (
            "name with a high byte",
            [&HEAD.as_bytes()[..HEAD.len() - 2], b"X\xff: b\r\n\r\n"].concat(),
            400,
        ),
        // Control characters (RFC 9110 §5.5)
        ("NUL in a value", with("X-A: b\0"), 400),
        ("NUL in a name", with("X\0A: b"), 400),
        ("NUL in the target", head("/chat", "/ch\0at"), 400),
        ("escape in a value", with("X-A: \x1b[2J"), 400),
        ("DEL in a value", with("X-A: \x7f"), 400),
        ("vertical tab in a value", with("X-A: a\x0bb"), 400),
        (
            "form feed before a value",
            with("Transfer-Encoding: \x0cchunked"),
            400,
        ),
        ("tab in a value is fine", with("X-A: a\tb"), 101),
        // The request line (RFC 9112 §3)
        ("two spaces", head("GET /chat", "GET  /chat"), 400),
        (
            "two spaces before the version",
            head("/chat HTTP", "/chat  HTTP"),
            400,
        ),
        ("tab for a space", head("GET /chat", "GET\t/chat"), 400),
        (
            "space behind the version",
            head("HTTP/1.1\r\n", "HTTP/1.1 \r\n"),
            400,
        ),
        ("space in the target", head("/chat", "/ch at"), 400),
        ("fragment in the target", head("/chat", "/chat#x"), 400),
        ("high byte in the target", head("/chat", "/ch\u{e4}t"), 400),
        ("no target", head("GET /chat HTTP", "GET HTTP"), 400),
        ("no version", head(" HTTP/1.1", ""), 400),
        ("lower-case version", head("HTTP/1.1", "http/1.1"), 400),
        ("long version", head("HTTP/1.1", "HTTP/1.10"), 400),
        ("version with a zero", head("HTTP/1.1", "HTTP/01.1"), 400),
        ("HTTP/1.0", head("HTTP/1.1", "HTTP/1.0"), 505),
        ("HTTP/1.2", head("HTTP/1.1", "HTTP/1.2"), 505),
        ("HTTP/2.0", head("HTTP/1.1", "HTTP/2.0"), 505),
        (
            "HTTP/2 preface",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            505,
        ),
        (
            "method with a control character",
            head("GET", "G\x01T"),
            400,
        ),
        ("method that is no token", head("GET", "G@T"), 400),
        ("POST", head("GET", "POST"), 405),
        ("lower-case method", head("GET", "get"), 405),
        // One host (§3.2)
        ("no Host", head("Host: a.example\r\n", ""), 400),
        ("two Hosts", with("Host: b.example"), 400),
        ("two equal Hosts", with("host: a.example"), 400),
        (
            "Host with a list",
            head("a.example", "a.example, b.example"),
            400,
        ),
        ("Host with user info", head("a.example", "x@a.example"), 400),
        ("Host with a path", head("a.example", "a.example/x"), 400),
        (
            "target of another host",
            head("/chat", "http://b.example/chat"),
            400,
        ),
        (
            "target of the same host",
            head("/chat", "ws://A.EXAMPLE/chat"),
            101,
        ),
        ("authority for a target", head("/chat", "a.example:80"), 400),
        // No body (§6)
        ("length", with("Content-Length: 5"), 400),
        (
            "length and body",
            [with("Content-Length: 5"), b"hello".to_vec()].concat(),
            400,
        ),
        ("length of zero", with("Content-Length: 0"), 101),
        (
            "two lengths",
            with("Content-Length: 0\r\nContent-Length: 0"),
            400,
        ),
        (
            "two different lengths",
            with("Content-Length: 0\r\nContent-Length: 5"),
            400,
        ),
        ("list of lengths", with("Content-Length: 0, 5"), 400),
        ("signed length", with("Content-Length: +0"), 400),
        ("hexadecimal length", with("Content-Length: 0x0"), 400),
        ("chunked", with("Transfer-Encoding: chunked"), 400),
        (
            "chunked in another case",
            with("tRANSFER-eNCODING: Chunked"),
            400,
        ),
        (
            "chunked and length",
            with("Content-Length: 0\r\nTransfer-Encoding: chunked"),
            400,
        ),
        ("unknown coding", with("Transfer-Encoding: xchunked"), 400),
        ("identity", with("Transfer-Encoding: identity"), 400),
        ("empty coding", with("Transfer-Encoding:"), 400),
        // Bytes behind the head (RFC 6455 §4.1)
        (
            "a frame behind",
            [HEAD.as_bytes(), b"\x81\x80\0\0\0\0"].concat(),
            400,
        ),
        ("a request behind", HEAD.repeat(2).into(), 400),
        ("an empty line behind", format!("{HEAD}\r\n").into(), 400),
        // The WebSocket headers (RFC 6455 §4.2.1)
        (
            "two keys",
            with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            400,
        ),
        ("two versions", with("Sec-WebSocket-Version: 13"), 400),
        (
            "Upgrade without Connection",
            head("Connection: Upgrade", "Connection: close"),
            400,
        ),
        (
            "Upgrade to h2c",
            head("Upgrade: websocket", "Upgrade: h2c"),
            426,
        ),
        // Not whole yet
        ("no empty line", HEAD[..HEAD.len() - 2].into(), 0),
        ("nothing", Vec::new(), 0),
    ];
    let heads = table.len();
    assert!(heads > 60, "{heads} heads, more than 60 are wanted");
    for (name, stream, expected) in table {
        for piece_bytes in [1, 2, 3, 17, stream.len().max(1)] {
            assert_eq!(
                status(stream, piece_bytes),
                *expected,
                "{name}, in pieces of {piece_bytes}"
            );
        }
    }
}

/// R-03: lists made to be read again and again are read once, and judged: two lines of 8 KiB, the longest allowed, in at
/// most 5 ms of CPU time, whatever the build.
#[test]
fn judges_lists_that_are_made_to_be_slow() {
    for name in [
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Upgrade",
        "Connection",
    ] {
        let is_checked = name.starts_with("Sec-");
        for (value, expected) in [
            ("b ".repeat(4000), if is_checked { 400 } else { 101 }),
            (
                format!("a; b=\"{}", "x".repeat(8000)),
                if is_checked { 400 } else { 101 },
            ),
            (
                format!("a; b=\"{}\"", "\\x".repeat(4000)),
                if name.ends_with("Protocol") { 400 } else { 101 },
            ),
            (
                format!("a{}", "; b".repeat(2600)),
                if is_checked { 400 } else { 101 },
            ),
            (
                format!("{}a", "b,".repeat(4000)),
                if is_checked { 400 } else { 101 },
            ),
            (",".repeat(8000), if is_checked { 400 } else { 101 }),
            (format!("a{}", " ".repeat(8000)), 101),
        ] {
            let stream = with(&format!("{name}: {value}"));
            for piece_bytes in [1, stream.len()] {
                assert_eq!(
                    status(&stream, piece_bytes),
                    expected,
                    "{name}: {value:.20}…"
                );
            }
            let twice = with(&format!("{name}: {value}\r\n{name}: {value}"));
            const TIMES: u32 = 10;
            let before = cpu_time();
            for _ in 0..TIMES {
                let judged = status(&twice, twice.len());
                assert!(
                    matches!(judged, 101 | 400),
                    "{judged}: {name}: {value:.20}…"
                );
            }
            let each = (cpu_time() - before) / TIMES;
            assert!(
                each <= Duration::from_millis(5),
                "{each:?} of CPU time for a list of {} bytes, at most 5 ms: {name}: {value:.20}…",
                2 * value.len()
            );
        }
    }
}

/// What this thread has run for, whoever else had the processor meanwhile; only Linux tells.
fn cpu_time() -> Duration {
    if cfg!(not(target_os = "linux")) {
        return Duration::ZERO;
    }
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("it is there");
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

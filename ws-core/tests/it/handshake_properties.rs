//! What holds for all inputs: no text of a caller adds a line, no cut changes the outcome, nothing panics.

use proptest::collection::vec;
use proptest::prelude::*;
use ws_core::handshake::{
    Accept, ClientHandshake, ClientRequest, ClientStep, HandshakeError, HeadLimits, HttpAnswer,
    Policy, Request, Response, ServerHandshake, ServerStep,
};

/// Text that wants to break out of its line.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9._-]{1,8}",
        1 => Just("\r\n".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\r".to_owned()),
        1 => Just("\0".to_owned()),
        1 => Just(": ".to_owned()),
        1 => Just("\r\n\r\n".to_owned()),
        1 => Just("\r\nX-Evil: 1".to_owned()),
        1 => Just(" ".to_owned()),
        1 => Just("\u{85}\u{2028}".to_owned()),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Mostly what is allowed, so that the way to the end is walked as well.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[a-zA-Z0-9-]{1,12}", 1 => hostile_text()]
}

fn header_lines() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..4)
}

fn serve(stream: &[u8]) -> ServerStep {
    ServerHandshake::new().receive(stream, &HeadLimits::default())
}

/// What the caller's lines must be read as.
fn trimmed(lines: &[(String, String)]) -> Vec<(String, String)> {
    let trim = |value: &String| value.trim_matches([' ', '\t']).to_owned();
    lines
        .iter()
        .map(|(name, value)| (name.clone(), trim(value)))
        .collect()
}

fn owned<'a>(lines: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn upgrade() -> Request {
    let handshake =
        ClientHandshake::new(&ClientRequest::new("a", "/").subprotocol("chat"), [0; 16]).unwrap();
    match serve(handshake.request()) {
        ServerStep::Request(request) => request,
        step => panic!("our own request gives {step:?}"),
    }
}

/// Feeds `stream` in pieces as long as `cuts` says; returns all that came of it.
fn serve_in_pieces(stream: &[u8], cuts: &[usize]) -> Vec<ServerStep> {
    let mut handshake = ServerHandshake::new();
    let mut steps = Vec::new();
    for piece in pieces(stream, cuts) {
        match handshake.receive(piece, &HeadLimits::default()) {
            ServerStep::NeedMore => {}
            step => {
                let is_last = matches!(step, ServerStep::Refused(_));
                steps.push(step);
                if is_last {
                    break;
                }
            }
        }
    }
    steps
}

fn connect_in_pieces(stream: &[u8], cuts: &[usize]) -> (Result<Response, HandshakeError>, usize) {
    let request = ClientRequest::new("a", "/").subprotocol("chat");
    let mut handshake = ClientHandshake::new(&request, *b"the sample nonce").unwrap();
    let mut position = 0;
    for piece in pieces(stream, cuts) {
        match handshake.receive(piece, &HeadLimits::default()) {
            Ok(ClientStep::NeedMore) => position += piece.len(),
            Ok(ClientStep::Done {
                response, consumed, ..
            }) => {
                return (Ok(response), position + consumed);
            }
            Err(error) => return (Err(error), 0),
        }
    }
    (Err(handshake.receive_eof()), 0)
}

fn pieces<'a>(mut stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &cut in cuts {
        let (piece, rest) = stream.split_at(cut.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

/// A stream that is nearly a good head.
fn mutated(good: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        0..good.len(),
        0..4_usize,
        prop_oneof![
            Just(b'\r'),
            Just(b'\n'),
            Just(b' '),
            Just(b':'),
            any::<u8>()
        ],
    );
    (vec(edit, 0..4), any::<bool>()).prop_map(move |(edits, has_more)| {
        let mut bytes = good.as_bytes().to_vec();
        for (index, kind, byte) in edits {
            let index = index.min(bytes.len() - 1);
            match kind {
                0 => bytes[index] = byte,
                1 => bytes.insert(index, byte),
                2 if bytes.len() > 1 => drop(bytes.drain(index..=index)),
                _ => {}
            }
        }
        if has_more {
            bytes.extend_from_slice(b"\x81\x05Hello, this may be a frame or a body");
        }
        bytes
    })
}

const REQUEST: &str = "GET /chat?a=b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const PLAIN: &str = "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 404 Not Found\r\n\
    Transfer-Encoding: chunked\r\n\r\n3\r\nno \r\n4;x=y\r\nroom\r\n0\r\n\r\n";

fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        mutated(REQUEST),
        mutated(PLAIN),
        mutated(ACCEPTED),
        mutated(REFUSED),
        vec(any::<u8>(), 0..300),
        vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b':'), Just(b'a')],
            0..60
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// R-07: a request is refused before it is written, or read as exactly what was meant.
    #[test]
    fn no_text_adds_a_line_to_a_request(
        host in text(), target in text(), subprotocol in text(), origin in proptest::option::of(text()), lines in header_lines(),
    ) {
        let target = format!("/{target}");
        let mut request = ClientRequest::new(&host, &target).subprotocol(&subprotocol);
        for (name, value) in &lines {
            request = request.header(name, value);
        }
        if let Some(origin) = &origin {
            request = request.origin(origin);
        }
        match ClientHandshake::new(&request, [7; 16]) {
            Err(error) => prop_assert!(error.is_caller_fault(), "{error:?}"),
            Ok(handshake) => {
                let ServerStep::Request(read) = serve(handshake.request()) else {
                    return Err(TestCaseError::fail(format!("{}", handshake.request().escape_ascii())));
                };
                let mut expected = vec![
                    ("Host".to_owned(), host),
                    ("Upgrade".to_owned(), "websocket".to_owned()),
                    ("Connection".to_owned(), "Upgrade".to_owned()),
                    ("Sec-WebSocket-Key".to_owned(), "BwcHBwcHBwcHBwcHBwcHBw==".to_owned()),
                    ("Sec-WebSocket-Version".to_owned(), "13".to_owned()),
                    ("Sec-WebSocket-Protocol".to_owned(), subprotocol),
                ];
                expected.extend(origin.map(|origin| ("Origin".to_owned(), origin.trim_matches([' ', '\t']).to_owned())));
                expected.extend(trimmed(&lines));
                prop_assert_eq!(owned(read.headers()), expected);
                prop_assert_eq!((read.method(), read.target()), ("GET", &*target));
                prop_assert!(read.check_upgrade().is_ok());
            }
        }
    }

    /// R-07, for the 101 answer.
    #[test]
    fn no_text_adds_a_line_to_an_acceptance(subprotocol in proptest::option::of(text()), lines in header_lines()) {
        let headers: Vec<_> = lines.iter().map(|(name, value)| (&**name, &**value)).collect();
        let accept = Accept { subprotocol: subprotocol.as_deref(), headers: &headers, ..Accept::default() };
        let mut output = Vec::new();
        match upgrade().encode_accept(&accept, &mut output) {
            Err(_) => prop_assert!(output.is_empty()),
            Ok(()) => {
                let request = ClientRequest::new("a", "/").subprotocol("chat");
                let mut client = ClientHandshake::new(&request, [0; 16]).unwrap();
                let Ok(ClientStep::Done { response, consumed, .. }) = client.receive(&output, &HeadLimits::default()) else {
                    return Err(TestCaseError::fail(format!("{}", output.escape_ascii())));
                };
                prop_assert_eq!(consumed, output.len());
                let own = if subprotocol.is_some() { 4 } else { 3 };
                prop_assert_eq!(owned(response.headers().skip(own)), trimmed(&lines));
            }
        }
    }

    /// R-07, for every other answer.
    #[test]
    fn no_text_adds_a_line_to_a_refusal(status in 200..=599_u16, text in hostile_text(), lines in header_lines()) {
        let mut answer = HttpAnswer::new(status, text.clone());
        let mut added = Vec::new();
        for (name, value) in &lines {
            if let Ok(with_header) = answer.clone().with_header(name, value) {
                answer = with_header;
                added.push((name.clone(), value.clone()));
            }
        }
        let mut output = Vec::new();
        answer.encode(false, &mut output);
        let (result, _) = connect_in_pieces(&output, &[]);
        let Err(HandshakeError::Refused(response)) = result else {
            return Err(TestCaseError::fail(format!("{}", output.escape_ascii())));
        };
        prop_assert_eq!(response.status(), status);
        let all = owned(response.headers());
        prop_assert_eq!(&all[all.len() - added.len()..], trimmed(&added));
        prop_assert_eq!(response.body(), if matches!(status, 204 | 304) { "" } else { &text }.as_bytes());
    }

    /// R-22: any cut of a stream gives the same; a surplus in the same read is refused as one that comes later.
    #[test]
    fn no_cut_changes_what_a_server_does(stream in stream(), cuts in vec(0..40_usize, 0..20)) {
        let by_byte = serve_in_pieces(&stream, &vec![1; stream.len()]);
        let in_pieces = serve_in_pieces(&stream, &cuts);
        prop_assert_eq!(by_byte.last(), in_pieces.last());
    }

    /// R-22, R-10
    #[test]
    fn no_cut_changes_what_a_client_sees(stream in stream(), cuts in vec(0..40_usize, 0..20)) {
        let by_byte = connect_in_pieces(&stream, &vec![1; stream.len()]);
        let in_pieces = connect_in_pieces(&stream, &cuts);
        prop_assert_eq!(by_byte, in_pieces);
    }

    /// Whatever a request asks for, every getter answers and every error has a text.
    #[test]
    fn no_request_makes_anything_panic(stream in stream()) {
        match serve(&stream) {
            ServerStep::NeedMore => {}
            ServerStep::Refused(answer) => {
                prop_assert!((400..=599).contains(&answer.status()));
                answer.encode(true, &mut Vec::new());
            }
            ServerStep::Request(request) => {
                prop_assert!(request.path().starts_with(['/', '*']));
                let _ = (request.query(), request.subprotocols().count(), request.extension_offers(), request.is_upgrade());
                let _ = (format!("{request:?}"), Policy::default().check(&request, true), request.check_upgrade());
            }
        }
        if let (Err(error), _) = connect_in_pieces(&stream, &[]) {
            let text = error.to_string();
            prop_assert!(!text.contains(char::is_control), "{}", text);
            prop_assert!(!error.is_caller_fault());
        }
    }
}

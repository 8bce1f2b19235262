use super::super::error::HeadError;
use super::*;

const OK: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn handshake() -> ClientHandshake {
    let request = ClientRequest::new("example.com", "/")
        .subprotocol("chat")
        .subprotocol("superchat");
    ClientHandshake::new(&request, *b"the sample nonce").unwrap()
}

/// Feeds `answer` in pieces of every small size, and whole; all must give the same.
fn receive(answer: &[u8]) -> Result<Option<(Response, usize)>, HandshakeError> {
    let whole = receive_in(answer, answer.len().max(1));
    for size in 1..9 {
        let pieces = receive_in(answer, size);
        // What was received when it ended depends on the cut; what it means does not.
        assert_eq!(
            pieces.as_ref().map(Option::is_some),
            whole.as_ref().map(Option::is_some)
        );
        if let (Ok(Some((left, _))), Ok(Some((right, _)))) = (&pieces, &whole) {
            assert_eq!(left, right);
        }
    }
    whole
}

fn receive_in(answer: &[u8], size: usize) -> Result<Option<(Response, usize)>, HandshakeError> {
    let mut handshake = handshake();
    let mut total = 0;
    for piece in answer.chunks(size) {
        match handshake.receive(piece, &HeadLimits::default()) {
            Ok(ClientStep::NeedMore) => total += piece.len(),
            Ok(ClientStep::Done {
                response, consumed, ..
            }) => {
                assert_eq!(
                    handshake.receive(b"", &HeadLimits::default()),
                    Err(HandshakeError::Finished)
                );
                return Ok(Some((response, total + consumed)));
            }
            Err(error) => {
                assert_eq!(
                    handshake.receive(piece, &HeadLimits::default()),
                    Err(error.clone()),
                    "it stays so"
                );
                assert_eq!(handshake.receive_eof(), error, "it stays so");
                return Err(error);
            }
        }
    }
    Ok(None)
}

fn error(answer: &str) -> HandshakeError {
    receive(answer.as_bytes()).expect_err(answer)
}

fn with_line(line: &str) -> String {
    format!("{}{line}\r\n\r\n", &OK[..OK.len() - 2])
}

/// RFC 6455 §1.3, §4.1
#[test]
fn opens_and_leaves_the_frames() {
    let (response, consumed) = receive(format!("{OK}\u{1}\u{2}").as_bytes())
        .unwrap()
        .unwrap();
    assert_eq!(
        (response.status(), response.reason(), consumed),
        (101, "Switching Protocols", OK.len())
    );
    assert_eq!((response.subprotocol(), response.body()), (None, &b""[..]));
    let (response, _) = receive(with_line("sec-websocket-protocol: superchat").as_bytes())
        .unwrap()
        .unwrap();
    assert_eq!(response.subprotocol(), Some("superchat"));
}

/// R-09, RFC 6455 §4.1 steps 2 to 6: each broken rule has its own error.
#[test]
fn demands_each_part_of_the_answer() {
    use HandshakeError::{
        InvalidAccept, InvalidConnection, InvalidUpgrade, MissingAccept, UnofferedExtension,
        UnofferedSubprotocol,
    };
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for (answer, expected) in [
        (OK.replace("Upgrade: websocket\r\n", ""), InvalidUpgrade),
        (OK.replace("websocket", "websockets"), InvalidUpgrade),
        (OK.replace("websocket", ""), InvalidUpgrade),
        (OK.replace("websocket", "websocket, h2c"), InvalidUpgrade),
        (with_line("Upgrade: h2c"), InvalidUpgrade),
        (OK.replace("HTTP/1.1", "HTTP/1.0"), InvalidUpgrade),
        (OK.replace("Connection: Upgrade\r\n", ""), InvalidConnection),
        (
            OK.replace("Connection: Upgrade", "Connection: close"),
            InvalidConnection,
        ),
        (OK.replace(accept, ""), MissingAccept),
        (OK.replace(accept, &accept.repeat(2)), MissingAccept),
        (OK.replace("s3pP", "S3pP"), InvalidAccept),
        (OK.replace("xOo=", "xOo"), InvalidAccept),
        (
            OK.replace(accept, "Sec-WebSocket-Accept:\r\n"),
            InvalidAccept,
        ),
        (
            with_line("Sec-WebSocket-Extensions: permessage-deflate"),
            UnofferedExtension,
        ),
        (with_line("Sec-WebSocket-Extensions:"), UnofferedExtension),
        (
            with_line("Sec-WebSocket-Protocol: other"),
            UnofferedSubprotocol,
        ),
        (
            with_line("Sec-WebSocket-Protocol: Chat"),
            UnofferedSubprotocol,
        ),
        (
            with_line("Sec-WebSocket-Protocol: chat, superchat"),
            UnofferedSubprotocol,
        ),
        (with_line("Sec-WebSocket-Protocol:"), UnofferedSubprotocol),
        (
            with_line("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat"),
            UnofferedSubprotocol,
        ),
    ] {
        let error = error(&answer);
        assert_eq!(error, expected, "{answer}");
        assert!(error.is_not_websocket() && !error.is_caller_fault() && error.status().is_none());
    }
    for answer in [
        OK.replace("websocket", "WebSocket"),
        OK.replace("Connection: Upgrade", "connection: keep-alive, upgrade"),
        with_line("Content-Length: 0"),
        OK.replace("s3pP", "\t s3pP").replace("xOo=", "xOo= \t"),
    ] {
        assert!(receive(answer.as_bytes()).unwrap().is_some(), "{answer}");
    }
}

#[test]
fn carries_the_whole_refusal() {
    let answer =
        "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nX-Why: no\r\nLocation: /a\r\n\r\nno room";
    let HandshakeError::Refused(response) = error(answer) else {
        panic!("404 is a refusal")
    };
    assert_eq!(
        (response.status(), response.reason(), response.body()),
        (404, "Not Found", &b"no room"[..])
    );
    assert_eq!(response.header("x-why"), Some("no"));
    let error = error(answer);
    assert_eq!(error.status(), Some(404));
    assert!(!error.is_not_websocket());
    assert_eq!(
        error.to_string(),
        "server refused the opening handshake: 404 Not Found"
    );
}

#[test]
fn shows_a_refusal_before_its_body_ends() {
    let mut handshake = handshake();
    assert_eq!(handshake.refusal(), None);
    let begun = b"HTTP/1.0 503 Service Unavailable\r\n\r\nbusy";
    assert_eq!(
        handshake.receive(begun, &HeadLimits::default()),
        Ok(ClientStep::NeedMore)
    );
    assert_eq!(handshake.refusal().map(Response::status), Some(503));
    let HandshakeError::Refused(response) = handshake.receive_eof() else {
        panic!("503 is a refusal")
    };
    assert_eq!(response.body(), b"busy");
    assert_eq!(handshake.refusal(), None);
}

/// a redirect is an error that says where to, without credentials.
#[test]
fn says_where_a_redirect_leads_without_its_secrets() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: https://user:secret@example.com/a?token=secret\r\n\
                  Content-Length: 0\r\n\r\n";
    let text = error(answer).to_string();
    assert_eq!(
        text,
        "server refused the opening handshake: 302 Found (a redirect, not followed, to \
         https://example.com/a?token=***)"
    );
    assert!(!format!("{:?}", error(answer)).contains("secret"));
}

#[test]
fn skips_informational_answers() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    assert!(
        receive(format!("HTTP/1.1 100 Continue\r\n\r\n{hints}{OK}").as_bytes())
            .unwrap()
            .is_some()
    );
    assert!(
        receive(format!("{}{OK}", hints.repeat(8)).as_bytes())
            .unwrap()
            .is_some()
    );
    assert_eq!(
        error(&hints.repeat(9)),
        HandshakeError::TooManyInterim { limit: 8 }
    );
    assert_eq!(receive(hints.as_bytes()), Ok(None));
}

#[test]
fn knows_at_the_first_byte_what_is_not_http() {
    for greeting in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail ESMTP\r\n",
        "HTTP 200\r\n",
        "HT\u{15}\u{3}",
        "\0",
        "<html>",
        " HTTP/1.1 101",
    ] {
        let error = error(greeting);
        assert_eq!(error, HandshakeError::NotHttp, "{greeting}");
        // The byte that only means TLS at the very beginning may come at the beginning of a read.
        let mut handshake = handshake();
        let last = greeting
            .bytes()
            .map(|byte| handshake.receive(&[byte], &HeadLimits::default()))
            .last();
        assert_eq!(last, Some(Err(HandshakeError::NotHttp)), "{greeting}");
        assert!(error.is_not_websocket());
    }
    let error = error("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{28}");
    assert!(error.to_string().contains("wss://"), "{error}");
    assert_eq!(error, HandshakeError::SpeaksTls);
}

#[test]
fn refuses_heads_that_are_not_well_formed() {
    for (answer, expected) in [
        ("HTTP/1.1 1010 x\r\n\r\n", HeadError::InvalidStartLine),
        ("HTTP/1.1 2000\r\n\r\n", HeadError::InvalidStartLine),
        ("HTTP/1.1 099 x\r\n\r\n", HeadError::InvalidStartLine),
        ("HTTP/1.1 600 x\r\n\r\n", HeadError::InvalidStartLine),
        ("HTTP/1.1  101 x\r\n\r\n", HeadError::InvalidStartLine),
        ("HTTP/1.1101 x\r\n\r\n", HeadError::InvalidStartLine),
        ("HTTP/2 200\r\n\r\n", HeadError::UnsupportedVersion),
        ("HTTP/2.0 200 OK\r\n\r\n", HeadError::UnsupportedVersion),
        ("HTTP/1.1 200 OK\nA: b\n\n", HeadError::BareLf),
    ] {
        assert_eq!(error(answer), HandshakeError::Head(expected), "{answer}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(9000));
    assert_eq!(
        error(&long),
        HandshakeError::Head(HeadError::HeaderLineTooLong { limit: 8192 })
    );
}

#[test]
fn says_how_much_had_come_when_the_server_closed() {
    let mut early = handshake();
    assert_eq!(
        early.receive_eof(),
        HandshakeError::ClosedEarly { received_bytes: 0 }
    );
    assert_eq!(
        early.receive(OK.as_bytes(), &HeadLimits::default()),
        Err(early.receive_eof())
    );
    let mut cut = handshake();
    assert_eq!(
        cut.receive(&OK.as_bytes()[..40], &HeadLimits::default()),
        Ok(ClientStep::NeedMore)
    );
    assert_eq!(
        cut.receive_eof(),
        HandshakeError::ClosedEarly { received_bytes: 40 }
    );
    let mut interim = handshake();
    assert_eq!(
        interim.receive(
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP",
            &HeadLimits::default()
        ),
        Ok(ClientStep::NeedMore)
    );
    assert_eq!(
        interim.receive_eof(),
        HandshakeError::ClosedEarly { received_bytes: 32 }
    );
}

///
#[test]
fn hides_values_in_its_debug_text() {
    let request = ClientRequest::new("a", "/?secret").header("Authorization", "secret");
    let handshake = ClientHandshake::new(&request, [0; 16]).unwrap();
    let text = format!("{handshake:?}");
    assert!(!text.contains("secret"), "{text}");
}

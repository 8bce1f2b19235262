//! Both roles of the opening handshake against each other, and the whole way to the first frame.

use ws_core::handshake::{
    Accept, ClientHandshake, ClientRequest, ClientStep, HandshakeError, HeadLimits, HttpAnswer,
    OriginRule, Policy, Request, Response, ServerHandshake, ServerStep,
};

const NONCE: [u8; 16] = *b"the sample nonce";

/// Feeds `stream` to a server in pieces, until it knows what to do.
fn serve(stream: &[u8], piece_bytes: usize) -> Result<Request, HttpAnswer> {
    let mut handshake = ServerHandshake::new();
    for piece in stream.chunks(piece_bytes) {
        match handshake.receive(piece, &HeadLimits::default()) {
            ServerStep::NeedMore => assert!(handshake.has_input()),
            ServerStep::Request(request) => return Ok(request),
            ServerStep::Refused(answer) => return Err(answer),
        }
    }
    panic!("the request is not whole: {}", stream.escape_ascii());
}

/// Feeds `stream` to a client in pieces; returns the answer and what was left of the stream.
fn connect<'a>(
    handshake: &mut ClientHandshake,
    stream: &'a [u8],
    piece_bytes: usize,
) -> Result<(Response, &'a [u8]), HandshakeError> {
    let mut position = 0;
    for piece in stream.chunks(piece_bytes) {
        match handshake.receive(piece, &HeadLimits::default())? {
            ClientStep::NeedMore => position += piece.len(),
            ClientStep::Done {
                response, consumed, ..
            } => {
                return Ok((response, &stream[position + consumed..]));
            }
        }
    }
    Err(handshake.receive_eof())
}

/// RFC 6455 §1.2, §1.3: the example, byte for byte, with the header lines in our order.
#[test]
fn writes_the_handshake_of_the_rfc() {
    let request = ClientRequest::new("server.example.com", "/chat")
        .origin("http://example.com")
        .subprotocol("chat")
        .subprotocol("superchat");
    let mut client = ClientHandshake::new(&request, NONCE).unwrap();
    assert_eq!(
        client.request(),
        b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.com\r\n\r\n"
    );

    let received = serve(client.request(), 7).unwrap();
    let mut output = Vec::new();
    received
        .encode_accept(
            &Accept {
                subprotocol: Some("chat"),
                headers: &[],
                ..Accept::default()
            },
            &mut output,
        )
        .unwrap();
    assert_eq!(
        output,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    );

    let (response, rest) = connect(&mut client, &output, 7).unwrap();
    assert_eq!((response.subprotocol(), rest), (Some("chat"), &b""[..]));
}

/// The request as RFC 6455 §1.2 prints it, header order and all.
#[test]
fn accepts_the_request_of_the_rfc() {
    let request = b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let request = serve(request, 1).unwrap();
    assert!(request.is_upgrade());
    request.check_upgrade().unwrap();
    assert_eq!(request.path(), "/chat");
    assert_eq!(
        request.subprotocols().collect::<Vec<_>>(),
        ["chat", "superchat"]
    );
    // The RFC's page is of another host than its server.
    assert_eq!(
        Policy::default()
            .check(&request, false)
            .unwrap_err()
            .status(),
        403
    );
    let listed = Policy::new().origins(OriginRule::List(vec!["http://example.com".to_owned()]));
    listed.check(&request, false).unwrap();
}

#[test]
fn opens_in_any_pieces_and_leaves_the_first_frame() {
    for nonce in 1..=255 {
        let piece_bytes = 2 * usize::from(nonce) - 1;
        let request =
            ClientRequest::new("[::1]:9894", "/a?b=c").header("Authorization", "Bearer x");
        let mut client = ClientHandshake::new(&request, [nonce; 16]).unwrap();
        let received = serve(client.request(), piece_bytes).unwrap();
        Policy::default().check(&received, true).unwrap();
        assert_eq!(received.header("authorization"), Some("Bearer x"));
        assert_eq!((received.path(), received.query()), ("/a", Some("b=c")));

        let mut output = Vec::new();
        received
            .encode_accept(&Accept::default(), &mut output)
            .unwrap();
        output.extend_from_slice(b"\x81\x05Hello");
        let (response, rest) = connect(&mut client, &output, piece_bytes).unwrap();
        assert_eq!(response.subprotocol(), None);
        assert_eq!(rest, b"\x81\x05Hello");
    }
}

/// Each refusal that a server can write is read as what it is.
#[test]
fn reads_every_refusal_of_our_server() {
    let upgrade = |from: &str, to: &str| {
        let head = "GET / HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        head.replace(from, to)
    };
    for (head, status) in [
        (upgrade("Connection: Upgrade\r\n", ""), 400),
        (upgrade("", ""), 403),
        (upgrade("GET", "PUT"), 405),
        (upgrade("GET /", &format!("GET /{}", "x".repeat(9000))), 414),
        (upgrade("Version: 13", "Version: 12"), 426),
        (upgrade("Upgrade: websocket\r\n", ""), 426),
        (
            upgrade(
                "Upgrade: websocket\r\n",
                &format!("A: {}\r\n", "x".repeat(9000)),
            ),
            431,
        ),
        (
            upgrade("Upgrade: websocket\r\n", &"A: b\r\n".repeat(100)),
            431,
        ),
        (upgrade("HTTP/1.1", "HTTP/1.0"), 505),
    ] {
        let decided = serve(head.as_bytes(), 1000).and_then(|request| {
            request.check_upgrade()?;
            Policy::default().check(&request, true)
        });
        let answer = decided.expect_err(&head);
        assert_eq!(answer.status(), status, "{head}");
        let mut output = Vec::new();
        answer.encode(false, &mut output);

        for piece_bytes in [1, 100, 10_000] {
            let mut client = ClientHandshake::new(&ClientRequest::new("a", "/"), NONCE).unwrap();
            let error = connect(&mut client, &output, piece_bytes).expect_err("it is a refusal");
            let HandshakeError::Refused(response) = &error else {
                panic!("{error:?} is no refusal")
            };
            assert_eq!(response.status(), status);
            assert_eq!(
                response
                    .header("connection")
                    .map(|value| value.starts_with("close")),
                Some(true)
            );
            assert_eq!(response.body(), answer.text().as_bytes());
            assert!(!response.reason().is_empty());
        }
    }
}

/// the head of the greatest size is taken byte by byte (its cost is counted beside the code), a greater one is not.
#[test]
fn takes_the_greatest_head_byte_by_byte() {
    let limits = HeadLimits::default();
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    while head.len() + 200 < limits.max_bytes {
        head.extend_from_slice(b"X-Fill: ");
        head.resize(head.len() + 180, b' ');
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"X-Rest: ");
    head.resize(limits.max_bytes - 4, b'x');
    head.extend_from_slice(b"\r\n\r\n");
    assert!(serve(&head, 1).is_ok());
    head.insert(head.len() - 4, b'x');
    assert_eq!(serve(&head, 1).unwrap_err().status(), 431);
}

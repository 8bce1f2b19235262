//! The opening handshake over a mock with a virtual clock.

use std::io::ErrorKind as Io;
use std::time::Duration;

use ws_core::handshake::{ClientHandshake, ClientRequest, HandshakeError, HeadLimits};

use super::{Answer, Failure, open};
use crate::deadline::Deadline;
use crate::net::Net;
use crate::net::mock::{Incoming, MockNet, Take};
use crate::wire::Wire;

/// The answer to the nonce of the example in RFC 6455 §1.3.
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn handshake() -> ClientHandshake {
    ClientHandshake::new(&ClientRequest::new("mock", "/"), *b"the sample nonce").unwrap()
}

fn run(net: &MockNet) -> Result<Answer, Failure> {
    let deadline = Deadline::after(net.now(), Duration::from_secs(30));
    open(
        &mut Wire::new(net.clone()),
        handshake(),
        &HeadLimits::default(),
        deadline,
    )
}

#[test]
fn cut_at_every_byte_with_short_writes_it_opens_and_keeps_the_surplus() {
    let bytes = format!("{ANSWER}\u{1}surplus").into_bytes();
    for cut in 1..bytes.len() {
        let net = MockNet::new();
        for _ in 0..50 {
            net.take(Take::Bytes(3)).take(Take::Error(Io::WouldBlock));
        }
        net.bytes(&bytes[..cut]).bytes(&bytes[cut..]);
        let mut wire = Wire::new(net.clone());
        let deadline = Deadline::after(net.now(), Duration::from_secs(30));
        let Answer {
            response,
            mut surplus,
            ..
        } = open(&mut wire, handshake(), &HeadLimits::default(), deadline).unwrap();
        assert_eq!(response.status(), 101);
        // What comes in a later piece is left in the socket.
        let mut rest = [0; 100];
        if let Ok(count) = wire.net.recv(&mut rest) {
            surplus.extend(&rest[..count]);
        }
        assert_eq!(surplus, b"\x01surplus", "cut at {cut}");
    }
}

#[test]
fn the_whole_request_leaves_however_short_the_writes() {
    let net = MockNet::new();
    for _ in 0..1000 {
        net.take(Take::Bytes(1));
    }
    net.at(Duration::from_secs(1), Incoming::Bytes(ANSWER.into()));
    run(&net).unwrap();
    assert_eq!(net.script().sent, handshake().request());
}

#[test]
fn silence_and_trickling_end_at_the_deadline() {
    let net = MockNet::new();
    assert!(matches!(run(&net), Err(Failure::Timeout)));
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );

    let net = MockNet::new();
    for (second, byte) in (1..).zip(ANSWER.bytes()) {
        net.at(Duration::from_secs(second), Incoming::Bytes(vec![byte]));
    }
    assert!(matches!(run(&net), Err(Failure::Timeout)));
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );

    let net = MockNet::new();
    net.take(Take::BlockUntil(Duration::from_secs(3600)));
    assert!(matches!(run(&net), Err(Failure::Timeout)));
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );
}

#[test]
fn bytes_that_are_always_there_end_at_the_deadline_too() {
    let net = MockNet::new();
    net.script().read_takes = Duration::from_secs(1);
    for byte in ANSWER.bytes() {
        net.bytes([byte]);
    }
    assert!(matches!(run(&net), Err(Failure::Timeout)));
    assert_eq!(net.elapsed(), Duration::from_secs(30));
}

#[test]
fn a_refusal_counts_more_than_the_failed_write_or_the_reset_behind_it() {
    let refusal = "HTTP/1.1 431 Too Long\r\nContent-Length: 9\r\n\r\nmuch";
    for end in [Incoming::End, Incoming::Error(Io::ConnectionReset)] {
        let net = MockNet::new();
        net.take(Take::Bytes(10)).take(Take::Error(Io::BrokenPipe));
        net.bytes(refusal).at(Duration::ZERO, end);
        let Err(Failure::Handshake(HandshakeError::Refused(response))) = run(&net) else {
            panic!("not a refusal");
        };
        assert_eq!((response.status(), response.body()), (431, &b"much"[..]));
    }
}

#[test]
fn a_failure_at_every_io_call_is_an_error() {
    let script = || {
        let net = MockNet::new();
        net.take(Take::Bytes(20)).take(Take::Error(Io::WouldBlock));
        net.bytes(&ANSWER[..30]);
        net.at(Duration::from_secs(1), Incoming::Bytes(ANSWER[30..].into()));
        net
    };
    let whole = script();
    run(&whole).unwrap();
    let calls = whole.script().calls;
    for at in 0..calls {
        let net = script();
        net.script().fail_at = Some((at, Io::ConnectionReset));
        let failure = run(&net).unwrap_err();
        assert!(matches!(failure, Failure::Io(_)), "at {at}: {failure:?}");
    }
}

#[test]
fn an_end_at_every_byte_is_an_error() {
    for cut in 0..ANSWER.len() {
        let net = MockNet::new();
        if cut > 0 {
            net.bytes(&ANSWER[..cut]);
        }
        net.at(Duration::ZERO, Incoming::End);
        let failure = run(&net).unwrap_err();
        let Failure::Handshake(HandshakeError::ClosedEarly { received_bytes }) = failure else {
            panic!("cut at {cut}: {failure:?}");
        };
        assert_eq!(received_bytes, cut);
    }
}

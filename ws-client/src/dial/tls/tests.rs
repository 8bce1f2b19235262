//! The TLS handshake over a mock with a virtual clock.

use std::io::ErrorKind as Io;
use std::time::Duration;

use ws_core::tls::TlsError;

use super::establish;
use crate::deadline::Deadline;
use crate::error::{Cause, Error, ErrorKind, Stage};
use crate::net::Net;
use crate::net::mock::service::{Echo, Encrypted, authority, serve};
use crate::net::mock::{Incoming, MockNet, Take};
use crate::wire::Wire;

fn run(net: &MockNet, name: &str) -> Result<(), Cause> {
    let deadline = Deadline::after(net.now(), Duration::from_secs(30));
    let mut wire = Wire::new(net.clone());
    establish(&mut wire, authority().client(name), deadline)
}

fn shown(cause: Cause) -> (ErrorKind, String) {
    let error = Error::new(Stage::Tls, "wss://a.test", cause);
    (error.kind(), error.to_string())
}

#[test]
fn silence_and_trickling_end_at_the_deadline() {
    let net = MockNet::new();
    let cause = run(&net, "a.test").unwrap_err();
    assert!(matches!(cause, Cause::Timeout(_)), "{cause:?}");
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );

    // The beginning of a record that never becomes whole.
    let net = MockNet::new();
    for (second, byte) in (1..).zip([&[0x16, 3, 3, 0x20, 0, 2][..], &[0; 60]].concat()) {
        net.at(Duration::from_secs(second), Incoming::Bytes(vec![byte]));
    }
    let cause = run(&net, "a.test").unwrap_err();
    assert!(matches!(cause, Cause::Timeout(_)), "{cause:?}");
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );

    let net = MockNet::new();
    net.take(Take::BlockUntil(Duration::from_secs(3600)));
    assert!(matches!(run(&net, "a.test"), Err(Cause::Timeout(_))));
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );
}

#[test]
fn a_wrong_name_is_refused_and_the_server_is_told() {
    let net = MockNet::new();
    let server = Encrypted::new(&authority().server("b.test"), usize::MAX, Echo::new());
    serve(&net, server, usize::MAX);
    let cause = run(&net, "a.test").unwrap_err();
    let (kind, text) = shown(cause);
    assert_eq!(kind, ErrorKind::Certificate);
    assert_eq!(
        text,
        "cannot connect to wss://a.test: the peer's certificate was refused: it is not for this host name"
    );
    let sent = &net.script().sent;
    // Without keys for it yet the alert would be plain; with them it is one more record.
    assert!(sent.len() > 200, "a hello and an alert: {}", sent.len());
    assert!(!sent.windows(4).any(|piece| piece == b"GET "));
}

#[test]
fn a_server_without_tls_is_called_that() {
    let net = MockNet::new();
    net.bytes("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    net.at(Duration::ZERO, Incoming::End);
    let cause = run(&net, "a.test").unwrap_err();
    assert!(matches!(cause, Cause::Tls(TlsError::NotTls)), "{cause:?}");
    let (kind, text) = shown(cause);
    assert_eq!(kind, ErrorKind::Tls);
    assert_eq!(
        text,
        "cannot connect to wss://a.test: the peer does not speak TLS"
    );
}

#[test]
fn an_end_and_a_reset_are_told_apart() {
    let net = MockNet::new();
    net.at(Duration::ZERO, Incoming::End);
    assert_eq!(
        shown(run(&net, "a.test").unwrap_err()),
        (
            ErrorKind::Tls,
            "cannot connect to wss://a.test: the peer ended the connection in the TLS handshake"
                .to_owned()
        )
    );
    let net = MockNet::new();
    net.at(Duration::ZERO, Incoming::Error(Io::ConnectionReset));
    assert_eq!(
        shown(run(&net, "a.test").unwrap_err()),
        (
            ErrorKind::Tls,
            "cannot connect to wss://a.test: connection was lost in the TLS handshake: connection reset by the peer"
                .to_owned()
        )
    );
}

#[test]
fn an_alert_counts_more_than_the_failed_write_behind_it() {
    let net = MockNet::new();
    net.take(Take::Bytes(10)).take(Take::Error(Io::BrokenPipe));
    net.bytes([0x15, 3, 3, 0, 2, 2, 40]);
    let cause = run(&net, "a.test").unwrap_err();
    assert!(
        matches!(cause, Cause::Tls(TlsError::Incompatible(_))),
        "{cause:?}"
    );
}

/// anybody on the way can send one without keys, so it counts for nothing, and nothing loops on it.
#[test]
fn close_notify_in_the_handshake_is_no_end_by_itself() {
    for (end, elapsed) in [(true, 0), (false, 30)] {
        let net = MockNet::new();
        net.bytes([0x15, 3, 3, 0, 2, 1, 0]);
        if end {
            net.at(Duration::ZERO, Incoming::End);
        }
        let cause = run(&net, "a.test").unwrap_err();
        let expected = match cause {
            Cause::TlsEnded => end,
            Cause::Timeout(_) => !end,
            _ => false,
        };
        assert!(expected, "{cause:?}");
        assert_eq!(net.elapsed(), Duration::from_secs(elapsed));
    }
}

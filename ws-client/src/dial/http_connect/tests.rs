//! `CONNECT` over a mock with a virtual clock.

use std::io::ErrorKind as Io;
use std::time::Duration;

use ws_core::handshake::HeadLimits;

use super::{Connect, Failure, open};
use crate::deadline::Deadline;
use crate::error::{Cause, Error, ErrorKind, ProxyAnswer, ProxyFailure, Stage};
use crate::net::Net;
use crate::net::mock::{Incoming, MockNet, Take};
use crate::secret::Secrets;
use crate::wire::Wire;

const OK: &str = "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n";
const LOGIN: &str = "Basic dXNlcjpwYXNzd29yZA==";

fn run_with(net: &MockNet, authorization: Option<&str>) -> Result<Wire<MockNet>, Failure> {
    let deadline = Deadline::after(net.now(), Duration::from_secs(30));
    let mut wire = Wire::new(net.clone());
    let connect = Connect {
        authority: "target.test:9894",
        authorization,
        secrets: &Secrets::new(vec!["dXNlcjpwYXNzd29yZA==".to_owned()]),
    };
    open(&mut wire, &connect, &HeadLimits::default(), deadline)?;
    Ok(wire)
}

fn run(net: &MockNet) -> Result<Wire<MockNet>, Failure> {
    run_with(net, None)
}

fn failure(net: &MockNet) -> Failure {
    run(net).err().expect("no tunnel")
}

/// The error as a caller sees it.
fn shown(failure: Failure) -> (ErrorKind, String) {
    let Failure::Answer(answer) = failure else {
        panic!("{failure:?}");
    };
    let failure = ProxyFailure::answered("http proxy 127.0.0.1:8".to_owned(), answer);
    let error = Error::new(Stage::Proxy, "ws://a", Cause::Proxy(Box::new(failure)));
    let hint = error.hint().unwrap_or_default();
    let text = error.to_string();
    let text = text
        .strip_prefix("cannot connect to ws://a: http proxy 127.0.0.1:8: ")
        .unwrap();
    (error.kind(), format!("{text} [{hint}]"))
}

fn rest(wire: &mut Wire<MockNet>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 100];
    loop {
        match wire.receive_some(&mut buffer).unwrap() {
            Some(count) => all.extend_from_slice(&buffer[..count]),
            None if wire.wait(Deadline::at(wire.net.now())).unwrap() => {}
            None => return all,
        }
    }
}

#[test]
fn asks_for_the_target_and_shows_the_login() {
    let net = MockNet::new();
    net.bytes(OK);
    run(&net).unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(
        String::from_utf8_lossy(&net.script().sent),
        "CONNECT target.test:9894 HTTP/1.1\r\nHost: target.test:9894\r\n\r\n"
    );
    let net = MockNet::new();
    net.bytes(OK);
    run_with(&net, Some(LOGIN)).unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(
        String::from_utf8_lossy(&net.script().sent),
        format!(
            "CONNECT target.test:9894 HTTP/1.1\r\nHost: target.test:9894\r\nProxy-Authorization: {LOGIN}\r\n\r\n"
        )
    );
}

/// R-10: three answers, cut at every byte
#[test]
fn cut_at_every_byte_the_surplus_belongs_to_the_tunnel() {
    for head in [
        OK.to_owned(),
        format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"),
        "HTTP/1.0 204 \r\nContent-Length: 7\r\n\r\n".to_owned(),
    ] {
        let bytes = format!("{head}\u{16}surplus").into_bytes();
        for cut in 1..=bytes.len() {
            let net = MockNet::new();
            for _ in 0..50 {
                net.take(Take::Bytes(3)).take(Take::Error(Io::WouldBlock));
            }
            for piece in [&bytes[..cut], &bytes[cut..]] {
                net.at(Duration::from_secs(1), Incoming::Bytes(piece.to_vec()));
            }
            let mut wire = run(&net).unwrap_or_else(|failure| panic!("{failure:?}"));
            assert_eq!(rest(&mut wire), b"\x16surplus", "cut at {cut}");
        }
    }
}

#[test]
fn each_refusal_has_its_own_text() {
    let basic = "Proxy-Authenticate: Basic realm=\"x\"\r\n";
    let ntlm = "Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate, x\r\n";
    let table = [
        ("200 OK", "X:\0\r\n", None),
        ("2000 OK", "", None),
        (
            "301 Moved",
            "Location: https://login.test/?token=canary\r\n",
            None,
        ),
        ("400 Bad Request", "", None),
        ("401 Unauthorized", "", None),
        ("403 Forbidden", "", None),
        ("404 Not Found", "", None),
        ("407 Authenticate", basic, None),
        ("407 Authenticate", basic, Some(LOGIN)),
        ("407 Authenticate", ntlm, Some(LOGIN)),
        ("407 ", "", Some(LOGIN)),
        ("418 dXNlcjpwYXNzd29yZA== \u{1b}[1m", "", Some(LOGIN)),
        ("418 your dXNlcjpwYXNzd29yZA==", "", Some(LOGIN)),
        ("429 Slow Down", "", None),
        ("502 Bad Gateway", "", None),
        ("503 ", "", None),
        ("504 Gateway Timeout", "", None),
        ("599 Odd", "", None),
    ];
    let texts: String = table
        .into_iter()
        .map(|(status, headers, login)| {
            let net = MockNet::new();
            net.bytes(format!("HTTP/1.1 {status}\r\n{headers}\r\n"));
            let (kind, text) = shown(run_with(&net, login).err().expect("no tunnel"));
            format!("{kind:?}: {text}\n")
        })
        .collect();
    expect_test::expect![[r#"
        Proxy: it does not answer as an HTTP proxy does [check address, port and kind of the proxy]
        Proxy: it does not answer as an HTTP proxy does [check address, port and kind of the proxy]
        Proxy: it refused with 301 Moved [try another kind of proxy]
        Proxy: it refused with 400 Bad Request [is it a proxy at all? it must allow CONNECT]
        ProxyAuth: it wants a login, and none was given [give a login and password for the proxy]
        Proxy: it refused with 403 Forbidden [the rules of the proxy must allow this host and port]
        Proxy: it refused with 404 Not Found [is it a proxy at all? it must allow CONNECT]
        ProxyAuth: it wants a login, and none was given [give a login and password for the proxy]
        ProxyAuth: wrong login or password [check login and password of the proxy]
        ProxyAuth: it wants a login of another kind (NTLM, Negotiate) [only logins by password are supported (Basic, RFC 1929)]
        ProxyAuth: wrong login or password [check login and password of the proxy]
        Proxy: it does not answer as an HTTP proxy does [check address, port and kind of the proxy]
        Proxy: it refused with 418 your *** [try another kind of proxy]
        Proxy: it refused with 429 Slow Down [try again later]
        Proxy: it has not reached the target and answered 502 Bad Gateway [check that the proxy's machine can reach the server]
        Proxy: it has not reached the target and answered 503 [check that the proxy's machine can reach the server]
        Proxy: it has not reached the target and answered 504 Gateway Timeout [check that the proxy's machine can reach the server]
        Proxy: it refused with 599 Odd [try another kind of proxy]
    "#]].assert_eq(&texts);
}

#[test]
fn what_is_not_an_http_proxy_is_called_that() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\u{5}\u{0}",
        "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "\r\n",
        "220 smtp ready\r\n",
    ] {
        let net = MockNet::new();
        net.bytes(garbage);
        let (kind, text) = shown(failure(&net));
        assert_eq!(kind, ErrorKind::Proxy);
        assert_eq!(
            text,
            "it does not answer as an HTTP proxy does [check address, port and kind of the proxy]",
            "{garbage:?}"
        );
    }
    let net = MockNet::new();
    net.bytes(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000)));
    assert!(shown(failure(&net)).1.starts_with("it does not answer"));
    // An answer before the question is whole would let the rest of the question into the tunnel.
    let net = MockNet::new();
    net.take(Take::Bytes(10))
        .take(Take::BlockUntil(Duration::from_secs(60)));
    net.bytes(OK);
    assert!(shown(failure(&net)).1.starts_with("it does not answer"));
    // More informational answers than anyone needs.
    let net = MockNet::new();
    net.bytes("HTTP/1.1 100 Continue\r\n\r\n".repeat(9));
    assert!(shown(failure(&net)).1.contains("100 Continue"));
}

#[test]
fn a_proxy_that_dies_at_any_byte_is_an_error() {
    for cut in 0..OK.len() {
        for end in [Incoming::End, Incoming::Error(Io::ConnectionReset)] {
            let net = MockNet::new();
            if cut > 0 {
                net.bytes(&OK[..cut]);
            }
            net.at(Duration::ZERO, end);
            let failure = failure(&net);
            let fits = matches!(
                failure,
                Failure::Answer(ProxyAnswer::Ended | ProxyAnswer::Lost(_))
            );
            assert!(fits, "cut at {cut}: {failure:?}");
        }
    }
}

#[test]
fn a_silent_and_a_trickling_proxy_end_at_the_deadline() {
    let net = MockNet::new();
    assert!(matches!(failure(&net), Failure::Timeout));
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );
    let net = MockNet::new();
    for (second, byte) in (1..).zip(OK.bytes()) {
        net.at(Duration::from_secs(second), Incoming::Bytes(vec![byte]));
    }
    assert!(matches!(failure(&net), Failure::Timeout));
    assert_eq!(
        net.elapsed(),
        Duration::from_secs(30),
        "the end, with a deadline of 30 s"
    );
}

/// M-9
#[test]
fn a_failure_at_every_io_call_is_an_error() {
    let script = || {
        let net = MockNet::new();
        net.take(Take::Bytes(20)).take(Take::Error(Io::WouldBlock));
        net.bytes(&OK[..30]);
        net.at(Duration::from_secs(1), Incoming::Bytes(OK[30..].into()));
        net
    };
    let whole = script();
    assert!(run(&whole).is_ok());
    let calls = whole.script().calls;
    for at in 0..calls {
        let net = script();
        net.script().fail_at = Some((at, Io::ConnectionReset));
        let failure = failure(&net);
        assert!(
            matches!(failure, Failure::Answer(ProxyAnswer::Lost(_))),
            "at {at}: {failure:?}"
        );
    }
}

#[test]
fn a_refusal_counts_more_than_the_failed_write() {
    let net = MockNet::new();
    net.take(Take::Bytes(10)).take(Take::Error(Io::BrokenPipe));
    net.bytes("HTTP/1.1 403 No\r\n\r\n");
    assert!(shown(failure(&net)).1.starts_with("it refused with 403 No"));
}

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ws_core::handshake::HandshakeError;
use ws_core::tls::{TlsConfigError, TlsError};
use ws_core::{CloseCode, ReceiveError, SendError};

use super::{Cause, Error, HandshakeFailure, Loss, ProxyFailure, Span, Stage};
use crate::message::Close;
use crate::secret::Secrets;

fn os(kind: io::ErrorKind) -> Arc<io::Error> {
    Arc::new(kind.into())
}

fn failed(port: u16, kind: io::ErrorKind) -> (SocketAddr, Arc<io::Error>) {
    (SocketAddr::from(([127, 0, 0, 1], port)), os(kind))
}

fn closed(code: u16, reason: &str) -> Cause {
    Cause::Closed(Close {
        code: CloseCode::new(code),
        reason: reason.to_owned(),
    })
}

#[test]
fn every_cause_has_its_code_and_one_clear_line() {
    let lookup =
        io::Error::other("failed to lookup address information: Name or service not known");
    let proxy = |cause| {
        let failure = ProxyFailure::unreached("https proxy p:1".to_owned(), cause);
        Cause::Proxy(Box::new(failure))
    };
    let lost = |messages, mid_message, error| {
        Cause::Lost(Loss {
            messages,
            mid_message,
            error,
        })
    };
    let header = HandshakeError::InvalidHeaderValue { name: "X-A".into() };
    let too_big = ReceiveError::MessageTooBig {
        length: 70_254_592,
        limit: 67_108_864,
    };
    let lines: String = [
        (Stage::Handshake, Cause::Request(header)),
        (Stage::Resolve, Cause::Lookup(Arc::new(lookup))),
        (Stage::Resolve, Cause::NoAddress),
        (Stage::Resolve, Cause::LookupsBusy { limit: 8 }),
        (
            Stage::Connect,
            Cause::Connect(vec![failed(1, io::ErrorKind::ConnectionRefused)]),
        ),
        (
            Stage::Connect,
            Cause::Connect(vec![
                failed(1, io::ErrorKind::HostUnreachable),
                failed(2, io::ErrorKind::NetworkUnreachable),
            ]),
        ),
        (
            Stage::Connect,
            Cause::Connect(vec![failed(1, io::ErrorKind::TimedOut)]),
        ),
        (
            Stage::Connect,
            Cause::Timeout("not done within 30 s: no answer from 10.0.0.1:80".into()),
        ),
        (
            Stage::Connect,
            Cause::UnixSocket("ws.sock".into(), os(io::ErrorKind::ConnectionRefused)),
        ),
        (
            Stage::Handshake,
            Cause::Redirect(
                302,
                "a redirect from wss:// to ws:// is not followed".into(),
            ),
        ),
        (Stage::Connect, Cause::Io(os(io::ErrorKind::OutOfMemory))),
        (Stage::Tls, Cause::Tls(TlsError::NotTls)),
        (
            Stage::Tls,
            Cause::Tls(TlsError::Certificate("it has expired".into())),
        ),
        (Stage::Tls, Cause::TlsEnded),
        (Stage::Tls, Cause::TlsIo(os(io::ErrorKind::ConnectionReset))),
        (Stage::Tls, Cause::NoRoots(String::new())),
        (Stage::Tls, Cause::NoRoots("cannot read\na/b".into())),
        (
            Stage::Tls,
            Cause::tls_file(Path::new("a/b.pem"), &TlsConfigError::NoCertificate),
        ),
        (Stage::Proxy, proxy(Cause::NoAddress)),
        (
            Stage::Proxy,
            proxy(Cause::Connect(vec![failed(
                1,
                io::ErrorKind::ConnectionRefused,
            )])),
        ),
        (
            Stage::Proxy,
            proxy(Cause::Tls(TlsError::Certificate("it has expired".into()))),
        ),
        (Stage::Proxy, proxy(Cause::Tls(TlsError::NotTls))),
        (Stage::Proxy, proxy(Cause::TlsEnded)),
        (
            Stage::Handshake,
            Cause::Handshake(HandshakeFailure::new(
                HandshakeError::NotHttp,
                &Secrets::default(),
            )),
        ),
        (
            Stage::Handshake,
            Cause::HandshakeIo(os(io::ErrorKind::ConnectionReset)),
        ),
        (Stage::Send, Cause::Send(SendError::ControlTooLong(126))),
        (Stage::Send, Cause::Send(SendError::MessageInProgress)),
        (Stage::Send, Cause::Send(SendError::Closed)),
        (
            Stage::Send,
            Cause::Timeout("9 bytes have not left within 60 s; they stay queued".into()),
        ),
        (Stage::Receive, Cause::Receive(too_big)),
        (
            Stage::Receive,
            Cause::Receive(ReceiveError::TooManyFragments(131_072)),
        ),
        (Stage::Receive, Cause::Receive(ReceiveError::InvalidUtf8)),
        (Stage::Receive, Cause::Receive(ReceiveError::OutOfMemory(1))),
        (Stage::Receive, closed(1000, "")),
        (Stage::Receive, closed(1005, "")),
        (
            Stage::Receive,
            closed(4000, "line\nbreak \u{202e}\u{1b}[31m"),
        ),
        (Stage::Receive, lost(0, false, None)),
        (
            Stage::Receive,
            lost(1, true, Some(os(io::ErrorKind::ConnectionReset))),
        ),
        (Stage::Receive, Cause::Silent(Duration::from_secs(20))),
        (
            Stage::Close,
            Cause::Send(SendError::CloseReasonTooLong(124)),
        ),
        (
            Stage::Close,
            Cause::Internal("the name lookup has panicked"),
        ),
    ]
    .into_iter()
    .map(|(stage, cause)| {
        let error = Error::new(stage, "ws://host/", cause);
        let code = error
            .close_code()
            .map_or(String::new(), |code| format!(" {code}"));
        let hint = error
            .hint()
            .map_or(String::new(), |hint| format!(" [{hint}]"));
        format!("{}{code}: {error}{hint}\n", error.error_code())
    })
    .collect();
    expect_test::expect![[r#"
        usage: cannot connect to ws://host/: value of header X-A has a control character (CR, LF, NUL, …)
        resolve: cannot connect to ws://host/: failed to lookup address information: Name or service not known [check the host name]
        resolve: cannot connect to ws://host/: the host name has no address [check the host name]
        resolve: cannot connect to ws://host/: 8 name lookups are still running in this process, the most allowed at once [wait until they end, or connect to an IP address]
        refused: cannot connect to ws://host/: connection refused (127.0.0.1:1) [is a server running on that port?]
        unreachable: cannot connect to ws://host/: host is unreachable (127.0.0.1:1); network is unreachable (127.0.0.1:2)
        timeout: cannot connect to ws://host/: no answer (127.0.0.1:1)
        timeout: cannot connect to ws://host/: not done within 30 s: no answer from 10.0.0.1:80
        refused: cannot connect to ws://host/: connection refused (ws.sock) [is a server running on that socket?]
        handshake: cannot connect to ws://host/: a redirect from wss:// to ws:// is not followed
        internal: cannot connect to ws://host/: out of memory
        tls: cannot connect to ws://host/: the peer does not speak TLS [use ws:// if the server has no TLS, or check the port]
        certificate: cannot connect to ws://host/: the peer's certificate was refused: it has expired [check the host name and the clock, or add the certificate authority of the server as a PEM file]
        tls: cannot connect to ws://host/: the peer ended the connection in the TLS handshake [does the server speak TLS on that port?]
        tls: cannot connect to ws://host/: connection was lost in the TLS handshake: connection reset by the peer
        tls: cannot connect to ws://host/: the system has no root certificates [install the system's root certificates, or give a CA file]
        tls: cannot connect to ws://host/: the system has no root certificates (cannot read\u{a}a/b) [install the system's root certificates, or give a CA file]
        usage: cannot connect to ws://host/: cannot use a/b.pem: no certificate in the PEM text [give a file in PEM format that can be read]
        proxy: cannot connect to ws://host/: https proxy p:1: the host name has no address [check address and port of the proxy]
        proxy: cannot connect to ws://host/: https proxy p:1: connection refused (127.0.0.1:1) [check address and port of the proxy]
        certificate: cannot connect to ws://host/: https proxy p:1: the peer's certificate was refused: it has expired [check the host name and the clock, or add the certificate authority of the server as a PEM file]
        proxy: cannot connect to ws://host/: https proxy p:1: the peer does not speak TLS [use http instead of https as the kind of the proxy]
        proxy: cannot connect to ws://host/: https proxy p:1: the peer ended the connection in the TLS handshake [check address and port of the proxy]
        handshake: cannot connect to ws://host/: not a WebSocket server: what it sent is not even HTTP
        handshake: cannot connect to ws://host/: connection was lost during the opening handshake: connection reset by the peer
        usage: cannot send to ws://host/: payload of 126 bytes exceeds the limit of 125 for a ping or pong
        usage: cannot send to ws://host/: a fragmented message is not finished yet
        closed 1006: cannot send to ws://host/: the connection is closed for sending
        timeout: cannot send to ws://host/: 9 bytes have not left within 60 s; they stay queued
        too_big: cannot receive from ws://host/: message of 70254592 bytes exceeds the limit of 67108864 [raise the limits of what a message may be]
        too_big: cannot receive from ws://host/: message of more than 131072 fragments exceeds the limit [raise the limits of what a message may be]
        protocol: cannot receive from ws://host/: peer broke the protocol: a text message is not valid UTF-8
        internal: cannot receive from ws://host/: no memory for 1 bytes of a message
        closed 1000: cannot receive from ws://host/: connection is closed with code 1000
        closed 1005: cannot receive from ws://host/: connection is closed, without a code
        closed 4000: cannot receive from ws://host/: connection is closed with code 4000, saying "line\u{a}break \u{202e}\u{1b}[31m"
        closed 1006: cannot receive from ws://host/: connection ended without a Close after 0 received messages
        closed 1006: cannot receive from ws://host/: connection ended without a Close after 1 received message, in the middle of the next: connection reset by the peer
        closed 1006: cannot receive from ws://host/: peer has not answered a ping within 20 s
        usage: cannot close the connection to ws://host/: close reason of 124 bytes exceeds the limit of 123
        internal: cannot close the connection to ws://host/: the name lookup has panicked
    "#]].assert_eq(&lines);
}

#[test]
fn durations_read_as_people_write_them() {
    let shown = |millis| Span(Duration::from_millis(millis)).to_string();
    assert_eq!(
        [
            shown(0),
            shown(250),
            shown(1000),
            shown(1500),
            shown(30_000)
        ],
        ["0 ms", "250 ms", "1 s", "1.5 s", "30 s"]
    );
    assert_eq!(Span(Duration::MAX).to_string(), "4294967.295 s");
}

/// An error goes to whoever handles it, in any thread.
#[test]
fn errors_and_clients_can_be_sent_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    fn is_sync<T: Sync + 'static>() {}
    is_send::<Error>();
    is_sync::<Error>();
    is_send::<crate::Client>();
    is_send::<crate::Interrupter>();
    is_sync::<crate::Interrupter>();
    is_sync::<crate::ConnectRequest>();
}

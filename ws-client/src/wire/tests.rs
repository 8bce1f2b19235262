//! Whole connections over a mock, through every stack of layers: handshakes, an echo, the closing handshake.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use ws_core::handshake::{ClientHandshake, ClientRequest, HeadLimits};
use ws_core::tls::TlsError;
use ws_core::{CloseCode, KeepaliveConfig};

use super::{Filled, Wire, is_cut_off, tls_error};
use crate::calls::Calls;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::dial::handshake::Answer;
use crate::dial::http_connect::{self, Connect};
use crate::dial::{handshake, tls};
use crate::error::ErrorKind;
use crate::message::Message;
use crate::net::Net;
use crate::net::mock::service::{Echo, Encrypted, HttpProxy, Said, Service, authority, serve};
use crate::net::mock::{Incoming, MockNet, Take};
use crate::secret::Secrets;

/// What stands between us and the echo.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    Tls,
    Proxy,
    ProxyTls,
    TlsProxyTls,
}

const WAYS: [Way; 5] = [
    Way::Plain,
    Way::Tls,
    Way::Proxy,
    Way::ProxyTls,
    Way::TlsProxyTls,
];
const OK: &str = "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n";

impl Way {
    fn serve(self, net: &MockNet, record: usize, piece: usize) -> Said {
        let target = || authority().server("target.test");
        let proxy = || authority().server("proxy.test");
        match self {
            Self::Plain => serve(net, Echo::new(), piece),
            Self::Tls => serve(net, Encrypted::new(&target(), record, Echo::new()), piece),
            Self::Proxy => serve(net, HttpProxy::new(OK, Echo::new()), piece),
            Self::ProxyTls => {
                let target = Encrypted::new(&target(), record, Echo::new());
                serve(net, HttpProxy::new(OK, target), piece)
            }
            Self::TlsProxyTls => {
                let target = Encrypted::new(&target(), record, Echo::new());
                let proxy = Encrypted::new(&proxy(), record, HttpProxy::new(OK, target));
                serve(net, proxy, piece)
            }
        }
    }

    fn open(self, net: &MockNet) -> Result<Calls<MockNet>, String> {
        let config = Config::default().keepalive(KeepaliveConfig::default().interval(None));
        self.open_with(net, &config)
    }

    fn open_with(self, net: &MockNet, config: &Config) -> Result<Calls<MockNet>, String> {
        let deadline = Deadline::after(net.now(), Duration::from_secs(30));
        let limits = HeadLimits::default();
        let mut wire = Wire::new(net.clone());
        let establish = |wire: &mut _, name| {
            tls::establish(wire, authority().client(name), deadline).map_err(|e| e.to_string())
        };
        if matches!(self, Self::TlsProxyTls) {
            establish(&mut wire, "proxy.test")?;
        }
        if matches!(self, Self::Proxy | Self::ProxyTls | Self::TlsProxyTls) {
            let connect = Connect {
                authority: "target.test:443",
                authorization: None,
                secrets: &Secrets::default(),
            };
            http_connect::open(&mut wire, &connect, &limits, deadline)
                .map_err(|error| format!("{error:?}"))?;
        }
        if !matches!(self, Self::Plain | Self::Proxy) {
            establish(&mut wire, "target.test")?;
        }
        let request = ClientRequest::new("target.test", "/");
        let opening = ClientHandshake::new(&request, *b"the sample nonce").unwrap();
        let Answer { surplus, .. } = handshake::open(&mut wire, opening, &limits, deadline)
            .map_err(|failure| format!("{failure:?}"))?;
        Calls::new("wss://target.test".to_owned(), wire, &surplus, config, None)
            .map_err(|error| error.to_string())
    }

    /// Echoes two messages and closes: what was received, and how it ended.
    fn run(self, net: &MockNet, long: usize) -> (Vec<Message>, Result<(), String>) {
        let mut received = Vec::new();
        let result = self.talk(net, long, &mut received);
        (received, result)
    }

    fn talk(self, net: &MockNet, long: usize, received: &mut Vec<Message>) -> Result<(), String> {
        let mut calls = self.open(net)?;
        let text = |error: crate::Error| format!("{:?}: {error}", error.kind());
        let data: Vec<u8> = (0..long).map(|i| i.to_le_bytes()[0]).collect();
        for message in [Message::Text("hello".into()), Message::Binary(data)] {
            match &message {
                Message::Text(t) => {
                    calls.send(|s, scratch, output| s.encode_text(t, scratch, output))
                }
                message => calls
                    .send(|s, scratch, output| s.encode_binary(message.payload(), scratch, output)),
            }
            .map_err(text)?;
            let answer = calls.receive(Duration::from_secs(60)).map_err(text)?;
            received.push(answer.ok_or("nothing came")?);
        }
        calls.close(CloseCode::NORMAL, "bye").map_err(text)
    }
}

fn expected(long: usize) -> [Message; 2] {
    let data = (0..long).map(|i| i.to_le_bytes()[0]).collect();
    [Message::Text("hello".into()), Message::Binary(data)]
}

#[test]
fn every_way_carries_messages_whatever_the_records_pieces_and_writes() {
    for way in WAYS {
        for (record, piece, write) in [
            (1, 1, 7),
            (1, usize::MAX, usize::MAX),
            (50, 7, 100),
            (usize::MAX, 1, usize::MAX),
            (usize::MAX, usize::MAX, 1),
        ] {
            let net = MockNet::new();
            way.serve(&net, record, piece);
            for _ in 0..2000 {
                net.take(Take::Bytes(write));
                net.take(Take::Error(io::ErrorKind::Interrupted));
                net.take(Take::Error(io::ErrorKind::WouldBlock));
            }
            let (received, result) = way.run(&net, 300);
            assert_eq!(result, Ok(()), "{way:?} {record} {piece} {write}");
            assert_eq!(received, expected(300), "{way:?} {record} {piece} {write}");
        }
    }
}

#[test]
fn a_long_message_goes_both_ways_through_all_layers() {
    for way in [Way::Tls, Way::TlsProxyTls] {
        let net = MockNet::new();
        way.serve(&net, 100_000, 50_000);
        let (received, result) = way.run(&net, 1_000_000);
        assert_eq!(result, Ok(()), "{way:?}");
        assert!(received == expected(1_000_000), "{way:?}");
    }
}

/// a system that takes every message says nothing of the peer, however long the message is.
#[test]
fn long_messages_to_a_peer_that_is_gone_are_no_sign_of_its_life() {
    for way in [Way::Plain, Way::Tls, Way::TlsProxyTls] {
        let net = MockNet::new();
        way.serve(&net, usize::MAX, usize::MAX);
        let mut calls = way.open_with(&net, &Config::default()).unwrap();
        net.answer_with(|_| Vec::new());
        let data = vec![0; 100_000];
        let mut send = || {
            net.pass(Duration::from_secs(20));
            calls.send(|s, scratch, output| s.encode_binary(&data, scratch, output))
        };
        let error = (0..20).find_map(|_| send().err());
        let error = error.unwrap_or_else(|| panic!("{way:?}: taken for alive for 400 s"));
        assert!(error.is_peer_silent(), "{way:?}: {error}");
        // A ping is sent 25 s after the last sign, and has 20 s; each falls due between two calls.
        assert_eq!(net.elapsed(), Duration::from_secs(60), "{way:?}");
    }
}

/// M-9: connect, echo and close, in which the n-th call to the outside and all later ones fail, for every n.
///
/// SOCKS has a blocking library between, and so a scripted proxy of its own (`dial::socks::tests`).
#[test]
fn a_failure_at_every_io_call_is_an_error_and_never_a_wrong_message() {
    for way in WAYS {
        let whole = MockNet::new();
        way.serve(&whole, 200, 300);
        assert_eq!(way.run(&whole, 300).1, Ok(()));
        let calls = whole.script().calls;
        for kind in [
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::TimedOut,
            io::ErrorKind::Other,
        ] {
            let mut failed = 0;
            for at in 0..calls {
                let net = MockNet::new();
                way.serve(&net, 200, 300);
                net.script().fail_at = Some((at, kind));
                let (received, result) = way.run(&net, 300);
                assert!(expected(300).starts_with(&received), "{way:?} at {at}");
                assert_eq!(
                    net.holders(),
                    1,
                    "{way:?} at {at}: the socket is still held"
                );
                if let Err(text) = result {
                    failed += 1;
                    let is_one_line = !text.is_empty() && !text.contains('\n');
                    assert!(is_one_line, "{way:?} {kind} at {at}: {text:?}");
                }
            }
            // After both Close frames nothing is lost: linger alone may fail in silence.
            assert!(
                failed + 6 >= calls && failed < calls,
                "{way:?} {kind}: {failed} of {calls} failures were told, all but 1 to 6 have to be"
            );
        }
    }
}

/// M-9: a signal during the n-th call that moves bytes changes nothing, for every n.
#[test]
fn an_interruption_of_every_io_call_goes_unnoticed() {
    for way in WAYS {
        let whole = MockNet::new();
        way.serve(&whole, 200, 300);
        assert_eq!(way.run(&whole, 300).1, Ok(()));
        let transfers = whole.script().transfers;
        assert!(transfers >= 10, "{transfers} calls");
        for at in 0..transfers {
            let net = MockNet::new();
            way.serve(&net, 200, 300);
            net.script().interrupt_at = Some(at);
            let (received, result) = way.run(&net, 300);
            assert_eq!(result, Ok(()), "{way:?} at {at} of {transfers}");
            assert_eq!(received, expected(300), "{way:?} at {at} of {transfers}");
        }
    }
}

/// the peer's stream is cut at any byte.
#[test]
fn an_end_at_every_byte_is_clean_only_after_both_close_frames() {
    for way in WAYS {
        let whole = MockNet::new();
        let said = way.serve(&whole, 100, usize::MAX);
        assert_eq!(way.run(&whole, 40).1, Ok(()));
        let length = said.lock().unwrap().len();
        // A record of TLS 1.3 with an alert: close_notify stands behind the Close.
        let behind_close = match way {
            Way::Plain | Way::Proxy => 0,
            _ => 5 + 2 + 1 + 16,
        };
        // A handshake costs milliseconds: before the last echo and what follows it only some bytes are cut at.
        let last = if behind_close == 0 { length } else { 130 };
        let before = (0..length.saturating_sub(last)).step_by(31);
        let (mut lost, mut clean) = (0, 0);
        // Signatures vary in length from run to run.
        for cut in before.chain(length - last..length + 10) {
            let net = MockNet::new();
            let said = way.serve(&net, 100, usize::MAX);
            let has_said_all = cut_at(&net, cut);
            let (received, result) = way.run(&net, 40);
            assert!(expected(40).starts_with(&received), "{way:?} cut at {cut}");
            let said = said.lock().unwrap().len();
            let is_clean = has_said_all.get() && cut + behind_close >= said;
            assert_eq!(
                result.is_ok(),
                is_clean,
                "{way:?} cut at {cut} of {said} bytes, {behind_close} of them behind the Close: {result:?}"
            );
            lost += usize::from(!is_clean);
            clean += usize::from(is_clean);
        }
        assert!(
            clean > 0 && lost + behind_close + 20 > last,
            "{way:?}: {lost} losses and {clean} clean ends with cuts at each of the last {last} bytes"
        );
    }
}

/// Ends the stream of what comes after `cut` bytes; tells whether the peer has ended it, too.
fn cut_at(net: &MockNet, cut: usize) -> Rc<Cell<bool>> {
    let peer = net.script().take_peer();
    let mut peer = peer.expect("a service answers");
    let mut left = cut;
    let has_said_all = Rc::new(Cell::new(false));
    let seen = Rc::clone(&has_said_all);
    net.answer_with(move |bytes| {
        let mut incoming = Vec::new();
        for piece in peer(bytes) {
            match piece {
                Incoming::Bytes(mut bytes) if left > 0 => {
                    bytes.truncate(left);
                    left -= bytes.len();
                    incoming.push(Incoming::Bytes(bytes));
                }
                Incoming::Bytes(_) => {}
                other => {
                    seen.set(true);
                    incoming.push(other);
                }
            }
        }
        if left == 0 {
            incoming.push(Incoming::End);
        }
        incoming
    });
    has_said_all
}

#[test]
fn close_notify_follows_the_closing_handshake() {
    let net = MockNet::new();
    let mut server = Encrypted::new(&authority().server("target.test"), usize::MAX, Echo::new());
    let ended = Said::default();
    let seen = Said::clone(&ended);
    net.answer_with(move |bytes| {
        let mut answer = Vec::new();
        // The server says nothing of an end itself, so what ends the TLS connection is ours.
        server.receive(bytes, &mut answer);
        seen.lock().unwrap().push(u8::from(server.close_received()));
        vec![Incoming::Bytes(answer)]
    });
    let mut calls = Way::Tls.open(&net).unwrap();
    calls.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(ended.lock().unwrap().last(), Some(&1), "close_notify came");
}

#[test]
fn an_end_without_close_notify_is_reported_as_a_cut() {
    let net = MockNet::new();
    Way::Tls.serve(&net, usize::MAX, usize::MAX);
    let mut calls = Way::Tls.open(&net).unwrap();
    net.at(Duration::ZERO, Incoming::End);
    let error = calls.receive(Duration::from_secs(9)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
    assert_eq!(
        error.to_string(),
        "cannot receive from wss://target.test: connection ended without a Close after 0 received messages: \
         the TLS connection was cut off, without close_notify"
    );
}

#[test]
fn a_damaged_record_ends_the_connection_with_its_reason() {
    let net = MockNet::new();
    Way::Tls.serve(&net, usize::MAX, usize::MAX);
    let mut calls = Way::Tls.open(&net).unwrap();
    net.bytes([&[0x17, 3, 3, 0, 40][..], &[0; 40]].concat());
    let error = calls.receive(Duration::from_secs(9)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(
        error.to_string().contains("broke the TLS protocol"),
        "{error}"
    );
    // It is told what was wrong.
    let sent = net.script().sent.len();
    assert!(calls.receive(Duration::from_secs(9)).is_err());
    assert_eq!(net.script().sent.len(), sent);
}

#[test]
fn a_record_that_trickles_does_not_extend_the_timeout() {
    let net = MockNet::new();
    Way::Tls.serve(&net, usize::MAX, usize::MAX);
    let mut calls = Way::Tls.open(&net).unwrap();
    for (second, byte) in (1..).zip([&[0x17, 3, 3, 0, 200][..], &[0; 100]].concat()) {
        net.at(Duration::from_secs(second), Incoming::Bytes(vec![byte]));
    }
    assert_eq!(calls.receive(Duration::from_secs(20)).unwrap(), None);
    assert_eq!(net.elapsed(), Duration::from_secs(20));
}

#[test]
fn messages_behind_the_101_in_one_record_are_delivered() {
    let net = MockNet::new();
    let target = authority().server("target.test");
    let echo = Encrypted::new(&target, usize::MAX, Echo::greeting("welcome"));
    serve(&net, HttpProxy::new(OK, echo), usize::MAX);
    let mut calls = Way::ProxyTls.open(&net).unwrap();
    let welcome = calls.receive(Duration::from_secs(9)).unwrap();
    assert_eq!(welcome, Some(Message::Text("welcome".into())));
}

/// a target that speaks first, in the same segment as the proxy's answer.
#[test]
fn bytes_given_back_are_the_first_to_be_received() {
    let net = MockNet::new();
    net.bytes("later");
    let mut wire = Wire::new(net);
    wire.give_back(b"first");
    let mut buffer = [0; 3];
    let mut all = Vec::new();
    for count in [3, 2, 3, 2] {
        assert_eq!(wire.receive_some(&mut buffer).unwrap(), Some(count));
        all.extend_from_slice(&buffer[..count]);
        if count == 2 && all.len() < 6 {
            wire.give_back(b"");
        }
    }
    assert_eq!(all, b"firstlater");
    assert_eq!(wire.receive_some(&mut buffer).unwrap(), None);
}

#[test]
fn a_tls_peer_that_has_begun_early_is_heard() {
    // Bytes given back before the layer is there are the beginning of its ciphertext.
    let net = MockNet::new();
    let mut wire = Wire::new(net);
    wire.give_back(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    wire.push_tls(authority().client("target.test"));
    let error = wire.fill().unwrap_err();
    assert_eq!(tls_error(&error), Some(&TlsError::NotTls));
    assert!(!is_cut_off(&error));
}

#[test]
fn without_layers_there_is_nothing_to_fill_or_end() {
    let net = MockNet::new();
    let mut wire = Wire::new(net.clone());
    assert_eq!(wire.fill().unwrap(), Filled::Nothing);
    wire.end_tls();
    assert!(!wire.send_some().unwrap());
    assert!(!wire.is_handshaking() && wire.tls_version().is_none());
    assert!(net.script().sent.is_empty());
}

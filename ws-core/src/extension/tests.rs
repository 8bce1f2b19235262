//! RFC 7692 §5.1 and §7.1, rule by rule, in both roles.

mod client;
mod properties;

use super::*;
use crate::handshake::{
    ClientHandshake, ClientRequest, ClientStep, HandshakeError, HeadLimits, Request,
    ServerHandshake, ServerStep,
};

fn request(extensions: &str) -> Request {
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
    );
    match ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default()) {
        ServerStep::Request(request) => request,
        other => panic!("{extensions:?}: {other:?}"),
    }
}

/// What a server answers to these lines of `Sec-WebSocket-Extensions`; empty without an extension.
fn answers(config: &DeflateConfig, lines: &[&str]) -> String {
    let lines: String = lines
        .iter()
        .map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n"))
        .collect();
    let agreement = request(&lines).agree_deflate(config);
    agreement.map_or_else(String::new, |agreement| agreement.to_string())
}

/// What a client makes of a server's answer; an empty one has no header for it.
fn takes(
    offers: impl IntoIterator<Item = DeflateOffer>,
    answer: &str,
) -> Result<Option<DeflateParameters>, HandshakeError> {
    let request = ClientRequest::new("a", "/");
    let request = offers.into_iter().fold(request, ClientRequest::deflate);
    let mut client = ClientHandshake::new(&request, *b"the sample nonce").unwrap();
    let line = match answer {
        "" => String::new(),
        _ => format!("Sec-WebSocket-Extensions: {answer}\r\n"),
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{line}\r\n"
    );
    match client.receive(answer.as_bytes(), &HeadLimits::default())? {
        ClientStep::Done { deflate, .. } => Ok(deflate.map(|agreement| agreement.parameters())),
        ClientStep::NeedMore => panic!("the answer is whole"),
    }
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

fn everything() -> DeflateConfig {
    DeflateConfig::dedicated()
}

/// §7.1, the examples of the RFC
#[test]
fn answers_the_offers_of_the_rfc() {
    for (offer, answer) in [
        ("permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
             permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            "permessage-deflate; server_max_window_bits=\"10\"",
            "permessage-deflate; server_max_window_bits=10",
        ),
    ] {
        assert_eq!(answers(&everything(), &[offer]), answer, "{offer}");
    }
}

/// §7.1.1.1: who is asked for it answers it, and a server may ask it of itself.
#[test]
fn server_no_context_takeover() {
    let offer = "permessage-deflate; server_no_context_takeover";
    assert_eq!(answers(&everything(), &[offer]), offer);
    let shared = DeflateConfig {
        peer_context_takeover: true,
        ..DeflateConfig::shared()
    };
    assert_eq!(answers(&shared, &["permessage-deflate"]), offer);
}

/// §7.1.1.2: a hint is kept to, and a server may ask for it unasked.
#[test]
fn client_no_context_takeover() {
    let offer = "permessage-deflate; client_no_context_takeover";
    assert_eq!(answers(&everything(), &[offer]), offer);
    let shared = DeflateConfig {
        own_context_takeover: true,
        ..DeflateConfig::shared()
    };
    assert_eq!(answers(&shared, &["permessage-deflate"]), offer);
}

/// §7.1.2.1: the answer is the same or smaller, and there whenever it was asked for.
#[test]
fn server_max_window_bits() {
    let own = |own: u8| DeflateConfig {
        own_window_bits: bits(own),
        ..everything()
    };
    for (config, offer, answer) in [
        (own(15), "=15", "=15"),
        (own(15), "=8", "=8"),
        (own(12), "=15", "=12"),
        (own(12), "=9", "=9"),
    ] {
        let line = |value| format!("permessage-deflate; server_max_window_bits{value}");
        assert_eq!(answers(&config, &[&line(offer)]), line(answer));
    }
    assert_eq!(
        answers(&own(12), &["permessage-deflate"]),
        "permessage-deflate; server_max_window_bits=12"
    );
}

/// §7.1.2.2: only who offered it is given orders, and none for a larger window.
#[test]
fn client_max_window_bits() {
    let peer = |peer: u8| DeflateConfig {
        peer_window_bits: bits(peer),
        ..everything()
    };
    for (config, offer, answer) in [
        (peer(15), "; client_max_window_bits", ""),
        (peer(15), "; client_max_window_bits=15", ""),
        (
            peer(15),
            "; client_max_window_bits=8",
            "; client_max_window_bits=8",
        ),
        (
            peer(10),
            "; client_max_window_bits",
            "; client_max_window_bits=10",
        ),
        (
            peer(10),
            "; client_max_window_bits=9",
            "; client_max_window_bits=9",
        ),
        (
            peer(10),
            "; client_max_window_bits=12",
            "; client_max_window_bits=10",
        ),
        // Who takes no order for the window would make us keep 32 KiB: its messages are to stand alone instead.
        (peer(10), "", "; client_no_context_takeover"),
        (peer(14), "", "; client_no_context_takeover"),
        (peer(15), "", ""),
    ] {
        assert_eq!(
            answers(&config, &[&format!("permessage-deflate{offer}")]),
            format!("permessage-deflate{answer}"),
            "{offer}"
        );
    }
}

/// §7, §7.1: an offer with anything wrong is declined, and the next one is looked at.
#[test]
fn declines_an_offer_that_breaks_a_rule() {
    let mut wrong: Vec<String> = [
        "x-webkit-deflate-frame",
        "Permessage-Deflate",
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=1",
        "permessage-deflate; Server_No_Context_Takeover",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover=true",
        "permessage-deflate; client_no_context_takeover=0",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=9; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; server_max_window_bits",
    ]
    .map(str::to_owned)
    .to_vec();
    for value in [
        "0",
        "7",
        "16",
        "08",
        "09",
        "010",
        "015",
        "+9",
        "-9",
        "1e1",
        "9x",
        "x",
        "99",
        "150",
        "0x9",
        "4294967305",
    ] {
        wrong.push(format!(
            "permessage-deflate; server_max_window_bits={value}"
        ));
        wrong.push(format!(
            "permessage-deflate; client_max_window_bits={value}"
        ));
    }
    for offer in wrong {
        assert_eq!(answers(&everything(), &[&offer]), "", "{offer}");
        for next in [
            answers(
                &everything(),
                &[&format!(
                    "{offer}, permessage-deflate; server_max_window_bits=9"
                )],
            ),
            answers(
                &everything(),
                &[&offer, "permessage-deflate; server_max_window_bits=9"],
            ),
        ] {
            assert_eq!(
                next, "permessage-deflate; server_max_window_bits=9",
                "{offer}"
            );
        }
    }
}

/// §5.1: the first one that can be taken, although a later one may be better.
#[test]
fn takes_the_first_offer_of_several_lines() {
    let lines = [
        "permessage-deflate; server_max_window_bits=10; client_no_context_takeover, foo; bar=1",
        "permessage-deflate",
    ];
    assert_eq!(
        answers(&everything(), &lines),
        "permessage-deflate; client_no_context_takeover; server_max_window_bits=10"
    );
    assert_eq!(answers(&everything(), &["foo", "bar; baz"]), "");
    assert_eq!(answers(&everything(), &[]), "");
}

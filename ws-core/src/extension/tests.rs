//! RFC 7692 §5.1 and §7.1, rule by rule, in both roles.

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

/// What a client makes of a server's answer.
fn takes(
    offer: Option<DeflateOffer>,
    answer: &str,
) -> Result<Option<DeflateParameters>, HandshakeError> {
    let mut request = ClientRequest::new("a", "/");
    if let Some(offer) = offer {
        request = request.deflate(offer);
    }
    let mut client = ClientHandshake::new(&request, *b"the sample nonce").unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: {answer}\r\n\r\n"
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

#[test]
fn a_client_writes_what_it_offers() {
    let small = DeflateConfig::dedicated().window_bits(bits(10));
    for (config, header) in [
        (
            DeflateConfig::dedicated(),
            "permessage-deflate; client_max_window_bits",
        ),
        (
            DeflateConfig::shared(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
        ),
        (
            small,
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
        ),
    ] {
        let request = ClientRequest::new("a", "/").deflate(DeflateOffer::from(&config));
        let client = ClientHandshake::new(&request, [0; 16]).unwrap();
        let text = String::from_utf8(client.request().to_vec()).unwrap();
        let line = format!("\r\nSec-WebSocket-Extensions: {header}\r\n");
        assert!(text.contains(&line), "{text}");
    }
    let client = ClientHandshake::new(&ClientRequest::new("a", "/"), [0; 16]).unwrap();
    let text = String::from_utf8(client.request().to_vec()).unwrap();
    assert!(!text.contains("Extensions"), "{text}");
}

/// §7.1.1.1 to §7.1.2.2: what an answer may say, and what both endpoints then keep to.
#[test]
fn a_client_takes_every_answer_that_fits_its_offer() {
    let agreed = DeflateParameters::default();
    let hinted = DeflateOffer {
        client_no_context_takeover: true,
        client_max_window_bits: Some(bits(10)),
        ..DeflateOffer::default()
    };
    for (offer, answer, expected) in [
        (DeflateOffer::default(), "", None),
        (DeflateOffer::default(), "permessage-deflate", Some(agreed)),
        (
            // Both may come unasked.
            DeflateOffer::default(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            Some(DeflateParameters {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                ..agreed
            }),
        ),
        (
            DeflateOffer::default(),
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=\"9\"",
            Some(DeflateParameters {
                server_max_window_bits: bits(8),
                client_max_window_bits: bits(9),
                ..agreed
            }),
        ),
        (
            // What the client offered for itself it keeps.
            hinted,
            "permessage-deflate",
            Some(DeflateParameters {
                client_no_context_takeover: true,
                client_max_window_bits: bits(10),
                ..agreed
            }),
        ),
    ] {
        assert_eq!(takes(Some(offer), answer), Ok(expected), "{answer}");
    }
}

/// R-09, §5.1, §7.1: a client fails the connection, with an error that names the rule.
#[test]
fn a_client_refuses_what_it_did_not_offer() {
    use DeflateMismatch::{
        InvalidValue, Repeated, RepeatedParameter, Unanswered, UnknownParameter, Unoffered,
        WindowTooLarge,
    };
    use DeflateParameterName::{
        ClientMaxWindowBits, ClientNoContextTakeover, ServerMaxWindowBits, ServerNoContextTakeover,
    };
    let any = DeflateOffer::default();
    let strict = DeflateOffer {
        server_no_context_takeover: true,
        server_max_window_bits: Some(bits(10)),
        client_max_window_bits: None,
        ..any
    };
    let small = DeflateOffer {
        client_max_window_bits: Some(bits(10)),
        ..any
    };
    let strict_answer = "server_no_context_takeover; server_max_window_bits=10";
    let too_large = |param, answered, offered| WindowTooLarge {
        param,
        bits: bits(answered),
        offered: bits(offered),
    };
    for (offer, parameters, mismatch) in [
        (any, "unknown", UnknownParameter),
        (
            any,
            "server_no_context_takeover=1",
            InvalidValue(ServerNoContextTakeover),
        ),
        (
            any,
            "client_no_context_takeover=1",
            InvalidValue(ClientNoContextTakeover),
        ),
        (
            any,
            "server_max_window_bits",
            InvalidValue(ServerMaxWindowBits),
        ),
        (
            any,
            "client_max_window_bits",
            InvalidValue(ClientMaxWindowBits),
        ),
        (
            any,
            "server_max_window_bits=7",
            InvalidValue(ServerMaxWindowBits),
        ),
        (
            any,
            "client_max_window_bits=16",
            InvalidValue(ClientMaxWindowBits),
        ),
        (
            any,
            "server_max_window_bits=08",
            InvalidValue(ServerMaxWindowBits),
        ),
        (
            any,
            "server_no_context_takeover; server_no_context_takeover",
            RepeatedParameter(ServerNoContextTakeover),
        ),
        (
            any,
            "client_max_window_bits=9; client_max_window_bits=9",
            RepeatedParameter(ClientMaxWindowBits),
        ),
        (any, ", permessage-deflate", Repeated),
        (
            small,
            "client_max_window_bits=11",
            too_large(ClientMaxWindowBits, 11, 10),
        ),
        (
            strict,
            "server_no_context_takeover; server_max_window_bits=11",
            too_large(ServerMaxWindowBits, 11, 10),
        ),
        (
            strict,
            "server_max_window_bits=10",
            Unanswered(ServerNoContextTakeover),
        ),
        (
            strict,
            "server_no_context_takeover",
            Unanswered(ServerMaxWindowBits),
        ),
        (
            strict,
            "client_max_window_bits=9",
            Unoffered(ClientMaxWindowBits),
        ),
    ] {
        let answer = match parameters.strip_prefix(',') {
            Some(_) => format!("permessage-deflate{parameters}"),
            None => format!("permessage-deflate; {parameters}"),
        };
        let error = takes(Some(offer), &answer).unwrap_err();
        assert_eq!(
            error,
            HandshakeError::InvalidDeflateAnswer(mismatch),
            "{answer}"
        );
        assert!(error.is_not_websocket() && !error.is_caller_fault());
        let text = error.to_string();
        assert!(
            text.starts_with("server selected permessage-deflate, but "),
            "{text}"
        );
    }
    assert!(
        takes(
            Some(strict),
            &format!("permessage-deflate; {strict_answer}")
        )
        .is_ok()
    );
    for (offer, answer) in [
        (None, "permessage-deflate"),
        (Some(any), "foo"),
        (Some(any), "permessage-deflate, foo"),
        (Some(any), "foo, permessage-deflate"),
        (Some(any), "PERMESSAGE-DEFLATE"),
        (Some(any), "permessage-deflate;"),
        (Some(any), "permessage-deflate; =1"),
    ] {
        assert_eq!(
            takes(offer, answer),
            Err(HandshakeError::UnofferedExtension),
            "{answer}"
        );
    }
}

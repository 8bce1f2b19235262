//! The client's side: what it writes, and what it takes as an answer.

use super::{answers, bits, everything, takes};
use crate::extension::*;
use crate::handshake::{ClientHandshake, ClientRequest, HandshakeError};

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

/// §5.1: several offers, the one that is wished for most first; the answer is to one of them.
#[test]
fn a_client_may_offer_several_in_order() {
    let small = DeflateOffer {
        server_max_window_bits: Some(bits(10)),
        client_max_window_bits: Some(bits(10)),
        ..DeflateOffer::default()
    };
    let any = DeflateOffer {
        client_max_window_bits: None,
        ..DeflateOffer::default()
    };
    let request = ClientRequest::new("a", "/").deflate(small).deflate(any);
    let client = ClientHandshake::new(&request, [0; 16]).unwrap();
    let text = String::from_utf8(client.request().to_vec()).unwrap();
    let header = "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10, permessage-deflate";
    assert!(
        text.contains(&format!("\r\nSec-WebSocket-Extensions: {header}\r\n")),
        "{text}"
    );
    // Our server takes the first, and one that cannot do that the second.
    assert_eq!(
        answers(&everything(), &[header]),
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"
    );
    let both = [small, any];
    let ten = DeflateParameters {
        server_max_window_bits: bits(10),
        client_max_window_bits: bits(10),
        ..DeflateParameters::default()
    };
    let answer = "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10";
    assert_eq!(takes(both, answer), Ok(Some(ten)));
    assert_eq!(
        takes(both, "permessage-deflate"),
        Ok(Some(DeflateParameters::default()))
    );
    // An answer to neither.
    for (answer, mismatch) in [
        (
            "permessage-deflate; client_max_window_bits=11",
            DeflateMismatch::Unoffered(DeflateParameterName::ClientMaxWindowBits),
        ),
        (
            "permessage-deflate; unknown",
            DeflateMismatch::UnknownParameter,
        ),
        (
            "permessage-deflate, permessage-deflate",
            DeflateMismatch::Repeated,
        ),
    ] {
        let refused = Err(HandshakeError::InvalidDeflateAnswer(mismatch));
        assert_eq!(takes(both, answer), refused, "{answer}");
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
        (Some(any), ","),
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

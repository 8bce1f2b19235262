//! What holds for every offer, every configuration and every text.

use proptest::prelude::*;

use super::{answers, bits, everything, request, takes};
use crate::extension::*;
use crate::handshake::{
    Accept, ClientHandshake, ClientRequest, ClientStep, HeadLimits, ServerHandshake, ServerStep,
};

fn window() -> impl Strategy<Value = WindowBits> {
    (8..=15_u8).prop_map(bits)
}

fn offer() -> impl Strategy<Value = DeflateOffer> {
    let window = || proptest::option::of(window());
    (any::<bool>(), any::<bool>(), window(), window()).prop_map(
        |(server, client, server_bits, client_bits)| DeflateOffer {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        },
    )
}

fn config() -> impl Strategy<Value = DeflateConfig> {
    (any::<bool>(), any::<bool>(), window(), window()).prop_map(
        |(own, peer, own_bits, peer_bits)| DeflateConfig {
            own_context_takeover: own,
            peer_context_takeover: peer,
            own_window_bits: own_bits,
            peer_window_bits: peer_bits,
            ..DeflateConfig::default()
        },
    )
}

proptest! {
    /// Whatever our client offers, our server answers so that both come to the same parameters, within both wishes.
    #[test]
    fn both_endpoints_agree(offer in offer(), config in config()) {
        let mut client = ClientHandshake::new(&ClientRequest::new("a", "/").deflate(offer), [7; 16]).unwrap();
        let ServerStep::Request(request) = ServerHandshake::new().receive(client.request(), &HeadLimits::default()) else {
            return Err(TestCaseError::fail("no request"));
        };
        prop_assert!(request.check_upgrade().is_ok());
        let agreement = request.agree_deflate(&config);
        let servers = agreement.map(|agreement| agreement.parameters());
        let mut output = Vec::new();
        request.encode_accept(&Accept { deflate: agreement, ..Accept::default() }, &mut output).unwrap();
        let ClientStep::Done { deflate, .. } = client.receive(&output, &HeadLimits::default()).unwrap() else {
            return Err(TestCaseError::fail("no answer"));
        };
        let clients = deflate.map(|agreement| agreement.parameters());
        prop_assert_eq!(clients, servers);
        prop_assert_eq!(deflate.map(|agreement| agreement.to_string()), agreement.map(|agreement| agreement.to_string()));
        let agreed = clients.unwrap();
        prop_assert_eq!(agreed.server_no_context_takeover, offer.server_no_context_takeover || !config.own_context_takeover);
        let takes_orders = offer.client_max_window_bits.is_some();
        let forgets = offer.client_no_context_takeover
            || !config.peer_context_takeover
            || !takes_orders && config.peer_window_bits < WindowBits::MAX;
        prop_assert_eq!(agreed.client_no_context_takeover, forgets);
        // What a server keeps of its client's messages is never more than it was told to keep.
        prop_assert!(agreed.client_no_context_takeover || agreed.client_max_window_bits <= config.peer_window_bits);
        prop_assert!(agreed.server_max_window_bits <= config.own_window_bits);
        prop_assert!(offer.server_max_window_bits.is_none_or(|bits| agreed.server_max_window_bits <= bits));
        prop_assert!(offer.client_max_window_bits.is_none_or(|bits| agreed.client_max_window_bits <= bits.min(config.peer_window_bits)));
    }

    /// No text makes a server panic, or answer with what the offer does not allow.
    #[test]
    fn no_offer_is_too_strange(text in "[ -~]{0,200}") {
        let request = request(&format!("Sec-WebSocket-Extensions: {text}\r\n"));
        if let Some(agreement) = request.agree_deflate(&everything()) {
            prop_assert!(text.contains("permessage-deflate"));
            prop_assert!(agreement.to_string().starts_with("permessage-deflate"));
        }
    }

    /// A list of right and wrong parameters is taken exactly if each is right and comes once.
    #[test]
    fn an_offer_is_taken_if_all_of_it_is_right(chosen in proptest::collection::vec(0..8_usize, 0..6)) {
        const ALL: [(&str, bool); 8] = [
            ("server_no_context_takeover", true),
            ("client_no_context_takeover", true),
            ("server_max_window_bits=11", true),
            ("client_max_window_bits=\"12\"", true),
            ("server_max_window_bits", false),
            ("client_max_window_bits=16", false),
            ("client_no_context_takeover=1", false),
            ("other", false),
        ];
        let list: String = chosen.iter().map(|&index| format!("; {}", ALL[index].0)).collect();
        let is_right = chosen.iter().all(|&index| ALL[index].1)
            && (0..4).all(|index| chosen.iter().filter(|&&other| other == index).count() <= 1);
        let answer = answers(&everything(), &[&format!("permessage-deflate{list}")]);
        prop_assert_eq!(!answer.is_empty(), is_right, "{}", list);
    }

    /// No answer makes a client panic, and none is taken that is not this extension.
    #[test]
    fn no_answer_is_too_strange(offer in offer(), text in "[ -~]{0,100}") {
        if let Ok(Some(_)) = takes(Some(offer), &text) {
            prop_assert!(text.contains("permessage-deflate"));
        }
    }
}

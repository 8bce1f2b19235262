//! Conversations of an honest pair.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use ws_core::{CloseCode, CloseFrame, Connection, Role, SendError, SendScratch};

use crate::{
    pair::{Endpoint, Pair},
    wire::Owned,
};

const BYE: CloseFrame<'static> = CloseFrame {
    code: CloseCode::NORMAL,
    reason: "bye",
};

fn text(endpoint: &mut Endpoint, text: &str) -> Result<(), SendError> {
    endpoint.send(|sender, scratch, output| sender.encode_text(text, scratch, output))
}

fn close(endpoint: &mut Endpoint) -> Result<(), SendError> {
    endpoint.send(|sender, scratch, output| sender.encode_close(Some(BYE), scratch, output))
}

/// §5.4, §5.6, §6: messages of every size, whole and in fragments, with pings between, both ways at once
#[test]
fn a_long_conversation_arrives_once_and_in_order() {
    converse(Pair::new);
}

/// RFC 7692: the same, compressed by each preset
#[cfg(feature = "deflate")]
#[test]
fn a_long_conversation_arrives_compressed() {
    use ws_core::{
        Connection,
        extension::{DeflateConfig, DeflateParameters},
    };
    for config in [
        DeflateConfig::shared(),
        DeflateConfig::compact(),
        DeflateConfig::dedicated(),
    ] {
        let parameters = DeflateParameters {
            server_no_context_takeover: !config.own_context_takeover,
            client_no_context_takeover: !config.peer_context_takeover,
            server_max_window_bits: config.own_window_bits,
            client_max_window_bits: config.peer_window_bits,
        };
        converse(|seed| {
            Pair::of(seed, |role| {
                Connection::with_deflate(role, &parameters, &config)
            })
        });
    }
}

fn converse(make: impl Fn(u64) -> Pair) {
    let sizes = [0, 1, 125, 126, 127, 4095, 65_535, 65_536, 200_000];
    for seed in 0..20 {
        let mut pair = make(seed);
        let rng = &mut StdRng::seed_from_u64(seed);
        let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
        for _ in 0..40 {
            let is_client = rng.random();
            let (endpoint, sent) = if is_client {
                (&mut pair.client, &mut from_client)
            } else {
                (&mut pair.server, &mut from_server)
            };
            let size = sizes[rng.random_range(0..sizes.len())];
            let data: Vec<u8> = (0..size)
                .map(|i| u8::try_from(i % 251).expect("small"))
                .collect();
            if rng.random() {
                endpoint
                    .send(|s, scratch, output| s.encode_binary(&data, scratch, output))
                    .expect("sends");
                sent.push(Owned::Binary(data));
            } else {
                // In fragments, with a ping between each two of them.
                let words = "наши слова ".repeat(size / 20);
                let cut = words.floor_char_boundary(words.len() / 3);
                endpoint
                    .send(|s, scratch, output| {
                        s.encode_text_fragment(&words[..cut], false, scratch, output)
                    })
                    .expect("sends");
                endpoint
                    .send(|s, scratch, output| s.encode_ping(b"?", scratch, output))
                    .expect("sends");
                endpoint
                    .send(|s, scratch, output| {
                        s.encode_text_fragment(&words[cut..], true, scratch, output)
                    })
                    .expect("sends");
                sent.push(Owned::Ping(b"?".into()));
                sent.push(Owned::Text(words));
            }
            if rng.random_bool(0.3) {
                pair.step();
            }
        }
        pair.drive();
        let without_pongs = |seen: Vec<Owned>| -> (Vec<Owned>, usize) {
            let all = seen.len();
            let rest: Vec<Owned> = seen
                .into_iter()
                .filter(|event| *event != Owned::Pong(b"?".into()))
                .collect();
            let pongs = all - rest.len();
            (rest, pongs)
        };
        let pings = |sent: &[Owned]| {
            sent.iter()
                .filter(|event| matches!(event, Owned::Ping(_)))
                .count()
        };
        let (at_server, pongs) = without_pongs(pair.server.take_seen());
        assert!(
            at_server == from_client,
            "seed {seed}: the server saw something else"
        );
        assert_eq!(pongs, pings(&from_server), "each ping got its pong");
        let (at_client, pongs) = without_pongs(pair.client.take_seen());
        assert!(
            at_client == from_server,
            "seed {seed}: the client saw something else"
        );
        assert_eq!(pongs, pings(&from_client), "each ping got its pong");
    }
}

/// §7.1.2, §5.5.1: from either side, after everything sent before it
#[test]
fn a_close_follows_the_data_sent_before_it_and_is_echoed() {
    for client_closes in [true, false] {
        let mut pair = Pair::new(1);
        let (closer, other) = if client_closes {
            (&mut pair.client, &mut pair.server)
        } else {
            (&mut pair.server, &mut pair.client)
        };
        text(closer, "last words").expect("sends");
        close(closer).expect("sends");
        assert_eq!(text(closer, "too late"), Err(SendError::Closed));
        text(other, "still under way").expect("sends");
        pair.drive();
        let (closer, other) = if client_closes {
            (&mut pair.client, &mut pair.server)
        } else {
            (&mut pair.server, &mut pair.client)
        };
        let bye = || Owned::Close(Some((1000, "bye".into())));
        assert_eq!(other.take_seen(), [Owned::Text("last words".into()), bye()]);
        let echoed = Owned::Close(Some((1000, String::new())));
        assert_eq!(
            closer.take_seen(),
            [Owned::Text("still under way".into()), echoed]
        );
        assert!(closer.is_closed() && other.is_closed());
        assert_eq!(text(other, "after the echo"), Err(SendError::Closed));
    }
}

/// §7.1: both Closes cross on the wire; neither is echoed twice
#[test]
fn two_closes_at_once_complete_the_handshake() {
    let mut pair = Pair::new(2);
    close(&mut pair.client).expect("sends");
    close(&mut pair.server).expect("sends");
    pair.drive();
    let bye = [Owned::Close(Some((1000, "bye".into())))];
    assert_eq!(pair.client.take_seen(), bye);
    assert_eq!(pair.server.take_seen(), bye);
    assert!(pair.client.is_closed() && pair.server.is_closed());
}

/// §7.1.5: a Close without a code
#[test]
fn a_close_without_code_is_echoed_without_one() {
    let mut pair = Pair::new(3);
    pair.client
        .send(|s, scratch, output| s.encode_close(None, scratch, output))
        .expect("sends");
    pair.drive();
    assert_eq!(pair.server.take_seen(), [Owned::Close(None)]);
    assert_eq!(pair.client.take_seen(), [Owned::Close(None)]);
}

/// §5.5.2: an hour of silence, kept alive by pings that the application never sees
#[test]
fn an_idle_pair_stays_alive_for_an_hour() {
    let mut pair = Pair::new(4);
    pair.wait(36_000);
    assert!(!pair.client.is_given_up && !pair.server.is_given_up);
    let seen = [pair.client.take_seen(), pair.server.take_seen()].concat();
    assert!(!seen.is_empty(), "pings are seen");
    assert!(
        seen.iter().all(|event| matches!(event, Owned::Ping(_))),
        "their pongs are not: {seen:?}"
    );
}

#[test]
fn a_cut_wire_is_found_within_interval_and_timeout() {
    let mut pair = Pair::new(5);
    pair.wait(1000);
    assert!(!pair.client.is_given_up && !pair.server.is_given_up);
    pair.is_cut = true;
    pair.wait(250 + 200);
    assert!(pair.client.is_given_up && pair.server.is_given_up);
}

/// A head and the payload behind it are the frame that `encode_text` makes, whoever has to change the payload.
#[test]
fn a_head_and_what_must_follow_are_the_whole_frame() {
    for role in [Role::Server, Role::Client] {
        let scratch = || match role {
            Role::Server => SendScratch::server(),
            Role::Client => SendScratch::client(Box::new(|| [1, 2, 3, 4])),
        };
        let (mut one, mut other) = (scratch(), scratch());
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        let mut connections = [Connection::new(role), Connection::new(role)];
        let [(_, first), (_, second)] = connections.each_mut().map(Connection::split);
        for length in [0, 125, 126, 65_535, 65_536, 100_000] {
            let text = "x".repeat(length);
            first.encode_text(&text, &mut one, &mut whole).unwrap();
            first
                .encode_binary(text.as_bytes(), &mut one, &mut whole)
                .unwrap();
            let rest = second
                .encode_text_head(&text, &mut other, &mut pieces)
                .unwrap();
            assert!(rest.is_empty() || role == Role::Server);
            pieces.extend_from_slice(rest);
            let rest = second
                .encode_binary_head(text.as_bytes(), &mut other, &mut pieces)
                .unwrap();
            pieces.extend_from_slice(rest);
        }
        assert!(whole == pieces, "{role:?}");
        second.encode_close(None, &mut other, &mut pieces).unwrap();
        let closed = second.encode_text_head("late", &mut other, &mut pieces);
        assert_eq!(closed, Err(SendError::Closed));
    }
}

//! What one side compresses, the other inflates: every window, every preset, whole and in pieces.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use std::sync::Arc;
use ws_core::{
    Compression, Limits, PreparedFrame, Role,
    extension::{DeflateConfig, DeflateParameters, WindowBits},
};

use super::{Receiving, Sending, eager, parameters, reference::Reference};
use crate::wire::Owned;

/// Data of several kinds and lengths around the borders of windows and frames.
pub(super) fn corpus(rng: &mut StdRng) -> Vec<u8> {
    let lengths = [
        0, 1, 5, 125, 126, 255, 256, 257, 1000, 4096, 32_767, 40_000, 70_000,
    ];
    let length = lengths[rng.random_range(0..lengths.len())];
    let mut data = vec![0; length];
    match rng.random_range(0..4) {
        0 => {}
        1 => rng.fill_bytes(&mut data),
        2 => {
            let words = ["price", "volume", "\"id\":", "2026-11-22", ",", "{", "}"];
            let mut text = String::new();
            while text.len() < length {
                text.push_str(words[rng.random_range(0..words.len())]);
                text.push_str(&rng.random_range(0..500).to_string());
            }
            data.copy_from_slice(&text.as_bytes()[..length]);
        }
        _ => {
            let period = rng.random_range(1..40_000);
            for i in 0..length {
                data[i] = if i < period {
                    rng.random()
                } else {
                    data[i - period]
                };
            }
        }
    }
    data
}

/// One conversation in one direction: messages of every kind, compressed and not, whole and in fragments, with pings
/// between them, received in random pieces.
fn converse(seed: u64, sender: Role, parameters: &DeflateParameters, config: &DeflateConfig) {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut sending = Sending::new(sender, parameters, config);
    let mut receiving = Receiving::new(sender.peer(), parameters, Limits::default());
    for _ in 0..12 {
        let data = corpus(rng);
        let choice =
            [Compression::Auto, Compression::Never, Compression::Always][rng.random_range(0..3)];
        let mut expected = Vec::new();
        let mut bytes = Vec::new();
        match rng.random_range(0..4) {
            0 if sender == Role::Server => {
                let frame = Arc::new(PreparedFrame::binary(&data));
                bytes = sending.bytes(|s, scratch, out| s.encode_prepared(&frame, scratch, out));
            }
            0 | 1 => {
                let cut = rng.random_range(0..=data.len());
                for (part, last) in [(&data[..cut], false), (&data[cut..], true)] {
                    bytes.extend(sending.bytes(|s, scratch, out| {
                        s.encode_binary_fragment_with(part, last, choice, scratch, out)
                    }));
                    if !last {
                        bytes.extend(
                            sending.bytes(|s, scratch, out| s.encode_ping(b"?", scratch, out)),
                        );
                        expected.push(Owned::Ping(b"?".into()));
                    }
                }
            }
            _ => {
                bytes = sending
                    .bytes(|s, scratch, out| s.encode_binary_with(&data, choice, scratch, out));
            }
        }
        expected.push(Owned::Binary(data));
        let pieces: Vec<usize> = (0..rng.random_range(0..5))
            .map(|_| rng.random_range(0..=bytes.len()))
            .collect();
        let seen = receiving.events(&bytes, &pieces);
        assert!(
            seen == expected,
            "seed {seed}, {sender:?}, {parameters:?}, {choice:?}"
        );
    }
    let held = receiving.receiver.held_bytes();
    let window = parameters.max_window_bits(sender).bytes();
    let allowed = if parameters.no_context_takeover(sender) {
        0
    } else {
        window
    };
    assert!(held <= allowed, "{held} bytes held of {allowed}");
}

/// §7.1.1, §7.1.2: both roles, every window, with and without context takeover, every level of effort
#[test]
fn everything_arrives_as_it_was_at_every_window() {
    let mut conversations = 0;
    for bits in 8..=15 {
        for takes_over in [false, true] {
            for role in [Role::Client, Role::Server] {
                for (seed, level) in [1, 2, 6, 9].into_iter().enumerate() {
                    let seed = seed as u64 + 100 * u64::from(bits);
                    let config = eager().level(level);
                    converse(seed, role, &parameters(bits, takes_over), &config);
                    conversations += 1;
                }
            }
        }
    }
    assert_eq!(conversations, 128);
}

/// §7.1.1: a sender may compress each message by itself though the peer keeps the context
#[test]
fn a_context_that_only_the_peer_keeps_does_no_harm() {
    for bits in [9, 15] {
        converse(
            1,
            Role::Server,
            &parameters(bits, true),
            &DeflateConfig::shared().threshold(0),
        );
    }
}

/// §7.1.2: every distance stays within the agreed window, even where a larger compressor would do
#[test]
fn no_reference_reaches_beyond_the_agreed_window() {
    let mut farthest_of_all = 0;
    for (bits, takes_over) in (9..=15).flat_map(|bits| [(bits, false), (bits, true)]) {
        let window = WindowBits::new(bits).expect("valid").bytes();
        let rng = &mut StdRng::seed_from_u64(bits.into());
        let mut noise = vec![0; window * 2];
        rng.fill_bytes(&mut noise);
        for level in [1, 2, 6, 9] {
            let config = eager().level(level);
            let mut sending = Sending::new(Role::Server, &parameters(bits, takes_over), &config);
            let mut reference = Reference::default();
            // Repetitions at distances around the window, within a message and from one to the next.
            for length in [
                window - 300,
                300,
                window,
                17,
                window + 1,
                2 * window,
                3000,
                64,
            ] {
                let data: Vec<u8> = noise
                    .iter()
                    .take(length)
                    .chain(&noise[..200])
                    .copied()
                    .collect();
                let always = Compression::Always;
                let bytes = sending
                    .bytes(|s, scratch, out| s.encode_binary_with(&data, always, scratch, out));
                assert_eq!(bytes[0], 0xC2);
                let header = if bytes[1] == 127 {
                    10
                } else if bytes[1] == 126 {
                    4
                } else {
                    2
                };
                if !takes_over {
                    reference = Reference::default();
                }
                let inflated = reference.inflate(&bytes[header..]);
                assert!(inflated == data, "{bits} {level} {length}");
                let farthest = reference.farthest;
                assert!(
                    farthest <= window,
                    "{farthest} bytes back with a window of {window}"
                );
                farthest_of_all = farthest_of_all.max(farthest);
            }
        }
    }
    assert!(
        farthest_of_all > 30_000,
        "{farthest_of_all}: the data tempts far references"
    );
}

//! Any cut of the same bytes gives the same events (M-3, R-22).

use rand::{RngExt, SeedableRng, rngs::StdRng};
use ws_core::{Limits, Receiver, Role, Scratch};

use crate::wire::{BINARY, Frame, Owned, PING, TEXT, events, events_by_both_ways, random_stream};

const STREAMS: u64 = 20_000;
const LONG_STREAMS: u64 = 150;

#[test]
fn any_chunking_gives_the_same_events() {
    let limits = Limits::default().max_message_bytes(4000).max_fragments(4);
    let (mut compared, mut failures) = (0_u64, 0_u64);
    for seed in 0..STREAMS {
        let rng = &mut StdRng::seed_from_u64(seed);
        let role = if rng.random() {
            Role::Server
        } else {
            Role::Client
        };
        let stream = random_stream(rng, role.peer(), seed % 2 == 0);
        let whole = events(role, &limits, &stream, &[]);
        failures += u64::from(whole.iter().any(|event| matches!(event, Owned::Failed(_))));
        for _ in 0..3 {
            let pieces: Vec<usize> =
                std::iter::repeat_with(|| rng.random_range(0..1 + stream.len().min(50)))
                    .take(60)
                    .collect();
            assert_eq!(
                events(role, &limits, &stream, &pieces),
                whole,
                "seed {seed}, pieces {pieces:?}"
            );
            compared += 1;
        }
        let bytes = vec![1; stream.len()];
        assert_eq!(
            events(role, &limits, &stream, &bytes),
            whole,
            "seed {seed}, byte by byte"
        );
        compared += 1;
    }
    assert_eq!(compared, 4 * STREAMS);
    assert!(
        failures > STREAMS / 10 && failures < STREAMS / 2,
        "{failures} of {STREAMS} streams end in an error"
    );
}

/// Long messages, whole and in fragments, with pings between these; the last one is now and then no UTF-8 or too long.
fn long_stream(rng: &mut StdRng, sender: Role) -> Vec<u8> {
    let mut stream = Vec::new();
    for number in 0..rng.random_range(2..6) {
        let is_text: bool = rng.random();
        let length = rng.random_range(1..300_000);
        let mut payload = "Grüße, 漢字 🦀 ".repeat(length / 24 + 1).into_bytes();
        if !is_text {
            payload.rotate_left(1);
        } else if rng.random_bool(0.1) {
            let at = rng.random_range(0..payload.len());
            payload[at] = 0xFF;
        }
        let fragments = rng.random_range(1..4);
        let size = payload.len().div_ceil(fragments);
        for (index, part) in payload.chunks(size).enumerate() {
            let is_last = (index + 1) * size >= payload.len();
            let opcode = match index {
                0 if is_text => TEXT,
                0 => BINARY,
                _ => 0x80,
            };
            let first = if is_last { opcode } else { opcode & 0x7F };
            stream.extend(Frame::from(sender, first, part).bytes());
            if !is_last {
                stream.extend(Frame::from(sender, PING, &[number]).bytes());
            }
        }
    }
    stream
}

/// Bytes that are read to where they belong, and others that are not, in any mix and any cut.
#[test]
fn any_mix_of_both_ways_gives_the_same_events() {
    let limits = Limits::default().max_message_bytes(290_000);
    let (mut failures, mut direct) = (0, 0);
    for seed in 0..LONG_STREAMS {
        let rng = &mut StdRng::seed_from_u64(seed);
        let role = if rng.random() {
            Role::Server
        } else {
            Role::Client
        };
        let stream = long_stream(rng, role.peer());
        let whole = events(role, &limits, &stream, &[]);
        failures += u32::from(matches!(whole.last(), Some(Owned::Failed(_))));
        // One scratch: what earlier messages have left in its buffers must not show.
        let mut scratch = Scratch::new(limits.clone());
        for _ in 0..4 {
            let longest = 1 << rng.random_range(1..19);
            let piece = |_: usize| {
                let most = if rng.random() {
                    rng.random_range(0..=longest)
                } else {
                    0
                };
                (rng.random_range(0..=longest), most)
            };
            let count = (4 * stream.len() / longest).min(5000);
            let pieces: Vec<_> = (0..count).map(piece).collect();
            let mut receiver = Receiver::new(role);
            let (events, read) = events_by_both_ways(&mut receiver, &mut scratch, &stream, &pieces);
            assert!(events == whole, "seed {seed}, pieces {pieces:?}");
            direct += read;
            receiver.release(&mut scratch);
            assert_eq!(receiver.held_bytes(), 0, "seed {seed}");
        }
    }
    assert!(
        failures > 10 && failures < 140,
        "{failures} of {LONG_STREAMS} streams end in an error"
    );
    assert!(
        direct > 10_000_000,
        "only {direct} bytes were read directly"
    );
}

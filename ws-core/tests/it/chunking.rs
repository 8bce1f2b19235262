//! Any cut of the same bytes gives the same events (M-3, R-22): 20,000 streams, of clients (masked) and of servers
//! (unmasked), each in three random cuts and byte by byte.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use ws_core::{Limits, Role};

use crate::wire::{events, random_stream, streams};

const STREAMS: u64 = 20_000;

#[test]
fn any_chunking_gives_the_same_events() {
    let limits = Limits::default().max_message_bytes(4000).max_fragments(4);
    let streams = streams(STREAMS);
    let (mut compared, mut failures, mut masked) = (0_u64, 0_u64, 0_u64);
    for seed in 0..streams {
        let rng = &mut StdRng::seed_from_u64(seed);
        let role = if rng.random() {
            Role::Server
        } else {
            Role::Client
        };
        let stream = random_stream(rng, role.peer(), seed % 2 == 0);
        masked += u64::from(role == Role::Server);
        let whole = events(role, &limits, &stream, &[]);
        failures += u64::from(
            whole
                .iter()
                .any(|event| matches!(event, crate::wire::Owned::Failed(_))),
        );
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
    println!(
        "{streams} streams, {masked} of them masked, {failures} broken: {compared} cuts gave the same events"
    );
    assert_eq!(compared, 4 * streams, "cuts compared");
    assert!(
        masked > streams / 3 && masked < streams * 2 / 3,
        "{masked} of {streams} streams are masked"
    );
    assert!(
        failures > streams / 10 && failures < streams / 2,
        "{failures} of {streams} streams end in an error"
    );
}

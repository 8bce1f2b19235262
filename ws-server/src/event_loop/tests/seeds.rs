//! Many seeds of the simulator, or one.
//!
//! `cargo test` runs a few hundred. `cargo xtask simulate` runs as many as it is told, in an optimised build; from
//! [`ALL_PAIRS_SEEDS`] on, every possible pair of a state and an input must have been reached.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use super::simulator::{Figures, run};

/// Seeds that once found a fault, and which.
const FOUND: &[(u64, &str)] = &[
    (
        2490,
        "the next ping waited for the timeout of the one before",
    ),
    (
        929,
        "a 101 went into the answer to somebody else, since TLS still had something to send",
    ),
    (
        17_314,
        "something was sent behind what was lost with the queue, so that TLS could not decrypt it",
    ),
    (
        351,
        "nobody saw that what TLS had sent before the 101 was not taken",
    ),
    (
        8415,
        "nobody saw that what TLS had sent before a long answer was not taken",
    ),
    (
        33_065,
        "what a peer said while a long answer was sent counted as said after it",
    ),
];

#[test]
fn worlds_with_faults_keep_every_promise() {
    let first = number("WS_SEED").or_else(|| number("WS_SIMULATE_FIRST"));
    let count = match number("WS_SEED") {
        Some(_) => 1,
        None => number("WS_SIMULATE_SEEDS").unwrap_or(SEEDS),
    };
    let started = now();
    let (figures, failed) = run_seeds(first.unwrap_or(0), count);
    let seconds = now().duration_since(started).as_secs_f64();
    println!("{} in {seconds:.0} s", figures.report());
    assert!(failed.is_empty(), "failed with seeds {failed:?}");
    assert_eq!(
        figures.pairs.refuted(),
        [],
        "reached, but said to be impossible"
    );
    if count >= ALL_PAIRS_SEEDS {
        assert_eq!(figures.pairs.missing(), [], "possible, but never reached");
    }
}

#[test]
fn seeds_that_found_a_fault_find_none_any_more() {
    for (seed, what) in FOUND {
        println!("seed {seed}: {what}");
        run(*seed);
    }
}

/// Runs the seeds on every core; what they have seen, and the first of those that failed.
fn run_seeds(first: u64, count: u64) -> (Figures, Vec<u64>) {
    let next = AtomicU64::new(0);
    let sum = Mutex::new((Figures::default(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut own = Figures::default();
                let mut failed = Vec::new();
                while failed.len() < MOST_FAILED {
                    let seed = first + next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    match std::panic::catch_unwind(AssertUnwindSafe(|| run(seed))) {
                        Ok(figures) => own.add(&figures),
                        Err(_) => {
                            eprintln!(
                                "failed with seed {seed}; again: WS_SEED={seed} cargo test -p ws-server --lib worlds_with"
                            );
                            failed.push(seed);
                        }
                    }
                }
                let mut sum = sum.lock().unwrap();
                sum.0.add(&own);
                sum.1.append(&mut failed);
            });
        }
    });
    sum.into_inner().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "how fast the worlds go by is a figure of the run"
)]
fn now() -> Instant {
    Instant::now()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap())
}

/// What `cargo test` runs.
const SEEDS: u64 = 300;
/// So many reach every pair.
const ALL_PAIRS_SEEDS: u64 = 20_000;
/// Each thread gives up after so many.
const MOST_FAILED: usize = 3;

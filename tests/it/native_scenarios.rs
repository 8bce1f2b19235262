//! What needs numbers: races, loads, crowds, odd values. Seconds by default, hours if the environment says so.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WS_NATIVE_RACES` | objects that end while a call of theirs waits | 300 |
//! | `WS_NATIVE_LOADS` | loads and unloads | 2,000 |
//! | `WS_NATIVE_OBJECTS` | objects that 8 threads make, call and end | 20,000 |
//! | `WS_NATIVE_CROWD_MILLIS` | how long 8 threads call everything | 2,000 |
//! | `WS_NATIVE_RANDOM` | calls with odd values, of each class | 5,000 |

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use ws_tests::process::Process;

use crate::support::native::{Check, check, host_command};

/// Hours are allowed where the environment asks for more.
const TIMEOUT: Duration = Duration::from_secs(4 * 3600);

pub(crate) fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Err(_) => default,
        Ok(text) => text
            .parse()
            .unwrap_or_else(|error| panic!("{variable}={text}: {error}")),
    }
}

/// A different one each time, and told when it fails.
fn seed() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    number("WS_NATIVE_SEED", u64::from(time.subsec_nanos()))
}

#[track_caller]
pub(crate) fn run(scenario: &str, settings: &[(&str, u64)]) -> Value {
    let mut command = host_command(scenario);
    command.args(
        settings
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    let finished = Process::spawn(&mut command).finish_within(TIMEOUT);
    let figures = finished.stdout_text().trim().to_owned();
    assert_eq!(
        finished.code,
        Some(0),
        "{command:?}: {figures}\n{}",
        finished.stderr
    );
    println!("native {scenario}: {figures}");
    serde_json::from_str(&figures).unwrap_or_else(|error| panic!("{error}: {figures}"))
}

/// A figure that may grow by `most` and no more.
#[track_caller]
fn at_most(figures: &Value, name: &str, most: i64) {
    let figure = figures[name]
        .as_i64()
        .unwrap_or_else(|| panic!("{figures}"));
    assert!(
        figure <= most,
        "{name}: {figure}, more than {most}: {figures}"
    );
}

/// R-54, L-8: memory, threads and files after four fifths of the rounds, beside those after the first.
#[track_caller]
fn nothing_is_left(figures: &Value) {
    at_most(figures, "more_files", 0);
    // A tool that keeps freed memory for a while, or translated code, makes the process grow.
    if check() == Check::Nothing {
        at_most(figures, "more_kib", 2048);
    }
}

/// how long a call goes on after the end of its object has begun.
#[test]
fn objects_end_while_their_calls_wait() {
    let rounds = number("WS_NATIVE_RACES", 300);
    let figures = run("races", &[("rounds", rounds), ("seed", seed())]);
    assert_eq!(
        figures["races"], rounds,
        "calls that were ended within 2 s, of {rounds}"
    );
    // The host has held each call to 2 s. Where nothing else runs, 100 ms are the rule, but for one of a thousand.
    if rounds >= 10_000 && check() == Check::Nothing {
        let most = i64::try_from(rounds / 1000).unwrap();
        at_most(&figures, "over_100_ms", most);
    }
}

/// with a server that runs on when its library is unloaded, and threads that end after that.
#[test]
fn the_library_is_loaded_and_unloaded_again_and_again() {
    let rounds = number("WS_NATIVE_LOADS", 2000);
    let figures = run("loads", &[("rounds", rounds)]);
    assert_eq!(figures["loads"], rounds, "loads and unloads");
    assert!(
        figures["exchanges"].as_u64() > Some(0),
        "no exchange of a message: {figures}"
    );
    at_most(&figures, "more_threads", 0);
    nothing_is_left(&figures);
}

/// L-8
#[test]
fn objects_are_made_and_ended_by_eight_threads_and_nothing_is_left() {
    let objects = number("WS_NATIVE_OBJECTS", 20_000);
    let figures = run("churn", &[("threads", 8), ("objects", objects)]);
    assert_eq!(
        figures["objects"], objects,
        "objects that were made and ended"
    );
    nothing_is_left(&figures);
}

///
#[test]
fn eight_threads_call_everything_on_the_same_objects() {
    let milliseconds = number("WS_NATIVE_CROWD_MILLIS", 2000);
    let figures = run(
        "crowd",
        &[
            ("threads", 8),
            ("milliseconds", milliseconds),
            ("seed", seed()),
        ],
    );
    assert!(
        figures["calls"].as_u64() > Some(0),
        "no call of 8 threads: {figures}"
    );
}

///
#[test]
fn odd_values_are_answered_and_nothing_else() {
    let rounds = number("WS_NATIVE_RANDOM", 5000);
    let figures = run("random", &[("rounds", rounds), ("seed", seed())]);
    assert_eq!(
        figures["calls"],
        2 * rounds,
        "calls with odd values that were answered without a panic"
    );
}

//! `ws rpc` driven from Python, with `websockets` as the foreign peer: the scripts are in `tests/rpc`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ws_tests::process::{Process, ws_binary};

use crate::support::certs::Authority;
use crate::support::peer::python;

/// How often each ordering rule is tried unless `WS_RPC_REPEATS` says otherwise; `cargo xtask full` asks for 1,000.
const REPEATS: &str = "100";

/// How many random lines are tried unless `WS_RPC_LINES` says otherwise; `cargo xtask full` asks for 100,000.
const LINES: &str = "3000";

/// For scripts that do a lot, on a machine that does a lot beside them.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A script with the program and the contract's table as its first arguments.
fn script(name: &str) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = python(&tests.join("rpc").join(name).with_extension("py"));
    command
        .arg(ws_binary())
        .arg(tests.join("../ws-ffi/methods.json"))
        .env_remove("RUST_LOG");
    command
}

/// Runs a script until it is content, and prints what it says.
#[track_caller]
fn succeeds(command: &mut Command) {
    let finished = Process::spawn(command).finish_within(TIMEOUT);
    let stdout = finished.stdout_text();
    assert!(
        finished.code == Some(0) && stdout.starts_with("ok: "),
        "{command:?}: exit code {:?}\n{stdout}\n{}",
        finished.code,
        finished.stderr
    );
    print!("{stdout}");
}

fn repeats() -> String {
    std::env::var("WS_RPC_REPEATS").unwrap_or_else(|_| REPEATS.to_owned())
}

#[test]
fn the_ordering_rules_hold_call_by_call() {
    succeeds(script("ordering").arg(repeats()));
}

#[test]
fn every_published_example_gives_every_field_it_should() {
    let authority = Authority::new("authority of the examples");
    let identity = authority.issue(&["127.0.0.1"]);
    let folder = tempfile::tempdir().unwrap();
    succeeds(
        script("examples")
            .args([&identity.chain, &identity.key, &authority.file()])
            .arg(folder.path()),
    );
}

#[test]
fn waits_run_beside_everything_and_order_is_kept() {
    succeeds(&mut script("concurrency"));
}

#[test]
fn megabytes_of_text_and_bytes_go_both_ways() {
    succeeds(&mut script("sizes"));
}

/// Each run another seed, which is told when it fails.
#[test]
fn no_line_makes_it_crash() {
    let folder = tempfile::tempdir().unwrap();
    let lines = std::env::var("WS_RPC_LINES").unwrap_or_else(|_| LINES.to_owned());
    succeeds(script("fuzz").arg(folder.path()).arg(lines));
}

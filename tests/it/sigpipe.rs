//! A host that leaves SIGPIPE at its default survives reset peers (R-55, reliability fact 3).

use std::{os::unix::process::ExitStatusExt, process::Command};

const HOST: &str = env!("CARGO_BIN_EXE_sigpipe_host");
const ROUNDS: &str = "100";
const SIGPIPE: i32 = 13;

#[test]
fn reset_peers_do_not_end_a_host_with_sigpipe_at_its_default() {
    let proof = Command::new(HOST)
        .arg("prove")
        .output()
        .expect("the host starts");
    assert_eq!(
        proof.status.signal(),
        Some(SIGPIPE),
        "this host would notice: {proof:?}"
    );

    let output = Command::new(HOST)
        .arg(ROUNDS)
        .output()
        .expect("the host starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        text.trim(),
        "200 of 200 clients were told that their peer is gone"
    );
}

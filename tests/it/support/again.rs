//! A test that needs a process of its own, with more or less around it than the others have.

use std::{env, process::Command};

/// Set in the other process to the test's name.
const AGAIN: &str = "WS_TEST_AGAIN";

/// Runs the calling test once more, under the command `wrapper`; true in that process, which is to do the work.
///
/// Here it waits for it, panics if it fails, and passes on what it printed.
#[track_caller]
pub(crate) fn runs_under(wrapper: &[&str], test: &str) -> bool {
    if env::var_os(AGAIN).is_some_and(|name| name == test) {
        return true;
    }
    let (program, arguments) = wrapper.split_first().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(AGAIN, test)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    print!("{stdout}");
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{test} failed under {wrapper:?}: {}\n{stdout}\n{stderr}",
        output.status
    );
    false
}

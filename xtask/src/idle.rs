//! `idle`: the memory of idle connections, measured on the release build of `ws serve --echo`.

use crate::{
    Failure, build,
    flags::Flags,
    report::{Outcome, Report},
    shell::Run,
};

/// What one process can show here: each connection is a file, and 20,000 may be open.
const CONNECTIONS: u32 = 10_000;
const SECONDS: u32 = 5;
const OPEN_FILES: u32 = 20_000;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let connections = flags.take_number("connections", CONNECTIONS)?;
    let seconds = flags.take_number("seconds", SECONDS)?;
    flags.finish()?;
    if report.step("release build", build::release) {
        report.step("idle", || idle(connections, seconds));
    }
    Ok(())
}

/// With the figures of the specification; wants the release build.
pub(crate) fn default() -> Result<Outcome, Failure> {
    idle(CONNECTIONS, SECONDS)
}

fn idle(connections: u32, seconds: u32) -> Result<Outcome, Failure> {
    let mut last = String::new();
    // The soft limit is 1,024 on many machines. The server is a child of the program and inherits it.
    let files = format!("ulimit -n $(ulimit -Hn) && ulimit -n {OPEN_FILES}; exec \"$@\"");
    Run::new("sh")
        .args(["-c", &files, "sh"])
        .args([build::program("idle"), build::program("ws")])
        .args([connections.to_string(), seconds.to_string()])
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

//! `idle`: the memory of idle connections, plain ones of the release build of `ws serve --echo` and TLS ones of an
//! echo server of ws-server.

use crate::{
    Failure, build,
    flags::Flags,
    report::{Outcome, Report},
    shell::Run,
};

/// What one process can show here: each connection is a file, and 20,000 may be open.
const CONNECTIONS: u32 = 10_000;
const TLS_CONNECTIONS: u32 = 5_000;
const SECONDS: u32 = 5;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let tls = match flags.take("transport").as_deref() {
        None | Some("plain") => false,
        Some("tls") => true,
        Some(other) => return Err(format!("--transport {other}: plain or tls is needed")),
    };
    let default = if tls { TLS_CONNECTIONS } else { CONNECTIONS };
    let connections = flags.take_number("connections", default)?;
    let seconds = flags.take_number("seconds", SECONDS)?;
    flags.finish()?;
    if report.step("release build", build::release) {
        report.step("idle", || idle(connections, seconds, tls));
    }
    Ok(())
}

/// With the figures of the specification; wants the release build.
pub(crate) fn default() -> Result<Outcome, Failure> {
    idle(CONNECTIONS, SECONDS, false)
}

/// The same with TLS.
pub(crate) fn default_tls() -> Result<Outcome, Failure> {
    idle(TLS_CONNECTIONS, SECONDS, true)
}

fn idle(connections: u32, seconds: u32, tls: bool) -> Result<Outcome, Failure> {
    let mut last = String::new();
    Run::with_many_files(build::program("idle"))
        .args([build::program("ws")])
        .args([connections.to_string(), seconds.to_string()])
        .args(tls.then_some("--tls"))
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

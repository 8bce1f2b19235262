//! `bench deflate`: compressed echo and memory of idle compressed connections, beside Node `ws` and Python `websockets`.

use crate::{
    Failure, build,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::{Run, target},
};

/// Tenths of a second for each turn of a server.
const TENTHS: u32 = 10;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let tenths = flags.take_number("tenths", TENTHS)?;
    flags.finish()?;
    if report.step("install", install::install) && report.step("release build", build::release) {
        report.step("bench deflate", || bench(tenths));
    }
    Ok(())
}

/// With the usual time; wants the release build and the peers.
pub(crate) fn default() -> Result<Outcome, Failure> {
    bench(TENTHS)
}

fn bench(tenths: u32) -> Result<Outcome, Failure> {
    let seconds = f64::from(tenths) / 10.0;
    let mut last = String::new();
    Run::new(build::program("bench_deflate"))
        .args([seconds.to_string()])
        .env("WS_PEERS", target().join("peers"))
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

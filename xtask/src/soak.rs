//! `soak`: a mixed echo load for minutes or hours, every message verified, with the slopes of memory and files.

use crate::{
    Failure, build,
    flags::Flags,
    report::{Outcome, Report},
    shell::Run,
};

const MINUTES: u32 = 10;
const CONNECTIONS: u32 = 50;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let minutes = flags.take_number("minutes", MINUTES)?;
    let connections = flags.take_number("connections", CONNECTIONS)?;
    flags.finish()?;
    if report.step("release build", build::release) {
        report.step("soak", || soak(minutes, connections));
    }
    Ok(())
}

fn soak(minutes: u32, connections: u32) -> Result<Outcome, Failure> {
    let mut last = String::new();
    Run::new(build::program("soak"))
        .args([build::program("ws")])
        .args([minutes.to_string(), connections.to_string()])
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

//! `bench instructions`: instructions of the hot paths in valgrind, beside those of the committed baseline.

use crate::{
    Failure, build,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::{Run, root},
};

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let update = flags.take_switch("update");
    flags.finish()?;
    let is_there = || install::programs(&install::NEEDS).map(|()| Outcome::Done);
    if report.step("install", is_there) && report.step("release build", build::bench) {
        report.step("instructions", || instructions(update));
    }
    Ok(())
}

/// Red if a path became slower; wants the release build, which may be that of all programs, and valgrind.
pub(crate) fn check() -> Result<Outcome, Failure> {
    instructions(false)
}

fn instructions(update: bool) -> Result<Outcome, Failure> {
    let mut last = String::new();
    Run::new(build::program("bench"))
        .args(["instructions"])
        .args([root().join("tests/bench/instructions.json")])
        .args(update.then_some("--update"))
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

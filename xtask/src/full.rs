//! `full`: everything there is, hours allowed. Its output is committed by hand under `tests/full/`, named by its date.

use crate::{
    Failure, autobahn, ci,
    flags::Flags,
    report::{Outcome, Report},
    shell::{Run, root},
};

/// Seconds for each fuzz target.
const FUZZ_SECONDS: u32 = 120;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    machine()?;
    report.step("build and run cargo-deny", || ci::deny(true));
    report.step("fuzz", fuzz);
    ci::steps(report, &autobahn::Cases::default());
    Ok(())
}

/// What the figures below were measured on.
fn machine() -> Result<(), Failure> {
    for (program, argument) in [
        ("date", "-u"),
        ("uname", "-srm"),
        ("nproc", "--all"),
        ("rustc", "--version"),
    ] {
        Run::new(program).args([argument]).run()?;
    }
    Run::new("git").args(["log", "-1", "--format=%H %cd"]).run()
}

fn fuzz() -> Result<Outcome, Failure> {
    let folder = root().join("ws-core/fuzz");
    if !folder.join("Cargo.toml").is_file() {
        return Ok(Outcome::Skipped(
            "ws-core/fuzz does not exist yet".to_owned(),
        ));
    }
    let list = Run::cargo()
        .args(["fuzz", "list"])
        .in_folder(&folder)
        .read();
    let Ok(list) = list else {
        return Ok(Outcome::Skipped(
            "no cargo-fuzz here; `cargo install --locked cargo-fuzz`".to_owned(),
        ));
    };
    let time = format!("-max_total_time={FUZZ_SECONDS}");
    for fuzz_target in list.split_whitespace() {
        Run::cargo()
            .args(["fuzz", "run", fuzz_target, "--", &time])
            .in_folder(&folder)
            .run()?;
    }
    Ok(Outcome::DoneWith(format!(
        "{} targets",
        list.split_whitespace().count()
    )))
}

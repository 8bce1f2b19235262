//! `fuzz`: the fuzz targets of ws-core, one after the other, beginning with the committed corpus.
//!
//! Invariant: what a run finds goes to the target folder; the committed corpus is only read.

use std::fs;

use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::{Run, root, target},
};

const DEFAULT_MINUTES: u32 = 1;
/// M-6.
const SMOKE_RUNS: u32 = 100_000;
/// Longer inputs find nothing more in a protocol whose heads are short, and cost time.
const MAX_INPUT_BYTES: &str = "-max_len=3000";

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let minutes = flags.take_number("minutes", DEFAULT_MINUTES)?;
    let runs = flags.take_number("runs", 0)?;
    let only = flags.take("target");
    flags.finish()?;
    let length = match runs {
        0 => Length::Seconds(minutes * 60),
        runs => Length::Runs(runs),
    };
    run_targets(report, length, only.as_deref());
    Ok(())
}

/// So few executions of each target that `ci` has the time: what broke the corpus or its neighbours is found.
pub(crate) fn smoke(report: &mut Report) {
    run_targets(report, Length::Runs(SMOKE_RUNS), None);
}

/// Runs each target for so many seconds.
pub(crate) fn steps(report: &mut Report, seconds: u32) {
    run_targets(report, Length::Seconds(seconds), None);
}

/// When a target is done.
#[derive(Clone, Copy)]
enum Length {
    Seconds(u32),
    Runs(u32),
}

/// Runs each target, or only one.
fn run_targets(report: &mut Report, length: Length, only: Option<&str>) {
    let mut targets = Vec::new();
    let built = report.step("fuzz build", || {
        install()?;
        cargo_fuzz(&["build"]).run()?;
        targets = list()?;
        Ok(Outcome::DoneWith(format!("{} targets", targets.len())))
    });
    if !built {
        return;
    }
    targets.retain(|name| only.is_none_or(|only| only == name));
    if targets.is_empty() {
        let problem = format!("no such target; `cargo fuzz list` in {FOLDER} has them");
        report.step("fuzz", || Err(problem));
    }
    for name in targets {
        report.step(&format!("fuzz {name}"), || fuzz(&name, length));
    }
}

fn fuzz(name: &str, length: Length) -> Result<Outcome, Failure> {
    let found = target().join("fuzz-corpus").join(name);
    let artifacts = target().join("fuzz-artifacts").join(name);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let corpus = root().join(FOLDER).join("corpus").join(name);
    let mut last = String::new();
    cargo_fuzz(&["run", name])
        .args([found, corpus])
        .args([
            "--",
            &match length {
                Length::Seconds(seconds) => format!("-max_total_time={seconds}"),
                Length::Runs(runs) => format!("-runs={runs}"),
            },
            &format!("-artifact_prefix={}/", artifacts.display()),
            MAX_INPUT_BYTES,
            "-print_final_stats=1",
            "-verbosity=0",
        ])
        .join_errors()
        .run_with_lines(|line| {
            if let Some(number) = line.strip_prefix("stat::number_of_executed_units:") {
                number.trim().clone_into(&mut last);
            }
        })?;
    let runs: u32 = last
        .parse()
        .map_err(|_| format!("libFuzzer gave no figures but {last:?}"))?;
    match length {
        Length::Runs(wanted) if runs < wanted => {
            Err(format!("{runs} executions, of {wanted} that were to be"))
        }
        _ => Ok(Outcome::DoneWith(format!("{runs} executions"))),
    }
}

fn list() -> Result<Vec<String>, Failure> {
    let names = cargo_fuzz(&["list"]).read()?;
    Ok(names.split_whitespace().map(str::to_owned).collect())
}

/// `cargo fuzz` of the compiler at hand: the variable lets it do what else only a nightly one does.
fn cargo_fuzz(arguments: &[&str]) -> Run {
    let ours = target().join("tools/bin/cargo-fuzz");
    let program = if Run::new(&ours).args(["--version"]).succeeds() {
        ours
    } else {
        "cargo-fuzz".into()
    };
    Run::new(program)
        .args(["fuzz"])
        .args(arguments)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", target().join("fuzz"))
        .in_folder(&root().join(FOLDER))
}

fn install() -> Result<(), Failure> {
    if cargo_fuzz(&["--version"]).succeeds() {
        return Ok(());
    }
    let install = ["install", "--locked", "cargo-fuzz", "--root"];
    Run::cargo()
        .args(install)
        .args([target().join("tools")])
        .run()
}

const FOLDER: &str = "ws-core/fuzz";

//! `full`: everything there is, hours allowed. The result is written to `tests/full/DATE.txt`, to be committed.

use crate::{
    Failure, autobahn, bench, ci,
    flags::Flags,
    foreign, fuzz, install, memcheck, models, mutants, native,
    report::{Outcome, Report},
    shell::{Run, root},
    simulate,
};

/// Seconds for each fuzz target.
const FUZZ_SECONDS: u32 = 120;
/// Of each model of shuttle.
const SCHEDULES: u32 = 200_000;
/// Streams of frames that Python judges beside us.
const FRAME_STREAMS: &str = "50000";

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    let date = read("date", &["-u", "+%Y-%m-%d"])?;
    report.record(
        root().join("tests/full").join(&date).with_extension("txt"),
        machine(&date)?,
    );
    // What finds most in a minute comes first, what takes longest last.
    ci::steps(report, &autobahn::Cases::default());
    // Other seeds than those of `ci`, which ran already.
    let (first, seeds) = (simulate::SEEDS, simulate::MANY_SEEDS);
    report.step("simulate many", || simulate::simulate(first, seeds));
    report.step("pings", pings);
    report.step("rpc", rpc);
    native::steps(report);
    memcheck::steps(report);
    models::step(report, "models at length", SCHEDULES);
    report.step("frames", frames);
    report.step("clippy of the peers", bench::peers::clippy);
    report.step("bench deflate", bench::deflate::default);
    report.step("bench plain", bench::plain::compare);
    report.step("cargo-deny", || ci::deny(true));
    mutants::steps(report, None);
    foreign::steps(report);
    fuzz::steps(report, FUZZ_SECONDS);
    Ok(())
}

/// What the figures were measured on.
fn machine(date: &str) -> Result<String, Failure> {
    let kernel = read("uname", &["-srm"])?;
    let cores = read("nproc", &["--all"])?;
    let compiler = read("rustc", &["--version"])?;
    let commit = read("git", &["log", "-1", "--format=%h %s"])?;
    Ok(format!(
        "cargo xtask full, {date}\n{kernel}, {cores} cores, {compiler}\n{commit}\n"
    ))
}

fn read(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    Ok(Run::new(program).args(arguments).read()?.trim().to_owned())
}

/// Two minutes of what `ci` tests for ten seconds, and with the limit of a machine that does nothing else.
fn pings() -> Result<Outcome, Failure> {
    install::install()?;
    let mut figures = String::new();
    Run::cargo()
        .args([
            "test",
            "--locked",
            "-p",
            "ws-tests",
            "--test",
            "it",
            "background::",
        ])
        .env("WS_PING_SECONDS", "120")
        .run_with_lines(|line| {
            if line.contains("slowest") {
                figures = line.to_owned();
            }
        })?;
    if figures.is_empty() {
        return Err("no stream was compared".to_owned());
    }
    Ok(Outcome::DoneWith(figures))
}

/// What `ci` tests a hundred times or with some thousand lines, as often as the contract asks for.
fn rpc() -> Result<Outcome, Failure> {
    install::install()?;
    let mut figures = Vec::new();
    Run::cargo()
        .args([
            "test",
            "--locked",
            "-p",
            "ws-tests",
            "--test",
            "it",
            "rpc::",
            "--",
            "--nocapture",
        ])
        .env("WS_RPC_REPEATS", "1000")
        .env("WS_RPC_LINES", "100000")
        .run_with_lines(|line| {
            if let Some((_, figure)) = line.split_once("ok: ") {
                figures.push(figure.to_owned());
            }
        })?;
    Ok(Outcome::DoneWith(figures.join("; ")))
}

/// What `ci` compares 2,000 times.
fn frames() -> Result<Outcome, Failure> {
    install::install()?;
    let mut figures = String::new();
    Run::cargo()
        .args(["test", "--locked", "-p", "ws-tests", "--test", "it"])
        .args(["frames_differential::", "--", "--nocapture"])
        .env("WS_FRAME_STREAMS", FRAME_STREAMS)
        .run_with_lines(|line| {
            if line.starts_with("websockets agreed") {
                figures = line.to_owned();
            }
        })?;
    if figures.is_empty() {
        return Err("no stream was compared".to_owned());
    }
    Ok(Outcome::DoneWith(figures))
}

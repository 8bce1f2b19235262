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
    at_length("background::", &[("WS_PING_SECONDS", "120")], |line| {
        line.contains("slowest").then_some(line)
    })
}

/// What `ci` tests a hundred times or with some thousand lines, as often as the contract asks for.
fn rpc() -> Result<Outcome, Failure> {
    let lengths = [("WS_RPC_REPEATS", "1000"), ("WS_RPC_LINES", "100000")];
    at_length("rpc::", &lengths, |line| {
        line.split_once("ok: ").map(|(_, figure)| figure)
    })
}

/// What `ci` compares 2,000 times.
fn frames() -> Result<Outcome, Failure> {
    let lengths = [("WS_FRAME_STREAMS", FRAME_STREAMS)];
    at_length("frames_differential::", &lengths, |line| {
        line.starts_with("websockets agreed").then_some(line)
    })
}

/// Runs the end-to-end tests whose names have `filter`, longer than `ci` does, and keeps the figures that they print.
fn at_length(
    filter: &str,
    lengths: &[(&str, &str)],
    figure: impl Fn(&str) -> Option<&str>,
) -> Result<Outcome, Failure> {
    install::install()?;
    let mut run = Run::cargo()
        .args(["test", "--locked", "-p", "ws-tests", "--test", "it"])
        .args([filter, "--", "--nocapture"]);
    for (variable, value) in lengths {
        run = run.env(variable, value);
    }
    let mut figures = Vec::new();
    run.run_with_lines(|line| figures.extend(figure(line).map(str::to_owned)))?;
    if figures.is_empty() {
        return Err(format!("the tests {filter} printed no figure"));
    }
    Ok(Outcome::DoneWith(figures.join("; ")))
}

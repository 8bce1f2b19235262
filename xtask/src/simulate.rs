//! `simulate`: seeds of ws-server's simulator, in an optimised build with assertions, on every core.
//!
//! The simulator is a test of ws-server, so that little is compiled for it; the release build is no help, since it
//! links with other settings than tests can.

use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::Run,
};

/// What `ci` runs: so many reach every pair of a state and an input that is possible.
pub(crate) const SEEDS: u32 = 20_000;
/// What `full` runs.
pub(crate) const MANY_SEEDS: u32 = 200_000;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let seeds = flags.take_number("seeds", SEEDS)?;
    let first = flags.take_number("first", 0)?;
    flags.finish()?;
    report.step("simulate", || simulate(first, seeds));
    Ok(())
}

/// As many seeds as `ci` has time for.
pub(crate) fn default() -> Result<Outcome, Failure> {
    simulate(0, SEEDS)
}

/// Runs the worlds of so many seeds, from `first` on.
pub(crate) fn simulate(first: u32, seeds: u32) -> Result<Outcome, Failure> {
    let mut figures = String::new();
    Run::cargo()
        .args(["test", "--locked", "--profile", "simulate"])
        .args(["-p", "ws-server", "--lib"])
        .args([TEST, "--", "--exact", "--nocapture"])
        .env("WS_SIMULATE_FIRST", first.to_string())
        .env("WS_SIMULATE_SEEDS", seeds.to_string())
        .run_with_lines(|line| {
            if let Some(line) = line.strip_prefix("simulated ") {
                line.clone_into(&mut figures);
            }
        })?;
    if figures.is_empty() {
        return Err("the simulator gave no figures".to_owned());
    }
    Ok(Outcome::DoneWith(figures))
}

const TEST: &str = "event_loop::tests::seeds::worlds_with_faults_keep_every_promise";

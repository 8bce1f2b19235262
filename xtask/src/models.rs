//! `models`: queue, wake-up and close of server and client under loom and shuttle (M-13).
//!
//! They are unit tests of the two crates, so `cargo test` runs them, too; here their figures are shown, and their number
//! is set.

use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::Run,
};

/// Of each model of shuttle.
pub(crate) const SCHEDULES: u32 = 10_000;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let schedules = flags.take_number("schedules", SCHEDULES)?;
    flags.finish()?;
    step(report, "models", schedules);
    Ok(())
}

/// Checks all models, those of shuttle with so many schedules.
pub(crate) fn step(report: &mut Report, name: &str, schedules: u32) {
    report.step(name, || {
        let (mut models, mut sum) = (0_u64, 0_u64);
        Run::cargo()
            // As the step that runs all tests, which so need not be built again.
            .args(["test", "--locked", "--workspace", "--all-features", "--lib"])
            .args(["--", "models::", "bell::", "--nocapture"])
            .env("WS_MODEL_SCHEDULES", schedules.to_string())
            .run_with_lines(|line| {
                if let Some(at) = line.find("model: ") {
                    let digits = |word: &str| word.trim_matches(',').parse::<u64>().ok();
                    models += 1;
                    // The schedules come last, but for the word itself.
                    sum += line[at..]
                        .split_whitespace()
                        .rev()
                        .find_map(digits)
                        .unwrap_or(0);
                }
            })?;
        if models < MODELS {
            return Err(format!("{models} of {MODELS} models were checked"));
        }
        Ok(Outcome::DoneWith(format!(
            "{models} models, {sum} schedules"
        )))
    });
}

/// Of both crates.
const MODELS: u64 = 14;

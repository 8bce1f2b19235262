//! `soak`: a mixed echo load for minutes or hours, every message verified, with the slopes of memory and files.

use crate::{
    Failure, build,
    flags::Flags,
    report::{Outcome, Report},
    shell::Run,
};

/// The options of the program, with their defaults: full speed, no faults, no TLS.
const OPTIONS: [(&str, u32); 6] = [
    ("minutes", 10),
    ("connections", 50),
    ("rate", 0),
    ("churn", 0),
    ("faults", 0),
    ("tls", 0),
];

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let mut options = Vec::new();
    for (name, default) in OPTIONS {
        options.push(format!("--{name}"));
        options.push(flags.take_number(name, default)?.to_string());
    }
    flags.finish()?;
    if report.step("release build", build::release) {
        report.step("soak", || soak(&options));
    }
    Ok(())
}

fn soak(options: &[String]) -> Result<Outcome, Failure> {
    let mut last = String::new();
    Run::with_many_files(build::program("soak"))
        .args([build::program("ws")])
        .args(options)
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

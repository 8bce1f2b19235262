//! `bench plain`: what the feature `deflate` costs messages that are not compressed, counted by callgrind, which
//! gives the same figure on a busy machine as on a quiet one.

use crate::{
    Failure,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::{Run, target},
};

/// Payloads in bytes: a frame of each form but the longest, and one beyond the cache's first level.
const SIZES: [u32; 4] = [16, 125, 1000, 16 << 10];
/// Two runs of so many echoes more; their difference leaves the start of the program out.
const ECHOES: u64 = 2000;
/// How many more instructions an echo may take, whatever its size: each of its two ends asks on sending and on receiving
/// whether there is a compressor.
const MOST_MORE: u64 = 8;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    if report.step("install", install::install) {
        report.step("bench plain", compare);
    }
    Ok(())
}

/// Fails if a plain echo takes more than [`MOST_MORE`] instructions more with the feature than without.
pub(crate) fn compare() -> Result<Outcome, Failure> {
    let counts = |features: &[&str]| {
        let mut arguments = vec![
            "build",
            "--locked",
            "--release",
            "-p",
            "ws-core",
            "--no-default-features",
            "--example",
            "plain_echo",
        ];
        arguments.extend(features);
        Run::cargo().args(arguments).run()?;
        SIZES
            .into_iter()
            .map(|bytes| Ok(count(2 * ECHOES, bytes)?.saturating_sub(count(ECHOES, bytes)?)))
            .collect::<Result<Vec<_>, Failure>>()
    };
    let without = counts(&[])?;
    let with = counts(&["--features", "deflate"])?;
    let mut figures = Vec::new();
    for ((bytes, without), with) in SIZES.into_iter().zip(without).zip(with) {
        let (without, with) = (without / ECHOES, with / ECHOES);
        let line = format!(
            "an echo of {bytes} bytes: {with} instructions with deflate, {without} without"
        );
        println!("{line}");
        if with > without + MOST_MORE {
            return Err(format!("{line}: more than {MOST_MORE} more"));
        }
        figures.push(format!("{bytes} bytes {with} and {without}"));
    }
    Ok(Outcome::DoneWith(format!(
        "with and without deflate: {}",
        figures.join(", ")
    )))
}

/// Instructions of the whole program.
fn count(echoes: u64, bytes: u32) -> Result<u64, Failure> {
    let program = target().join("release/examples/plain_echo");
    let log = Run::new("valgrind")
        .args([
            "--tool=callgrind",
            "--log-fd=1",
            "--callgrind-out-file=/dev/null",
        ])
        .args([program])
        .args([echoes.to_string(), bytes.to_string()])
        .read()?;
    let collected = log
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("callgrind told no number of instructions: {log}"))
}

//! `native`: the add-in in our own C++ host, at length: plain, under AddressSanitizer, ThreadSanitizer and valgrind, and
//! its speed; and the add-in's own tests of its border under AddressSanitizer.
//!
//! `cargo test` runs the same tests for seconds; here are the numbers that take minutes.

use crate::{
    Failure, dist,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::{Run, target},
};

/// How long one of the runs is.
struct Length {
    check: &'static str,
    races: &'static str,
    loads: &'static str,
    objects: &'static str,
    crowd_millis: &'static str,
    random: &'static str,
    /// Open when a process ends.
    connections: &'static str,
    /// Peers that reset, of each kind.
    resets: &'static str,
}

const PLAIN: Length = Length {
    check: "",
    races: "10000",
    loads: "10000",
    objects: "1000000",
    crowd_millis: "60000",
    random: "200000",
    connections: "1000",
    resets: "1000",
};

const ADDRESS_SANITIZER: Length = Length {
    check: "asan",
    races: "1000",
    loads: "300",
    objects: "50000",
    crowd_millis: "20000",
    random: "50000",
    connections: "500",
    resets: "100",
};

const THREAD_SANITIZER: Length = Length {
    check: "tsan",
    races: "1000",
    loads: "100",
    objects: "20000",
    crowd_millis: "60000",
    random: "5000",
    connections: "50",
    resets: "50",
};

const VALGRIND: Length = Length {
    check: "valgrind",
    races: "100",
    loads: "50",
    objects: "2000",
    crowd_millis: "10000",
    random: "2000",
    connections: "50",
    resets: "50",
};

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    steps(report);
    Ok(())
}

/// The runs, each a step.
pub(crate) fn steps(report: &mut Report) {
    report.step("native", || tests(&PLAIN, "native_"));
    report.step("native with AddressSanitizer", || {
        tests(&ADDRESS_SANITIZER, "native_")
    });
    report.step("native units with AddressSanitizer", units);
    report.step("native with ThreadSanitizer", || {
        tests(&THREAD_SANITIZER, "native_scenarios")
    });
    // The other tests ask for 64 MiB and for answers in time: not with this tool.
    report.step("native with valgrind", || {
        tests(&VALGRIND, "native_scenarios")
    });
    report.step("native speed", speed);
}

fn tests(length: &Length, filter: &str) -> Result<Outcome, Failure> {
    install::programs(&install::NEEDS)?;
    if length.check == THREAD_SANITIZER.check {
        install::programs(&dist::DEBIAN)?;
    }
    let mut figures = Vec::new();
    Run::cargo()
        .args(["test", "--locked", "-p", "ws-tests", "--test", "it", filter])
        .args(["--", "--nocapture", "--test-threads=2"])
        .env("WS_NATIVE_CHECK", length.check)
        .env("WS_NATIVE_RACES", length.races)
        .env("WS_NATIVE_LOADS", length.loads)
        .env("WS_NATIVE_OBJECTS", length.objects)
        .env("WS_NATIVE_CROWD_MILLIS", length.crowd_millis)
        .env("WS_NATIVE_RANDOM", length.random)
        .env("WS_NATIVE_CONNECTIONS", length.connections)
        .env("WS_NATIVE_RESETS", length.resets)
        .run_with_lines(|line| {
            let figure = FIGURES.iter().find_map(|start| line.find(start));
            if let Some(at) = figure {
                figures.push(line[at..].to_owned());
            }
        })?;
    if figures.len() < FIGURES.len() {
        let (came, all) = (figures.len(), FIGURES.len());
        return Err(format!("{came} of {all} figures came: {figures:?}"));
    }
    Ok(Outcome::DoneWith(figures.join("; ")))
}

/// What the add-in's own tests do at the border, where most of the `unsafe` of `tests/unsafe.txt` is.
fn units() -> Result<Outcome, Failure> {
    let mut passed = Vec::new();
    Run::cargo()
        .args(["test", "--locked", "-p", "ws-ffi", "--lib"])
        // The sanitizer wants a target named, even if it is the one of the compiler.
        .args(["--target", "x86_64-unknown-linux-gnu", "--target-dir"])
        // Where the tests above have built the library so.
        .args([target().join("tmp/asan")])
        .args(["native_api::", "--", "--test-threads=2"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
        .run_with_lines(|line| {
            if let Some(result) = line.strip_prefix("test result: ok. ") {
                passed.extend(result.split(';').next().map(str::to_owned));
            }
        })?;
    match passed.pop() {
        Some(count) if !count.starts_with("0 ") => Ok(Outcome::DoneWith(count)),
        _ => Err("no test ran".to_owned()),
    }
}

/// Receive calls a second at 125 bytes, of the release build.
fn speed() -> Result<Outcome, Failure> {
    let mut figures = Vec::new();
    Run::cargo()
        .args([
            "test",
            "--locked",
            "--release",
            "-p",
            "ws-tests",
            "--test",
            "it",
        ])
        .args(["native_speed::", "--", "--nocapture"])
        .env("WS_NATIVE_SPEED", "1000000")
        .run_with_lines(|line| {
            let at = ["native speed:", "native flood:"].map(|start| line.find(start));
            if let Some(at) = at.into_iter().flatten().next() {
                figures.push(line[at..].to_owned());
            }
        })?;
    if figures.len() < 3 {
        return Err(format!("{} of 3 figures came", figures.len()));
    }
    Ok(Outcome::DoneWith(figures.join("; ")))
}

/// How the lines begin that are kept.
const FIGURES: [&str; 5] = [
    "native races:",
    "native loads:",
    "native churn:",
    "native crowd:",
    "native random:",
];

//! `ci`: everything that a change must pass, from a clean clone on two cores in at most 25 minutes.

use crate::{
    Failure, autobahn, bench, build,
    flags::Flags,
    fuzz, idle, install, models, modules, onescript,
    report::{Outcome, Report},
    shell::{Run, target},
    simulate, tidy,
};

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    steps(report, &autobahn::Cases::part());
    Ok(())
}

/// The steps, cheap ones first and the tests last: their summary belongs to the closing lines.
pub(crate) fn steps(report: &mut Report, cases: &autobahn::Cases) {
    report.step("install", install::install);
    report.step("tidy", tidy::tidy);
    report.step("modules", modules::check);
    report.step("fmt", || {
        cargo(&["fmt", "--all", "--check"])?;
        // A workspace of its own.
        let peers = [
            "fmt",
            "--check",
            "--manifest-path",
            "tests/bench/Cargo.toml",
        ];
        cargo(&peers)
    });
    report.step("deny", || deny(false));
    let clippy = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    report.step("clippy", || cargo(&clippy));
    report.step("doc", doc);
    if report.step("release build", build::release) {
        report.step("instructions", bench::instructions::check);
        autobahn::both(report, cases);
        report.step("idle", idle::default);
        report.step("idle with TLS", idle::default_tls);
    }
    report.step("onescript", onescript::onescript);
    report.step("simulate", simulate::default);
    fuzz::smoke(report);
    models::step(report, "models", models::SCHEDULES);
    test(
        report,
        "test core bare",
        &[
            "test",
            "--locked",
            "-p",
            "ws-core",
            "--no-default-features",
            "--no-fail-fast",
        ],
    );
    let mut all = vec!["test", "--locked", "--workspace", "--all-features"];
    all.push("--no-fail-fast");
    if !report.step("namespaces", namespaces) {
        all.extend(["--", "--skip", "half_open::"]);
    }
    test(report, "test", &all);
}

/// Whether the tests of peers whose link goes down can run: each needs a network of its own.
fn namespaces() -> Result<Outcome, Failure> {
    let ways: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    let has_way = ways
        .iter()
        .any(|way| Run::new("unshare").args(*way).args(["true"]).succeeds());
    if !has_way || !Run::new("ip").args(["-V"]).succeeds() {
        return Ok(Outcome::Skipped(NO_NAMESPACES.to_owned()));
    }
    Ok(Outcome::Done)
}

/// What the report says of a machine that does not let us.
pub(crate) const NO_NAMESPACES: &str = "no network namespace can be made here (`unshare --net`, `ip`): R-27 is NOT tested, half_open:: does not run";

fn cargo(arguments: &[&str]) -> Result<Outcome, Failure> {
    Run::cargo().args(arguments).run()?;
    Ok(Outcome::Done)
}

fn doc() -> Result<Outcome, Failure> {
    let arguments = [
        "doc",
        "--locked",
        "--workspace",
        "--all-features",
        "--no-deps",
        "--document-private-items",
    ];
    Run::cargo()
        .args(arguments)
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(Outcome::Done)
}

/// `arguments` with `--no-fail-fast`: without it one broken crate would hide what is broken in the next.
fn test(report: &mut Report, step: &str, arguments: &[&str]) {
    let mut summaries = Vec::new();
    report.step(step, || {
        let keep = |line: &str| {
            // Doctests of a crate that has none would make the closing line say that nothing ran.
            if line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed") {
                summaries.push(line.to_owned());
            }
        };
        Run::cargo().args(arguments).run_with_lines(keep)?;
        if summaries.is_empty() {
            return Err("no test ran".to_owned());
        }
        Ok(Outcome::Done)
    });
    for line in &summaries {
        report.keep_test_line(line);
    }
}

/// cargo-deny, as far as it needs no advisory database; built on the spot only if `build` says so.
pub(crate) fn deny(build: bool) -> Result<Outcome, Failure> {
    let tools = target().join("tools");
    let ours = tools.join("bin/cargo-deny");
    let program = if Run::new("cargo-deny").args(["--version"]).succeeds() {
        "cargo-deny".into()
    } else {
        ours
    };
    if !Run::new(&program).args(["--version"]).succeeds() {
        if !build {
            let reason = "cargo-deny is not installed; `cargo xtask full` builds it; tidy checks licences and sources";
            return Ok(Outcome::Skipped(reason.to_owned()));
        }
        let install = ["install", "--locked", "cargo-deny", "--root"];
        Run::cargo().args(install).args([&tools]).run()?;
    }
    Run::new(&program)
        .args(["check", "bans", "licenses", "sources"])
        .run()?;
    Ok(Outcome::Done)
}

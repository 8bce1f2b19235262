//! `ci`: everything that a change must pass, from a clean clone on two cores in at most 25 minutes.

use crate::{
    Failure, autobahn, bench, build,
    flags::Flags,
    idle, install, modules, onescript,
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
    test(
        report,
        "test core bare",
        &["test", "--locked", "-p", "ws-core", "--no-default-features"],
    );
    test(
        report,
        "test",
        &["test", "--locked", "--workspace", "--all-features"],
    );
}

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

fn test(report: &mut Report, step: &str, arguments: &[&str]) {
    let mut summaries = Vec::new();
    report.step(step, || {
        let keep = |line: &str| {
            // Doctests of a crate that has none would make the closing line say that nothing ran.
            if line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed") {
                summaries.push(line.to_owned());
            }
        };
        // Without --no-fail-fast one broken crate would hide what is broken in the next.
        Run::cargo()
            .args(arguments)
            .args(["--no-fail-fast"])
            .run_with_lines(keep)?;
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

//! The release programs that the other commands run.

use std::path::PathBuf;

use crate::{
    Failure,
    report::Outcome,
    shell::{Run, target},
};

/// Builds `ws` and the load programs of ws-tests.
pub(crate) fn release() -> Result<Outcome, Failure> {
    let packages = [
        "build",
        "--locked",
        "--release",
        "-p",
        "ws-cli",
        "-p",
        "ws-tests",
        "--bins",
    ];
    Run::cargo().args(packages).run()?;
    Ok(Outcome::Done)
}

/// Builds the benchmark of ws-tests alone.
pub(crate) fn bench() -> Result<Outcome, Failure> {
    let package = [
        "build",
        "--locked",
        "--release",
        "-p",
        "ws-tests",
        "--bin",
        "bench",
    ];
    Run::cargo().args(package).run()?;
    Ok(Outcome::Done)
}

/// The path of a program that [`release`] builds.
pub(crate) fn program(name: &str) -> PathBuf {
    target()
        .join("release")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

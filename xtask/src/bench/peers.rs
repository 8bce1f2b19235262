//! `bench`: servers and codecs of others beside ours; builds what takes part, and runs the `bench` program of ws-tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::uwebsockets;
use crate::{
    Failure, build,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::{Run, root, target},
};

/// The load generator's core; servers get core 0.
const GENERATOR_CORE: &str = "1";

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let mut words = Vec::new();
    for name in ["rounds", "seconds", "only", "cells"] {
        if let Some(value) = flags.take(name) {
            words.extend([format!("--{name}"), value]);
        }
    }
    if flags.take_switch("quick") {
        words.push("--quick".to_owned());
    }
    let json = flags.take("json").map(PathBuf::from);
    let from = flags.take("from").map(PathBuf::from);
    let (write, plot) = (flags.take_switch("write"), flags.take_switch("plot"));
    flags.finish()?;
    let is_measured = from.is_none();
    let results = from
        .or(json)
        .unwrap_or_else(|| folder().join("results.json"));
    let is_ready = report.step("install", installed)
        && report.step("release build", build::bench)
        && (!is_measured
            || (report.step("peers", build_all)
                && report.step("bench", || bench(&words, &results))));
    if is_ready && write {
        report.step("document", || document(&results));
    }
    if is_ready && plot {
        report.step("plot", || draw(&results));
    }
    Ok(())
}

fn folder() -> PathBuf {
    target().join("bench")
}

fn not_built() -> PathBuf {
    folder().join("not-built.txt")
}

fn python() -> PathBuf {
    folder().join("venv/bin/python")
}

fn installed() -> Result<Outcome, Failure> {
    install::install()?;
    let requirements = root().join("tests/bench/requirements.txt");
    install::python_packages(
        &folder().join("venv"),
        &requirements,
        "import websockets, picows, uvloop, matplotlib",
    )?;
    Ok(Outcome::Done)
}

/// Clippy for the peers, which `ci` only formats: it would have to build all that they depend on.
pub(crate) fn clippy() -> Result<Outcome, Failure> {
    let arguments = [
        "clippy",
        "--locked",
        "--all-targets",
        "--all-features",
        "--manifest-path",
    ];
    Run::cargo()
        .args(arguments)
        .args([manifest()])
        .args(["--", "-D", "warnings"])
        .env("CARGO_TARGET_DIR", folder())
        .run()?;
    Ok(Outcome::Done)
}

fn manifest() -> PathBuf {
    root().join("tests/bench/Cargo.toml")
}

/// Builds the peers; those that do not build are named with the reason, and the others take part.
fn build_all() -> Result<Outcome, Failure> {
    let (is_whole, mut missing) = build_peers()?;
    let name = "peer-uwebsockets";
    let program = folder().join("release").join(name);
    let _ = fs::remove_file(&program);
    if let Err(reason) = uwebsockets::build(&python(), &folder().join("uwebsockets"), &program) {
        missing.insert(name.to_owned(), reason);
    }
    let mut list = String::new();
    for (name, reason) in &missing {
        let line = reason.lines().next().unwrap_or_default();
        list.push_str(&format!("{name}: {line}\n"));
    }
    fs::write(not_built(), &list)
        .map_err(|error| format!("cannot write the list of peers: {error}"))?;
    print!("{list}");
    match (
        is_whole && missing.is_empty(),
        missing.contains_key("peer-floor"),
    ) {
        (_, true) => Err(format!("the floor does not build:\n{list}")),
        (true, _) => Ok(Outcome::Done),
        (false, _) => Ok(Outcome::DoneWith(format!("{} NOT BUILT", missing.len()))),
    }
}

/// Builds those in Rust; whether cargo was content, and the reasons of those that are missing.
fn build_peers() -> Result<(bool, BTreeMap<String, String>), Failure> {
    let manifest = manifest();
    let metadata = Run::cargo()
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--no-deps",
            "--manifest-path",
        ])
        .args([&manifest])
        .read()?;
    let mut missing: BTreeMap<String, String> = programs(&metadata)?
        .into_iter()
        .map(|name| (name, String::new()))
        .collect();
    for name in missing.keys() {
        // One of an earlier build would take part in its stead.
        let _ = fs::remove_file(folder().join("release").join(name));
    }
    let mut reasons = Vec::new();
    let built = Run::cargo()
        .args([
            "build",
            "--release",
            "--locked",
            "--keep-going",
            "--all-features",
            "--bins",
        ])
        .args(["--message-format=json", "--manifest-path"])
        .args([&manifest])
        .env("CARGO_TARGET_DIR", folder())
        .read_anyway(|line| {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            let name = message["target"]["name"].as_str().unwrap_or_default();
            if message["executable"].is_string() {
                missing.remove(name);
            } else if message["message"]["level"] == "error" {
                let text = message["message"]["message"].as_str().unwrap_or_default();
                reasons.push((name.to_owned(), format!("{name}: {text}")));
            }
        })?;
    for (name, why) in &mut missing {
        // Its own error, or one in what it depends on.
        let own = reasons
            .iter()
            .find(|(target, _)| target == name)
            .or_else(|| reasons.first());
        let reason = own.map_or("cargo did not say why", |(_, text)| text);
        reason.clone_into(why);
    }
    Ok((built, missing))
}

/// The programs of cargo's metadata.
fn programs(metadata: &str) -> Result<Vec<String>, Failure> {
    let metadata: Value = serde_json::from_str(metadata)
        .map_err(|error| format!("cargo metadata printed no JSON: {error}"))?;
    let targets = metadata["packages"][0]["targets"].as_array();
    let is_program = |target: &&Value| target["kind"][0] == "bin";
    let names = targets.into_iter().flatten().filter(is_program);
    Ok(names
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect())
}

fn bench(words: &[String], json: &Path) -> Result<Outcome, Failure> {
    let mut last = String::new();
    // The soft limit of open files is 1,024 on many machines.
    let files = "ulimit -n $(ulimit -Hn); exec \"$@\"";
    Run::new("sh")
        .args(["-c", files, "sh", "taskset", "-c", GENERATOR_CORE])
        .args([build::program("bench")])
        .args(["run", "--programs"])
        .args([folder().join("release")])
        .args(["--not-built".into(), not_built()])
        .args(["--python".into(), python()])
        .args(["--node".into(), target().join("peers/node/node_modules")])
        .args([Path::new("--json"), json])
        .args(words)
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

/// Writes the document anew; what was written into it by hand stays.
fn document(json: &Path) -> Result<Outcome, Failure> {
    Run::new(build::program("bench"))
        .args([
            Path::new("document"),
            json,
            &root().join("ws-server/BENCHMARKS.md"),
        ])
        .run()?;
    Ok(Outcome::Done)
}

/// Draws the pictures of the document.
fn draw(json: &Path) -> Result<Outcome, Failure> {
    let script = root().join("tests/bench/scripts/plot.py");
    Run::new(python())
        .args([&script, json, &root().join("ws-server/benchmarks")])
        .run()?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_programs() {
        let text = r#"{"packages":[{"targets":[{"kind":["lib"],"name":"a"},{"kind":["bin"],"name":"b"}]}]}"#;
        assert_eq!(programs(text), Ok(vec!["b".to_owned()]));
        assert!(programs("").is_err());
    }
}

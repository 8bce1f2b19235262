//! `tidy`: what the compiler does not check about this repository.
//!
//! Each check takes the tree or cargo's metadata and returns its findings, one line each, so that its tests can plant
//! a violation and see it found. Looks at what git tracks, and at new files that it does not ignore.

mod code;
mod dependencies;
mod features;
mod inventory;
mod layers;
mod layout;
mod limits;
mod manifests;
mod musts;
mod reliability;
mod words;

use std::fs;

use serde_json::Value;

use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::{Run, root, tracked},
};

/// A tracked text file.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root, with slashes.
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it holds nothing but tests and what they need.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
    }
}

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    report.step("tidy", tidy);
    Ok(())
}

/// Runs every check; all findings are printed.
pub(crate) fn tidy() -> Result<Outcome, Failure> {
    let files = tracked_files()?;
    let own = metadata(&["--no-deps"])?;
    let all = metadata(&[])?;
    let checks = [
        ("layers", layers::check(&own)),
        ("lints of each member", manifests::check_lints(&files)),
        ("licence of each member", manifests::check_licences(&own)),
        (
            "licences and sources of what we depend on",
            dependencies::check(&all),
        ),
        ("file length", layout::check_length(&files)),
        ("top level", layout::check_top_level(&files)),
        (
            "absolute paths and registry hosts",
            words::check_places(&files),
        ),
        ("leftovers", words::check_leftovers(&files)),
        ("sleeping tests", words::check_sleeps(&files)),
        ("unsafe", words::check_unsafe(&files)),
        ("inventory of unsafe", inventory::check(&files)),
        ("tests behind each MUST", musts::check(&files)),
        ("limits in the README", limits::check(&files)),
        ("tests behind features", features::check(&files)),
        ("tests and mutants of rules", reliability::check(&files)),
    ];
    let mut count = 0;
    for (name, findings) in checks {
        println!(
            "{name}: {}",
            if findings.is_empty() { "ok" } else { "NOT ok" }
        );
        count += findings.len();
        for finding in findings {
            println!("  {finding}");
        }
    }
    match count {
        0 => Ok(Outcome::DoneWith(format!("{} files", files.len()))),
        _ => Err(format!("tidy found {count} things, printed above")),
    }
}

fn metadata(arguments: &[&str]) -> Result<Value, Failure> {
    let text = Run::cargo()
        .args(["metadata", "--format-version=1", "--locked"])
        .args(arguments)
        .read()?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata printed no JSON: {error}"))
}

fn tracked_files() -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for path in tracked()? {
        // Deleted but not committed yet, or no text: nothing to check.
        if let Ok(text) = fs::read_to_string(root().join(&path)) {
            files.push(File { path, text });
        }
    }
    if files.is_empty() {
        Err("git lists no files".to_owned())
    } else {
        Ok(files)
    }
}

/// The packages of cargo's metadata.
fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M-14, R-21: no `unsafe` is new, and each that there is has a test.
    #[test]
    fn the_repository_keeps_its_list_of_unsafe() {
        let files = tracked_files().expect("a repository");
        assert_eq!(inventory::check(&files), [""; 0]);
    }

    #[test]
    fn the_repository_keeps_its_limits_and_their_page() {
        let files = tracked_files().expect("a repository");
        assert_eq!(limits::check(&files), [""; 0]);
    }

    /// M-1.
    #[test]
    fn the_repository_has_a_test_for_every_must() {
        let files = tracked_files().expect("a repository");
        assert_eq!(musts::check(&files), [""; 0]);
    }
}

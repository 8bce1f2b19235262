//! How long a file may be, and what stands at the top level.

use std::collections::BTreeSet;

use super::File;

/// No file may be longer.
const HARD_LIMIT: usize = 700;
/// Longer ones are argued for in [`LONG`].
const SOFT_LIMIT: usize = 500;

/// Rust files between the limits, and why they are better in one piece.
const LONG: [(&str, &str); 0] = [];

/// The top level, and nothing else.
const TOP_LEVEL: [&str; 19] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
    "tests",
    "ws-cli",
    "ws-client",
    "ws-core",
    "ws-ffi",
    "ws-server",
    "xtask",
];

pub(crate) fn check_length(files: &[File]) -> Vec<String> {
    check_length_against(files, &LONG)
}

fn check_length_against(files: &[File], long: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        let argued = long.iter().any(|(path, _)| *path == file.path);
        if lines > HARD_LIMIT {
            findings.push(format!(
                "{}: {lines} lines, the limit is {HARD_LIMIT}",
                file.path
            ));
        } else if lines > SOFT_LIMIT && !argued {
            findings.push(format!(
                "{}: {lines} lines; above {SOFT_LIMIT} it needs an entry in LONG",
                file.path
            ));
        } else if lines <= SOFT_LIMIT && argued {
            findings.push(format!(
                "{}: {lines} lines; its entry in LONG can go",
                file.path
            ));
        }
    }
    for (path, _) in long {
        if !files.iter().any(|file| file.path == *path) {
            findings.push(format!("{path}: is in LONG and not in the tree"));
        }
    }
    findings
}

pub(crate) fn check_top_level(files: &[File]) -> Vec<String> {
    let is: BTreeSet<_> = files
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .collect();
    let should: BTreeSet<_> = TOP_LEVEL.into_iter().collect();
    let extra = is
        .difference(&should)
        .map(|name| format!("{name}: does not belong at the top level"));
    let missing = should
        .difference(&is)
        .map(|name| format!("{name}: is missing at the top level"));
    extra.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    #[test]
    fn finds_files_that_are_too_long() {
        let lines = |count: usize| "x\n".repeat(count);
        let files = [
            file("a.rs", &lines(500)),
            file("b.rs", &lines(501)),
            file("c.rs", &lines(600)),
            file("d.rs", &lines(701)),
            file("e.rs", &lines(10)),
            file("data.txt", &lines(5000)),
        ];
        let findings = check_length_against(
            &files,
            &[("c.rs", "why"), ("e.rs", "why"), ("gone.rs", "why")],
        );
        assert_eq!(
            findings,
            [
                "b.rs: 501 lines; above 500 it needs an entry in LONG",
                "d.rs: 701 lines, the limit is 700",
                "e.rs: 10 lines; its entry in LONG can go",
                "gone.rs: is in LONG and not in the tree",
            ]
        );
    }

    #[test]
    fn finds_what_is_extra_or_missing_at_the_top_level() {
        let mut files: Vec<_> = TOP_LEVEL.iter().map(|name| file(name, "")).collect();
        assert_eq!(check_top_level(&files), [""; 0]);
        files.push(file("docs/notes.md", ""));
        files.remove(0);
        assert_eq!(
            check_top_level(&files),
            [
                "docs: does not belong at the top level",
                ".cargo: is missing at the top level"
            ]
        );
    }
}

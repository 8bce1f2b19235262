//! The limits that the README shows are those of the code.
//!
//! Each row of its tables that shows a number is pinned here to the line of code that says it. Whoever changes a default
//! is told of the page, whoever changes the page of the default.

mod pins;

use super::File;
use pins::PINS;

const README: &str = "README.md";
const HEADING: &str = "## Limits and timeouts";

pub(crate) fn check(files: &[File]) -> Vec<String> {
    check_pins(files, PINS)
}

fn check_pins(files: &[File], pins: &[(&str, &str, &str, &str)]) -> Vec<String> {
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map_or("", |file| &file.text)
    };
    let section = text(README)
        .split_once(HEADING)
        .map_or("", |(_, rest)| rest.split("\n## ").next().unwrap_or(rest));
    // What it is, and its default.
    let rows: Vec<_> = section
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| ")?
                .split(" |")
                .map(str::trim)
                .collect::<Vec<_>>()
                .into()
        })
        .filter(|cells| cells.len() > 4 && cells[0] != "---")
        .collect();
    let mut findings = Vec::new();
    for &(row, shown, path, code) in pins {
        if !text(path).contains(code) {
            findings.push(format!(
                "{path}: has no {code:?} any more; it is {row:?} in {README}, and in tidy's list of limits"
            ));
        }
        let is_shown = rows
            .iter()
            .any(|cells| cells[0] == row && cells[1..3].iter().any(|cell| cell.contains(shown)));
        if !is_shown {
            findings.push(format!(
                "{README}: {row:?} does not show {shown:?}, as {path} says"
            ));
        }
    }
    for cells in rows {
        let has_number = cells[1].contains(|c: char| c.is_ascii_digit());
        // A row that repeats what another says.
        let repeats = cells[1].contains("the same limit") || cells[1].contains("each");
        if has_number && !repeats && !pins.iter().any(|(row, ..)| *row == cells[0]) {
            findings.push(format!(
                "{README}: {:?} shows a number that no code is named for",
                cells[0]
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    const PIN: &[(&str, &str, &str, &str)] = &[("stall", "30 s", "a.rs", "stall: 30,")];

    fn checked(row: &str, code: &str) -> Vec<String> {
        let head = "| time | default | what happens | change it |\n| --- | --- | --- | --- |";
        let text = format!("# x\n{HEADING}\n\n{head}\n{row}\n\n## next\n| other | 5 | x | y |\n");
        check_pins(&[file(README, &text), file("a.rs", code)], PIN)
    }

    #[test]
    fn page_and_code_say_the_same() {
        assert_eq!(
            checked("| stall | 30 s | dropped | `stall` |", "stall: 30,"),
            [""; 0]
        );
        let findings = checked("| stall | 30 s | dropped | `stall` |", "stall: 20,");
        assert!(
            findings[0].contains("a.rs: has no \"stall: 30,\""),
            "{findings:?}"
        );
        let findings = checked("| stall | 20 s | dropped | `stall` |", "stall: 30,");
        assert_eq!(
            findings,
            ["README.md: \"stall\" does not show \"30 s\", as a.rs says"]
        );
    }

    #[test]
    fn a_number_without_code_is_found() {
        let rows = "| stall | 30 s | dropped | `stall` |\n| new | 7 s | dropped | |";
        assert_eq!(
            checked(rows, "stall: 30,"),
            ["README.md: \"new\" shows a number that no code is named for"]
        );
    }
}

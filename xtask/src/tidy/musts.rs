//! Every MUST of RFC 6455 §4 to §8 names the tests that hold it, or says why there is none (M-1).

use super::{File, features};

const TABLE: &str = "tests/RFC6455.md";
/// What a row says that names no test.
const NONE: &str = "none: ";

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let Some(table) = files.iter().find(|file| file.path == TABLE) else {
        return vec![format!("{TABLE}: is missing")];
    };
    let mut findings = Vec::new();
    let mut sections = Vec::new();
    // After the head and the line of dashes.
    for row in table
        .text
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
    {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let &[section, _, must, tests] = &cells[..] else {
            findings.push(format!("{TABLE}: not four columns: {row}"));
            continue;
        };
        sections.push(section.split('.').next().unwrap_or(section));
        if tests.starts_with(NONE) {
            continue;
        }
        let names = features::names(tests);
        if names.is_empty() {
            findings.push(format!("{TABLE}: {section}: {must}: names no test"));
        }
        for name in names {
            if !features::is_test(name, files) {
                findings.push(format!(
                    "{TABLE}: {section}: {must}: there is no test {name}"
                ));
            }
        }
    }
    for section in ["4", "5", "6", "7", "8"] {
        if !sections.contains(&section) {
            findings.push(format!("{TABLE}: has nothing of section {section}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    fn checked(cell: &str) -> Vec<String> {
        let rows: String = (4..9)
            .map(|n| format!("| {n}.1 | both | m | {cell} |\n"))
            .collect();
        let table = format!("# t\n\n| § | who | must | test |\n| --- | --- | --- | --- |\n{rows}");
        check(&[
            file(TABLE, &table),
            file("a/tests.rs", "#[test]\nfn holds_it() {}"),
        ])
    }

    #[test]
    fn a_row_names_tests_that_exist_or_says_why_not() {
        assert_eq!(checked("`a/tests.rs::holds_it`"), [""; 0]);
        assert_eq!(checked("none: there is no browser"), [""; 0]);
        for (cell, finding) in [
            ("", "names no test"),
            ("`a/tests.rs::holds`", "there is no test a/tests.rs::holds"),
            ("`b.rs::holds_it`", "there is no test b.rs::holds_it"),
        ] {
            assert_eq!(checked(cell)[0], format!("{TABLE}: 4.1: m: {finding}"));
        }
    }

    #[test]
    fn a_section_without_a_row_is_found() {
        assert_eq!(check(&[]).len(), 1);
        assert_eq!(check(&[file(TABLE, "nothing")]).len(), 5);
    }
}

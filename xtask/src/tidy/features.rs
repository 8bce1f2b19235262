//! Every feature that the README of `ws` claims names the end-to-end test that proves it.

use super::{File, code::code_only};

const README: &str = "ws-cli/README.md";
/// The heading of the table, and the column that names tests.
const HEADING: &str = "## Compared";
const COLUMN: &str = "proved by";

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let Some(readme) = files.iter().find(|file| file.path == README) else {
        return vec![format!("{README}: is missing")];
    };
    let section = readme.text.split_once(HEADING).map_or("", |(_, rest)| rest);
    let mut rows = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    let column = rows
        .next()
        .and_then(|head| cells(head).iter().position(|cell| cell.trim() == COLUMN));
    let Some(column) = column else {
        return vec![format!(
            "{README}: no table with \"{COLUMN}\" below {HEADING}"
        )];
    };
    let mut findings = Vec::new();
    // After the line of dashes.
    for row in rows.skip(1) {
        let cells = cells(row);
        let feature = cells.first().map_or("", |cell| cell.trim());
        let named = names(cells.get(column).unwrap_or(&""));
        if named.is_empty() {
            findings.push(format!("{README}: {feature}: names no test"));
        }
        for name in named {
            if !exists(name, files) {
                findings.push(format!("{README}: {feature}: there is no test {name}"));
            }
        }
    }
    findings
}

pub(crate) fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').collect()
}

/// What stands between backticks.
pub(crate) fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether `name` is `path::test` of a test in the tree.
pub(super) fn is_test(name: &str, files: &[File]) -> bool {
    let file = |path| files.iter().find(|file| file.path == path);
    name.split_once("::")
        .and_then(|(path, test)| Some((file(path)?, test)))
        .is_some_and(|(file, test)| has_test(&code_only(&file.text), test))
}

/// `file::name`: whether that file of the end-to-end tests has a test of that name.
fn exists(name: &str, files: &[File]) -> bool {
    let Some((module, test)) = name.split_once("::") else {
        return false;
    };
    is_test(&format!("tests/it/{module}.rs::{test}"), files)
}

/// Whether there is a test of that name.
pub(crate) fn has_test(code: &str, name: &str) -> bool {
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(function) = line.strip_prefix("fn ") {
            if is_test && function.starts_with(&format!("{name}(")) {
                return true;
            }
            is_test = false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    const HEAD: &str = "# x\n| a | b |\n## Compared\n\ntext\n\n| feature | ws | proved by | w1 |\n\
        | --- | --- | --- | --- |\n";

    fn checked(rows: &str) -> Vec<String> {
        let tests = "#[test]\nfn works() {}\nfn helper() {}\n// fn gone() {}\n\
            #[cfg(unix)]\n#[test]\nfn works_too() {}\n";
        check(&[
            file(README, &format!("{HEAD}{rows}\nmore\n| x | y | z | |\n")),
            file("tests/it/cli_a.rs", tests),
        ])
    }

    #[test]
    fn a_row_names_tests_that_exist() {
        assert_eq!(
            checked("| f | y | `cli_a::works`, `cli_a::works_too` | n |"),
            [""; 0]
        );
    }

    #[test]
    fn a_row_without_a_test_or_with_one_that_is_not_there_is_found() {
        for (cell, finding) in [
            ("", "names no test"),
            ("cli_a::works", "names no test"),
            ("`cli_a::helper`", "there is no test cli_a::helper"),
            ("`cli_a::gone`", "there is no test cli_a::gone"),
            ("`cli_a::work`", "there is no test cli_a::work"),
            ("`cli_b::works`", "there is no test cli_b::works"),
            ("`works`", "there is no test works"),
        ] {
            let findings = checked(&format!("| f | y | {cell} | n |"));
            assert_eq!(findings, [format!("{README}: f: {finding}")]);
        }
    }

    #[test]
    fn a_readme_without_the_table_is_found() {
        assert_eq!(check(&[]).len(), 1);
        assert_eq!(check(&[file(README, "## Compared\n\nnothing\n")]).len(), 1);
    }
}

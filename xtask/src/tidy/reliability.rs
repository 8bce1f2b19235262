//! `tests/RELIABILITY.md`: each rule has a row, each row tests that exist, each test a mutant, and no mutant stands alone.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{
    File,
    code::code_only,
    features::{cells, has_test, names},
};
use crate::mutants::{FOLDER, Patch};

const PAGE: &str = "tests/RELIABILITY.md";
/// The rules that need a row.
const RULES: [RangeInclusive<u32>; 2] = [1..=35, 50..=67];
/// The head of a table of rules; other tables are not looked at.
const COLUMNS: [&str; 4] = ["rule", "what holds", "tests", "mutants"];
/// How the second cell of a rule begins that nothing here can break.
const CANNOT: &str = "cannot apply: ";

/// One line of a table: the rule, what holds, tests, mutants.
struct Row<'a> {
    rule: &'a str,
    holds: &'a str,
    tests: Vec<&'a str>,
    mutants: Vec<&'a str>,
    /// Tests that no patch breaks; the last cell says why: "none for `package::test`: …".
    excused: Vec<&'a str>,
}

/// The tests that each patch turns red.
type Red<'a> = BTreeMap<&'a str, Vec<String>>;

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE}: is missing")];
    };
    let rows = rows(&page.text);
    let mut findings = Vec::new();
    for number in RULES.into_iter().flatten() {
        let rule = format!("R-{number:02}");
        match rows.iter().filter(|row| row.rule == rule).count() {
            0 => findings.push(format!("{PAGE}: {rule} has no row")),
            1 => {}
            count => findings.push(format!("{PAGE}: {rule} has {count} rows")),
        }
    }
    let mut red = Red::new();
    for (name, text) in patches(files) {
        let mut problem = |problem| findings.push(format!("{FOLDER}/{name}.patch: {problem}"));
        if !page.text.contains(&format!("`{name}`")) {
            problem(format!("is in no row of {PAGE}"));
        }
        match Patch::parse(name, text) {
            Err(reason) => problem(reason),
            Ok(patch) => {
                let tests = patch.proofs.iter();
                let tests = tests.map(|proof| format!("{}::{}", proof.package(), proof.red));
                let tests = red.entry(name).insert_entry(tests.collect()).into_mut();
                for test in tests.iter().filter(|test| !exists(test, files)) {
                    problem(format!("there is no test {test}"));
                }
            }
        }
    }
    for row in &rows {
        let problems = check_row(row, &red, files);
        findings.extend(problems.map(|problem| format!("{PAGE}: {}: {problem}", row.rule)));
    }
    findings
}

/// The rows of all tables with the four columns.
fn rows(text: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let cells: Vec<_> = cells(line).into_iter().map(str::trim).collect();
        is_inside = line.starts_with('|') && (is_inside || cells == COLUMNS);
        if let ([rule, holds, tests, mutants], true) = (&cells[..], is_inside)
            && rule.contains('-')
            && !rule.starts_with('-')
        {
            let is_test = |name: &&str| name.contains("::");
            let (excused, mutants) = names(mutants).into_iter().partition(is_test);
            rows.push(Row {
                rule,
                holds,
                tests: names(tests),
                mutants,
                excused,
            });
        }
    }
    rows
}

fn check_row(row: &Row<'_>, red: &Red<'_>, files: &[File]) -> impl Iterator<Item = String> {
    let mut problems = Vec::new();
    if row.holds.is_empty() {
        problems.push("does not say what holds".to_owned());
    }
    if row.tests.is_empty() && !row.holds.starts_with(CANNOT) {
        problems.push("names no test".to_owned());
    }
    // What has a space is a command.
    for &test in row.tests.iter().filter(|name| !name.contains(' ')) {
        if !exists(test, files) {
            problems.push(format!("there is no test {test}"));
        }
        let is_red = red.values().flatten().any(|red| red == test);
        match (is_red, row.excused.contains(&test)) {
            (false, false) => problems.push(format!("no mutant breaks {test}")),
            (true, true) => problems.push(format!("a mutant breaks {test} after all")),
            _ => {}
        }
    }
    for mutant in &row.mutants {
        match red.get(mutant) {
            None => problems.push(format!("there is no patch {mutant}")),
            Some(red) if red.iter().any(|test| row.tests.contains(&test.as_str())) => {}
            Some(_) => problems.push(format!("{mutant} breaks none of its tests")),
        }
    }
    problems.into_iter()
}

/// The committed patches, by the names of their files without the end.
fn patches(files: &[File]) -> impl Iterator<Item = (&str, &str)> {
    files.iter().filter_map(|file| {
        let name = file.path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        Some((name.strip_suffix(".patch")?, file.text.as_str()))
    })
}

/// `package::modules::name`: whether the package has a file of those modules with a test of that name.
fn exists(test: &str, files: &[File]) -> bool {
    let mut parts: Vec<_> = test.split("::").collect();
    let (Some(name), false) = (parts.pop(), parts.is_empty()) else {
        return false;
    };
    let folder = match parts.remove(0) {
        "ws-tests" => "tests",
        package => package,
    };
    files.iter().filter(|file| file.is_rust()).any(|file| {
        let path = file.path.strip_prefix(folder);
        let Some(path) = path.and_then(|path| path.strip_prefix('/')) else {
            return false;
        };
        let modules = modules(path);
        let Some(inner) = parts.strip_prefix(&modules[..]) else {
            return false;
        };
        let code = code_only(&file.text);
        let has_module = |name: &&str| code.contains(&format!("mod {name} {{"));
        inner.iter().all(has_module) && has_test(&code, name)
    })
}

/// The modules of a file, from the root of its program.
fn modules(path: &str) -> Vec<&str> {
    let mut parts: Vec<_> = path.trim_end_matches(".rs").split('/').collect();
    if parts.first() == Some(&"tests") {
        parts.remove(0);
    }
    match parts[..] {
        ["src", "bin", ..] => drop(parts.drain(..3.min(parts.len()))),
        // The folder of a program, or its only file.
        _ => drop(parts.remove(0)),
    }
    if matches!(parts.last(), Some(&("main" | "mod" | "lib"))) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    const PATCH: &str = "Breaks: it.\nTest: -p ws-core --lib a::tests::one\nRed: a::tests::one\n\n\
        diff --git a/x b/x\n";

    fn checked(changed: &str) -> Vec<String> {
        let rules = RULES.into_iter().flatten().map(|n| format!("R-{n:02}"));
        let others: String = rules
            .filter(|rule| !changed.contains(&format!("| {rule} ")))
            .map(|rule| format!("| {rule} | cannot apply: no | | |\n"))
            .collect();
        let text = format!(
            "# x\n\n| rule | what holds | tests | mutants |\n| --- | --- | --- | --- |\n{others}{changed}"
        );
        check(&[
            file(PAGE, &text),
            file(
                "ws-core/src/a.rs",
                "mod tests {\n#[test]\nfn one() {}\nfn helper() {}\n}\n",
            ),
            file("tests/it/b.rs", "#[test]\n#[cfg(unix)]\nfn two() {}\n"),
            file("ws-core/tests/it/c/mod.rs", "#[test]\nfn three() {}\n"),
            file("ws-server/tests/alone.rs", "#[test]\nfn four() {}\n"),
            file("tests/mutants/R-01-x.patch", PATCH),
        ])
    }

    #[test]
    fn a_page_with_all_its_rows_is_fine() {
        let row = "| R-01 | 1 byte | `ws-core::a::tests::one`, `ws-tests::b::two`, `ws-core::c::three`, \
            `ws-server::four`, `cargo xtask native` | `R-01-x`; none for `ws-tests::b::two`, \
            `ws-core::c::three`, `ws-server::four`: slow |\n\n\
            | id | what | number | where |\n| --- | --- | --- | --- |\n| M-1 | x | y | z |\n";
        assert_eq!(checked(row), [""; 0]);
    }

    #[test]
    fn a_rule_without_its_row_and_a_patch_without_one_are_found() {
        assert_eq!(
            checked(""),
            ["tests/mutants/R-01-x.patch: is in no row of tests/RELIABILITY.md"]
        );
        let head = "| rule | what holds | tests | mutants |\n| --- | --- | --- | --- |\n";
        let found = check(&[file(
            PAGE,
            &format!("{head}| R-01 | cannot apply: x | | |\n"),
        )]);
        assert_eq!(found.len(), 35 + 18 - 1);
        assert_eq!(found[0], "tests/RELIABILITY.md: R-02 has no row");
        let twice = "| R-01 | x | `ws-core::a::tests::one` | `R-01-x` |\n";
        assert_eq!(
            checked(&twice.repeat(2)),
            ["tests/RELIABILITY.md: R-01 has 2 rows"]
        );
        let patch = "tests/mutants/R-01-x.patch";
        let alone = check(&[file(PAGE, "`R-01-x`"), file(patch, PATCH)]);
        assert!(alone.contains(&format!("{patch}: there is no test ws-core::a::tests::one")));
    }

    #[test]
    fn a_row_that_proves_nothing_is_found() {
        for (row, finding) in [
            (
                "| | `ws-core::a::tests::one` | `R-01-x` |",
                "does not say what holds",
            ),
            ("| x | | `R-01-x` |", "names no test"),
            (
                "| x | `ws-core::a::tests::two` | `R-01-x` |",
                "there is no test ws-core::a::tests::two",
            ),
            (
                "| x | `ws-core::a::tests::helper` | `R-01-x` |",
                "there is no test ws-core::a::tests::helper",
            ),
            (
                "| x | `ws-core::b::two` | `R-01-x` |",
                "there is no test ws-core::b::two",
            ),
            (
                "| x | `ws-tests::b::two` | `R-01-x` |",
                "R-01-x breaks none of its tests",
            ),
            (
                "| x | `ws-tests::b::two` | `R-01-x` |",
                "no mutant breaks ws-tests::b::two",
            ),
            (
                "| x | `ws-core::a::tests::one` | `R-01-x`, none for `ws-core::a::tests::one`: old |",
                "a mutant breaks ws-core::a::tests::one after all",
            ),
            (
                "| x | `ws-core::a::tests::one` | `R-01-y` |",
                "there is no patch R-01-y",
            ),
        ] {
            let findings = checked(&format!("| R-01 {row}\n"));
            let expected = format!("{PAGE}: R-01: {finding}");
            assert!(findings.contains(&expected), "{row}: {findings:?}");
        }
    }
}

//! Every `unsafe` of the repository is in a committed list, with the test that runs it.
//!
//! That each has its reason is clippy's to see (`undocumented_unsafe_blocks`, `missing_safety_doc`), that it stands where
//! it may, [`words`](super::words)'s.

use std::collections::BTreeMap;

use super::{File, code, features};

/// A line for each file: its path, how often its code says `unsafe`, and `path::test` of who runs it, or `itself`.
const LIST: &str = "tests/unsafe.txt";
/// Of a file that is nothing but tests.
const ITSELF: &str = "itself";

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let Some(list) = files.iter().find(|file| file.path == LIST) else {
        return vec![format!("{LIST}: is missing")];
    };
    let mut listed = BTreeMap::new();
    let mut findings = Vec::new();
    let lines = list.text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        let entry = match words[..] {
            [path, count, test] => count.parse().ok().map(|count: usize| (path, count, test)),
            _ => None,
        };
        let Some((path, count, test)) = entry else {
            findings.push(format!("{LIST}: not `path count test`: {line}"));
            continue;
        };
        listed.insert(path, count);
        let is_test = files.iter().any(|file| file.path == path && file.is_test());
        if (test != ITSELF || !is_test) && !features::is_test(test, files) {
            findings.push(format!("{LIST}: {path}: there is no test {test}"));
        }
    }
    for file in files.iter().filter(|file| file.is_rust()) {
        let count = occurrences(&file.text);
        let expected = listed.remove(file.path.as_str()).unwrap_or(0);
        if count != expected {
            findings.push(format!(
                "{}: says unsafe {count} times, {LIST} says {expected}",
                file.path
            ));
        }
    }
    let gone = listed.into_keys();
    findings.extend(gone.map(|path| format!("{LIST}: {path} is not in the tree")));
    findings
}

fn occurrences(text: &str) -> usize {
    let code = code::code_only(text);
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|&word| word == "unsafe").count()
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    fn checked(list: &str, code: &str) -> Vec<String> {
        check(&[
            file(LIST, &format!("# list\n\n{list}")),
            file("a.rs", code),
            file("a/tests.rs", "#[test]\nfn runs_it() { unsafe {} }"),
        ])
    }

    const TESTS: &str = "a/tests.rs 1 itself\n";

    /// M-14.
    #[test]
    fn the_list_is_what_the_code_says() {
        let list = format!("{TESTS}a.rs 2 a/tests.rs::runs_it\n");
        let code = "#![deny(unsafe_code)] unsafe fn a() {} // unsafe\nfn b() { unsafe { a() } }";
        assert_eq!(checked(&list, code), [""; 0]);
        assert_eq!(
            checked(&list, &format!("{code} unsafe impl Send for A {{}}")),
            ["a.rs: says unsafe 3 times, tests/unsafe.txt says 2"]
        );
        assert_eq!(
            checked(TESTS, "unsafe {}"),
            ["a.rs: says unsafe 1 times, tests/unsafe.txt says 0"]
        );
    }

    #[test]
    fn a_line_without_a_test_or_file_is_found() {
        for (line, finding) in [
            (
                "a.rs 1 a/tests.rs::runs",
                "a.rs: there is no test a/tests.rs::runs",
            ),
            ("a.rs 1 itself", "a.rs: there is no test itself"),
            ("b.rs 1 a/tests.rs::runs_it", "b.rs is not in the tree"),
            ("a.rs 1", "not `path count test`: a.rs 1"),
        ] {
            let findings = checked(&format!("{TESTS}{line}\n"), "unsafe {}");
            let expected = format!("{LIST}: {finding}");
            assert!(findings.contains(&expected), "{expected}: {findings:?}");
        }
        assert_eq!(check(&[]), ["tests/unsafe.txt: is missing"]);
    }
}

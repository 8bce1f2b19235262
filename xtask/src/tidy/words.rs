//! Words that do not belong in a tracked file, or not where they stand.

use super::{
    File,
    code::{code_only, has_word},
};

/// Folders of one machine. Split, so that this file does not name them itself.
const FOLDERS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("C:\\Us", "ers"),
    concat!("C:/Us", "ers"),
];

/// Hosts of package registries: clients know theirs, and a mirror's users have others.
const HOSTS: [&str; 6] = [
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
];

const LEFTOVERS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Tests that sleep, and what they send slowly or measure.
const PACED: [(&str, &str); 4] = [
    (
        "tests/src/bin/bench/turns.rs",
        "the CPU time of a server, which is exact once it sleeps",
    ),
    (
        "tests/src/bin/bench/wakeup.rs",
        "threads that are woken, so they must sleep before",
    ),
    (
        "ws-server/tests/it/closing.rs",
        "a peer that goes on talking after the Close",
    ),
    (
        "ws-server/tests/it/http.rs",
        "a request that comes byte by byte",
    ),
];

/// The module roots that may say `unsafe` (with all below them).
const UNSAFE_MODULES: [&str; 3] = [
    "ws-core/src/frame/mask",
    "ws-core/src/utf8",
    "ws-ffi/src/native_api",
];

pub(crate) fn check_places(files: &[File]) -> Vec<String> {
    // Cargo writes the lock file, and its registry's address into it.
    let files = files
        .iter()
        .filter(|file| !file.path.ends_with("Cargo.lock"));
    each_line(files, |_, line| {
        let folder = FOLDERS.iter().find(|folder| names_folder(line, folder));
        let host = HOSTS.iter().find(|host| line.contains(**host));
        let folder = folder.map(|folder| format!("names the folder {folder}"));
        folder.or_else(|| host.map(|host| format!("names the registry host {host}")))
    })
}

/// Whether `folder` stands in `line` as the beginning of a path.
fn names_folder(line: &str, folder: &str) -> bool {
    let inside_path = |c: char| c.is_alphanumeric() || "._-}/$*".contains(c);
    line.match_indices(folder)
        .any(|(start, _)| !line[..start].ends_with(inside_path))
}

pub(crate) fn check_leftovers(files: &[File]) -> Vec<String> {
    let mut findings = each_line(files, |_, line| {
        let word = LEFTOVERS.iter().find(|word| has_word(line, word))?;
        Some(format!("{word} left over"))
    });
    findings.extend(each_code_line(files.iter(), |_, line| {
        let word = ["dbg!", "todo!", "unimplemented!", "#[ignore"]
            .into_iter()
            .find(|word| line.contains(word))?;
        Some(format!("{word} left over"))
    }));
    findings
}

/// A test waits for a condition, with a deadline. Only who paces what is *sent* may sleep: see [`PACED`].
pub(crate) fn check_sleeps(files: &[File]) -> Vec<String> {
    check_sleeps_but(files, &PACED)
}

fn check_sleeps_but(files: &[File], paced: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let sleeping = sleeping_lines(file);
        let is_paced = paced.iter().any(|(path, _)| *path == file.path);
        if is_paced && sleeping.is_empty() {
            findings.push(format!(
                "{}: does not sleep; its entry in PACED can go",
                file.path
            ));
        } else if !is_paced {
            let finding = |line| format!("{}:{line}: a test that sleeps", file.path);
            findings.extend(sleeping.into_iter().map(finding));
        }
    }
    findings
}

fn sleeping_lines(file: &File) -> Vec<usize> {
    let code = code_only(&file.text);
    let tests = if file.is_test() {
        0
    } else {
        code.find("#[cfg(test)]").unwrap_or(code.len())
    };
    let before = code[..tests].lines().count();
    let numbered = (before + 1..).zip(code[tests..].lines());
    let sleeps = |line: &str| line.contains("thread::sleep") || has_word(line, "sleep_ms");
    numbered
        .filter(|(_, line)| sleeps(line))
        .map(|(number, _)| number)
        .collect()
}

pub(crate) fn check_unsafe(files: &[File]) -> Vec<String> {
    let elsewhere = files
        .iter()
        .filter(|file| !UNSAFE_MODULES.iter().any(|root| is_below(&file.path, root)));
    each_code_line(elsewhere, |_, line| {
        has_word(line, "unsafe").then(|| "unsafe outside its modules".to_owned())
    })
}

fn is_below(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.starts_with(['/', '.']))
}

fn each_line<'a>(
    files: impl IntoIterator<Item = &'a File>,
    find: impl Fn(&File, &str) -> Option<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(in_text(file, &file.text, &find));
    }
    findings
}

fn each_code_line<'a>(
    files: impl Iterator<Item = &'a File>,
    find: impl Fn(&File, &str) -> Option<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.filter(|file| file.is_rust()) {
        findings.extend(in_text(file, &code_only(&file.text), &find));
    }
    findings
}

fn in_text(file: &File, text: &str, find: impl Fn(&File, &str) -> Option<String>) -> Vec<String> {
    let numbered = text.lines().zip(1_u32..);
    numbered
        .filter_map(|(line, number)| Some(format!("{}:{number}: {}", file.path, find(file, line)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    #[test]
    fn finds_folders_of_one_machine_and_registry_hosts() {
        let files = [
            file("a.rs", &format!("fine\nlet a = \"{}x\";", FOLDERS[0])),
            file("b.md", &format!("see https://{}/simple", HOSTS[0])),
            file(
                "c.md",
                &format!("target{}x and https://host{}x", FOLDERS[0], FOLDERS[2]),
            ),
            file("d.bat", &format!("cd {}\\me", FOLDERS[3])),
            file("Cargo.lock", HOSTS[4]),
        ];
        let findings = check_places(&files);
        let places: Vec<_> = findings
            .iter()
            .map(|finding| finding.split(": ").next().unwrap())
            .collect();
        assert_eq!(places, ["a.rs:2", "b.md:1", "d.bat:1"]);
    }

    #[test]
    fn finds_leftovers_in_comments_and_code() {
        let files = [
            file(
                "a.rs",
                &format!("// {}: later\nfn a() {{ dbg!(1); }}", LEFTOVERS[0]),
            ),
            file("b.rs", "#[test]\n#[ignore]\nfn b() {}"),
            file("c.py", &format!("# {}", LEFTOVERS[1])),
            file(
                "d.rs",
                "// says dbg! in a comment\nlet mastodon = \"dbg!\";",
            ),
        ];
        let findings = check_leftovers(&files);
        let places: Vec<_> = findings
            .iter()
            .map(|finding| finding.split(": ").next().unwrap())
            .collect();
        assert_eq!(places, ["a.rs:1", "c.py:1", "a.rs:2", "b.rs:2"]);
    }

    #[test]
    fn finds_a_test_that_sleeps() {
        let sleep = "fn a() { std::thread::sleep(x); }";
        let files = [
            file("tests/it/a.rs", sleep),
            file("ws-core/src/b/tests.rs", sleep),
            file(
                "ws-core/src/c.rs",
                &format!("{sleep}\n#[cfg(test)]\nmod tests {{\n{sleep}\n}}"),
            ),
            file("ws-core/src/d.rs", sleep),
            file("ws-core/src/e/tests.rs", sleep),
        ];
        assert_eq!(
            check_sleeps_but(
                &files,
                &[
                    ("ws-core/src/e/tests.rs", "why"),
                    ("ws-core/src/d.rs", "why")
                ]
            ),
            [
                "tests/it/a.rs:1: a test that sleeps",
                "ws-core/src/b/tests.rs:1: a test that sleeps",
                "ws-core/src/c.rs:4: a test that sleeps",
                "ws-core/src/d.rs: does not sleep; its entry in PACED can go",
            ]
        );
    }

    #[test]
    fn finds_unsafe_outside_its_modules() {
        let code = "fn a() { unsafe { b() } }";
        let files = [
            file("ws-core/src/frame/mask.rs", code),
            file("ws-ffi/src/native_api/variant.rs", code),
            file("ws-core/src/frame/masking.rs", code),
            file("ws-core/src/lib.rs", "#![deny(unsafe_code)] // unsafe"),
        ];
        assert_eq!(
            check_unsafe(&files),
            ["ws-core/src/frame/masking.rs:1: unsafe outside its modules"]
        );
    }
}

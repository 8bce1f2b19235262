//! The head of a patch: what it breaks, and for each test that must notice how it is run and its name.

use super::verdict::Verdict;

/// Options of `cargo test` that have a value.
const WITH_VALUE: [&str; 6] = [
    "-p",
    "--package",
    "--test",
    "--bin",
    "--features",
    "--profile",
];

/// A patch below `tests/mutants`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The file's name without its end.
    pub(crate) name: String,
    /// What it makes wrong, in one line.
    pub(crate) breaks: String,
    /// The tests that must notice, one at least.
    pub(crate) proofs: Vec<Proof>,
}

/// A test that must notice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Arguments of `cargo test` before the test's name.
    pub(crate) options: Vec<String>,
    /// Arguments for the test program.
    pub(crate) trailing: Vec<String>,
    /// The test that must fail, as libtest prints it.
    pub(crate) red: String,
    end: End,
}

/// How the test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Fails,
    /// Or it never ends: the test is about something that must not hang.
    FailsOrHangs,
    /// Or its process dies: the test is about something that must not abort.
    FailsOrAborts,
}

impl Patch {
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let Some((head, _)) = text.split_once("diff --git ") else {
            return Err("no `diff --git` line".to_owned());
        };
        let breaks = head.lines().find_map(|line| line.strip_prefix("Breaks:"));
        let breaks = breaks.map(str::trim).filter(|breaks| !breaks.is_empty());
        Ok(Self {
            name: name.to_owned(),
            breaks: breaks
                .ok_or("no line `Breaks: …` before the diff")?
                .to_owned(),
            proofs: parse_proofs(head)?,
        })
    }
}

impl Proof {
    /// The package whose test it is.
    pub(crate) fn package(&self) -> &str {
        let mut words = self.options.iter();
        words.find(|word| *word == "-p" || *word == "--package");
        words.next().map_or("", String::as_str)
    }

    /// Whether its test noticed.
    pub(crate) fn is_caught_by(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Red => true,
            Verdict::Hung => self.end == End::FailsOrHangs,
            Verdict::Aborted => self.end == End::FailsOrAborts,
            _ => false,
        }
    }
}

/// Each `Test:` line with the `Red:` line behind it; one pair at least.
fn parse_proofs(head: &str) -> Result<Vec<Proof>, String> {
    let is_of_pair = |line: &&str| line.starts_with("Test:") || line.starts_with("Red:");
    let lines: Vec<_> = head.lines().filter(is_of_pair).collect();
    if lines.is_empty() {
        return Err("no lines `Test: …` and `Red: …` before the diff".to_owned());
    }
    let parse = |pair: &[&str]| {
        let (test, red) = match pair {
            [test, red] => (test.strip_prefix("Test:"), red.strip_prefix("Red:")),
            _ => (None, None),
        };
        let (Some(test), Some(red)) = (test, red) else {
            return Err("a line `Test: …` needs its `Red: …` behind it, and no other".to_owned());
        };
        let (red, end) = parse_red(red.trim())?;
        let (options, trailing) = parse_test(test, &red)?;
        Ok(Proof {
            options,
            trailing,
            red,
            end,
        })
    };
    lines.chunks(2).map(parse).collect()
}

fn parse_red(text: &str) -> Result<(String, End), String> {
    let (name, end) = match text.split_once(' ') {
        None => (text, End::Fails),
        Some((name, "or hangs")) => (name, End::FailsOrHangs),
        Some((name, "or aborts")) => (name, End::FailsOrAborts),
        Some((_, other)) => {
            return Err(format!(
                "`Red:` ends in {other:?}; it may in `or hangs`, `or aborts`"
            ));
        }
    };
    Ok((name.to_owned(), end))
}

/// The options before and behind `--`; the test's name may stand between them, whole or in part.
fn parse_test(text: &str, red: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let mut options: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().map(str::to_owned);
    let mut takes_value = false;
    for word in words.by_ref().take_while(|word| word != "--") {
        if !takes_value && !word.starts_with('-') {
            if !red.contains(&word) {
                return Err(format!(
                    "`Test:` names {word}, which is not in `Red: {red}`"
                ));
            }
            continue;
        }
        takes_value = !takes_value && WITH_VALUE.contains(&word.as_str());
        options.push(word);
    }
    if !options
        .iter()
        .any(|word| word == "-p" || word == "--package")
    {
        return Err("`Test:` needs -p PACKAGE".to_owned());
    }
    let trailing = words.filter(|word| word != "--exact").collect();
    Ok((options, trailing))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-Red: no\n+Test: no\n";

    fn parse(head: &str) -> Result<Patch, String> {
        Patch::parse("R-14-pongs", &format!("{head}{DIFF}"))
    }

    fn with_test(test: &str) -> Result<Proof, String> {
        let patch = parse(&format!("Breaks: it.\nTest: {test}\nRed: pongs::one\n"))?;
        let [proof] = <[_; 1]>::try_from(patch.proofs).unwrap();
        Ok(proof)
    }

    #[test]
    fn reads_what_breaks_and_each_test() {
        let patch = parse(
            "Breaks: every pong is kept.\nTest: -p ws-server --test it flow::pongs\nRed: flow::pongs\n\
             Test: -p ws-core --lib\nRed: pongs::one or hangs\n\n",
        );
        let patch = patch.unwrap();
        assert_eq!(
            (patch.name.as_str(), patch.breaks.as_str()),
            ("R-14-pongs", "every pong is kept.")
        );
        let [first, second] = &patch.proofs[..] else {
            panic!("{patch:?}");
        };
        assert_eq!(first.package(), "ws-server");
        assert_eq!(first.options, ["-p", "ws-server", "--test", "it"]);
        assert_eq!(first.trailing, [""; 0]);
        assert_eq!(first.red, "flow::pongs");
        assert_eq!(second.package(), "ws-core");
        assert_eq!(second.red, "pongs::one");
        assert!(second.is_caught_by(&Verdict::Hung) && !first.is_caught_by(&Verdict::Hung));
    }

    #[test]
    fn the_name_may_be_there_in_part_and_options_behind_it() {
        let patch = with_test("-p ws-core --lib one -- --ignored --exact").unwrap();
        assert_eq!(patch.options, ["-p", "ws-core", "--lib"]);
        assert_eq!(patch.trailing, ["--ignored"]);
        assert_eq!(with_test("-p ws-core --lib").unwrap().red, "pongs::one");
    }

    #[test]
    fn a_head_that_lacks_something_is_refused() {
        for (head, problem) in [
            ("Test: -p a --lib\nRed: x\n", "no line `Breaks: …`"),
            ("Breaks:\nTest: -p a --lib\nRed: x\n", "no line `Breaks: …`"),
            ("Breaks: it\n", "no lines `Test: …` and `Red: …`"),
            ("Breaks: it\nRed: x\n", "needs its `Red: …`"),
            ("Breaks: it\nTest: -p a --lib\n", "needs its `Red: …`"),
            (
                "Breaks: it\nTest: -p a --lib\nTest: -p a --lib\nRed: x\nRed: x\n",
                "needs its `Red: …`",
            ),
            (
                "Breaks: it\nTest: -p a --lib\nRed: x or sleeps\n",
                "ends in \"or sleeps\"",
            ),
        ] {
            let text = parse(head).unwrap_err();
            assert!(text.contains(problem), "{head:?}: {text}");
        }
        assert!(Patch::parse("R-1", "Breaks: it\n").is_err());
    }

    #[test]
    fn a_test_of_no_package_or_of_another_name_is_refused() {
        for (test, problem) in [
            ("--lib pongs::one", "needs -p PACKAGE"),
            ("-p ws-core --lib pongs::two", "names pongs::two"),
        ] {
            let text = with_test(test).unwrap_err();
            assert!(text.contains(problem), "{test}: {text}");
        }
    }

    #[test]
    fn only_a_red_test_catches_and_what_its_patch_says() {
        let red = |red: &str| {
            let head = format!("Breaks: it\nTest: -p a --lib\nRed: {red}\n");
            parse(&head).unwrap().proofs.remove(0)
        };
        let caught = |proof: &Proof| {
            let verdicts = [
                Verdict::Red,
                Verdict::Hung,
                Verdict::Aborted,
                Verdict::Green,
                Verdict::NotBuilt,
                Verdict::NotApplied,
                Verdict::NotRun,
            ];
            verdicts.map(|verdict| proof.is_caught_by(&verdict))
        };
        let no = false;
        assert_eq!(caught(&red("x")), [true, no, no, no, no, no, no]);
        assert_eq!(caught(&red("x or hangs")), [true, true, no, no, no, no, no]);
        assert_eq!(
            caught(&red("x or aborts")),
            [true, no, true, no, no, no, no]
        );
    }
}

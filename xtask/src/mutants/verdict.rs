//! What a run of `cargo test` says about one test.

use std::fmt;

/// What `timeout` exits with when the time was up: its own code, and the one of a child it had to kill.
const TIMED_OUT: [i32; 2] = [124, 137];

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Red,
    Green,
    Hung,
    Aborted,
    NotBuilt,
    NotApplied,
    NotRun,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Red => "red",
            Self::Green => "the test is green",
            Self::Hung => "the test did not end in time",
            Self::Aborted => "the test's process died",
            Self::NotBuilt => "it does not build",
            Self::NotApplied => "the patch does not apply",
            Self::NotRun => "there is no such test, or it did not run",
        })
    }
}

/// What a run printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
    /// The build's failure; nothing ran.
    is_build: bool,
    code: Option<i32>,
}

impl Output {
    pub(crate) fn new(code: Option<i32>, text: String) -> Self {
        Self {
            text,
            is_build: false,
            code,
        }
    }

    pub(crate) fn not_built(text: String) -> Self {
        Self {
            text,
            is_build: true,
            code: None,
        }
    }

    pub(crate) fn verdict(&self, test: &str) -> Verdict {
        if self.is_build {
            return Verdict::NotBuilt;
        }
        // What the test prints past libtest's capture stands between its name and its result.
        let begin = format!("test {test} ... ");
        let begin_should_panic = format!("test {test} - should panic ... ");
        let mut lines = self.text.lines();
        let first = lines.find_map(|line| {
            let rest = line.strip_prefix(&begin);
            rest.or_else(|| line.strip_prefix(&begin_should_panic))
        });
        let Some(first) = first else {
            return Verdict::NotRun;
        };
        let own = lines.take_while(|line| !line.starts_with("test "));
        let result = [first].into_iter().chain(own).find_map(|line| {
            let is = |word: &str| line == word || line.ends_with(&format!(" {word}"));
            match () {
                () if is("FAILED") => Some(Verdict::Red),
                () if is("ok") => Some(Verdict::Green),
                () if line.starts_with("ignored") => Some(Verdict::NotRun),
                () => None,
            }
        });
        result.unwrap_or_else(|| match self.code {
            Some(code) if TIMED_OUT.contains(&code) => Verdict::Hung,
            _ => Verdict::Aborted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: i32, text: &str) -> Verdict {
        Output::new(Some(code), text.to_owned()).verdict("a::b")
    }

    #[test]
    fn the_line_of_that_test_decides() {
        let two = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\ntest result: FAILED. 1 passed\n";
        assert_eq!(verdict(101, two), Verdict::Green);
        let other = "running 2 tests\ntest a::c ... ok\ntest a::b ... FAILED\n";
        assert_eq!(verdict(101, other), Verdict::Red);
        let nested = "running 1 test\ntest x::a::b ... FAILED\ntest a::bc ... FAILED\n";
        assert_eq!(verdict(101, nested), Verdict::NotRun);
        let none = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed\n";
        assert_eq!(verdict(0, none), Verdict::NotRun);
        assert_eq!(verdict(0, "test a::b ... ignored, slow\n"), Verdict::NotRun);
        assert_eq!(
            verdict(0, "test a::b - should panic ... ok\n"),
            Verdict::Green
        );
    }

    #[test]
    fn what_the_test_prints_does_not_hide_its_result() {
        assert_eq!(verdict(101, "test a::b ... 17 ms\nFAILED\n"), Verdict::Red);
        assert_eq!(verdict(0, "test a::b ... 17 ms\nok\n"), Verdict::Green);
    }

    #[test]
    fn a_test_without_a_result_hung_or_died() {
        assert_eq!(
            verdict(124, "running 1 test\ntest a::b ... "),
            Verdict::Hung
        );
        assert_eq!(
            verdict(137, "running 1 test\ntest a::b ... "),
            Verdict::Hung
        );
        let died = "test a::b ... memory allocation of 9 bytes failed\nerror: test failed (signal: 6, SIGABRT)\n";
        assert_eq!(verdict(101, died), Verdict::Aborted);
    }

    #[test]
    fn a_build_that_fails_proves_nothing() {
        let output = Output::not_built("test a::b ... FAILED\n".to_owned());
        assert_eq!(output.verdict("a::b"), Verdict::NotBuilt);
    }
}

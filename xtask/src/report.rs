//! The steps of a command: how each ended and how long it took, as a table at the end.
//!
//! Invariant: a command succeeds only if every step was done, or was skipped for a reason on [`ALLOWED_SKIPS`].

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{Failure, shell::shorten};

/// The skips that are agreed on: step, and the beginning of the reason it gives.
const ALLOWED_SKIPS: [(&str, &str); 3] = [
    // tidy checks licences and sources itself; cargo-deny takes minutes to build and is for `full`.
    ("deny", "cargo-deny is not installed"),
    // OneScript is in no registry.
    ("onescript", crate::onescript::NOT_RUN),
    // Some containers forbid them.
    ("namespaces", crate::ci::NO_NAMESPACES),
];

/// How a step ended well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Done, and worth a few words in the table.
    DoneWith(String),
    /// Not done, and why.
    Skipped(String),
}

#[derive(Debug)]
struct Row {
    step: String,
    result: Result<Outcome, Failure>,
    time: Duration,
}

/// The steps so far.
#[derive(Debug)]
pub(crate) struct Report {
    command: String,
    started: Instant,
    rows: Vec<Row>,
    test_lines: Vec<String>,
    record: Option<Record>,
}

/// A file to keep the result in, and what stands at its top.
#[derive(Debug)]
struct Record {
    path: PathBuf,
    head: String,
}

impl Report {
    pub(crate) fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            started: Instant::now(),
            rows: Vec::new(),
            test_lines: Vec::new(),
            record: None,
        }
    }

    /// Runs one step. A failure is kept for the end: the steps after it still run.
    /// Returns whether the step was done.
    pub(crate) fn step(
        &mut self,
        step: &str,
        run: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> bool {
        println!("\n== {}: {step}", self.command);
        let started = Instant::now();
        let result = run();
        let time = started.elapsed();
        match &result {
            Ok(Outcome::Skipped(reason)) => println!("SKIPPED: {reason}"),
            Ok(_) => println!("-- {step}: {}", seconds(time)),
            Err(text) => println!("FAILED: {text}"),
        }
        let done = matches!(result, Ok(Outcome::Done | Outcome::DoneWith(_)));
        self.rows.push(Row {
            step: step.to_owned(),
            result,
            time,
        });
        done
    }

    /// Keeps cargo test's summary lines, to be repeated at the end.
    pub(crate) fn keep_test_line(&mut self, line: &str) {
        self.test_lines.push(line.to_owned());
    }

    /// Writes what [`Report::finish`] prints into a file as well, below `head`.
    pub(crate) fn record(&mut self, path: PathBuf, head: String) {
        self.record = Some(Record { path, head });
    }

    /// Prints the table; an error if the command did not do all it should.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let mut text = self.table(self.started.elapsed());
        for line in &self.test_lines {
            let _ = writeln!(text, "{line}");
        }
        let problems = self.problems();
        let closing = if problems.is_empty() {
            closing_line(&self.test_lines)
        } else {
            None
        };
        if let Some(line) = closing {
            let _ = writeln!(text, "{line}");
        }
        print!("\n{text}");
        if let Some(Record { path, head }) = &self.record {
            let failures: String = problems
                .iter()
                .map(|problem| format!("FAILED {problem}\n"))
                .collect();
            write(path, &format!("{head}\n{text}{failures}"))?;
            println!("written to {}", shorten(path));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{} failed:\n  {}",
                self.command,
                problems.join("\n  ")
            ))
        }
    }

    fn table(&self, total: Duration) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.step.len())
            .max()
            .unwrap_or(0)
            .max(5);
        let mut table = String::new();
        for row in &self.rows {
            let words = match &row.result {
                Ok(Outcome::Done) => "done".to_owned(),
                Ok(Outcome::DoneWith(words)) => format!("done: {words}"),
                Ok(Outcome::Skipped(reason)) => format!("SKIPPED: {reason}"),
                Err(_) => "FAILED".to_owned(),
            };
            let _ = writeln!(
                table,
                "{:width$}  {:>9}  {words}",
                row.step,
                seconds(row.time)
            );
        }
        let _ = writeln!(table, "{:width$}  {:>9}", "total", seconds(total));
        table
    }

    fn problems(&self) -> Vec<String> {
        let problem = |row: &Row| match &row.result {
            Ok(Outcome::Skipped(reason)) if !may_skip(&row.step, reason) => Some(format!(
                "{}: skipped, and that is on no list: {reason}",
                row.step
            )),
            Ok(_) => None,
            Err(text) => Some(format!("{}: {text}", row.step)),
        };
        self.rows.iter().filter_map(problem).collect()
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn may_skip(step: &str, reason: &str) -> bool {
    ALLOWED_SKIPS
        .iter()
        .any(|(name, beginning)| *name == step && reason.starts_with(beginning))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The sums of cargo test's summary lines, for whoever reads only the last line.
fn closing_line(lines: &[String]) -> Option<String> {
    let sum = |word: &str| -> u64 { lines.iter().filter_map(|line| count(line, word)).sum() };
    (!lines.is_empty()).then(|| format!("{} passed, {} failed", sum("passed"), sum("failed")))
}

/// The number before `word` in `test result: ok. 12 passed; 0 failed; …`.
fn count(line: &str, word: &str) -> Option<u64> {
    let before = line.split(word).next()?.trim_end();
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_command_and_the_rest_still_runs() {
        let mut report = Report::new("ci");
        assert!(!report.step("one", || Err("broken".to_owned())));
        assert!(report.step("two", || Ok(Outcome::Done)));
        let text = report.finish().unwrap_err();
        assert!(text.contains("one: broken"), "{text}");
    }

    #[test]
    fn a_skip_that_is_on_no_list_fails_the_command() {
        let mut report = Report::new("ci");
        assert!(!report.step("test", || Ok(Outcome::Skipped("no time".to_owned()))));
        assert!(
            report
                .finish()
                .unwrap_err()
                .contains("skipped, and that is on no list: no time")
        );

        let mut report = Report::new("ci");
        report.step("deny", || {
            Ok(Outcome::Skipped(
                "cargo-deny is not installed here".to_owned(),
            ))
        });
        assert_eq!(report.finish(), Ok(()));
    }

    #[test]
    fn the_table_names_every_step_its_time_and_its_end() {
        let mut report = Report::new("ci");
        report.step("fmt", || Ok(Outcome::Done));
        report.step("autobahn", || Ok(Outcome::DoneWith("600 cases".to_owned())));
        let table = report.table(Duration::from_millis(1500));
        assert!(table.contains("autobahn"), "{table}");
        assert!(table.contains("done: 600 cases"), "{table}");
        assert!(table.contains("1.5 s"), "{table}");
    }

    #[test]
    fn the_record_tells_what_failed() {
        let path = std::env::temp_dir().join(format!("xtask-record-{}.txt", std::process::id()));
        let mut report = Report::new("full");
        report.record(path.clone(), "a machine\n".to_owned());
        report.step("fmt", || Err("two files".to_owned()));
        assert!(report.finish().is_err());
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(text.starts_with("a machine\n"), "{text}");
        assert!(text.contains("FAILED fmt: two files"), "{text}");
    }

    #[test]
    fn sums_up_the_summary_lines() {
        let lines = [
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ];
        let lines = lines.map(str::to_owned);
        assert_eq!(closing_line(&lines).as_deref(), Some("15 passed, 2 failed"));
        assert_eq!(closing_line(&[]), None);
    }
}

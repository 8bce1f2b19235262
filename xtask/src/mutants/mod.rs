//! `mutants`: breaks each rule of `tests/RELIABILITY.md` in turn and sees the rule's test fail.
//!
//! A mutant is a patch below `tests/mutants` ([`patch`]). It is applied to a copy of this tree ([`tree`]), and each of its
//! tests must be red there ([`verdict`]); the same test must be green in the copy as it is.
//!
//! Invariant: a build error, another test's failure, a test that did not run or a patch that no longer applies is no
//! proof, and fails the command.

mod patch;
mod tree;
mod verdict;

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::{Run, root, target},
};

pub(crate) use patch::Patch;
use tree::Tree;
use verdict::Verdict;

/// Where the patches are.
pub(crate) const FOLDER: &str = "tests/mutants";

/// One test may take so long; one that hangs is ended then.
const TEST_SECONDS: u64 = 120;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let only = flags.take("only");
    flags.finish()?;
    steps(report, only.as_deref());
    Ok(())
}

/// Sees every mutant red, or those whose names are or begin with a word of `only`.
pub(crate) fn steps(report: &mut Report, only: Option<&str>) {
    let mut patches = Vec::new();
    let mut tree = None;
    let ready = report.step("mutants unpatched", || {
        patches = read(only)?;
        let copy = Tree::new(target().join("mutants").join("tree"))?;
        copy.restore()?;
        tree = Some(copy);
        green(&patches)
    });
    if let (true, Some(tree)) = (ready, tree) {
        report.step("mutants", || red(&tree, &patches));
    }
}

fn read(only: Option<&str>) -> Result<Vec<Patch>, Failure> {
    let folder = root().join(FOLDER);
    let cannot = |error| format!("cannot read {FOLDER}: {error}");
    let mut patches = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.extension().is_some_and(|end| end == "patch") && is_wanted(&name, only) {
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("{FOLDER}/{name}.patch: {error}"))?;
            let patch = Patch::parse(&name, &text)
                .map_err(|problem| format!("{FOLDER}/{name}.patch: {problem}"))?;
            patches.push(patch);
        }
    }
    if patches.is_empty() {
        return Err(format!("{FOLDER} has no such patch"));
    }
    // Those of one test program stand together, so that each build is small.
    patches.sort_by(|a, b| (&a.proofs[0].options, &a.name).cmp(&(&b.proofs[0].options, &b.name)));
    Ok(patches)
}

fn is_wanted(name: &str, only: Option<&str>) -> bool {
    only.is_none_or(|only| {
        only.split(',').any(|word| {
            let rest = name.strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    })
}

/// Every test in the tree as it is, those of one program in one run.
fn green(patches: &[Patch]) -> Result<Outcome, Failure> {
    let mut groups: BTreeMap<(&[String], &[String]), Vec<&str>> = BTreeMap::new();
    for proof in patches.iter().flat_map(|patch| &patch.proofs) {
        let names = groups.entry((&proof.options, &proof.trailing)).or_default();
        if !names.contains(&proof.red.as_str()) {
            names.push(&proof.red);
        }
    }
    let (mut count, mut problems) = (0, Vec::new());
    for ((options, trailing), names) in groups {
        count += names.len();
        let limit = Duration::from_secs(TEST_SECONDS * names.len() as u64);
        let output = test(options, &names, trailing, limit)?;
        for name in names {
            let verdict = output.verdict(name);
            if verdict != Verdict::Green {
                problems.push(format!("{name}: {verdict} without any patch"));
            }
        }
        if !problems.is_empty() {
            println!("{}", output.text);
        }
    }
    if problems.is_empty() {
        Ok(Outcome::DoneWith(format!("{count} tests green")))
    } else {
        Err(problems.join("; "))
    }
}

fn red(tree: &Tree, patches: &[Patch]) -> Result<Outcome, Failure> {
    let mut problems = Vec::new();
    let mut table = Vec::new();
    for patch in patches {
        for (proof, (verdict, time)) in patch.proofs.iter().zip(one(tree, patch)?) {
            let caught = proof.is_caught_by(&verdict);
            let line = format!(
                "{:28} {:>7.1} s  {}{verdict}: {} ({})",
                patch.name,
                time.as_secs_f64(),
                if caught { "" } else { "NOT CAUGHT: " },
                patch.breaks,
                proof.red,
            );
            println!("{line}");
            table.push(line);
            if !caught {
                let (name, package) = (&patch.name, proof.package());
                problems.push(format!("{name} in {package}, {}: {verdict}", proof.red));
            }
        }
    }
    println!("\n{}", table.join("\n"));
    let words = format!(
        "{} mutants, {} of {} tests red",
        patches.len(),
        table.len() - problems.len(),
        table.len()
    );
    println!("{words}");
    if problems.is_empty() {
        Ok(Outcome::DoneWith(words))
    } else {
        Err(format!("{words}: {}", problems.join("; ")))
    }
}

/// What each test of a patch says, and how long it took with its build.
fn one(tree: &Tree, patch: &Patch) -> Result<Vec<(Verdict, Duration)>, Failure> {
    let applied = tree.apply(&format!("{FOLDER}/{}.patch", patch.name))?;
    let mut verdicts = Vec::new();
    for proof in &patch.proofs {
        let started = Instant::now();
        let verdict = if applied {
            let limit = Duration::from_secs(TEST_SECONDS);
            let output = test(&proof.options, &[&proof.red], &proof.trailing, limit)?;
            let verdict = output.verdict(&proof.red);
            if !proof.is_caught_by(&verdict) {
                println!("{}", output.text);
            }
            verdict
        } else {
            Verdict::NotApplied
        };
        verdicts.push((verdict, started.elapsed()));
    }
    tree.restore()?;
    Ok(verdicts)
}

/// Builds, and then runs those tests one after the other: beside another one its figures might not hold.
fn test(
    options: &[String],
    names: &[&str],
    trailing: &[String],
    limit: Duration,
) -> Result<verdict::Output, Failure> {
    let build = in_tree(Run::cargo().args(["test", "--locked", "--quiet", "--no-run"]))
        .args(options)
        .read_both()?;
    if !build.0.success() {
        return Ok(verdict::Output::not_built(build.1));
    }
    // `timeout` ends the test's own children, too.
    let seconds = limit.as_secs().to_string();
    let run = Run::new("timeout").args(["--kill-after=5", &seconds, "cargo", "test", "--locked"]);
    let (status, text) = in_tree(run)
        .args(options)
        .args(["--", "--exact", "--test-threads=1"])
        .args(trailing)
        .args(names)
        .read_both()?;
    Ok(verdict::Output::new(status.code(), text))
}

fn in_tree(run: Run) -> Run {
    let folder = target().join("mutants");
    run.env("CARGO_TARGET_DIR", folder.join("target"))
        .env("WS_PEERS", target().join("peers"))
        .in_folder(&folder.join("tree"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_a_whole_number_or_name() {
        assert!(is_wanted("R-14-pongs", None));
        assert!(is_wanted("R-14-pongs", Some("R-14")));
        assert!(is_wanted("R-14-pongs", Some("M-5,R-14-pongs")));
        assert!(!is_wanted("R-14-pongs", Some("R-1")));
        assert!(!is_wanted("R-14-pongs", Some("M-5")));
    }

    #[test]
    fn every_committed_patch_can_be_read() {
        assert!(!read(None).unwrap().is_empty());
    }
}

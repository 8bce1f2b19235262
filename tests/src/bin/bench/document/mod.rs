//! `bench document RESULTS DOCUMENT`: writes `ws-server/BENCHMARKS.md` from the JSON file of a run.
//!
//! Invariant: what stands between the two marks was written by hand and stays.

mod summary;
mod tables;

use std::{fmt::Write as _, fs, io, path::Path};

use serde_json::Value;

use crate::table::{float, string};

const BEGIN: &str = "<!-- by hand, kept: begin -->";
const END: &str = "<!-- by hand, kept: end -->";
const NOTHING_YET: &str = "\n\nNot written yet.\n\n";

pub(crate) fn write(results: &Path, document: &Path) -> io::Result<()> {
    let results: Value = serde_json::from_str(&fs::read_to_string(results)?)?;
    let before = fs::read_to_string(document).unwrap_or_default();
    fs::write(document, text(&results, kept(&before)))?;
    println!("written to {}", document.display());
    Ok(())
}

/// What was written by hand.
fn kept(document: &str) -> &str {
    let begun = document.split_once(BEGIN).map(|(_, rest)| rest);
    begun
        .and_then(|rest| rest.split_once(END))
        .map_or(NOTHING_YET, |(kept, _)| kept)
}

fn text(results: &Value, kept: &str) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    text.push_str(QUESTION);
    if results["settings"]["quick"] == true {
        text.push_str(QUICK);
    }
    summary::best(results, &mut text);
    summary::targets(results, &mut text);
    let _ = write!(text, "## Where we lose, and why\n\n{BEGIN}{kept}{END}\n\n");
    text.push_str("## How it was measured\n\n");
    head(&results["machine"], &results["settings"], &mut text);
    text.push_str(METHOD);
    for peer in array(&results["not_built"]) {
        let (name, reason) = (string(&peer["name"]), string(&peer["reason"]));
        let _ = write!(text, "**Did not take part:** {name}: {reason}\n\n");
    }
    text.push_str(READING);
    tables::all(results, &mut text);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

const QUESTION: &str = "\
What does a message cost, and what does an open connection? `ws-server` and `ws-core` beside the servers and codecs that
package registries offer, on the same work, in turns, in one run. Written by `cargo xtask bench --write --plot`: change
nothing here but the section by hand.

";

const QUICK: &str = "\
> **A quick run** (`--quick`): fewer cells, rounds and connections, and other programs may have run beside it. Take its
> figures for a first look at the tables, not for a result.

";

const METHOD: &str = include_str!("method.md");

const READING: &str = "\
## Figures

Medians of all rounds; less is better. In brackets: ours divided by it (below 1 ours is better), and half the distance
between the quartiles of that ratio.

";

fn head(machine: &Value, settings: &Value, text: &mut String) {
    let _ = write!(
        text,
        "On {} at commit {}: {}, {} cores, {}, {}, Node {}; {} rounds of {} s for each server and cell, {:.0} minutes in all.\n\n",
        string(&machine["date"]),
        string(&machine["commit"]),
        string(&machine["processor"]),
        string(&machine["cores"]),
        string(&machine["kernel"]),
        string(&machine["compiler"]),
        string(&machine["node"]),
        settings["rounds"],
        settings["seconds"],
        float(&settings["minutes"]),
    );
    let versions = machine["versions"].as_object().into_iter().flatten();
    let versions: Vec<_> = versions
        .map(|(name, version)| format!("{name} {}", string(version)))
        .collect();
    let _ = write!(text, "Versions: {}.\n\n", versions.join(", "));
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_was_written_by_hand() {
        let results = json!({"cells": [], "targets": []});
        let first = text(&results, NOTHING_YET);
        assert_eq!(kept(&first), NOTHING_YET);
        let changed = first.replace("Not written yet.", "We lose nowhere.");
        assert!(text(&results, kept(&changed)).contains("We lose nowhere."));
    }

    #[test]
    fn a_quick_run_says_so() {
        let text = |quick: bool| text(&json!({"settings": {"quick": quick}}), NOTHING_YET);
        assert!(text(true).contains("A quick run") && !text(false).contains("A quick run"));
    }
}

//! `bench document RESULTS DOCUMENT`: writes `ws-server/BENCHMARKS.md` from the JSON file of a run.
//!
//! Invariant: what stands between the two marks was written by hand and stays.

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

use serde_json::Value;

use crate::table::{float, short, string};

const BEGIN: &str = "<!-- by hand, kept: begin -->";
const END: &str = "<!-- by hand, kept: end -->";
const NOTHING_YET: &str = "\n\nNot written yet.\n\n";

/// Groups of cells that share a table: the beginning of their names, and the heading.
const GROUPS: [(&str, &str); 17] = [
    ("echo/binary/*/50c", "Echo, binary, 50 connections"),
    ("echo/binary/*/1c", "Echo, binary, 1 connection"),
    ("echo/binary/*/500c", "Echo, binary, 500 connections"),
    ("echo/ascii/*/50c", "Echo, ASCII text, 50 connections"),
    (
        "echo/mixed/*/50c",
        "Echo, mixed-script text, 50 connections",
    ),
    ("tls/", "Echo over TLS 1.3, binary"),
    ("deflate/", "Echo of compressed JSON, no context taken over"),
    ("broadcast/", "Broadcast of 125 B"),
    ("churn", "Connect, one echo, close"),
    ("latency/", "Latency at a fixed rate"),
    ("memory/", "Memory of an idle connection"),
    ("mailbox/", "Mailbox with one consumer beside the handler"),
    ("two workers/", "Two workers beside one"),
    (
        "wake-up",
        "Waking the mailbox's consumer, beside a bare channel and waker",
    ),
    ("codec/binary", "Codec alone, binary"),
    ("codec/ascii", "Codec alone, ASCII text"),
    ("codec/mixed", "Codec alone, mixed-script text"),
];

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
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench --write` from the figures of one run; change nothing here but the section by hand.\n\n",
    );
    head(&results["machine"], &results["settings"], &mut text);
    not_built(results, &mut text);
    let _ = write!(text, "## Where we lose, and why\n\n{BEGIN}{kept}{END}\n\n");
    targets(results, &mut text);
    text.push_str("## Figures\n\nMedians of all rounds; less is better. In brackets ours divided by it, of the same round each: median and quartiles. Below 1 ours is better.\n\n");
    for (cells, heading) in GROUPS {
        group(results, cells, heading, &mut text);
    }
    group(
        results,
        "instructions/",
        "Codec alone, instructions in valgrind",
        &mut text,
    );
    text.push_str(PICTURES);
    text
}

const PICTURES: &str = "## Pictures\n\n![Echo](benchmarks/echo.png)\n\n![Codec](benchmarks/codec.png)\n\n![Memory](benchmarks/memory.png)\n\n![Latency](benchmarks/latency.png)\n";

const METHOD: &str = "\
One server thread pinned to core 0, the load generator (ours, one thread, `tests/src/bin/bench/load`) to core 1, loopback. \
Every byte that comes back is compared. `d16` is 16 messages in flight on each connection: they are sent with one write, \
and the next 16 when the last is back. CPU time is the server's, user and system, read when it sleeps. Servers take turns \
(A B C …, B C … A), so that what disturbs the machine disturbs all. The *floor* is a server and a codec of ours that check \
hardly anything (`tests/bench/src/floor`): what is above it is the price of being a server. Handshakes of fastwebsockets, \
web-socket and yawc are the bench's own, so their churn is not theirs alone. Codecs copy their input once, as a read from \
a socket would; what they encode goes nowhere. More than 256 MiB in flight would measure the memory: those cells are left out.

To repeat it, on two cores that do nothing else: `cargo xtask bench --write --plot`; with `--quick` in minutes, with less \
to say.

";

fn head(machine: &Value, settings: &Value, text: &mut String) {
    let _ = write!(
        text,
        "Measured on {} at commit {}: {}, {} cores, {}, {}, Node {}; {} rounds of {} s for each server and cell.\n\n{METHOD}",
        string(&machine["date"]),
        string(&machine["commit"]),
        string(&machine["processor"]),
        string(&machine["cores"]),
        string(&machine["kernel"]),
        string(&machine["compiler"]),
        string(&machine["node"]),
        settings["rounds"],
        settings["seconds"],
    );
    if settings["quick"] == true {
        text.push_str("**A quick run**: fewer cells, rounds and connections, so take the figures for no more than a first look.\n\n");
    }
    let versions = machine["versions"].as_object().into_iter().flatten();
    let versions: Vec<_> = versions
        .map(|(name, version)| format!("{name} {}", string(version)))
        .collect();
    let _ = write!(text, "Versions: {}.\n\n", versions.join(", "));
}

fn not_built(results: &Value, text: &mut String) {
    for peer in array(&results["not_built"]) {
        let _ = write!(
            text,
            "NOT BUILT: {}: {}\n\n",
            string(&peer["name"]),
            string(&peer["reason"])
        );
    }
}

fn targets(results: &Value, text: &mut String) {
    let targets = array(&results["targets"]);
    let met = targets.iter().filter(|one| one["met"] == true).count();
    let _ = write!(
        text,
        "## Targets\n\n{met} of {} met.\n\n| | cell | is | at most |\n| --- | --- | ---: | ---: |\n",
        targets.len()
    );
    for one in targets {
        let value = short(&one["value"]);
        let _ = writeln!(
            text,
            "| {} | {} | {value} | {} {} |",
            if one["met"] == true {
                "met"
            } else {
                "**not met**"
            },
            string(&one["cell"]),
            one["limit"],
            string(&one["target"]),
        );
    }
    text.push('\n');
}

/// A table: a line for each peer, a column for each cell.
fn group(results: &Value, pattern: &str, heading: &str, text: &mut String) {
    let (start, middle) = pattern.split_once('*').unwrap_or((pattern, ""));
    let is_in = |name: &str| {
        name.strip_prefix(start)
            .is_some_and(|rest| middle.is_empty() || rest.contains(&format!("{middle}/")))
    };
    let cells: Vec<_> = array(&results["cells"])
        .iter()
        .filter(|cell| is_in(string(&cell["name"])))
        .collect();
    let Some(first) = cells.first() else {
        return;
    };
    let _ = write!(text, "### {heading}: {}\n\n|", string(&first["unit"]));
    let mut order = Vec::new();
    let mut lines: BTreeMap<&str, String> = BTreeMap::new();
    for (column, cell) in cells.iter().enumerate() {
        let name = string(&cell["name"]);
        let name = name
            .strip_prefix(start)
            .unwrap_or(name)
            .replace(middle, "")
            .replace("//", "/");
        let _ = write!(text, " | {}", name.trim_matches('/').replace('/', ", "));
        for peer in array(&cell["peers"]) {
            let who = string(&peer["name"]);
            if !order.contains(&who) {
                order.push(who);
            }
            let line = lines.entry(who).or_default();
            // Who did not take part in the cells before has empty ones.
            while line.matches('|').count() < column {
                line.push_str(" |");
            }
            let _ = write!(line, " {} |", entry(peer));
        }
    }
    let _ = writeln!(text, " |\n| --- |{}", " ---: |".repeat(cells.len()));
    for who in order {
        let mut line = lines.remove(who).unwrap_or_default();
        while line.matches('|').count() < cells.len() {
            line.push_str(" |");
        }
        let _ = writeln!(text, "| {who} |{line}");
    }
    text.push('\n');
}

fn entry(peer: &Value) -> String {
    if peer["failed"].is_string() {
        return "failed".to_owned();
    }
    let ratio = &peer["ours_to_it"];
    let mut entry = short(&peer["figure"]["median"]);
    if ratio.is_object() && peer["name"] != "ws-server" {
        let [median, low, high] = ["median", "low", "high"].map(|key| float(&ratio[key]));
        let _ = write!(entry, " ({median:.2}, {low:.2} to {high:.2})");
    }
    for (key, word) in [
        ("p50", "p50"),
        ("p99.9", "p99.9"),
        ("messages_a_second", "a second"),
    ] {
        let is_wanted = key != "messages_a_second" || peer["name"] == "mailbox";
        if peer[key].is_number() && is_wanted {
            let _ = write!(entry, "; {word} {}", short(&peer[key]));
        }
    }
    entry
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
    fn a_table_has_a_place_for_everybody() {
        let row = |name: &str| json!({"name": name, "figure": {"median": 2.0}, "ours_to_it": {"median": 0.5, "low": 0.4, "high": 0.6}});
        let cells = json!([
            {"name": "tls/125 B/50c/d1", "unit": "CPU", "peers": [row("ws-server")]},
            {"name": "tls/1 KiB/50c/d16", "unit": "CPU", "peers": [row("ws-server"), row("other")]},
        ]);
        let text = text(&json!({"cells": cells, "targets": []}), NOTHING_YET);
        assert!(
            text.contains("| | 125 B, 50c, d1 | 1 KiB, 50c, d16 |\n"),
            "{text}"
        );
        assert!(text.contains("| ws-server | 2.00 | 2.00 |\n"), "{text}");
        assert!(
            text.contains("| other | | 2.00 (0.50, 0.40 to 0.60) |\n"),
            "{text}"
        );
    }
}

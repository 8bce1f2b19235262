//! The tables: a line for each peer, a column for each cell.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::array;
use crate::table::{float, short, string};

/// A chapter: its heading, its picture if it has one, and its tables.
type Chapter = (
    &'static str,
    Option<&'static str>,
    &'static [(&'static str, &'static str, &'static str)],
);

/// A table has the cells whose names begin and end like this, under a heading.
const CHAPTERS: [Chapter; 9] = [
    (
        "Echo",
        Some("echo.png"),
        &[
            (
                "echo/binary/",
                "/50c/d1",
                "Binary, 50 connections, 1 in flight",
            ),
            (
                "echo/binary/",
                "/50c/d16",
                "Binary, 50 connections, 16 in flight",
            ),
            (
                "echo/mixed/",
                "/50c/d1",
                "Mixed-script text, 50 connections, 1 in flight",
            ),
            (
                "echo/mixed/",
                "/50c/d16",
                "Mixed-script text, 50 connections, 16 in flight",
            ),
            (
                "echo/ascii/",
                "/50c/d1",
                "ASCII text, 50 connections, 1 in flight",
            ),
            (
                "echo/ascii/",
                "/50c/d16",
                "ASCII text, 50 connections, 16 in flight",
            ),
            (
                "echo/binary/",
                "/1c/d1",
                "Binary, 1 connection, 1 in flight",
            ),
            (
                "echo/binary/",
                "/1c/d16",
                "Binary, 1 connection, 16 in flight",
            ),
            (
                "echo/binary/",
                "/500c/d1",
                "Binary, 500 connections, 1 in flight",
            ),
            (
                "echo/binary/",
                "/500c/d16",
                "Binary, 500 connections, 16 in flight",
            ),
        ],
    ),
    (
        "Codec",
        Some("codec.png"),
        &[
            ("codec/binary/", "", "Binary"),
            ("codec/ascii/", "", "ASCII text"),
            ("codec/mixed/", "", "Mixed-script text"),
            ("instructions/", "", "Instructions, counted by valgrind"),
        ],
    ),
    (
        "Client",
        None,
        &[
            ("client/binary/", "", "Binary, 1 in flight"),
            ("client/mixed/", "", "Mixed-script text, 1 in flight"),
        ],
    ),
    (
        "Memory",
        Some("memory.png"),
        &[("memory/", "", "An idle connection")],
    ),
    (
        "Latency",
        Some("latency.png"),
        &[(
            "latency/",
            "",
            "Of an echo at a fixed rate, about 30 % of what our core can do",
        )],
    ),
    (
        "TLS and compression",
        None,
        &[
            ("tls/", "", "Echo over TLS 1.3, binary"),
            (
                "deflate/",
                "",
                "Echo of compressed JSON, no context taken over",
            ),
        ],
    ),
    (
        "Many at once, and in and out",
        None,
        &[
            ("broadcast/", "", "Broadcast"),
            ("churn", "", "Connect, one echo, close"),
        ],
    ),
    (
        "The mailbox",
        None,
        &[
            ("mailbox/one core/", "", "Loop and consumer on one core"),
            (
                "mailbox/both cores/",
                "",
                "Loop and consumer on two cores, which the generator needs too",
            ),
            (
                "wake-up",
                "",
                "From a client to the consumer and back, when all of them sleep",
            ),
        ],
    ),
    (
        "Growing",
        None,
        &[
            (
                "two workers/one core/",
                "",
                "Two workers on one core, beside one worker and beside two servers of one worker each",
            ),
            (
                "two workers/both cores/",
                "",
                "The same on two cores, which the generator needs too",
            ),
            (
                "linearity/",
                "",
                "Ten times as many: instructions, counted by valgrind",
            ),
        ],
    ),
];

pub(super) fn all(results: &Value, text: &mut String) {
    for (heading, picture, tables) in CHAPTERS {
        let mut chapter = String::new();
        for (start, end, heading) in tables {
            table(results, (start, end), heading, &mut chapter);
        }
        if chapter.is_empty() {
            continue;
        }
        let _ = write!(text, "### {heading}\n\n");
        if let Some(picture) = picture {
            let _ = write!(text, "![{heading}](benchmarks/{picture})\n\n");
        }
        text.push_str(&chapter);
    }
}

fn table(results: &Value, (start, end): (&str, &str), heading: &str, text: &mut String) {
    let label = |name: &'_ Value| -> Option<String> {
        let middle = string(name).strip_prefix(start)?.strip_suffix(end)?;
        Some(match middle {
            "" => "each".to_owned(),
            middle => middle.replace('/', ", "),
        })
    };
    let cells: Vec<_> = array(&results["cells"])
        .iter()
        .filter_map(|cell| Some((label(&cell["name"])?, cell)))
        .collect();
    let Some((_, first)) = cells.first() else {
        return;
    };
    let _ = write!(text, "**{heading}**: {}\n\n|", string(&first["unit"]));
    let mut order = Vec::new();
    let mut lines: BTreeMap<&str, String> = BTreeMap::new();
    for (column, (label, cell)) in cells.iter().enumerate() {
        let _ = write!(text, " | {label}");
        let ours = array(&cell["peers"]).first().map(|peer| &peer["name"]);
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
            let _ = write!(line, " {} |", entry(peer, ours == Some(&peer["name"])));
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

fn entry(peer: &Value, is_ours: bool) -> String {
    if peer["failed"].is_string() {
        return "failed".to_owned();
    }
    let mut entry = short(&peer["figure"]["median"]);
    if is_ours {
        entry = format!("**{entry}**");
    }
    for (key, before, after) in [
        ("GB_a_second", "", " GB/s"),
        ("p50", "p50 ", ""),
        ("p99.9", "p99.9 ", ""),
    ] {
        if peer[key].is_number() {
            let _ = write!(entry, ", {before}{}{after}", short(&peer[key]));
        }
    }
    if peer["name"] == "mailbox" && peer["messages_a_second"].is_number() {
        let thousands = float(&peer["messages_a_second"]) / 1e3;
        let _ = write!(entry, ", {thousands:.0},000 a second");
    }
    let ratio = &peer["ours_to_it"];
    if ratio.is_object() && !is_ours {
        let [median, low, high] = ["median", "low", "high"].map(|key| float(&ratio[key]));
        let _ = write!(entry, " ({median:.2}");
        // What is measured once has none.
        if high > low {
            let _ = write!(entry, " ±{:.2}", (high - low) / 2.0);
        }
        entry.push(')');
    }
    entry
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_a_place_for_everybody() {
        let row = |name: &str| json!({"name": name, "figure": {"median": 2.0}, "ours_to_it": {"median": 0.5, "low": 0.4, "high": 0.6}});
        let cells = json!([
            {"name": "tls/125 B/50c/d1", "unit": "CPU", "peers": [row("ws-server")]},
            {"name": "tls/1 KiB/50c/d16", "unit": "CPU", "peers": [row("ws-server"), row("other")]},
        ]);
        let mut text = String::new();
        all(&json!({"cells": cells}), &mut text);
        for line in [
            "| | 125 B, 50c, d1 | 1 KiB, 50c, d16 |\n",
            "| ws-server | **2.00** | **2.00** |\n",
            "| other | | 2.00 (0.50 ±0.10) |\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}

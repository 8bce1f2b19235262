//! What the figures come to: ours beside the best peer, and the targets.

use std::fmt::Write as _;

use serde_json::Value;

use super::array;
use crate::{
    peers::{PEERS, Part},
    table::{float, short, string},
    targets::{bound, count},
};

/// Cells of the first table.
const IN_SHORT: [(&str, &str); 13] = [
    (
        "echo/binary/16 B/50c/d1",
        "Echo of 16 B, 50 connections, 1 in flight",
    ),
    (
        "echo/binary/16 B/50c/d16",
        "Echo of 16 B, 50 connections, 16 in flight",
    ),
    (
        "echo/mixed/1 KiB/50c/d16",
        "Echo of 1 KiB of mixed-script text, 16 in flight",
    ),
    ("echo/binary/16 KiB/50c/d16", "Echo of 16 KiB, 16 in flight"),
    ("echo/binary/1 MiB/50c/d1", "Echo of 1 MiB"),
    (
        "tls/1 KiB/50c/d16",
        "Echo of 1 KiB over TLS 1.3, 16 in flight",
    ),
    (
        "broadcast/125 B/1000c/d16",
        "Broadcast to 1,000, 16 in flight",
    ),
    ("churn", "Connect, one echo, close"),
    ("codec/binary/16 B", "Codec, 16 B"),
    ("codec/mixed/16 KiB", "Codec, 16 KiB of mixed-script text"),
    ("client/binary/1 KiB", "Client, 1 KiB"),
    ("memory/plain/10000c", "Idle connection"),
    ("memory/tls/10000c", "Idle connection over TLS 1.3"),
];

/// Ours, the floor and the best peer.
pub(super) fn best(results: &Value, text: &mut String) {
    let mut lines = String::new();
    for (name, words) in IN_SHORT {
        let mut cells = array(&results["cells"]).iter();
        if let Some(cell) = cells.find(|cell| cell["name"] == name) {
            line(cell, words, &mut lines);
        }
    }
    if !lines.is_empty() {
        text.push_str("| | unit | ours | floor | best peer | ours to it |\n| --- | --- | ---: | ---: | --- | ---: |\n");
        text.push_str(&lines);
        text.push('\n');
    }
}

fn line(cell: &Value, words: &str, lines: &mut String) {
    let peers = array(&cell["peers"]);
    let median = |peer: &Value| float(&peer["figure"]["median"]);
    let is_registry = |name: &Value| {
        PEERS
            .iter()
            .any(|peer| peer.part == Part::Registry && name == peer.name)
    };
    let best = peers
        .iter()
        .filter(|peer| peer["figure"].is_object() && is_registry(&peer["name"]))
        .min_by(|one, other| median(one).total_cmp(&median(other)));
    let floor = peers.iter().find(|peer| peer["name"] == "floor");
    let figure = |peer: Option<&Value>| {
        peer.map_or_else(String::new, |peer| short(&peer["figure"]["median"]))
    };
    let _ = writeln!(
        lines,
        "| {words} | {} | **{}** | {} | {} | {} |",
        string(&cell["unit"]),
        figure(peers.first()),
        figure(floor),
        best.map_or_else(String::new, |peer| format!(
            "{}: {}",
            string(&peer["name"]),
            figure(best)
        )),
        best.map_or_else(String::new, |peer| format!(
            "{:.2}",
            float(&peer["ours_to_it"]["median"])
        )),
    );
}

/// A line for each promise, over all of its cells; then the cells that do not keep one.
pub(super) fn targets(results: &Value, text: &mut String) {
    let judged = array(&results["targets"]);
    let (met, all) = count(judged);
    let _ = write!(
        text,
        "## Targets\n\n{met} of {all} met, counted by cells.\n\n\
         | | target | limit | cells within | furthest | where |\n| --- | --- | ---: | ---: | ---: | --- |\n"
    );
    let mut names: Vec<&str> = Vec::new();
    for one in judged {
        let name = string(&one["target"]);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| !is_gating(judged, name));
    for name in names {
        promise(judged, name, text);
    }
    text.push('\n');
    let beyond: Vec<_> = judged
        .iter()
        .filter(|one| one["met"] == false && one["is_gating"] == true)
        .collect();
    if beyond.is_empty() {
        return;
    }
    text.push_str("Not met:\n\n| cell | is | limit | target |\n| --- | ---: | ---: | --- |\n");
    for one in beyond {
        let _ = writeln!(
            text,
            "| {} | {} | {} {} | {} |",
            string(&one["cell"]),
            short(&one["value"]),
            bound(one),
            short(&one["limit"]),
            string(&one["target"]),
        );
    }
    text.push('\n');
}

fn is_gating(judged: &[Value], name: &str) -> bool {
    let mut all = judged.iter().filter(|one| one["target"] == name);
    all.any(|one| one["is_gating"] == true)
}

fn promise(judged: &[Value], name: &str, text: &mut String) {
    let all: Vec<_> = judged.iter().filter(|one| one["target"] == name).collect();
    let within = all.iter().filter(|one| one["met"] == true).count();
    // Beyond its limit most, or nearest to it; without a value furthest of all.
    let part = |one: &Value| {
        let part = float(&one["value"]) / float(&one["limit"]);
        if one["is_least"] == true {
            1.0 / part
        } else {
            part
        }
    };
    let Some(furthest) = all
        .iter()
        .max_by(|one, other| part(one).total_cmp(&part(other)))
    else {
        return;
    };
    let word = match (is_gating(judged, name), within == all.len()) {
        (false, _) => "reported",
        (true, true) => "met",
        (true, false) => "**not met**",
    };
    let _ = writeln!(
        text,
        "| {word} | {name} | {} {} | {within} of {} | {} | {} |",
        bound(furthest),
        short(&furthest["limit"]),
        all.len(),
        short(&furthest["value"]),
        string(&furthest["cell"]),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_promise_is_one_line_with_its_furthest_cell() {
        let one = |cell: &str, value: f64| json!({"target": "CPU", "cell": cell, "value": value, "limit": 1.05, "is_gating": true, "met": value <= 1.05});
        let mut text = String::new();
        targets(
            &json!({"targets": [one("a", 1.0), one("b", 1.2), one("c", 1.1)]}),
            &mut text,
        );
        for line in [
            "1 of 3 met",
            "| **not met** | CPU | at most 1.05 | 1 of 3 | 1.20 | b |\n",
            "| c | 1.10 | at most 1.05 | CPU |\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn the_best_peer_stands_beside_ours() {
        let row = |name: &str, figure: f64| json!({"name": name, "figure": {"median": figure}, "ours_to_it": {"median": 2.0 / figure}});
        let peers = [
            row("ws-server", 2.0),
            row("floor", 1.9),
            row("yawc", 4.0),
            row("tungstenite", 3.0),
            row("mailbox", 1.0),
        ];
        let cell = json!({"name": "churn", "unit": "CPU", "peers": peers});
        let mut text = String::new();
        best(&json!({"cells": [cell]}), &mut text);
        let line =
            "| Connect, one echo, close | CPU | **2.00** | 1.90 | tungstenite: 3.00 | 0.67 |\n";
        assert!(text.contains(line), "{text}");
    }
}

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
What does a message cost, and what does an open connection? `ws-server` and `ws-core` beside the servers and codecs that \
package registries offer, on the same work, in turns, in one run. Written by `cargo xtask bench --write --plot`: change \
nothing here but the section by hand.

";

const QUICK: &str = "\
> **A quick run** (`--quick`): fewer cells, rounds and connections, and other programs may have run beside it. Take its \
figures for a first look at the tables, not for a result.

";

const METHOD: &str = "\
To repeat it, on two cores that do nothing else: `cargo xtask bench --write --plot` (it builds and installs what it needs; \
`--quick` takes minutes and says less).

- One server thread on core 0; the load generator (ours, one thread, `tests/src/bin/bench/load`) on core 1; loopback. Every \
byte that comes back is compared.
- CPU time is the server's, user and system, read while it sleeps: on two cores it says more than messages a second do, which \
the generator limits as well. *In flight* is how many messages are on their way on each connection: they are sent with one \
write, and the next ones when the last is back.
- Servers take turns (A B C, B C A, …), so that what disturbs the machine disturbs all. A ratio is made within a round; the \
median of the rounds is given.
- The *floor* is a server and a codec of ours that check hardly anything (`tests/bench/src/floor`), over TLS it is rustls and \
nothing else: what is above it is the price of being a server.
- A codec copies its input once, as a read from a socket would, then parses, unmasks, checks texts and encodes the frames \
of an echo; these go nowhere. Whether it copies the payload for that is up to it: tokio-websockets and ws-tool never do, \
fastwebsockets and ws-core not from 1 KiB on, tungstenite, sockudo-ws, web-socket and yawc always. Every one of them checks \
that texts are UTF-8 (web-socket leaves that to its user, and the benchmark does it with simdutf8).
- Handshakes of fastwebsockets, web-socket and yawc are the benchmark's own, so their churn is not theirs alone.
- A client is measured on core 0, against the floor's server on core 1: it sends a message, waits until it is back, and compares.
- Memory is the growth of the server's resident memory from 500 connections on, after each connection has echoed once; what \
the kernel holds for a socket is not in it.
- µWebSockets is the one that PyPI's socketify carries, called from C (`tests/bench/uwebsockets`). It runs on libuv, which \
costs it something at one message in flight, so no target speaks of it.
- More than 256 MiB in flight would measure the memory: those cells are left out. Interpreters take part with 50 connections only.

";

const READING: &str = "\
## Figures

Medians of all rounds; less is better. In brackets: ours divided by it (below 1 ours is better), and half the distance \
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

//! What was promised, and whether the figures keep it.

use serde_json::{Value, json};

use crate::{
    instructions::MOST_FOR_TEN,
    peers::{PEERS, Part, Peer, TWO_SERVERS, TWO_WORKERS, UWEBSOCKETS},
    table::{float, short, string},
};

/// A tie with the best peer.
const TIE: f64 = 1.05;
/// The codec's limit: with the fastest peer it has no tie.
const FASTEST: f64 = 1.0;
/// Of the mailbox with one consumer, messages a second.
const LEAST_RATE: f64 = 500_000.0;
/// Connections of one process.
const LEAST_HELD: f64 = 19_000.0;

/// Each promise of each cell: `{target, cell, value, limit, is_least, is_gating, met}`.
pub(crate) fn judge(cells: &[Value]) -> Vec<Value> {
    let mut judged = Vec::new();
    for cell in cells {
        judge_cell(Cell(cell), &mut judged);
    }
    judged.extend(rate(cells));
    judged
}

fn judge_cell(cell: Cell<'_>, judged: &mut Vec<Value>) {
    let best = cell.ratio_to_best();
    let ours = cell.figure("ws-server");
    let mut keep = |target: &str, value: Option<f64>, limit: f64| {
        judged.push(most(target, cell.name(), value, limit));
    };
    let parts: Vec<_> = cell.name().split('/').collect();
    match parts[..] {
        ["echo", kind, size, _, depth] => {
            if let Some((target, limit)) = of_floor(kind, size, depth) {
                keep(target, cell.ratio("floor"), limit);
            }
            if best.is_some() {
                keep("Echo: times the best peer's CPU", best, TIE);
            }
            if let Some(ratio) = cell.ratio(UWEBSOCKETS) {
                judged.push(reported(
                    "Echo: times µWebSockets' CPU",
                    cell.name(),
                    ratio,
                    TIE,
                ));
            }
        }
        ["codec", kind, size] => {
            if best.is_some() {
                keep("Codec: times the fastest peer's time", best, FASTEST);
            }
            match (kind, size) {
                ("binary", "16 B") => {
                    let floor = cell.ratio("floor");
                    keep("Codec, 16 B binary: times the floor's time", floor, 1.4);
                    if let Some(ours) = ours {
                        let target = "Codec, 16 B binary: ns (the ambition)";
                        judged.push(reported(target, cell.name(), ours, 10.0));
                    }
                }
                ("binary", "1 KiB") => {
                    let floor = cell.ratio("floor");
                    keep("Codec, 1 KiB binary: times the floor's time", floor, 1.3);
                }
                _ => {}
            }
        }
        ["instructions", "binary", "16 B"] => {
            keep("Codec, 16 B binary: instructions", ours, 140.0);
        }
        ["memory", "plain", _] => {
            keep("Idle connection: bytes of memory", ours, 250.0);
            judged.extend(held(cell));
        }
        ["memory", "tls", _] => {
            let bare = cell.figure("floor").map_or(0.0, |bytes| bytes + 512.0);
            let limit = f64::from(12 << 10).max(bare);
            keep("Idle TLS 1.3 connection: bytes of memory", ours, limit);
        }
        ["broadcast", _, _, "d16"] => {
            keep("Broadcast, batched: CPU µs per delivery", ours, 1.0);
        }
        ["wake-up"] => {
            let target = "Mailbox: p99 of a wake-up, times a bare channel's and waker's";
            keep(target, cell.ratio("bare channel"), 1.5);
        }
        [TWO_WORKERS, "one core", ..] => {
            let target = "Two workers on one core: times one worker's CPU";
            keep(target, cell.ratio("ws-server"), 1.1);
        }
        // The second of them is on the generator's core, where each message costs switches that one worker does not
        // have: two servers do.
        [TWO_WORKERS, "both cores", ..] => {
            let target = "Two workers on two cores: times two servers' CPU";
            keep(target, cell.ratio(TWO_SERVERS), 1.1);
            let target = "Two workers beside the generator: times one worker's CPU";
            if let Some(ratio) = cell.ratio("ws-server") {
                judged.push(reported(target, cell.name(), ratio, 1.1));
            }
        }
        ["linearity", _] => {
            let target = "Ten times the messages or connections: times the instructions";
            keep(target, ours, MOST_FOR_TEN);
        }
        _ => {}
    }
    let beside = match parts[0] {
        "latency" => Some(("Latency: times the best peer's p99", 1.25)),
        "client" => Some(("Client: times the peer's CPU", TIE)),
        "tls" | "deflate" | "broadcast" | "churn" => Some((
            "TLS, compression, broadcast, churn: times the best peer's CPU",
            TIE,
        )),
        _ => None,
    };
    if let (Some((target, limit)), Some(best)) = (beside, best) {
        judged.push(reported(target, cell.name(), best, limit));
    }
}

/// What a promise that is told by rounds lets ours need of this peer's figure.
pub(crate) fn most_times(cell: &str, peer: &Peer) -> Option<f64> {
    let parts: Vec<_> = cell.split('/').collect();
    match (&parts[..], peer.part) {
        (["echo", kind, size, _, depth], Part::Floor) => {
            of_floor(kind, size, depth).map(|(_, limit)| limit)
        }
        (["echo", ..], Part::Registry) => Some(TIE),
        (["codec", ..], Part::Registry) => Some(FASTEST),
        _ => None,
    }
}

/// How much more than the floor an echo may take.
fn of_floor(kind: &str, size: &str, depth: &str) -> Option<(&'static str, f64)> {
    Some(match (kind, size, depth) {
        (_, "1 MiB", _) => return None,
        ("mixed", ..) => ("Echo, mixed-script text: times the floor's CPU", 1.3),
        (_, _, "d1") => ("Echo, 1 in flight: times the floor's CPU", 1.05),
        _ => ("Echo, 16 in flight: times the floor's CPU", 1.15),
    })
}

/// A cell in which somebody failed has no value, and keeps no promise.
fn most(target: &str, cell: &str, value: Option<f64>, limit: f64) -> Value {
    let met = value.is_some_and(|value| value <= limit);
    json!({"target": target, "cell": cell, "value": value, "limit": limit, "is_least": false, "is_gating": true, "met": met})
}

fn least(target: &str, cell: &str, value: f64, limit: f64) -> Value {
    json!({"target": target, "cell": cell, "value": value, "limit": limit, "is_least": true, "is_gating": true, "met": value >= limit})
}

/// Worth knowing, but nothing that was promised.
fn reported(target: &str, cell: &str, value: f64, limit: f64) -> Value {
    let mut judged = most(target, cell, Some(value), limit);
    judged["is_gating"] = json!(false);
    judged
}

/// The cell with the most connections shows how many one process holds: each of them has echoed.
fn held(cell: Cell<'_>) -> Option<Value> {
    let held = cell.peer("ws-server")?["held"].as_f64()?;
    let is_most = held >= LEAST_HELD;
    is_most.then(|| {
        least(
            "Connections held in one process",
            cell.name(),
            held,
            LEAST_HELD,
        )
    })
}

/// A promise kept in the best of its cells.
fn rate(cells: &[Value]) -> Option<Value> {
    let cells = cells
        .iter()
        .map(Cell)
        .filter(|cell| cell.name().starts_with("mailbox/"));
    let rate = |cell: Cell<'_>| {
        let rate = cell.peer("mailbox")?["messages_a_second"].as_f64()?;
        Some((rate, string(&cell.0["name"]).to_owned()))
    };
    let rates = cells.filter_map(rate);
    let (rate, name) = rates.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    let target = "Mailbox, one consumer: messages a second in and out";
    Some(least(target, &name, rate, LEAST_RATE))
}

/// A cell of the JSON file.
#[derive(Clone, Copy)]
struct Cell<'a>(&'a Value);

impl<'a> Cell<'a> {
    fn name(&self) -> &'a str {
        string(&self.0["name"])
    }

    fn peer(&self, name: &str) -> Option<&'a Value> {
        let mut peers = self.0["peers"].as_array().into_iter().flatten();
        peers.find(|peer| peer["name"] == name)
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.peer(name)?["figure"]["median"].as_f64()
    }

    /// Ours to this peer's, of the same rounds each.
    fn ratio(&self, name: &str) -> Option<f64> {
        self.peer(name)?["ours_to_it"]["median"].as_f64()
    }

    /// Ours to the best of the registries' peers.
    fn ratio_to_best(&self) -> Option<f64> {
        let of_registry = PEERS.iter().filter(|peer| peer.part == Part::Registry);
        let ratios = of_registry.filter_map(|peer| self.ratio(peer.name));
        ratios.max_by(f64::total_cmp)
    }
}

/// A line for each promise.
pub(crate) fn print(judged: &[Value]) {
    println!("\nTargets");
    for one in judged {
        println!(
            "  {}  {:<44} {:>10.3} of {} {:<8} {}",
            word(one),
            string(&one["cell"]),
            float(&one["value"]),
            bound(one),
            short(&one["limit"]),
            string(&one["target"])
        );
    }
    let (met, all) = count(judged);
    println!("{met} of {all} targets met");
}

/// What has become of it, in one width.
fn word(one: &Value) -> &'static str {
    match (one["met"] == true, one["is_gating"] == true) {
        (true, true) => "met     ",
        (false, true) => "NOT met ",
        (true, false) => "(within)",
        (false, false) => "(beyond)",
    }
}

pub(crate) fn bound(one: &Value) -> &'static str {
    if one["is_least"] == true {
        "at least"
    } else {
        "at most"
    }
}

/// Of those that were promised: how many are met, and how many there are.
pub(crate) fn count(judged: &[Value]) -> (usize, usize) {
    let gating = judged.iter().filter(|one| one["is_gating"] == true);
    let met = gating.clone().filter(|one| one["met"] == true);
    (met.count(), gating.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, figure: f64, ratio: f64) -> Value {
        json!({"name": name, "figure": {"median": figure}, "ours_to_it": {"median": ratio}})
    }

    #[test]
    fn the_best_peer_is_the_one_that_ours_comes_nearest_to() {
        let peers = [
            row("ws-server", 1.0, 1.0),
            row("floor", 0.9, 1.11),
            row("yawc", 2.0, 0.5),
            row("picows", 0.9, 1.1),
            row(UWEBSOCKETS, 0.5, 2.0),
        ];
        let judged = judge(&[json!({"name": "echo/binary/16 B/50c/d16", "peers": peers})]);
        let pieces: Vec<_> = judged
            .iter()
            .map(|one| (float(&one["value"]), float(&one["limit"]), &one["met"]))
            .collect();
        assert_eq!(
            pieces,
            [
                (1.11, 1.15, &json!(true)),
                (1.1, TIE, &json!(false)),
                (2.0, TIE, &json!(false))
            ]
        );
        assert_eq!(count(&judged), (1, 2), "what is apart was not promised");
    }

    #[test]
    fn what_is_told_by_rounds_has_the_limits_that_are_judged() {
        let peer = |name: &str| PEERS.iter().find(|peer| peer.name == name).unwrap();
        let echo = "echo/binary/16 B/50c/d1";
        assert_eq!(most_times(echo, peer("floor")), Some(1.05));
        assert_eq!(most_times(echo, peer("yawc")), Some(TIE));
        assert_eq!(most_times(echo, peer(UWEBSOCKETS)), None);
        assert_eq!(most_times("codec/binary/1 MiB", peer("yawc")), Some(1.0));
        assert_eq!(most_times("churn", peer("yawc")), None);
    }

    #[test]
    fn two_workers_are_held_against_what_has_the_same_core() {
        let judged_in = |place: &str| {
            let peers = [
                row("two workers", 1.4, 1.0),
                row("ws-server", 1.0, 1.4),
                row("two servers", 1.4, 1.0),
            ];
            let name = format!("two workers/{place}/16 B/50c/d1");
            count(&judge(&[json!({"name": name, "peers": peers})]))
        };
        assert_eq!(
            (judged_in("one core"), judged_in("both cores")),
            ((0, 1), (1, 1))
        );
    }

    #[test]
    fn who_failed_keeps_no_promise() {
        let failed = json!({"name": "ws-server", "failed": "why"});
        let judged = judge(&[json!({"name": "memory/plain/10000c", "peers": [failed]})]);
        assert_eq!(judged[0]["met"], json!(false));
    }

    #[test]
    fn the_mailbox_needs_one_good_cell() {
        let cell = |name: &str, rate: f64| json!({"name": name, "peers": [{"name": "mailbox", "messages_a_second": rate}]});
        let judged = judge(&[cell("mailbox/a", 600_000.0), cell("mailbox/b", 1.0)]);
        assert_eq!((judged.len(), &judged[0]["met"]), (1, &json!(true)));
    }
}

//! What was promised, and whether the figures keep it.

use serde_json::{Value, json};

use crate::{
    peers::{PEERS, Part},
    table::{float, string},
};

/// A tie with the best peer.
const TIE: f64 = 1.05;

/// Each promise of each cell: `{target, cell, value, limit, met}`, and `gating` where it is only reported.
pub(crate) fn judge(cells: &[Value]) -> Vec<Value> {
    let mut judged = Vec::new();
    for cell in cells {
        let cell = Cell(cell);
        let mut keep = |target: &str, value: Option<f64>, limit: f64| {
            // A cell in which somebody failed has no value, and keeps no promise.
            judged.push(json!({
                "target": target,
                "cell": cell.name(),
                "value": value,
                "limit": limit,
                "met": value.is_some_and(|value| value <= limit),
            }));
        };
        let parts: Vec<_> = cell.name().split('/').collect();
        match parts[..] {
            ["echo", kind, size, _, depth] => {
                if let Some(limit) = echo_limit(kind, size, depth) {
                    keep("times the floor", cell.ratio("floor"), limit);
                }
                if let Some(best) = cell.ratio_to_best() {
                    keep("times the best peer", Some(best), TIE);
                }
            }
            ["codec", kind, size] => {
                if let Some(best) = cell.ratio_to_best() {
                    keep("times the best peer", Some(best), 1.0);
                }
                match (kind, size) {
                    ("binary", "16 B") => {
                        keep("times the floor", cell.ratio("floor"), 1.4);
                        keep("ns (ambition)", cell.figure("ws-server"), 10.0);
                    }
                    ("binary", "1 KiB") => keep("times the floor", cell.ratio("floor"), 1.3),
                    _ => {}
                }
            }
            ["instructions", "binary", "16 B"] => {
                keep("instructions", cell.figure("ws-server"), 140.0);
            }
            ["memory", "plain", _] => keep("bytes", cell.figure("ws-server"), 250.0),
            ["memory", "tls", _] => {
                let bare = cell.figure("floor").map_or(0.0, |bytes| bytes + 512.0);
                keep(
                    "bytes",
                    cell.figure("ws-server"),
                    f64::from(12 << 10).max(bare),
                );
            }
            ["broadcast", _, _, "d16"] => keep("µs per delivery", cell.figure("ws-server"), 1.0),
            ["wake-up"] => keep("times a bare channel", cell.ratio("bare channel"), 1.5),
            ["two workers", ..] => {
                let times = cell.ratio("two workers").map(|ratio| 1.0 / ratio);
                keep("times one worker", times, 1.1);
            }
            ["latency", ..] => {
                if let Some(best) = cell.ratio_to_best() {
                    keep(
                        "times the best peer (reported, not gating)",
                        Some(best),
                        1.25,
                    );
                }
            }
            _ => {}
        }
    }
    judged.extend(mailbox(cells));
    judged
}

/// A promise kept in the best of its cells.
fn mailbox(cells: &[Value]) -> Option<Value> {
    let rates = cells
        .iter()
        .map(Cell)
        .filter(|cell| cell.name().starts_with("mailbox/"));
    let (rate, name) = rates
        .filter_map(|cell| {
            Some((
                cell.peer("mailbox")?["messages_a_second"].as_f64()?,
                cell.name(),
            ))
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    let least = 500_000.0;
    Some(json!({
        "target": "messages a second, at least",
        "cell": name,
        "value": rate,
        "limit": least,
        "met": rate >= least,
    }))
}

fn echo_limit(kind: &str, size: &str, depth: &str) -> Option<f64> {
    match (kind, size, depth) {
        (_, "1 MiB", _) => None,
        ("mixed", ..) => Some(1.3),
        (_, _, "d1") => Some(1.05),
        _ => Some(1.15),
    }
}

/// A cell of the JSON file.
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
            "  {}  {:<44} {:>10.3} of {:<8} {}",
            if one["met"] == true {
                "met    "
            } else {
                "NOT met"
            },
            string(&one["cell"]),
            float(&one["value"]),
            float(&one["limit"]),
            string(&one["target"])
        );
    }
    let met = judged.iter().filter(|one| one["met"] == true).count();
    println!("{met} of {} targets met", judged.len());
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
        ];
        let judged = judge(&[json!({"name": "echo/binary/16 B/50c/d16", "peers": peers})]);
        assert_eq!(judged.len(), 2);
        assert_eq!(
            (&judged[0]["limit"], &judged[0]["met"]),
            (&json!(1.15), &json!(true))
        );
        assert_eq!(
            (&judged[1]["value"], &judged[1]["met"]),
            (&json!(1.1), &json!(false))
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

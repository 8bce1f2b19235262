//! Results as text for people.

use std::fmt::Write as _;

use serde_json::Value;

/// A cell: its name, and a line for each peer.
pub(crate) fn cell(cell: &Value) -> String {
    let mut text = format!("{}  ({})\n", string(&cell["name"]), string(&cell["unit"]));
    for peer in cell["peers"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  {}", line(peer));
    }
    text
}

fn line(peer: &Value) -> String {
    let name = string(&peer["name"]);
    if let Some(why) = peer["failed"].as_str() {
        return format!("{name:<20} FAILED: {why}");
    }
    let (figure, ratio) = (&peer["figure"], &peer["ours_to_it"]);
    let mut line = format!(
        "{name:<20} {:>10} ({} to {})",
        short(&figure["median"]),
        short(&figure["low"]),
        short(&figure["high"])
    );
    if ratio.is_object() {
        let _ = write!(
            line,
            "   ours / it {:.2} ({:.2} to {:.2})",
            float(&ratio["median"]),
            float(&ratio["low"]),
            float(&ratio["high"])
        );
    }
    let known = ["name", "rounds", "figure", "ours_to_it"];
    let members = peer.as_object().into_iter().flatten();
    for (what, figure) in members.filter(|(what, _)| !known.contains(&what.as_str())) {
        let _ = write!(line, "   {} {}", what.replace('_', " "), short(figure));
    }
    line
}

/// A figure with three digits that count.
pub(crate) fn short(figure: &Value) -> String {
    let figure = float(figure);
    match figure {
        _ if figure >= 100.0 => format!("{figure:.0}"),
        _ if figure >= 10.0 => format!("{figure:.1}"),
        _ if figure >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

pub(crate) fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

pub(crate) fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

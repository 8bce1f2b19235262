//! What came out, cell by cell.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{cells::Cell, statistics::Spread};

/// One turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// In the cell's unit; less is better.
    pub(crate) figure: f64,
    /// Whatever else was seen.
    pub(crate) more: Vec<(&'static str, f64)>,
}

impl Sample {
    pub(crate) fn new(figure: f64) -> Self {
        Self {
            figure,
            more: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, figure: f64) -> Self {
        self.more.push((name, figure));
        self
    }
}

/// What a peer has come to in a cell.
#[derive(Debug)]
pub(crate) enum Answer {
    /// In the order of the rounds.
    Samples(Vec<Sample>),
    Failed(String),
}

/// A cell as the JSON file has it: everything that tables, targets and plots are made of.
pub(crate) fn cell(cell: &Cell, answers: &BTreeMap<&'static str, Answer>) -> Value {
    let ours = cell
        .peers
        .first()
        .and_then(|peer| match answers.get(peer.name) {
            Some(Answer::Samples(samples)) => Some(samples),
            _ => None,
        });
    let peers: Vec<_> = cell
        .peers
        .iter()
        .filter_map(|peer| {
            let answer = match answers.get(peer.name)? {
                Answer::Failed(why) => json!({"name": peer.name, "failed": why}),
                Answer::Samples(samples) => row(peer.name, samples, ours),
            };
            Some(answer)
        })
        .collect();
    json!({"name": cell.name, "unit": cell.work.unit(), "peers": peers})
}

fn row(name: &str, samples: &[Sample], ours: Option<&Vec<Sample>>) -> Value {
    let rounds: Vec<_> = samples.iter().map(|sample| sample.figure).collect();
    let mut row = json!({"name": name, "rounds": rounds, "figure": spread(&rounds)});
    if let Some(ours) = ours {
        // Of the same round each: what disturbs the machine disturbs both.
        let pairs = ours.iter().zip(samples);
        let ratios: Vec<_> = pairs
            .map(|(ours, other)| ours.figure / other.figure)
            .collect();
        row["ours_to_it"] = spread(&ratios);
    }
    if let Some(first) = samples.first() {
        for (index, (what, _)) in first.more.iter().enumerate() {
            let figures: Vec<_> = samples
                .iter()
                .filter_map(|sample| Some(sample.more.get(index)?.1))
                .collect();
            row[*what] = spread(&figures)["median"].clone();
        }
    }
    row
}

fn spread(figures: &[f64]) -> Value {
    match Spread::of(figures.iter().copied()) {
        Some(Spread { low, median, high }) => json!({"low": low, "median": median, "high": high}),
        None => Value::Null,
    }
}

//! `bench run`: the cells one after the other, and what comes of them.

use std::{
    fs, io,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cells::{self, Cell},
    machine,
    options::Options,
    peers::{PEERS, Part},
    results,
    stage::Stage,
    table, targets, turns,
};

pub(crate) fn run(options: &Options) -> io::Result<()> {
    for peer in &PEERS {
        if let Some(reason) = peer.missing(options) {
            println!("NOT BUILT: {}: {reason}", peer.name);
        }
    }
    let mut stage = Stage::new(options)?;
    let cells = cells::cells(options);
    let mut progress = Progress::new(&cells, options);
    println!(
        "{} cells, about {} min",
        cells.len(),
        minutes(progress.expected)
    );
    let mut done: Vec<Value> = Vec::new();
    for cell in &cells {
        let answers = turns::run(cell, &mut stage);
        let value = results::cell(cell, &answers);
        println!(
            "\n[{} of {}; {}]",
            done.len() + 1,
            cells.len(),
            progress.after(cell)
        );
        print!("{}", table::cell(&value));
        done.push(value);
    }
    let not_built: Vec<_> = PEERS
        .iter()
        .filter(|peer| peer.part != Part::Limit)
        .filter_map(|peer| Some(json!({"name": peer.name, "reason": peer.missing(options)?})))
        .collect();
    let targets = targets::judge(&done);
    targets::print(&targets);
    let all = json!({
        "machine": machine::describe(),
        "settings": {
            "rounds": options.rounds,
            "seconds": options.turn.as_secs_f64(),
            "quick": options.quick,
            "minutes": progress.start.elapsed().as_secs_f64() / 60.0,
        },
        "targets": targets,
        "cells": done,
        "not_built": not_built,
    });
    if let Some(path) = &options.json {
        fs::write(path, format!("{all:#}\n"))?;
        println!("written to {}", path.display());
    }
    Ok(())
}

/// How far a run is.
struct Progress<'a> {
    options: &'a Options,
    start: Instant,
    expected: Duration,
    done: Duration,
}

impl<'a> Progress<'a> {
    fn new(cells: &[Cell], options: &'a Options) -> Self {
        Self {
            options,
            start: Instant::now(),
            expected: cells.iter().map(|cell| cell.expected(options)).sum(),
            done: Duration::ZERO,
        }
    }

    /// How long it took so far, and about how long it still takes: what was expected, as much longer as the part that is
    /// done took.
    fn after(&mut self, cell: &Cell) -> String {
        self.done += cell.expected(self.options);
        let elapsed = self.start.elapsed();
        let slower = elapsed.as_secs_f64() / self.done.as_secs_f64().max(0.001);
        let left = self.expected.saturating_sub(self.done).mul_f64(slower);
        format!(
            "{} min gone, about {} left",
            minutes(elapsed),
            minutes(left)
        )
    }
}

fn minutes(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() / 60.0)
}

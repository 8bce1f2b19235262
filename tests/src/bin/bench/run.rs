//! `bench run`: the cells one after the other, and what comes of them.

use std::{fs, io};

use serde_json::{Value, json};

use crate::{
    cells, machine,
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
    let mut done: Vec<Value> = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        let answers = turns::run(cell, &mut stage);
        let value = results::cell(cell, &answers);
        println!("\n[{} of {}]", number + 1, cells.len());
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
        "settings": {"rounds": options.rounds, "seconds": options.turn.as_secs_f64(), "quick": options.quick},
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

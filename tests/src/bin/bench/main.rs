//! `bench run …`: our server and codec beside those of others, in turns in one run. `cargo xtask bench` runs it.
//!
//! The process that runs it is the load generator: one thread, pinned to core 1. Servers are processes of their own,
//! pinned to core 0: this program again (`bench serve MODE`, `bench codec …`, `bench client …`), the programs of
//! `tests/bench`, and the scripts of `tests/bench/scripts`.
//!
//! ```text
//!   cells ──► stage (servers, kept) ──► turns A B C … B C A … ──► results (JSON) ──► table, targets, document
//!                                         │ load, work
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the purpose"
)]

mod callgrind;
mod cells;
mod document;
mod instructions;
mod load;
mod machine;
mod options;
mod ours;
mod peers;
mod results;
mod run;
mod stage;
mod statistics;
mod table;
mod targets;
mod turns;
mod wakeup;
mod work;

use std::{env, process};

use options::Options;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match &words[..] {
        ["run", rest @ ..] => {
            let options = Options::parse(rest).unwrap_or_else(|text| panic!("{text}"));
            run::run(&options).unwrap_or_else(|error| panic!("{error}"));
        }
        ["instructions", baseline, rest @ ..] => {
            let counted = instructions::run(baseline.as_ref(), rest == ["--update"]);
            if let Err(error) = counted {
                eprintln!("{error}");
                process::exit(1);
            }
        }
        ["document", results, document] => {
            let written = document::write(results.as_ref(), document.as_ref());
            written.unwrap_or_else(|error| panic!("{error}"));
        }
        ["wakeup", who, seconds] => {
            let seconds = seconds
                .parse()
                .unwrap_or_else(|_| panic!("{seconds} is no time"));
            wakeup::run(who, seconds).unwrap_or_else(|error| panic!("{error}"));
        }
        ["serve", mode, rest @ ..] => ours::serve(mode, rest),
        ["client", ..] => ws_tests::bench::client::main(&arguments[1..], ours::open_client),
        ["codec", ..] => ws_tests::bench::codec::main(&mut ours::Codec::default(), &arguments[1..]),
        _ => panic!(
            "usage: bench run … | document RESULTS DOCUMENT | instructions BASELINE [--update] | serve MODE [CHAIN KEY] | \
             client PORT SIZE KIND | codec SIZE KIND (for SECONDS | calls N) | wakeup mailbox|bare SECONDS"
        ),
    }
}

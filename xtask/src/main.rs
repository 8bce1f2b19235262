//! Developer commands: `cargo xtask COMMAND`.
//!
//! One file a command. A command is a list of steps ([`report`]); a step prints the command line it runs
//! ([`shell`]) and its time; the time table comes last. The crate sees the whole workspace and nothing depends on it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what these commands are for"
)]

mod autobahn;
mod bench;
mod build;
mod ci;
mod dist;
mod flags;
mod foreign;
mod full;
mod fuzz;
mod idle;
mod install;
mod memcheck;
mod models;
mod modules;
mod mutants;
mod native;
mod onescript;
mod report;
mod shell;
mod simulate;
mod soak;
mod tidy;

use std::process::ExitCode;

use flags::Flags;
use report::Report;

const HELP: &str = "\
cargo xtask COMMAND

  ci          everything a change must pass: fmt, clippy, docs, tests, conformance, idle memory, tidy
  full        ci, then Autobahn with every section, the mutants, cargo-deny, the fuzz targets, and what `dist` builds for
              other systems in Wine and qemu; hours are allowed
  native      the 1C add-in in the C++ host, at length: races, loads, two sanitizers, valgrind, speed
  memcheck    the core's tests and the server's framing under valgrind
  models      queues, wake-ups and closes in every schedule of loom and in many of shuttle
              [--schedules N]      of each model of shuttle (default 10,000)
  soak        a mixed echo load with sequence and checksum verification; prints the slopes of RSS and open files
              [--minutes N]        how long (default 10)
              [--connections N]    how many at once (default 50)
              [--rate N]           messages a second over all of them (default 0: as fast as it goes)
              [--churn N]          connects a second over all of them (default 0: after every 480 messages)
              [--faults N]         of 100 messages so many more are cut off in their middle (default 0)
              [--tls N]            of 100 connections so many have TLS (default 0)
  simulate    worlds of endpoints and a server's loop over a mock network, one for each seed; prints the faults by kind
              and which state met which input; from 20,000 seeds on each possible pair must have been reached
              [--seeds N]          how many (default 20000)
              [--first N]          from which on (default 0)
  fuzz        the fuzz targets of ws-core, from the committed corpus on; installs cargo-fuzz under target
              [--minutes N]        for each target (default 1)
              [--runs N]           so many executions of each instead; `ci` does 100,000
              [--target NAME]      only this one
  autobahn    Autobahn testsuite against `ws serve --echo` and the ws-client crate
              [--role server|client|both]    (default both)
              [--cases P,P] [--exclude P,P]  patterns of case ids, such as 6.*,7.1.6 (default: all)
  idle        10,000 idle connections to `ws serve --echo`: memory of each, and back to the start after
              [--connections N] [--seconds N]
              [--transport plain|tls]  with tls 5,000 connections to an echo server of ws-server (default plain)
  dist        the add-in and `ws` for every platform, with licences and sums, in target/dist
              [--only P,P]         platforms: linux-x86_64, linux-x86_64-static, linux-i686, linux-aarch64,
                                   windows-x86_64, windows-i686 (default: all)
  foreign     what `dist` builds for other systems and processors, run in Wine, by the 32-bit loader and in qemu
  bench       ws-server and ws-core beside the servers and codecs of others, in turns in one run (needs two cores)
              [--quick]            minutes instead of half an hour: fewer cells, rounds and connections
              [--rounds N] [--seconds S]     turns of each in a cell (default 9) of S seconds (default 0.12)
              [--only NAMES] [--cells NAMES] those peers beside ours and the floor; cells whose names have one of these
              [--json FILE]        where the figures go (default target/bench/results.json)
              [--write] [--plot]   ws-server/BENCHMARKS.md anew, and its pictures
              [--from FILE]        without a new run, from the figures of an old one
  bench instructions  instructions of the hot paths in valgrind, red if one is 5 % above tests/bench/instructions.json
              [--update]           writes that file anew
  bench deflate  echo of compressed JSON and memory of idle compressed connections: ws-server, Node ws, Python websockets
              in turns in one run  [--tenths N]  tenths of a second for each turn (default 10)
  bench plain  an uncompressed echo in ws-core with and without the feature `deflate`, counted by callgrind
  install     the programs and packages that tests need: by apt if run as root, PyPI and npm ones under target
  modules     the 1C and OneScript modules and the tables of the add-in's README, from ws-ffi/methods.json
              [--addin ARCHIVE --into FOLDER]  the OneScript package and the extension's dump as well
  mutants     applies the patches of tests/mutants one by one to a copy under target, and sees the tests of each fail
              [--only R-14,M-5]    those of these rules or names (default: all)
  onescript   the OneScript module in a real OneScript, where `oscript` is on the PATH
  tidy        layers, lints, licences, file lengths, paths, leftovers
  help        this text
";

/// Why a command cannot go on; printed once by `main`.
type Failure = String;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "help".to_owned());
    let mut arguments = arguments.peekable();
    // What to measure is a word, as the command is.
    let what = arguments
        .next_if(|word| command == "bench" && !word.starts_with("--"))
        .unwrap_or_default();
    let result = Flags::parse(arguments).and_then(|flags| run(&command, &what, flags));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xtask: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, what: &str, mut flags: Flags) -> Result<(), Failure> {
    let run: fn(&mut Flags, &mut Report) -> Result<(), Failure> = match command {
        "bench" => bench::named(what)?,
        "ci" => ci::run,
        "full" => full::run,
        "dist" => dist::run,
        "foreign" => foreign::run,
        "memcheck" => memcheck::run,
        "models" => models::run,
        "native" => native::run,
        "simulate" => simulate::run,
        "soak" => soak::run,
        "autobahn" => autobahn::run,
        "fuzz" => fuzz::run,
        "idle" => idle::run,
        "install" => install::run,
        "modules" => modules::run,
        "mutants" => mutants::run,
        "onescript" => onescript::run,
        "tidy" => tidy::run,
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return Ok(());
        }
        other => return Err(format!("no command {other:?}; try `cargo xtask help`")),
    };
    let mut report = Report::new(command);
    run(&mut flags, &mut report)?;
    report.finish()
}

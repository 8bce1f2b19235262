//! `ws`: WebSocket client and server for the shell.
//!
//! ```text
//! main → run ─ args ─ commands/{connect, send, serve, bench, rpc} ─ ws-client, ws-server; rpc: ws-ffi's dispatch
//!                          │ messages, events, answers   failure │
//!      stdin, prompt ─────┘└────────► output ◄────────────────────┘ → stdout, stderr, exit code
//! ```
//!
//! Invariant: nothing but `output` prints, and nothing but `main` ends the process (Ctrl-C twice excepted).
//! End-to-end tests run the binary: `tests/it/cli_*.rs` and `rpc*.rs`.

mod args;
mod commands;
mod duration;
mod exit;
mod failure;
mod framing;
mod outgoing;
mod output;
mod prompt;
mod secret;
mod signals;
mod slash;
mod stdin;
mod usage;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Stop;
use crate::output::Output;
use crate::signals::Signals;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::misused(&error).into(),
    };
    let mut output = Output::new(cli.output.json, cli.output.quiet, cli.output.color);
    let exit = match run(&cli, &mut output) {
        Ok(exit) => exit,
        Err(Stop::BrokenPipe) => Exit::Done,
        Err(Stop::Interrupted) => Exit::Interrupted,
        Err(Stop::Failure(failure)) => {
            output::screen::release();
            output.failure(&failure);
            failure.exit
        }
    };
    output::screen::release();
    match output.flush() {
        Err(Stop::Failure(failure)) if exit == Exit::Done => {
            output.failure(&failure);
            failure.exit.into()
        }
        _ => exit.into(),
    }
}

fn run(cli: &Cli, output: &mut Output) -> Result<Exit, Stop> {
    start_log(cli.output.verbose);
    let signals = Signals::install()?;
    match &cli.command {
        Command::Connect(args) => commands::connect::run(args, &signals, output),
        Command::Send(args) => commands::send::run(args, &signals, output),
        Command::Bench(args) => commands::bench::run(args, &signals, output),
        Command::Serve(args) => commands::serve::run(args, &signals, output),
        Command::Rpc(args) => commands::rpc::run(args, &signals, output),
        Command::Completions(args) => commands::completions::run(args, output),
        Command::Man(args) => commands::completions::write_manual(args),
    }
}

/// Sends the crates' log to stderr; without `-v` only what `RUST_LOG` asks for.
fn start_log(verbose: u8) {
    use log::LevelFilter::{Debug, Off, Trace};
    let (ours, others) = match verbose {
        0 => (Off, Off),
        1 => (Debug, Off),
        2 => (Trace, Off),
        _ => (Trace, Trace),
    };
    let mut builder = env_logger::Builder::new();
    builder.filter_level(others);
    let program = env!("CARGO_CRATE_NAME");
    for name in [program, "ws_core", "ws_client", "ws_server", "ws_ffi"] {
        builder.filter_module(name, ours);
    }
    builder.format(|line, record| {
        // What went over the wire is shown as curl shows it.
        if ["ws_client::handshake", "ws_client::frames"].contains(&record.target()) {
            return writeln!(line, "{}", record.args());
        }
        let (time, level, target) = (line.timestamp_millis(), record.level(), record.target());
        writeln!(line, "[{time} {level} {target}] {}", record.args())
    });
    builder
        .parse_default_env()
        // It would print its lines above the line that it is editing, and wait for itself.
        .filter_module("rustyline", Off)
        .target(env_logger::Target::Pipe(Box::new(output::screen::Stderr)))
        .init();
}

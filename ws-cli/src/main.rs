//! `ws`: WebSocket client and server for the shell.
//!
//! ```text
//! main → run ─ args ─ commands/{connect, send, serve} ─ ws-client, ws-server
//!                          │ messages, events            failure │
//!                          └────────► output ◄────────────────────┘ → stdout, stderr, exit code
//! ```
//!
//! Invariant: nothing but `output` prints, and nothing but `main` ends the process (Ctrl-C twice excepted).
//! End-to-end tests run the binary: `tests/it/cli_*.rs`.

mod args;
mod commands;
mod duration;
mod exit;
mod failure;
mod output;
mod signals;
mod stdin;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::Output;
use crate::signals::Signals;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error).into(),
    };
    let mut output = Output::new(cli.output.json, cli.output.quiet);
    let exit = match run(&cli, &mut output) {
        Ok(exit) => exit,
        Err(Stop::BrokenPipe) => Exit::Done,
        Err(Stop::Failure(failure)) => {
            output.failure(&failure);
            failure.exit
        }
    };
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
        Command::Serve(args) => commands::serve::run(args, &signals, output),
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
    for name in ["ws_core", "ws_client", "ws_server"] {
        builder.filter_module(name, ours);
    }
    builder.parse_default_env().init();
}

/// Prints help, the version, or on one line what is wrong with the command line.
fn misused(error: &clap::Error) -> Exit {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let failed = error.use_stderr();
        // A closed stream is no failure of help.
        let _ = error.print();
        return if failed { Exit::Usage } else { Exit::Done };
    }
    // The arguments were not understood, so the one that decides how to print is looked for by hand.
    let json = std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    let failure = Failure::usage(usage_line(&error.to_string()));
    Output::new(json, false).failure(&failure);
    failure.exit
}

/// clap's several lines as one: what is wrong and its tip, then where to find help.
fn usage_line(rendered: &str) -> String {
    let mut usage = "";
    let mut line = String::new();
    for part in rendered
        .lines()
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if let Some(command) = part.strip_prefix("Usage: ") {
            usage = command;
        } else if !part.starts_with("For more information") {
            if !line.is_empty() {
                line.push_str(if line.ends_with(':') { " " } else { "; " });
            }
            line.push_str(part.strip_prefix("error: ").unwrap_or(part));
        }
    }
    // "ws connect [OPTIONS] <URL>": the command is the part before the first bracket.
    let command = usage
        .split(['[', '<', '-'])
        .next()
        .unwrap_or_default()
        .trim();
    let command = if command.is_empty() { "ws" } else { command };
    format!("{line} (see '{command} --help')")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        usage_line(
            &Cli::try_parse_from(arguments)
                .expect_err("must be refused")
                .to_string(),
        )
    }

    #[test]
    fn wrong_usage_is_one_line_that_names_the_help() {
        let line = refused(&["ws", "connect"]);
        assert_eq!(
            line,
            "the following required arguments were not provided: <URL> (see 'ws connect --help')"
        );
        let line = refused(&["ws", "connect", "ws://h", "--cuont", "1"]);
        assert!(
            line.starts_with(
                "unexpected argument '--cuont' found; tip: a similar argument exists: '--count'"
            ),
            "{line}"
        );
        let line = refused(&["ws", "conect", "ws://h"]);
        assert!(
            line.starts_with(
                "unrecognized subcommand 'conect'; tip: a similar subcommand exists: 'connect'"
            ),
            "{line}"
        );
        let line = refused(&["ws", "connect", "ws://h", "--wait", "1h"]);
        assert!(line.contains("'1h'") && line.contains("250ms"), "{line}");
        assert!(!line.contains('\n'));
    }
}

//! What is wrong with the command line, on one line; and help.

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{ColourChoice, Output};
use crate::secret;

/// Prints help, the version, or on one line what is wrong with the command line.
pub(crate) fn misused(error: &clap::Error) -> Exit {
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
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    // The arguments were not understood, so the one that decides how to print is looked for by hand.
    let json = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--json");
    let line = usage_line(&error.to_string(), &arguments);
    let failure = Failure::usage(secret::hide(&line, &arguments));
    Output::new(json, false, ColourChoice::Auto).failure(&failure);
    failure.exit
}

/// clap's several lines as one: what is wrong and its tip, then where to find help.
fn usage_line(rendered: &str, arguments: &[String]) -> String {
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
    let command = if command.is_empty() {
        named_command(arguments)
    } else {
        command.to_owned()
    };
    format!("{line} (see '{command} --help')")
}

/// The command that `arguments` begin with, for errors of which clap shows no usage.
fn named_command(arguments: &[String]) -> String {
    let ws = Cli::command();
    let name = arguments
        .iter()
        .find_map(|argument| ws.find_subcommand(argument));
    name.map_or_else(
        || "ws".into(),
        |command| format!("ws {}", command.get_name()),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from(arguments).expect_err("must be refused");
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        usage_line(&error.to_string(), &arguments[1..])
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
        assert!(line.ends_with("(see 'ws connect --help')"), "{line}");
        assert!(!line.contains('\n'));
    }
}

//! `ws completions` and `ws man`: files for shells and for man, made from the definition of the command line.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::generate;
use clap_mangen::Man;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::Output;

/// Prints the completions of a shell.
pub(crate) fn run(args: &CompletionsArgs, output: &mut Output) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "ws", &mut script);
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Writes `ws.1` and a page for each command into a folder.
pub(crate) fn write_manual(args: &ManArgs) -> Result<Exit, Stop> {
    let mut ws = Cli::command();
    ws.build();
    write_page(&ws, &args.folder)?;
    let has_page = |command: &&Command| command.get_name() != "help";
    for command in ws.get_subcommands().filter(has_page) {
        write_page(command, &args.folder)?;
    }
    Ok(Exit::Done)
}

fn write_page(command: &Command, folder: &Path) -> Result<(), Failure> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    let failed = |error: std::io::Error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new(Exit::Other, "usage", text)
    };
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(failed)?;
    fs::write(&path, with_own_sections(&String::from_utf8_lossy(&page))).map_err(failed)
}

/// Examples and exit codes as sections of their own, whose lines stay as they are.
fn with_own_sections(page: &str) -> String {
    page.replacen(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n.nf\n", 1)
        .replacen("\nExit codes:\n", "\n.SH \"EXIT STATUS\"\n.nf\n", 1)
}

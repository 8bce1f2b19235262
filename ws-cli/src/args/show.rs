//! How the messages of the commands that connect are read and printed.

use std::path::PathBuf;

use clap::Args;

use crate::framing::Delimiter;
use crate::output::Layout;

/// Options of what comes in by stdin and goes out by stdout.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// What stands between messages on stdin and stdout
    /// [default: newline; after a binary message nothing]
    #[arg(long, value_name = "HOW")]
    pub(crate) delimiter: Option<Delimiter>,
    /// Lay out messages that are JSON; not with --json
    #[arg(long)]
    pub(crate) pretty: bool,
    /// Print the time (UTC) before each message; not with --json, which has it anyway
    #[arg(long)]
    pub(crate) timestamps: bool,
    /// Write what would go to stdout into this file; - is stdout
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

impl ShowArgs {
    /// What the output is told.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            delimiter: self.delimiter,
            pretty: self.pretty,
            timestamps: self.timestamps,
            ..Layout::default()
        }
    }
}

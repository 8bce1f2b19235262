//! `ws completions` and `ws man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `ws completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For this shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// `ws man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Into this folder, which must exist
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  ws completions bash > ~/.local/share/bash-completion/completions/ws
  ws completions zsh > \"${fpath[1]}/_ws\"
  ws completions fish > ~/.config/fish/completions/ws.fish
  ws completions powershell | Out-String | Invoke-Expression";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  ws man ~/.local/share/man/man1                   'man ws-connect' then shows one of the pages";

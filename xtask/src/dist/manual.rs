//! Manual pages and completions of `ws`, made by `ws` itself on this machine: they are the same for every platform.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::bundle;
use crate::{Failure, install, shell::Run};

/// Shells and the names that they look for.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "ws.bash"),
    ("elvish", "ws.elv"),
    ("fish", "ws.fish"),
    ("powershell", "_ws.ps1"),
    ("zsh", "_ws"),
];

/// Writes them below `folder`; gives their names in a bundle and where they lie.
pub(super) fn write(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    install::create(&man)?;
    install::create(&completions)?;
    let ws = || Run::cargo().args(["run", "--locked", "--quiet", "-p", "ws-cli", "--"]);
    ws().args(["man"]).args([&man]).run()?;
    for (shell, file) in SHELLS {
        let script = ws().args(["completions", shell]).read()?;
        let path = completions.join(file);
        fs::write(&path, script)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    let files = bundle::files_below(folder)?;
    Ok(files
        .into_iter()
        .map(|name| {
            let path = folder.join(&name);
            (name, path)
        })
        .collect())
}

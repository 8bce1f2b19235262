//! `modules`: the 1C and OneScript modules on top of the add-in, made from the contract's data file and the function
//! bodies in `ws-ffi/module`.
//!
//! ```text
//!  ws-ffi/methods.json ─┐
//!  functions.bsl        ├─► OPI_WebSocket.bsl, OPI_WebSocket.os, shim/…   (committed, so that one can read and copy them)
//!  private*.bsl         ┘   tables in ws-ffi/README.md and README.ru.md
//! ```
//! What a release packs besides is written by [`write_extension`] and [`write_onescript_package`].
//!
//! Invariant: what is committed equals what would be made now; [`check`] says so in `ci`.

mod extension;
mod onescript;
mod readme;
mod source;
mod table;

use std::{fs, path::Path};

pub(crate) use self::{
    extension::write as write_extension,
    onescript::{archive_of_one, write as write_onescript_package},
};

use self::{source::Dialect, table::Table};
use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::root,
};

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let (addin, into) = (flags.take("addin"), flags.take("into"));
    flags.finish()?;
    report.step("modules", || {
        let mut written = Vec::new();
        for (path, text) in generate()? {
            if read(&path).ok().as_deref() != Some(text.as_str()) {
                write_file(&root().join(&path), text.as_bytes())?;
                written.push(path);
            }
        }
        Ok(Outcome::DoneWith(if written.is_empty() {
            "all up to date".to_owned()
        } else {
            format!("written: {}", written.join(", "))
        }))
    });
    match (addin, into) {
        (None, None) => {}
        (Some(addin), Some(into)) => {
            let (addin, into) = (root().join(addin), root().join(into));
            report.step("packages", || {
                write_onescript_package(&into.join("ws"), &addin)?;
                write_extension(&into.join("extension"), &addin)?;
                Ok(Outcome::DoneWith(into.display().to_string()))
            });
        }
        _ => return Err("--addin and --into go together".to_owned()),
    }
    Ok(())
}

/// Fails if something committed is not what would be made now.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let mut stale = Vec::new();
    for (path, text) in generate()? {
        if read(&path).ok().as_deref() != Some(text.as_str()) {
            stale.push(path);
        }
    }
    if stale.is_empty() {
        return Ok(Outcome::Done);
    }
    Err(format!(
        "not what is made from {}: {}; run `cargo xtask modules`",
        table::PATH,
        stale.join(", ")
    ))
}

/// All generated files that are committed, with their paths from the root.
fn generate() -> Result<Vec<(String, String)>, Failure> {
    let table = Table::read()?;
    let mut files = vec![
        (
            format!("{FOLDER}/OPI_WebSocket.bsl"),
            source::module(&table, Dialect::Enterprise)?,
        ),
        (
            format!("{FOLDER}/OPI_WebSocket.os"),
            source::module(&table, Dialect::OneScript)?,
        ),
        (
            format!("{FOLDER}/shim/OPI_AddIns.bsl"),
            source::shim(&table)?,
        ),
    ];
    for path in readme::PATHS {
        let text = read(path)?;
        files.push((path.to_owned(), readme::with_tables(path, &text, &table)?));
    }
    Ok(files)
}

/// The name under which scripts attach the add-in.
///
/// The version is part of it, so that an older library that a server process still has loaded is never mistaken for
/// this one: 1.0.0 is `WS_1_0`, 1.0.1 is `WS_1_0_1`.
pub(crate) fn attach_name() -> String {
    attach_name_of(env!("CARGO_PKG_VERSION"))
}

fn attach_name_of(version: &str) -> String {
    let numbers = version.split(['-', '+']).next().unwrap_or(version);
    let parts: Vec<_> = numbers.split('.').collect();
    let parts = match parts.as_slice() {
        [major, minor, "0"] => vec![*major, *minor],
        all => all.to_vec(),
    };
    format!("WS_{}", parts.join("_"))
}

/// Replaces `{{name}}` in a template.
fn fill(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, value) in [
        ("attach_name", attach_name().as_str()),
        ("template", attach_name().as_str()),
        ("archive", onescript::ARCHIVE),
        ("location_variable", LOCATION_VARIABLE),
        ("version", env!("CARGO_PKG_VERSION")),
    ] {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    text
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("cannot read {path}: {error}"))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(path, bytes));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

const FOLDER: &str = "ws-ffi/module";
/// Names another library or archive than the package's own, for OneScript.
pub(crate) const LOCATION_VARIABLE: &str = "WS_ADDIN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attach_name_holds_the_version() {
        assert_eq!(attach_name_of("1.0.0"), "WS_1_0");
        assert_eq!(attach_name_of("1.2.3"), "WS_1_2_3");
        assert_eq!(attach_name_of("2.0.0-rc.1"), "WS_2_0");
    }

    #[test]
    fn what_is_committed_is_what_is_made() {
        assert!(matches!(check(), Ok(Outcome::Done)), "{:?}", check());
    }
}

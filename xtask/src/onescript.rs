//! `onescript`: the generated module in a real OneScript, where `oscript` is on the PATH.
//!
//! OneScript is in no registry, so nothing here can install it; where it is missing the report says so.

use std::{env::consts, fs, net::TcpListener, path::Path};

use crate::{
    Failure,
    flags::Flags,
    modules,
    report::{Outcome, Report},
    shell::{Run, root, target},
};

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    report.step("onescript", onescript);
    Ok(())
}

/// Every function by both names, through the library given by its path and through the package with its archive.
pub(crate) fn onescript() -> Result<Outcome, Failure> {
    if !Run::new("oscript").args(["-version"]).succeeds() {
        return Ok(Outcome::Skipped(NOT_RUN.to_owned()));
    }
    Run::cargo()
        .args(["build", "--locked", "-p", "ws-ffi"])
        .run()?;
    let library = target().join("debug").join(format!(
        "{}ws_ffi{}",
        consts::DLL_PREFIX,
        consts::DLL_SUFFIX
    ));
    let scripts = root().join("tests/onescript");
    let folder = root().join("ws-ffi/module");
    // A second opinion on the 1C module's syntax: a compiler's.
    Run::new("oscript")
        .args(["-check"])
        .args([folder.join("OPI_WebSocket.bsl")])
        .run()?;
    let mut last = String::new();
    Run::new("oscript")
        .args([scripts.join("contract.os")])
        .args([folder.join("OPI_WebSocket.os")])
        .args(["5"])
        .env(modules::LOCATION_VARIABLE, &library)
        .run_with_lines(|line| line.clone_into(&mut last))?;

    // The package as a user has it: found by name, the library inside the archive.
    let parts = target().join("onescript");
    fs::create_dir_all(&parts)
        .map_err(|error| format!("cannot create {}: {error}", parts.display()))?;
    let addin = modules::archive_of_one(&parts, &library)?;
    modules::write_onescript_package(&parts.join("ws"), &addin)?;
    let script = parts.join("package.os");
    fs::copy(scripts.join("package.os"), &script)
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    Run::new("oscript").args([script]).run()?;
    for (page, echoed) in [("README.md", "hello"), ("README.ru.md", "привет")] {
        first_message(&parts, page, echoed)?;
    }
    Ok(Outcome::DoneWith(last))
}

/// Runs the first example of a page, with a free port, beside the package.
fn first_message(parts: &Path, page: &str, echoed: &str) -> Result<(), Failure> {
    let path = root().join("ws-ffi").join(page);
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let example = text
        .split_once("```bsl\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(example, _)| example)
        .ok_or_else(|| format!("{page} has no example"))?;
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free port: {error}"))?
        .port();
    let script = parts.join("first.os");
    let example = example.replace("9894", &port.to_string());
    fs::write(&script, format!("#Использовать \"ws\"\n\n{example}"))
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    let mut last = String::new();
    Run::new("oscript")
        .args([script])
        .run_with_lines(|line| line.clone_into(&mut last))?;
    if last == echoed {
        Ok(())
    } else {
        Err(format!("the example of {page} printed {last:?}"))
    }
}

/// What the report says where there is no `oscript`.
pub(crate) const NOT_RUN: &str = "NOT RUN: no OneScript";

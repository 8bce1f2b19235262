//! `with_echo_server [--tls CERTIFICATE KEY] WS COMMAND…`: runs COMMAND with the URL of a fresh
//! `WS serve --echo --compress=dedicated` as its last argument, and ends with its exit code.
//! `cargo xtask autobahn --role server` uses it.
#![allow(
    clippy::print_stderr,
    reason = "what went wrong belongs beside the command's own output"
)]

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use ws_tests::process::Process;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    let mut options = vec![OsString::from("--compress=dedicated")];
    if arguments.next_if(|argument| argument == "--tls").is_some() {
        for (option, file) in ["--tls-cert", "--tls-key"].into_iter().zip(&mut arguments) {
            options.extend([OsString::from(option), file]);
        }
    }
    let (Some(ws), Some(program)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: with_echo_server [--tls CERTIFICATE KEY] WS COMMAND...");
        return ExitCode::from(2);
    };
    let (mut server, url) = Process::echo_server_with(PathBuf::from(ws), &options);
    let status = Command::new(&program)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .status();
    if !server.is_running() {
        eprintln!("the server ended by itself:\n{}", server.stderr_so_far());
        return ExitCode::FAILURE;
    }
    match status.map(|status| status.code().and_then(|code| u8::try_from(code).ok())) {
        Ok(code) => code.map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("cannot run {}: {error}", program.display());
            ExitCode::from(2)
        }
    }
}

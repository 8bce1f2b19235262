//! What `--exec` runs, and how it is spoken to.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::Command;

use ws_server::ListenAddress;

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::framing::Delimiter;

/// How to start a program.
pub(in super::super) struct Recipe {
    program: OsString,
    arguments: Vec<OsString>,
    pub(super) delimiter: Delimiter,
    /// Its messages are binary.
    pub(super) binary: bool,
    pub(super) has_tls: bool,
    /// The server's own address, for the environment; none at a Unix socket.
    pub(super) port: Option<u16>,
}

impl Recipe {
    /// Reads the options; `None` without `--exec`.
    ///
    /// # Errors
    /// When there is no such program: better now than at the first connection.
    pub(in super::super) fn new(args: &ServeArgs) -> Result<Option<Self>, Failure> {
        let Some(program) = &args.exec else {
            return Ok(None);
        };
        let (program, arguments) = if args.shell {
            let (shell, flag) = SHELL;
            let mut arguments = vec![flag.into(), program.clone()];
            if cfg!(unix) && !args.exec_args.is_empty() {
                // What a shell calls $0; the others are $1 and so on.
                arguments.push(program.clone());
            }
            arguments.extend(args.exec_args.iter().cloned());
            (shell.into(), arguments)
        } else {
            if !exists(program) {
                return Err(Failure::usage(format!(
                    "--exec: there is no program {}; arguments go behind --, and --shell lets a shell run the whole text",
                    program.display()
                )));
            }
            (program.clone(), args.exec_args.clone())
        };
        Ok(Some(Self {
            program,
            arguments,
            delimiter: args.delimiter.unwrap_or(Delimiter::Newline),
            binary: args.binary,
            has_tls: args.tls_cert.is_some(),
            port: None,
        }))
    }

    /// Says where the server listens.
    pub(in super::super) fn at_port(mut self, address: &ListenAddress) -> Self {
        self.port = match address {
            ListenAddress::Tcp(address) => Some(address.port()),
            _ => None,
        };
        self
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.display().fmt(f)
    }
}

/// Whether a program can be found, as far as it can be told: on Windows the system has rules of its own.
fn exists(program: &OsString) -> bool {
    let path = Path::new(program);
    if cfg!(windows) || path.components().count() > 1 {
        return cfg!(windows) || path.is_file();
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(path).is_file())
}

#[cfg(windows)]
const SHELL: (&str, &str) = ("cmd", "/C");
#[cfg(not(windows))]
const SHELL: (&str, &str) = ("sh", "-c");

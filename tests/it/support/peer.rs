//! WebSocket programs that we did not write: `websockets` for Python, `ws` for Node.js.
//!
//! `cargo xtask install` brings them; without it these tests fail and say so.

use std::{path::Path, process::Command};

pub(crate) use ws_tests::peers::python;
use ws_tests::peers::{self, Language};

use super::certs::Identity;
use super::process::{Finished, Process};

/// A peer's language.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    Python,
    Node,
}

impl Peer {
    /// Its echo server and the URL that it listens on, without a path. The server ends with the process.
    pub(crate) fn echo_server(self) -> (Process, String) {
        let mut process = Process::spawn(&mut self.script("echo_server"));
        let port: u16 = process.wait_for_stdout(|line| line.trim().parse().ok());
        (process, format!("ws://127.0.0.1:{port}"))
    }

    /// The same with TLS, and with a client's certificate required if `clients` is the authority that must have issued it.
    pub(crate) fn tls_echo_server(
        self,
        identity: &Identity,
        clients: Option<&Path>,
    ) -> (Process, u16) {
        let mut command = self.script("echo_server");
        command
            .arg(&identity.chain)
            .arg(&identity.key)
            .args(clients);
        let mut process = Process::spawn(&mut command);
        let port = process.wait_for_stdout(|line| line.trim().parse().ok());
        (process, port)
    }

    /// Runs its client against an echo server until it is content.
    pub(crate) fn check_echo(self, url: &str, mode: &[&str]) {
        self.check(self.script("client").arg(url).args(mode), mode);
    }

    /// The same; certificates are verified with those in a PEM file.
    pub(crate) fn check_echo_trusting(self, authority: &Path, url: &str, mode: &[&str]) {
        let name = match self {
            Self::Python => "SSL_CERT_FILE",
            Self::Node => "NODE_EXTRA_CA_CERTS",
        };
        let mut command = self.script("client");
        self.check(command.env(name, authority).arg(url).args(mode), mode);
    }

    /// Runs its script `name` against the server at `url` until it is content.
    pub(crate) fn check_script(self, name: &str, url: &str, mode: &[&str]) {
        self.check(self.script(name).arg(url).args(mode), mode);
    }

    fn check(self, command: &mut Command, mode: &[&str]) {
        let finished = Process::spawn(command).finish();
        let Finished { code, stderr, .. } = &finished;
        let stdout = finished.stdout_text();
        // Node also ends with 0 when nothing is left to wait for: only the last line counts.
        assert!(
            *code == Some(0) && stdout.starts_with("ok: "),
            "{self:?} {mode:?}: exit code {code:?}\n{stdout}\n{stderr}"
        );
    }

    pub(crate) fn script(self, name: &str) -> Command {
        let language = match self {
            Self::Python => Language::Python,
            Self::Node => Language::Node,
        };
        peers::script(language, name)
    }
}

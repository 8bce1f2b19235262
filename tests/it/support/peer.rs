//! WebSocket programs that we did not write: `websockets` for Python, `ws` for Node.js.
//!
//! `cargo xtask install` brings them; without it these tests fail and say so.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

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
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let mut command;
        match self {
            Self::Python => {
                command = python(&scripts.join(name).with_extension("py"));
            }
            Self::Node => {
                let modules = installed("node/node_modules/ws").with_file_name("");
                command = Command::new("node");
                command
                    .arg(scripts.join(name).with_extension("js"))
                    .env("NODE_PATH", modules);
            }
        }
        command
    }
}

/// A script for the Python that has `websockets`.
pub(crate) fn python(script: &Path) -> Command {
    let mut command = Command::new(installed("venv/bin/python"));
    // Without it a script's first line waits in a buffer; and no compiled files beside the scripts.
    command
        .arg(script)
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Something that `cargo xtask install` puts under the target folder (or where `WS_PEERS` says).
fn installed(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let peers = env::var_os("WS_PEERS").map_or_else(|| target.join("peers"), PathBuf::from);
    let path = peers.join(path);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask install` first",
        path.display()
    );
    path
}

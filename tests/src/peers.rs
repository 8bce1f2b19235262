//! WebSocket programs that we did not write: `websockets` for Python, `ws` for Node.js.
//!
//! `cargo xtask install` brings them; without it whoever asks for them fails and says so.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What a peer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two peers")]
pub enum Language {
    /// `websockets`.
    Python,
    /// `ws`.
    Node,
}

/// The command that runs the script `name` of `tests/peers`, without its arguments.
pub fn script(language: Language, name: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    match language {
        Language::Python => python(&scripts.join(name).with_extension("py")),
        Language::Node => {
            let modules = installed("node/node_modules/ws").with_file_name("");
            let mut command = Command::new("node");
            command
                .arg(scripts.join(name).with_extension("js"))
                .env("NODE_PATH", modules);
            command
        }
    }
}

/// A script for the Python that has the peers' packages.
pub fn python(script: &Path) -> Command {
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

//! Who takes part, and how each is started.

use std::{fs, path::Path, process::Command};

use ws_tests::{
    bench::server::Mode::{self, Broadcast, Deflate, Echo, Tls},
    process::Process,
};

use crate::{options::Options, ours};

/// Someone who takes part.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) part: Part,
    program: Program,
    modes: &'static [Mode],
    /// Its word for the codec alone, if it has one.
    codec: Option<&'static str>,
}

/// What a peer's figures are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Ours,
    /// Ours in another way, in cells of its own: the mailbox, two workers.
    Variant,
    /// What cannot be left out.
    Floor,
    /// What the machine can do.
    Limit,
    Registry,
}

#[derive(Debug)]
enum Program {
    /// This one; with another mode than asked for.
    Ours(Option<&'static str>),
    /// Of `tests/bench`, with words after the mode.
    Rust(&'static str, &'static [&'static str]),
    Node(&'static str),
    Python(&'static str, &'static [&'static str]),
}

/// Everybody. Ours first, as the ratios are to it.
pub(crate) const PEERS: [Peer; 19] = [
    peer(
        "ws-server",
        Part::Ours,
        Program::Ours(None),
        &Mode::ALL,
        Some("codec"),
    ),
    peer(
        "floor",
        Part::Floor,
        rust("peer-floor"),
        &[Echo, Broadcast, Tls],
        Some("codec"),
    ),
    peer(
        "tungstenite 4 KiB",
        Part::Registry,
        Program::Rust("peer-tungstenite", &["small"]),
        &[Echo, Broadcast],
        None,
    ),
    peer(
        "tungstenite",
        Part::Registry,
        rust("peer-tungstenite"),
        &[Echo, Broadcast],
        Some("codec"),
    ),
    peer(
        "tokio-tungstenite",
        Part::Registry,
        rust("peer-tokio-tungstenite"),
        &[Echo, Tls, Broadcast],
        None,
    ),
    peer(
        "fastwebsockets",
        Part::Registry,
        rust("peer-fastwebsockets"),
        &[Echo],
        Some("codec"),
    ),
    peer(
        "sockudo-ws",
        Part::Registry,
        rust("peer-sockudo-ws"),
        &[Echo, Deflate],
        Some("codec"),
    ),
    peer(
        "web-socket",
        Part::Registry,
        rust("peer-web-socket"),
        &[Echo],
        Some("codec"),
    ),
    peer(
        "yawc",
        Part::Registry,
        rust("peer-yawc"),
        &[Echo],
        Some("codec"),
    ),
    peer(
        "tokio-websockets",
        Part::Registry,
        rust("peer-tokio-websockets"),
        &[Echo],
        Some("codec"),
    ),
    peer(
        "ws-tool",
        Part::Registry,
        rust("peer-ws-tool"),
        &[],
        Some("codec"),
    ),
    peer(
        "Node ws",
        Part::Registry,
        Program::Node("server.js"),
        &Mode::ALL,
        None,
    ),
    peer(
        "Python websockets",
        Part::Registry,
        Program::Python("websockets_server.py", &[]),
        &Mode::ALL,
        None,
    ),
    peer(
        "picows",
        Part::Registry,
        Program::Python("picows_server.py", &[]),
        &[Echo, Broadcast, Tls],
        None,
    ),
    peer(
        "mailbox",
        Part::Variant,
        Program::Ours(Some("mailbox")),
        &[Echo],
        None,
    ),
    peer(
        "two workers",
        Part::Variant,
        Program::Ours(Some("workers")),
        &[Echo],
        None,
    ),
    peer(
        "memcpy",
        Part::Limit,
        rust("peer-floor"),
        &[],
        Some("codec-memcpy"),
    ),
    peer(
        "XOR in place",
        Part::Limit,
        rust("peer-floor"),
        &[],
        Some("codec-xor"),
    ),
    peer(
        "simdutf8",
        Part::Limit,
        rust("peer-floor"),
        &[],
        Some("codec-utf8"),
    ),
];

const fn peer(
    name: &'static str,
    part: Part,
    program: Program,
    modes: &'static [Mode],
    codec: Option<&'static str>,
) -> Peer {
    Peer {
        name,
        part,
        program,
        modes,
        codec,
    }
}

const fn rust(program: &'static str) -> Program {
    Program::Rust(program, &[])
}

/// The core of every server, and of codecs; the load generator has the other one.
const SERVER_CORE: &str = "0";

impl Peer {
    pub(crate) fn serves(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    pub(crate) fn has_codec(&self) -> bool {
        self.codec.is_some()
    }

    /// Whether `--only` leaves it in.
    pub(crate) fn is_wanted(&self, options: &Options) -> bool {
        let named = |name: &String| self.name == name.as_str();
        self.part != Part::Registry || options.only.is_empty() || options.only.iter().any(named)
    }

    /// Why it cannot take part, if so.
    pub(crate) fn missing(&self, options: &Options) -> Option<String> {
        let Program::Rust(program, _) = self.program else {
            return None;
        };
        if options.programs.join(program).is_file() {
            return None;
        }
        let reasons = options
            .not_built
            .as_ref()
            .and_then(|path| fs::read_to_string(path).ok());
        let reasons = reasons.unwrap_or_default();
        let reason = reasons
            .lines()
            .find_map(|line| line.strip_prefix(program)?.strip_prefix(": "));
        Some(reason.unwrap_or("there is no such program").to_owned())
    }

    /// Starts its server on `cores` and waits until it listens.
    pub(crate) fn start(
        &self,
        mode: Mode,
        cores: &str,
        options: &Options,
        certificate: &Certificate,
    ) -> Server {
        let name = match self.program {
            Program::Ours(Some(name)) => name,
            _ => mode.name(),
        };
        let mut command = self.command(cores, options);
        command.args(["serve", name]);
        if mode == Mode::Tls {
            command.args([&certificate.chain, &certificate.key]);
        }
        if let Program::Rust(_, words) | Program::Python(_, words) = self.program {
            command.args(words);
        }
        let mut process = Process::spawn(&mut command);
        let port = process.wait_for_stdout(|line| line.trim().parse().ok());
        Server { process, port }
    }

    /// What runs its codec.
    pub(crate) fn codec(&self, options: &Options) -> Command {
        let mut command = self.command(SERVER_CORE, options);
        command.arg(self.codec.unwrap_or("codec"));
        command
    }

    /// The same without `taskset`, as words for another program to run.
    pub(crate) fn bare_codec(&self, options: &Options) -> Vec<String> {
        let command = self.codec(options);
        let words = command.get_args().skip(2);
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    fn command(&self, cores: &str, options: &Options) -> Command {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/scripts");
        let mut command = Command::new("taskset");
        command.args(["-c", cores]);
        match self.program {
            Program::Ours(_) => command.arg(ours::program()),
            Program::Rust(program, _) => command.arg(options.programs.join(program)),
            Program::Node(script) => command
                .arg("node")
                .arg(scripts.join(script))
                .env("NODE_PATH", &options.node),
            Program::Python(script, _) => command
                .arg(&options.python)
                .arg(scripts.join(script))
                .env("PYTHONUNBUFFERED", "1")
                .env("PYTHONDONTWRITEBYTECODE", "1"),
        };
        command
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

/// PEM files.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: std::path::PathBuf,
    pub(crate) key: std::path::PathBuf,
}

//! Who takes part, and how each is started.

use std::{fs, path::Path, process::Command};

use ws_tests::{
    bench::server::Mode::{self, Broadcast, Echo, Tls},
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
    is_client: bool,
    /// That its server is made of; the connections are shared out evenly.
    processes: usize,
}

/// What a peer's figures are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Ours,
    /// Ours in another way, in cells of its own: the mailbox, two workers, the client.
    Variant,
    /// What cannot be left out.
    Floor,
    /// What the machine can do.
    Limit,
    Registry,
    /// Compared as those of registries are, but no promise speaks of it: no registry has it as it is.
    Apart,
}

#[derive(Debug)]
enum Program {
    /// This one; with another mode than asked for.
    Ours(Option<&'static str>),
    /// Built from `tests/bench`, with words after the mode.
    Built(&'static str, &'static [&'static str]),
    Node(&'static str),
    Python(&'static str),
}

/// Everybody. Ours first, as the ratios are to it.
pub(crate) const PEERS: [Peer; 24] = [
    Peer::new("ws-server", Part::Ours, Program::Ours(None))
        .serving(&Mode::ALL)
        .with_codec("codec"),
    FLOOR,
    Peer::new(UWEBSOCKETS, Part::Apart, built("peer-uwebsockets")).serving(&[Echo, Broadcast]),
    Peer::new(
        "tungstenite 4 KiB",
        Part::Registry,
        Program::Built("peer-tungstenite", &["small"]),
    )
    .serving(&[Echo, Broadcast]),
    Peer::new("tungstenite", Part::Registry, built("peer-tungstenite"))
        .serving(&[Echo, Broadcast])
        .with_codec("codec"),
    Peer::new(
        "tokio-tungstenite",
        Part::Registry,
        built("peer-tokio-tungstenite"),
    )
    .serving(&[Echo, Tls, Broadcast]),
    Peer::new(
        "fastwebsockets",
        Part::Registry,
        built("peer-fastwebsockets"),
    )
    .serving(&[Echo])
    .with_codec("codec"),
    Peer::new("sockudo-ws", Part::Registry, built("peer-sockudo-ws"))
        .serving(&[Echo])
        .with_codec("codec"),
    Peer::new("web-socket", Part::Registry, built("peer-web-socket"))
        .serving(&[Echo])
        .with_codec("codec"),
    Peer::new("yawc", Part::Registry, built("peer-yawc"))
        .serving(&[Echo])
        .with_codec("codec"),
    Peer::new(
        "tokio-websockets",
        Part::Registry,
        built("peer-tokio-websockets"),
    )
    .serving(&[Echo])
    .with_codec("codec"),
    Peer::new("ws-tool", Part::Registry, built("peer-ws-tool")).with_codec("codec"),
    Peer::new("Node ws", Part::Registry, Program::Node("server.js")).serving(&Mode::ALL),
    Peer::new(
        "Python websockets",
        Part::Registry,
        Program::Python("websockets_server.py"),
    )
    .serving(&Mode::ALL),
    Peer::new(
        "picows",
        Part::Registry,
        Program::Python("picows_server.py"),
    )
    .serving(&[Echo, Broadcast, Tls]),
    Peer::new("ws-client", Part::Variant, Program::Ours(None)).with_client(),
    Peer::new(
        "tungstenite client",
        Part::Registry,
        built("peer-tungstenite"),
    )
    .with_client(),
    Peer::new("mailbox", Part::Variant, Program::Ours(Some("mailbox"))),
    Peer::new(TWO_WORKERS, Part::Variant, Program::Ours(Some("workers"))),
    Peer::new(TWO_SERVERS, Part::Variant, Program::Ours(None)).in_processes(2),
    Peer::new("bare channel", Part::Limit, Program::Ours(None)),
    Peer::new("memcpy", Part::Limit, built("peer-floor")).with_codec("codec-memcpy"),
    Peer::new("XOR in place", Part::Limit, built("peer-floor")).with_codec("codec-xor"),
    Peer::new("simdutf8", Part::Limit, built("peer-floor")).with_codec("codec-utf8"),
];

/// It takes part, and answers the clients that are measured.
pub(crate) const FLOOR: Peer = Peer::new("floor", Part::Floor, built("peer-floor"))
    .serving(&[Echo, Broadcast, Tls])
    .with_codec("codec");

pub(crate) const UWEBSOCKETS: &str = "µWebSockets";
pub(crate) const TWO_WORKERS: &str = "two workers";
/// Two processes of one worker each: they have whatever two workers have for being two, and share nothing.
pub(crate) const TWO_SERVERS: &str = "two servers";

const fn built(program: &'static str) -> Program {
    Program::Built(program, &[])
}

/// The core of every server, of codecs and of clients that are measured; the load generator has the other one.
pub(crate) const SERVER_CORE: &str = "0";
/// Its core, as `cargo xtask bench` has it.
pub(crate) const GENERATOR_CORE: &str = "1";

impl Peer {
    const fn new(name: &'static str, part: Part, program: Program) -> Self {
        Self {
            name,
            part,
            program,
            modes: &[],
            codec: None,
            is_client: false,
            processes: 1,
        }
    }

    const fn serving(mut self, modes: &'static [Mode]) -> Self {
        self.modes = modes;
        self
    }

    const fn with_codec(mut self, word: &'static str) -> Self {
        self.codec = Some(word);
        self
    }

    const fn in_processes(mut self, processes: usize) -> Self {
        self.processes = processes;
        self
    }

    const fn with_client(mut self) -> Self {
        self.is_client = true;
        self
    }

    pub(crate) fn serves(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    pub(crate) fn has_codec(&self) -> bool {
        self.codec.is_some()
    }

    pub(crate) fn processes(&self) -> usize {
        self.processes
    }

    pub(crate) fn is_client(&self) -> bool {
        self.is_client
    }

    /// Whether it runs in an interpreter.
    pub(crate) fn is_script(&self) -> bool {
        matches!(self.program, Program::Node(_) | Program::Python(_))
    }

    /// Whether `--only` leaves it in.
    pub(crate) fn is_wanted(&self, options: &Options) -> bool {
        let named = |name: &String| self.name == name.as_str();
        let is_guest = matches!(self.part, Part::Registry | Part::Apart);
        !is_guest || options.only.is_empty() || options.only.iter().any(named)
    }

    /// Why it cannot take part, if so.
    pub(crate) fn missing(&self, options: &Options) -> Option<String> {
        let Program::Built(program, _) = self.program else {
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
        if mode == Tls {
            command.args([&certificate.chain, &certificate.key]);
        }
        if let Program::Built(_, words) = self.program {
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

    /// What runs its client.
    pub(crate) fn client(&self, options: &Options) -> Command {
        let mut command = self.command(SERVER_CORE, options);
        command.arg("client");
        command
    }

    /// The codec without `taskset`, as words for another program to run.
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
            Program::Built(program, _) => command.arg(options.programs.join(program)),
            Program::Node(script) => command
                .arg("node")
                .arg(scripts.join(script))
                .env("NODE_PATH", &options.node),
            Program::Python(script) => command
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

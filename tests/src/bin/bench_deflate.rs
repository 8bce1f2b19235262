//! `bench_deflate SECONDS`: echo of compressed JSON text and memory of idle compressed connections, ws-server beside
//! `ws` for Node.js and `websockets` for Python, in one run and in turns. `cargo xtask bench deflate` runs it.
//!
//! The servers compress every message, whatever its length. The load's messages are compressed once, before the clock
//! runs; its answers are counted, and the first of each connection is inflated and compared. CPU is that of the server's
//! process, which is what can be compared on a machine that does other things as well.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{env, process::Command, time::Duration};

use ws_server::{Config, DeflateConfig};
use ws_tests::{
    deflate_load::{Load, Sample},
    echo::EchoServer,
    figures::resident_bytes,
    peers::{Language, script},
    process::Process,
};

/// Bytes of a message.
const SIZES: [usize; 5] = [125, 1 << 10, 16 << 10, 128 << 10, 1 << 20];
/// Each server's turns for each size.
const ROUNDS: usize = 3;
/// Idle connections whose memory is measured.
const IDLE: u32 = 200;
/// Opened before anything is measured: what a server makes once is not what a connection costs.
const WARM_UP: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preset {
    Shared,
    Dedicated,
}

impl Preset {
    fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Dedicated => "dedicated",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "shared" => Self::Shared,
            "dedicated" => Self::Dedicated,
            other => panic!("{other}: shared or dedicated"),
        }
    }

    /// What the peers' servers are started with: no context is taken over, or what they do of themselves.
    fn parameters(self) -> &'static str {
        match self {
            Self::Shared => {
                r#"[{"server_no_context_takeover":true,"client_no_context_takeover":true}]"#
            }
            Self::Dedicated => "[{}]",
        }
    }

    fn config(self) -> DeflateConfig {
        match self {
            Self::Shared => DeflateConfig::shared(),
            Self::Dedicated => DeflateConfig::dedicated(),
        }
        .threshold(0)
    }
}

struct Server {
    name: &'static str,
    process: Process,
    url: String,
}

impl Server {
    fn start_all(preset: Preset) -> [Self; 3] {
        let program = env::current_exe().unwrap_or_else(|error| panic!("who am I? {error}"));
        let ours = Command::new(program)
            .args(["--serve", preset.name()])
            .spawn_server();
        let peer = |language| {
            let mut command = script(language, "deflate_server");
            command
                .env("WS_DEFLATE", preset.parameters())
                .spawn_server()
        };
        let (python, node) = (peer(Language::Python), peer(Language::Node));
        [
            ("ws-server", ours),
            ("Node ws", node),
            ("websockets", python),
        ]
        .map(|(name, (process, port))| Self {
            name,
            process,
            url: format!("ws://127.0.0.1:{port}"),
        })
    }
}

trait SpawnServer {
    /// Starts a server that prints its port.
    fn spawn_server(&mut self) -> (Process, u16);
}

impl SpawnServer for Command {
    fn spawn_server(&mut self) -> (Process, u16) {
        let mut process = Process::spawn(self);
        let port = process.wait_for_stdout(|line| line.trim().parse().ok());
        (process, port)
    }
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments[..] {
        [flag, preset] if flag == "--serve" => serve(Preset::of(preset)),
        [seconds] => {
            let seconds: f64 = seconds
                .parse()
                .unwrap_or_else(|_| panic!("{seconds} is no number"));
            for preset in [Preset::Shared, Preset::Dedicated] {
                measure(preset, Duration::from_secs_f64(seconds));
            }
        }
        _ => panic!("usage: bench_deflate SECONDS"),
    }
}

fn serve(preset: Preset) {
    let server = EchoServer::start(Config::default().compression(Some(preset.config())));
    println!("{}", server.address().port());
    let mut nothing = String::new();
    let _ = std::io::stdin().read_line(&mut nothing);
}

fn measure(preset: Preset, turn: Duration) {
    let servers = Server::start_all(preset);
    println!(
        "\n{} preset: memory of an idle compressed connection",
        preset.name()
    );
    memory(&servers);
    println!(
        "\n{} preset: echo of JSON text, {ROUNDS} turns of {:.1} s each; MB of text there and back",
        preset.name(),
        turn.as_secs_f64()
    );
    println!(
        "{:>8}  {:<11} {:>9} {:>13} {:>13} {:>8}",
        "bytes", "server", "MB/s", "MB/CPU second", "answer bytes", "ratio"
    );
    for size in SIZES {
        let mut totals = [Sample::default(); 3];
        let mut loads = servers
            .each_ref()
            .map(|server| Load::open(&server.url, size));
        for _ in 0..ROUNDS {
            for ((server, load), total) in servers.iter().zip(&mut loads).zip(&mut totals) {
                *total += load.run(server.process.id(), turn);
            }
        }
        let ours = totals[0].per_cpu_second(size);
        for (server, total) in servers.iter().zip(&totals) {
            println!(
                "{size:>8}  {:<11} {:>9.1} {:>13.1} {:>13} {:>8.2}",
                server.name,
                total.per_second(size),
                total.per_cpu_second(size),
                total.answer_bytes(),
                ours / total.per_cpu_second(size)
            );
        }
    }
}

/// Each connection has echoed messages, so that whatever it keeps is there.
fn memory(servers: &[Server; 3]) {
    for server in servers {
        let resident = || {
            resident_bytes(server.process.id())
                .unwrap_or_else(|| panic!("no figures: {}", server.process.stderr_so_far()))
        };
        let open = |count: u32| -> Vec<Load> {
            (0..count)
                .map(|_| Load::open_one(&server.url, 2_000))
                .collect()
        };
        let warm = open(WARM_UP);
        let before = resident();
        let idle = open(IDLE);
        let each = resident().saturating_sub(before) / u64::from(IDLE);
        println!("{:<11} {each:>8} bytes each of {IDLE}", server.name);
        drop((warm, idle));
    }
}

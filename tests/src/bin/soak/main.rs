//! `soak WS [--OPTION N]…`: a mixed echo load of ws-client against `WS serve --echo`, with and without TLS. Each message
//! carries its number and a checksum, connections come and go, some are reset in the middle of a message, and memory and
//! open files of both sides are watched. The last line is the result. `cargo xtask soak` runs it.
//!
//! L-1: after the warm-up memory and files are flat, and nothing is lost.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

mod fault;
mod load;
mod message;
mod options;
mod watch;

use std::{
    env,
    sync::{atomic::AtomicU64, mpsc},
    thread,
    time::{Duration, Instant},
};

use ws_client::TlsSettings;
use ws_tests::{echo::TestCertificate, process::Process};

use crate::{options::Options, watch::Watched};

/// The threads of the load begin so far apart: a listener's queue is shorter than the load is wide.
const START_EVERY: Duration = Duration::from_millis(5);
/// A thread's stack; the default would be 2 MiB of address space for each of thousands.
const STACK_BYTES: usize = 512 << 10;

/// What the load has done so far.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Messages that came back as they were sent.
    pub(crate) messages: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) faults: AtomicU64,
}

/// What every connection of the load knows.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) options: Options,
    pub(crate) tls: TlsSettings,
    pub(crate) totals: Totals,
    pub(crate) start: Instant,
}

fn main() {
    let options = Options::parse(env::args().skip(1)).unwrap_or_else(|text| panic!("{text}"));
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
    let path = |name| folder.path().join(name);
    let certificate = TestCertificate::new(&["127.0.0.1"]);
    for (name, text) in [("chain", &certificate.chain), ("key", &certificate.key)] {
        std::fs::write(path(name), text)
            .unwrap_or_else(|error| panic!("cannot write {name}: {error}"));
    }
    let serve = |name, arguments: &[String]| {
        let pool = ["--pool-size", "20000"];
        let arguments = arguments.iter().map(String::as_str);
        let arguments: Vec<_> = pool.into_iter().chain(arguments).collect();
        let (process, url) = Process::echo_server_with(&options.ws, &arguments);
        Watched::new(name, process, url)
    };
    let mut servers = Vec::new();
    if options.tls_percent < 100 {
        servers.push(serve("server", &[]));
    }
    if options.tls_percent > 0 {
        let option = |name: &str, file| format!("--{name}={}", path(file).display());
        let files = [option("tls-cert", "chain"), option("tls-key", "key")];
        servers.push(serve("TLS server", &files));
    }
    let load = Load {
        options,
        tls: TlsSettings::new().ca_file(path("chain")),
        totals: Totals::default(),
        start: Instant::now(),
    };
    let samples = thread::scope(|scope| {
        let (failed, failure) = mpsc::channel::<String>();
        for number in 0..load.options.connections {
            // So that any percentage is spread evenly over the connections, and over time.
            let is_tls = number * 37 % 100 < load.options.tls_percent;
            let server = if is_tls {
                servers.last()
            } else {
                servers.first()
            };
            let url = server.map_or("", |server| server.url.as_str());
            let (load, failed) = (&load, failed.clone());
            let run = move || {
                if let Err(text) = load::run(load, url, number) {
                    let _ = failed.send(format!("connection {number}: {text}"));
                }
            };
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            let thread = thread.spawn_scoped(scope, run);
            thread.unwrap_or_else(|error| panic!("no thread for connection {number}: {error}"));
            thread::park_timeout(START_EVERY);
        }
        drop(failed);
        watch::watch(&servers, &load, &failure)
    });
    watch::judge(&servers, &samples, load);
}

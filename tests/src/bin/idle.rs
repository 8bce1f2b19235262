//! `idle WS CONNECTIONS SECONDS [--tls]`: holds idle connections to `WS serve --echo`, says what each costs the
//! server, and that the server gives it back (M-11): every file, and memory but for 1 MiB, also of those that are killed.
//! The last line is the result. `cargo xtask idle` runs it.
//!
//! With `--tls` the server is this program again (`idle --serve-tls`), with a certificate of its own.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{
    env,
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use socket2::SockRef;
use ws_server::Config;
use ws_tests::{
    echo::{EchoServer, TestCertificate},
    figures::{open_files, resident_bytes},
    process::Process,
    raw::{self, RawConnection, Shared},
    wait::{self, TIMEOUT},
};

/// Opened and closed before anything is measured: what a server makes once is not what a connection costs.
const WARM_UP: usize = 200;
/// More than this for one connection is a mistake somewhere (the slot alone is at most 192 bytes).
const MOST_BYTES_EACH: u64 = 1_024;
/// The specification's figure: most of it is rustls' state and its buffer for a piece of a record.
const MOST_TLS_BYTES_EACH: u64 = 12 << 10;
/// Memory is given back in pages and arenas, not in bytes: so far above the start is "back".
const LEFT_OVER_BYTES: u64 = 1 << 20;
/// Of so many connections one is tried out while all are open.
const SAMPLE: usize = 100;
/// The server's first ping is due after 25 s, and nobody here would answer it.
const MOST_SECONDS: u64 = 20;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments == ["--serve-tls"] {
        return serve_tls();
    }
    let (arguments, tls) = match arguments.split_last() {
        Some((last, others)) if last == "--tls" => (others, true),
        _ => (&arguments[..], false),
    };
    let [ws, connections, seconds] = arguments else {
        panic!("usage: idle WS CONNECTIONS SECONDS [--tls]")
    };
    let number = |text: &String| {
        text.parse()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    };
    let (connections, seconds): (u64, u64) = (number(connections), number(seconds));
    assert!(
        connections > 0 && seconds <= MOST_SECONDS,
        "1 connection or more, {MOST_SECONDS} s or less"
    );

    let (mut server, url) = if tls {
        tls_server()
    } else {
        Process::echo_server_of(ws)
    };
    let (kind, most_bytes_each) = if tls {
        ("idle TLS connections", MOST_TLS_BYTES_EACH)
    } else {
        ("idle connections", MOST_BYTES_EACH)
    };
    let mut shared = Shared::default();
    let files = raw::files_at_rest(&server, &url);
    close_all(open(&url, WARM_UP), &mut shared, &server, files);

    let start = resident(&server);
    println!("start: {}", mebibytes(start));
    let clock = Instant::now();
    let mut open_connections = open(&url, usize::try_from(connections).unwrap_or(usize::MAX));
    println!(
        "{connections} connections opened in {:.1} s",
        clock.elapsed().as_secs_f64()
    );
    let ended = wait::until(Duration::from_secs(seconds), || !server.is_running());
    assert!(!ended, "the server ended: {}", server.stderr_so_far());
    let idle = resident(&server);
    println!("idle for {seconds} s: {}", mebibytes(idle));
    for connection in open_connections.iter_mut().step_by(SAMPLE) {
        let echoed = connection.echo("still there?", &mut shared);
        echoed.unwrap_or_else(|error| panic!("a connection died while idle: {error}"));
    }
    close_all(open_connections, &mut shared, &server, files);
    if tls {
        // What was freed lies between what a TLS server keeps, so the allocator cannot give it to the system. That
        // as many connections again need no more shows that nothing is left of the first.
        let again = open(&url, usize::try_from(connections).unwrap_or(usize::MAX));
        let second = resident(&server);
        println!("the same again: {}", mebibytes(second));
        close_all(again, &mut shared, &server, files);
        let limit = idle + LEFT_OVER_BYTES;
        assert!(second <= limit, "memory grew from round to round");
    }
    let back = tls || wait::until(TIMEOUT, || resident(&server) <= start + LEFT_OVER_BYTES);
    let end = resident(&server);
    println!("all closed: {}", mebibytes(end));

    let each = idle.saturating_sub(start) / connections;
    println!(
        "{connections} {kind}: {each} bytes each; {} at the start, {} idle, {} after",
        mebibytes(start),
        mebibytes(idle),
        mebibytes(end)
    );
    assert!(
        each <= most_bytes_each,
        "{each} bytes for a connection; {most_bytes_each} are allowed"
    );
    assert!(
        back,
        "the memory did not come back: {} to {}",
        mebibytes(start),
        mebibytes(end)
    );
}

/// An echo server with TLS: it prints its address and runs until its standard input ends.
fn serve_tls() {
    let certificate = TestCertificate::new(&["localhost"]);
    let config = Config::default().tls(certificate.server());
    let server = EchoServer::start(config.max_connections(20_000));
    println!("{}", server.address());
    let mut nothing = String::new();
    let _ = std::io::stdin().read_line(&mut nothing);
}

fn tls_server() -> (Process, String) {
    let program = env::current_exe().unwrap_or_else(|error| panic!("who am I? {error}"));
    let mut server = Process::spawn(Command::new(program).arg("--serve-tls"));
    let address = server.wait_for_stdout(|line| line.parse::<SocketAddr>().ok());
    (server, format!("wss://{address}"))
}

fn open(url: &str, count: usize) -> Vec<RawConnection> {
    let open = |number| {
        let opened = RawConnection::open(url);
        opened.unwrap_or_else(|error| panic!("connection {number} of {count}: {error}"))
    };
    (1..=count).map(open).collect()
}

/// Closes every second one properly, kills the others, and waits until the server has closed its side of all.
fn close_all(connections: Vec<RawConnection>, shared: &mut Shared, server: &Process, files: usize) {
    for (number, mut connection) in connections.into_iter().enumerate() {
        if number % 2 == 1 {
            // With nothing to linger for, dropping it is a reset.
            let socket = SockRef::from(&*connection.transport().socket());
            let set = socket.set_linger(Some(Duration::ZERO));
            set.unwrap_or_else(|error| panic!("a connection cannot be killed: {error}"));
            continue;
        }
        let closed = connection.close(shared);
        closed.unwrap_or_else(|error| panic!("a connection was not closed properly: {error}"));
    }
    let gone = wait::until(TIMEOUT, || server_files(server) <= files);
    assert!(
        gone,
        "the server has {} files open, {files} at the start",
        server_files(server)
    );
}

fn resident(server: &Process) -> u64 {
    resident_bytes(server.id()).unwrap_or_else(|| panic!("no figures: {}", server.stderr_so_far()))
}

fn server_files(server: &Process) -> usize {
    open_files(server.id()).unwrap_or_else(|| panic!("no figures: {}", server.stderr_so_far()))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20))
}

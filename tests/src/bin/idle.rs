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
/// README's figure: slot, socket and tick (192 bytes), what the handler keeps of a connection, and what the tables of
/// these have in reserve as far as its pages are used.
const MOST_BYTES_EACH: u64 = 250;
/// The specification's figure: most of it is rustls' state and its buffer for a piece of a record.
const MOST_TLS_BYTES_EACH: u64 = 12 << 10;
/// Memory is given back in pages and arenas, not in bytes: so far above the start is "back".
const LEFT_OVER_BYTES: u64 = 1 << 20;
/// Of so many connections one is tried out while all are open.
const SAMPLE: usize = 100;
/// Pings are answered so often; the server's come after 25 s, and it waits for 20 s.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Each time so many connections are tried out, and how long the echo takes is noted.
const TRIED: usize = 50;
/// A line is printed after so many.
const PRINT_EVERY: usize = 12;

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
    assert!(connections > 0, "1 connection or more");

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
    let slowest = keep_alive(
        &mut open_connections,
        Duration::from_secs(seconds),
        &mut shared,
        &mut server,
    );
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
        "{connections} {kind}: {each} bytes each; {} at the start, {} idle, {} after{slowest}",
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

/// Leaves the connections alone for `time` but for what each has to answer (L-2). What it says is how long an echo on
/// one of them took meanwhile, if any was tried.
fn keep_alive(
    connections: &mut [RawConnection],
    time: Duration,
    shared: &mut Shared,
    server: &mut Process,
) -> String {
    let clock = Instant::now();
    let mut times = Vec::new();
    for look in 0.. {
        let left = time.saturating_sub(clock.elapsed());
        let ended = wait::until(left.min(LOOK_EVERY), || !server.is_running());
        assert!(!ended, "the server ended: {}", server.stderr_so_far());
        if clock.elapsed() >= time {
            break;
        }
        for (number, connection) in connections.iter_mut().enumerate() {
            let answered = connection.answer_pings(shared);
            answered.unwrap_or_else(|error| panic!("idle connection {number} ended: {error}"));
        }
        for _ in 0..TRIED {
            // A prime, so that all of them have their turn.
            let place = times.len() * 7_919 % connections.len();
            let start = Instant::now();
            let echoed = connections[place].echo("still there?", shared);
            echoed.unwrap_or_else(|error| panic!("idle connection {place} ended: {error}"));
            times.push(start.elapsed());
        }
        if look % PRINT_EVERY == 0 {
            let (seconds, bytes) = (clock.elapsed().as_secs(), mebibytes(resident(server)));
            println!("{seconds} s: {} alive, {bytes}", connections.len());
        }
    }
    times.sort();
    let Some(last) = times.last() else {
        return String::new();
    };
    let p99 = times[times.len() * 99 / 100];
    format!(
        "; {} echoes meanwhile, p99 {p99:.1?}, the slowest {last:.1?}",
        times.len()
    )
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

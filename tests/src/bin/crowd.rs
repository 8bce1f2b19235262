//! `crowd WS CONNECTIONS`: that many connections to `WS serve --echo` at once, messages of 16 B to 4 KiB on each and of
//! up to 1 MiB on some, every echo compared; then one peer that does not read, beside which the others are served and
//! the server does not grow.
//!
//! `cargo xtask full` runs it against `ws.exe` in Wine. The last line is the result.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{
    env,
    io::{self, Write as _},
    thread,
    time::{Duration, Instant},
};

use ws_tests::{
    figures::resident_bytes,
    payload,
    process::Process,
    raw::{RawConnection, Shared},
    wait::TIMEOUT,
};

/// Threads that share the connections.
const THREADS: usize = 8;
/// Every connection echoes one message of each of these sizes, in characters of one byte.
const SIZES: [usize; 5] = [16, 125, 126, 1_000, 4_096];
/// One connection in [`LONG_SHARE`] echoes these as well, while all are open: from all of them it would be 1.5 GiB, through
/// an emulated system that takes a few MiB a second.
const LONG_SIZES: [usize; 4] = [65_535, 65_536, 262_144, 1 << 20];
const LONG_SHARE: usize = 16;
/// On their way at once in each thread: for every call of `ws.exe` Wine looks at all sockets that have something to read,
/// so that a message on each connection at once would take minutes.
const IN_FLIGHT: usize = 4;
/// For one echo: a thousand share an emulated system, and that the machine with whatever else it does.
const PATIENCE: Duration = Duration::from_secs(300);
/// What the peer that does not read is sent: far more than queues and sockets hold.
const FLOOD: usize = 1_000;
const FLOOD_BYTES: usize = 64 << 10;
/// A server holds at most its send queue and what waits in sockets, which is not its memory.
const MOST_GROWTH_BYTES: u64 = 8 << 20;
/// With no byte taken for so long, the server has stopped reading.
const REFUSED_AFTER: Duration = Duration::from_secs(2);

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [ws, connections] = &arguments[..] else {
        panic!("usage: crowd WS CONNECTIONS")
    };
    let connections: usize = connections
        .parse()
        .unwrap_or_else(|_| panic!("{connections} is no number"));
    assert!(connections >= THREADS, "{THREADS} connections or more");

    let (server, url) = Process::echo_server_of(ws);
    let clock = Instant::now();
    let (messages, bytes) = crowd(&url, connections);
    let seconds = clock.elapsed().as_secs_f64();
    let slow = slow_reader(&server, &url);
    println!(
        "{messages} echoes on {connections} connections, {:.1} MiB each way in {seconds:.1} s, each compared; {slow}",
        bytes as f64 / f64::from(1 << 20),
    );
}

/// All connections open before the first message; returns how many messages and bytes came back.
fn crowd(url: &str, connections: usize) -> (usize, usize) {
    let share = |thread| connections / THREADS + usize::from(thread < connections % THREADS);
    let open = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || -> io::Result<Vec<_>> {
                    (0..share(thread)).map(|_| open_patiently(url)).collect()
                })
            })
            .collect();
        threads.into_iter().map(finished).collect::<Vec<_>>()
    });
    thread::scope(|scope| {
        let threads: Vec<_> = open
            .into_iter()
            .enumerate()
            .map(|(thread, connections)| scope.spawn(move || echo_all(thread, connections)))
            .collect();
        let counts = threads.into_iter().map(finished);
        counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    })
}

fn open_patiently(url: &str) -> io::Result<RawConnection> {
    let mut connection = RawConnection::open(url)?;
    let socket = connection.transport().socket();
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn finished<T>(thread: thread::ScopedJoinHandle<'_, io::Result<T>>) -> T {
    match thread.join() {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => panic!("a thread of the load panicked"),
    }
}

/// Every size in its share of the connections: [`IN_FLIGHT`] of them at once.
fn echo_all(thread: usize, mut connections: Vec<RawConnection>) -> io::Result<(usize, usize)> {
    let mut shared = Shared::default();
    let (mut messages, mut bytes) = (0, 0);
    let sizes = SIZES.map(|size| (size, 1)).into_iter();
    for (size, share) in sizes.chain(LONG_SIZES.map(|size| (size, LONG_SHARE))) {
        let some = connections.len() / share;
        let text = |number: usize| {
            let mut text = format!("{thread}:{number}:{size}:");
            text.push_str(&"x".repeat(size.saturating_sub(text.len())));
            text
        };
        for group in connections[..some].chunks_mut(IN_FLIGHT) {
            let failed = |what: &str, number: usize, error: io::Error| {
                let text = format!("{what} message {number} of {size} bytes: {error}");
                io::Error::new(error.kind(), text)
            };
            for (number, connection) in group.iter_mut().enumerate() {
                let sent = connection.send(&text(number), &mut shared);
                sent.map_err(|error| failed("sending", number, error))?;
            }
            for (number, connection) in group.iter_mut().enumerate() {
                let text = text(number);
                let echoed = connection.expect(&[&text], &mut shared);
                echoed.map_err(|error| failed("waiting for", number, error))?;
                messages += 1;
                bytes += text.len();
            }
        }
    }
    for connection in connections {
        connection.close(&mut shared)?;
    }
    Ok((messages, bytes))
}

/// A peer that sends and does not read: the server stops reading it, stays as it was, and loses nothing.
fn slow_reader(server: &Process, url: &str) -> String {
    slow_reader_of(server, url).unwrap_or_else(|error| {
        panic!(
            "the peer that does not read: {error}\n{}",
            server.stderr_so_far()
        )
    })
}

fn slow_reader_of(server: &Process, url: &str) -> io::Result<String> {
    let mut shared = Shared::default();
    let mut other = RawConnection::open(url)?;
    other.echo("before", &mut shared)?;
    let resident = || resident_bytes(server.id()).unwrap_or(0);
    let start = resident();

    let texts: Vec<_> = (0..FLOOD)
        .map(|number| format!("{number}:{}", payload::text(FLOOD_BYTES, number)))
        .collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let mut slow = RawConnection::open(url)?;
    let frames = slow.frames(&texts, &mut shared)?;
    let socket = slow.transport().socket();
    socket.set_write_timeout(Some(REFUSED_AFTER))?;
    let mut written = 0;
    while written < frames.len() {
        match socket.write(&frames[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    assert!(
        written < frames.len(),
        "the server takes everything: nothing holds the peer back"
    );

    let growth = resident().saturating_sub(start);
    let clock = Instant::now();
    other.echo("beside it", &mut shared)?;
    let beside = clock.elapsed();
    assert!(
        beside < Duration::from_secs(5),
        "an echo beside it took {beside:?}"
    );
    assert!(
        growth <= MOST_GROWTH_BYTES,
        "{growth} bytes more for a peer that does not read"
    );

    let mut writer = slow.transport().socket().try_clone()?;
    writer.set_write_timeout(Some(TIMEOUT))?;
    thread::scope(|scope| -> io::Result<()> {
        let rest = &frames[written..];
        let writing = scope.spawn(move || writer.write_all(rest));
        slow.expect(&texts, &mut shared)?;
        finished(writing);
        Ok(())
    })?;
    slow.close(&mut shared)?;
    other.close(&mut shared)?;
    Ok(format!(
        "a peer that does not read was refused after {:.1} MiB, cost {:.1} MiB and an echo beside it {:.1} ms, and got all {FLOOD} messages",
        written as f64 / f64::from(1 << 20),
        growth as f64 / f64::from(1 << 20),
        beside.as_secs_f64() * 1e3,
    ))
}

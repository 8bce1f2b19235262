//! M-10, R-16: of a thousand connections a hundred do not read what they are sent, and the others do not notice.

use std::{
    io::{ErrorKind, Write as _},
    thread,
    time::Duration,
};

use socket2::SockRef;
use ws_tests::{
    figures::{cpu_nanoseconds, resident_bytes},
    payload,
    process::{Process, ws_binary},
    raw::{RawConnection, Shared},
    wait::{self, TIMEOUT},
};

use crate::support::again;

const HEALTHY: usize = 900;
const STOPPED: usize = 100;
const THREADS: usize = 6;
/// Each healthy connection echoes so many messages in a phase.
const ROUNDS: usize = 8;
const TRIES: u32 = 3;
/// It has used no processor time at so many looks.
const RESTS: u32 = 10;
/// A server queues for a peer that does not read up to its high-water mark (256 KiB), what one turn more made (64 KiB),
/// and holds what it had read of it (256 KiB).
const CAP_BYTES: u64 = (256 + 64 + 256) << 10;
/// What is kept for the next message of anybody, and the allocator's.
const SLACK_BYTES: u64 = 16 << 20;
/// With nothing taken for so long, the server has stopped reading.
const REFUSED_AFTER: Duration = Duration::from_millis(400);
/// More than everything between the two holds.
const FLOOD_BYTES: usize = 64 << 20;

#[test]
fn a_hundred_that_do_not_read_cost_the_others_nothing() {
    const NAME: &str = "slow_readers::a_hundred_that_do_not_read_cost_the_others_nothing";
    // 1,024 is a common limit.
    let more_files = ["sh", "-c", "ulimit -n 4096 && exec \"$@\"", "sh"];
    if !again::runs_under(&more_files, NAME) {
        return;
    }
    let (server, url) = Process::echo_server_with(ws_binary(), &["--pool-size", "2000"]);
    let resident = || resident_bytes(server.id()).expect("the server runs");
    let open = || RawConnection::open(&url).unwrap();
    let mut healthy: Vec<_> = (0..HEALTHY).map(|_| open()).collect();
    let mut stopped: Vec<_> = (0..STOPPED).map(|_| open()).collect();
    // How long it takes is for the benchmarks to say: other tests run beside this one. What it costs is the server's own.
    let cpu = || cpu_nanoseconds(server.id()).expect("the server runs");
    let mut cost = || {
        let before = cpu();
        exchange(&mut healthy);
        Duration::from_nanos(cpu() - before)
    };
    cost();
    let alone = cost();
    let base = resident();

    let flooded = thread::scope(|scope| {
        let floods: Vec<_> = stopped
            .chunks_mut(STOPPED / 10)
            .map(|some| scope.spawn(|| some.iter_mut().map(flood).sum::<usize>()))
            .collect();
        floods
            .into_iter()
            .map(|flood| flood.join().unwrap())
            .sum::<usize>()
    });
    // On a busy machine the server may still have to read what it has not refused.
    let (mut used, mut looks) = (cpu(), 0);
    let rests = wait::until(TIMEOUT, || {
        let now = cpu();
        looks = if now == used { looks + 1 } else { 0 };
        used = now;
        looks == RESTS
    });
    assert!(rests, "the server goes on reading those that do not read");
    let mut beside = cost();
    let grown = resident().saturating_sub(base);
    println!(
        "slow readers: {} echoes exact beside {STOPPED} that do not read, {} MiB taken from those; {beside:?} of \
         processor time beside them, {alone:?} without; the server grew by {} KiB",
        HEALTHY * ROUNDS,
        flooded >> 20,
        grown >> 10
    );
    let most = CAP_BYTES * STOPPED as u64 + SLACK_BYTES;
    assert!(
        grown <= most,
        "the server grew by {grown} bytes, at most {most}"
    );
    // Caches that others use make some measurements dear, but not all.
    for _ in 1..TRIES {
        if beside > 2 * alone {
            beside = beside.min(cost());
        }
    }
    assert!(
        beside <= 2 * alone,
        "{beside:?} of processor time for the others at best of {TRIES} times, at most twice the {alone:?} without the \
         stopped ones"
    );
    // They were not dropped: it is theirs to read.
    let mut shared = Shared::default();
    for connection in &mut stopped {
        let first = connection.expect(&[&piece()], &mut shared);
        // More of the same comes with it.
        let is_there = first.as_ref().err().is_none_or(|error| {
            error.kind() == ErrorKind::InvalidData && error.to_string().starts_with("message 2")
        });
        assert!(is_there, "{first:?}");
    }
}

/// Echoes messages on all connections, each compared.
fn exchange(connections: &mut [RawConnection]) {
    let share = connections.len().div_ceil(THREADS);
    thread::scope(|scope| {
        for some in connections.chunks_mut(share) {
            scope.spawn(|| exchange_some(some));
        }
    });
}

fn exchange_some(connections: &mut [RawConnection]) {
    let mut shared = Shared::default();
    for round in 0..ROUNDS {
        for (number, connection) in connections.iter_mut().enumerate() {
            let text = payload::text(16 + (number * 37 + round * 511) % 4_000, number + round);
            connection
                .echo(&text, &mut shared)
                .unwrap_or_else(|error| panic!("a healthy connection failed: {error}"));
        }
    }
}

/// Of letters that are judged fast: it is much that a server without optimisation takes of a hundred.
fn piece() -> String {
    "slow".repeat(4 << 10)
}

/// Sends until the server takes nothing more, without reading; how many bytes it took.
fn flood(connection: &mut RawConnection) -> usize {
    let frames = connection.frames(&[&*piece(); 16], &mut Shared::default());
    let frames = frames.unwrap();
    let socket = connection.transport().socket();
    // So that not everything fits into the system's buffers.
    SockRef::from(&*socket)
        .set_recv_buffer_size(64 << 10)
        .unwrap();
    socket.set_write_timeout(Some(REFUSED_AFTER)).unwrap();
    let mut sent = 0;
    while sent < FLOOD_BYTES {
        match socket.write(&frames[sent % frames.len()..]) {
            Ok(count) => sent += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return sent;
            }
            Err(error) => panic!("a connection that does not read was dropped: {error}"),
        }
    }
    panic!("the server takes everything from a peer that does not read")
}

//! The budget of memory for everything that peers make the server hold, in a process of its own: README's formula.

use std::{io::Write, thread, time::Duration};

use ws_server::Config;

use crate::{
    peer::{Got, Peer},
    process::{self, OwnProcess},
};

const PEERS: usize = 8;
const MESSAGE_BYTES: usize = 4 << 20;
const BUDGET_BYTES: usize = 6 << 20;
/// Beyond the budget 64 KiB of each connection, and of one of them the rest of its message.
const MOST_BYTES: usize = BUDGET_BYTES + PEERS * (64 << 10) + MESSAGE_BYTES;
/// Beyond these: a buffer that grows is copied, so that half of the one message is there twice for a moment; what one turn
/// may read, what the allocator keeps, and code that is paged in.
const SLACK_BYTES: usize = MESSAGE_BYTES / 2 + (1 << 20);
const WARM_UP_BYTES: usize = 512 << 10;

/// Large messages that all have begun and cannot all be held: one after the other they all get through.
#[test]
fn large_messages_share_a_small_budget() {
    if process::is_child() {
        return process::serve(Config::default().memory_bytes(BUDGET_BYTES));
    }
    let server = OwnProcess::start("memory_budget::large_messages_share_a_small_budget", 100);
    let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::open(server.address)).collect();
    // Everything that a server makes and pages in once: the receive buffer, the code for long messages.
    let first = Got::Binary(vec![0; WARM_UP_BYTES]);
    peers[0].send(&first);
    assert!(peers[0].next() == first, "another message came back");
    let base = server.begin_peak();
    let sent: Vec<_> = (0..PEERS)
        .map(|n| Got::Binary(vec![u8::try_from(n).unwrap(); MESSAGE_BYTES]))
        .collect();
    let begun: Vec<_> = peers
        .iter_mut()
        .zip(&sent)
        .map(|(peer, message)| begin(peer, message))
        .collect();
    thread::scope(|scope| {
        for ((peer, message), rest) in peers.iter_mut().zip(&sent).zip(begun) {
            scope.spawn(move || {
                let mut stream = peer.stream.try_clone().unwrap();
                let writer = thread::spawn(move || stream.write_all(&rest));
                assert!(peer.next() == *message, "another message came back");
                writer.join().unwrap().unwrap();
            });
        }
    });
    let grown = server.peak().saturating_sub(base);
    println!("{grown} bytes for {PEERS} messages of {MESSAGE_BYTES} bytes");
    let most = MOST_BYTES + SLACK_BYTES;
    assert!(
        grown <= most,
        "{grown} bytes for {PEERS} messages of {MESSAGE_BYTES} bytes, at most {most}"
    );
    server.end();
}

/// Sends a message as far as the server takes it without waiting, but for its last byte; returns the rest.
fn begin(peer: &mut Peer, message: &Got) -> Vec<u8> {
    let mut frame = peer.encode(message);
    let last = frame.len() - 1;
    peer.stream.set_nonblocking(true).unwrap();
    let (mut written, mut idle) = (0, 0);
    while written < last && idle < 3 {
        match peer.stream.write(&frame[written..last]) {
            Ok(count) => (written, idle) = (written + count, 0),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                thread::park_timeout(Duration::from_millis(10));
                idle += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    peer.stream.set_nonblocking(false).unwrap();
    frame.split_off(written)
}

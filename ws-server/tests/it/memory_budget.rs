//! The budget of memory for everything that peers make the server hold.

use std::{io::Write, sync::mpsc};

use ws_server::Config;

use crate::{
    peer::{Got, Peer},
    recorder::start,
};

/// Many large messages at once, beyond the budget: one after the other they all get through.
#[test]
fn large_messages_share_a_small_budget() {
    let (server, _) = start(Config::default().memory_bytes(6 << 20));
    let address = server.local_addr();
    const PEERS: usize = 8;
    let (done, all_done) = mpsc::channel();
    std::thread::scope(|scope| {
        for n in 0..PEERS {
            let done = done.clone();
            scope.spawn(move || {
                let mut peer = Peer::open(address);
                let data = vec![u8::try_from(n).unwrap(); 4 << 20];
                let frame = peer.encode(&Got::Binary(data.clone()));
                let mut stream = peer.stream.try_clone().unwrap();
                let writer = std::thread::spawn(move || stream.write_all(&frame));
                assert!(peer.next() == Got::Binary(data));
                writer.join().unwrap().unwrap();
                done.send(()).unwrap();
            });
        }
    });
    assert_eq!(all_done.try_iter().count(), PEERS);
}

//! Running out of file descriptors: the listener neither goes deaf nor spins.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use ws_server::Config;

use crate::{
    peer::{Got, Peer, connect, read_head, request},
    process::{self, OwnProcess},
};

/// 20 wait for a second while there are no descriptors, at the cost of at most 5 % of a processor; all are let in
/// within 2 s of their end, and those that were served before notice nothing.
#[test]
fn accepts_again_when_descriptors_are_free() {
    const WAITING: usize = 20;
    if process::is_child() {
        return process::serve(Config::default());
    }
    let server = OwnProcess::start("descriptors::accepts_again_when_descriptors_are_free", 60);
    let mut peers = Vec::new();
    // Until the server has none left: the last one connects, but is not answered.
    let mut waiting = loop {
        let mut stream = connect(server.address);
        stream.write_all(request("/").as_bytes()).unwrap();
        let patience = stream.read_timeout().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let is_answered = stream.peek(&mut [0]).is_ok();
        stream.set_read_timeout(patience).unwrap();
        if !is_answered {
            break vec![stream];
        }
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
        peers.push(Peer::new(stream));
        assert!(peers.len() < 60, "descriptors never ran out");
    };
    waiting.resize_with(WAITING, || {
        let mut stream = connect(server.address);
        stream.write_all(request("/").as_bytes()).unwrap();
        stream
    });
    server.check_that_it_rests(Duration::from_millis(600), "without descriptors");
    for peer in &mut peers {
        peer.send_text("still here");
        assert_eq!(peer.next(), Got::Text("still here".into()));
    }
    peers.drain(..WAITING + 5);
    let freed = Instant::now();
    let heads = waiting.iter_mut().map(read_head);
    let accepted = heads
        .filter(|head| head.starts_with("HTTP/1.1 101 "))
        .count();
    let took = freed.elapsed();
    println!("{accepted} of {WAITING} in {took:?}");
    assert!(
        accepted == WAITING && took <= Duration::from_secs(2),
        "{accepted} of {WAITING} let in within {took:?} of the first free descriptor, all are to be within 2 s"
    );
    server.end();
}

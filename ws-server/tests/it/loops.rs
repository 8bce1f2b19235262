//! Several loops, and the ways into them.

use std::collections::HashMap;

use ws_server::Config;

use crate::{
    peer::{Got, Peer},
    recorder::{Ask, Told, start},
};

#[test]
fn connections_go_to_the_loop_with_the_fewest() {
    let (server, record) = start(Config::default().workers(3));
    assert_eq!(server.loops(), 3);
    let mut peers: Vec<_> = (0..9).map(|_| Peer::open(server.local_addr())).collect();
    let mut count: HashMap<u16, usize> = HashMap::new();
    for told in record.all() {
        if let Told::Open(id, loop_index) = told {
            assert_eq!(id.loop_index(), loop_index);
            *count.entry(loop_index).or_default() += 1;
        }
    }
    assert_eq!(count, HashMap::from([(0, 3), (1, 3), (2, 3)]));
    for (n, peer) in peers.iter_mut().enumerate() {
        peer.send_text(&n.to_string());
        assert_eq!(peer.next(), Got::Text(n.to_string()));
    }
}

/// The limit holds for all loops together.
#[test]
fn the_pool_is_one_for_all_loops() {
    let (server, _) = start(Config::default().workers(3).max_connections(4));
    let _peers: Vec<_> = (0..4).map(|_| Peer::open(server.local_addr())).collect();
    let answer = Peer::try_open(server.local_addr(), "/").err().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[test]
fn a_broadcast_reaches_every_connection_of_the_loop() {
    let (server, _) = start(Config::default());
    let mut peers: Vec<_> = (0..20).map(|_| Peer::open(server.local_addr())).collect();
    for size in [10, 100_000] {
        let data = vec![5; size];
        server
            .commands(0)
            .unwrap()
            .send(Ask::Broadcast(data.clone()))
            .unwrap();
        for peer in &mut peers {
            assert_eq!(peer.next(), Got::Binary(data.clone()));
        }
    }
}

/// Commands of one sender come in order, and none waits for another event.
#[test]
fn commands_from_many_threads_all_arrive() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    let id = record.wait_for_open();
    const THREADS: usize = 4;
    const EACH: usize = 500;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let commands = server.commands(0).unwrap().clone();
            scope.spawn(move || {
                let (answer, answers) = std::sync::mpsc::channel();
                for n in 0..EACH {
                    let text = format!("{thread} {n}");
                    commands.send(Ask::Send(id, text, answer.clone())).unwrap();
                    if n % 50 == 0 {
                        assert_eq!(answers.recv().unwrap(), Ok(()));
                    }
                }
            });
        }
        let mut next = [0; THREADS];
        for _ in 0..THREADS * EACH {
            let Got::Text(text) = peer.next() else {
                panic!("not a text")
            };
            let (thread, n) = text.split_once(' ').unwrap();
            let next = &mut next[thread.parse::<usize>().unwrap()];
            assert_eq!(n.parse::<usize>(), Ok(*next));
            *next += 1;
        }
    });
}

#[test]
fn timers_and_pings_of_the_handler() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    peer.send_text("timer");
    assert_eq!(peer.next(), Got::Text("time".into()));
    peer.send_text("ping");
    assert_eq!(peer.next(), Got::Ping(b"from the handler".into()));
    record.wait_for(|told| *told == Told::Pong(b"from the handler".into()));
}

/// Sizes around every border of the wire format and of our buffers, each read in whatever pieces come.
#[test]
fn messages_of_all_sizes_are_echoed() {
    let (server, _) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20] {
        let data: Vec<u8> = (0..=255).cycle().take(size).collect();
        let frame = peer.encode(&Got::Binary(data.clone()));
        let mut stream = peer.stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stream, &frame));
        assert!(peer.next() == Got::Binary(data), "{size}");
        writer.join().unwrap().unwrap();
    }
    let too_big = peer.encode(&Got::Binary(vec![0; (16 << 20) + 1]));
    std::io::Write::write_all(&mut peer.stream, &too_big[..1000]).unwrap();
    assert!(matches!(peer.next(), Got::Close(1009, _)));
}

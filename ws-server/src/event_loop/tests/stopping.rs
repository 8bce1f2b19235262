//! How long a stop takes, in virtual time.

use std::time::Duration;

use super::{
    budget::{REQUEST, echo_loop},
    simulator::{Pipe, World},
};
use crate::{Config, event_loop::Command};

/// 1,000 peers at once that never answer the Close, chat on, or trickle a frame that never ends: `StopServer`
/// takes at most 5.5 s.
#[test]
fn a_stop_among_a_thousand_rude_peers_takes_five_seconds() {
    const PEERS: usize = 1000;
    let mut world = World::new(1);
    for _ in 0..PEERS {
        let mut pipe = Pipe::new(4096);
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        world.connect_pipe(pipe);
    }
    let (mut event_loop, world, _) = echo_loop(world, Config::default());
    while event_loop.connections.len() < PEERS {
        assert!(event_loop.turn().unwrap());
    }
    let began = world.borrow().now;
    let stop = Command::Stop(Duration::from_secs(60));
    world.borrow_mut().order(stop);
    let chat = b"\x81\x83\0\0\0\0bla";
    let endless = b"\x82\xfe\xff\xff\0\0\0\0";
    let mut turns = 0;
    while event_loop.turn().unwrap() {
        let world = &mut *world.borrow_mut();
        world.now += Duration::from_millis(1);
        // Twenty act in each turn, so that none passes without an event.
        for (number, pipe) in world.pipes.iter_mut().enumerate() {
            match (number % 50 == turns % 50, number % 3) {
                (true, 1) if pipe.inbound.is_empty() => drop(pipe.peer_send(chat)),
                (true, 2) => {
                    let byte = endless.get(turns / 50).unwrap_or(&0);
                    pipe.peer_send(&[*byte]);
                }
                _ => {}
            }
        }
        turns += 1;
    }
    let took = world.borrow().now - began;
    println!("{took:?} in {turns} turns");
    let closed = world
        .borrow()
        .pipes
        .iter()
        .filter(|pipe| pipe.server_closed)
        .count();
    assert_eq!(closed, PEERS, "connections closed, all {PEERS} are to be");
    assert!(
        took <= Duration::from_millis(5500),
        "{took:?} for a stop among {PEERS} rude peers, at most 5.5 s"
    );
}

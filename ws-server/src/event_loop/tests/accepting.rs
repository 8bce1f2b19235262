//! what stands in a listener's queue beside connections.

use std::time::Duration;

use super::{
    budget::{REQUEST, echo_loop},
    simulator::{Pipe, World},
};
use crate::Config;

/// Twenty that gave up while they waited are no reason to let those behind them wait.
#[test]
fn who_gave_up_in_the_queue_holds_nobody_up() {
    let mut world = World::new(1);
    world.aborted = 20;
    let mut pipe = Pipe::new(4096);
    assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
    world.connect_pipe(pipe);
    let (mut event_loop, world, _) = echo_loop(world, Config::default());
    let began = world.borrow().now;
    while event_loop.connections.is_empty() {
        assert!(event_loop.turn().unwrap());
        let is_refused = world.borrow().pipes[0].server_closed;
        assert!(!is_refused, "who waited behind them was refused");
    }
    let took = world.borrow().now - began;
    assert_eq!(world.borrow().aborted, 0, "all of them came first");
    assert!(
        took <= Duration::from_millis(100),
        "let in {took:?} behind 20 that gave up, at most 100 ms"
    );
}

//! The life of one world.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use super::{
    figures::Figures, monitor::Monitor, net::MockNet, outcome, witness::Witness, world::World,
};
use crate::event_loop::{Command, EventLoop, Shared};

/// Lives through the world of this seed; panics where something is wrong.
pub(crate) fn run(seed: u64) -> Figures {
    let world = World::drawn(seed);
    if world.profile.has_epoll {
        live::<true>(world, seed)
    } else {
        live::<false>(world, seed)
    }
}

fn live<const EPOLL: bool>(world: World, seed: u64) -> Figures {
    let profile = world.profile.clone();
    let world = Rc::new(RefCell::new(world));
    let tls = profile.tls.as_ref().map(|(server, _)| server.clone());
    let shared = Arc::new(Shared::new(tls, Arc::default(), 1));
    let mut event_loop = EventLoop::new(
        Witness::new(&world, seed),
        MockNet::<EPOLL>(Rc::clone(&world)),
        Arc::clone(&profile.config),
        0,
        Arc::clone(&shared),
        true,
    );
    let mut monitor = Monitor::default();
    let mut stopped_at = None;
    let mut calm_at = None;
    loop {
        let sleeps = monitor.before(&event_loop);
        let goes_on = event_loop.turn().unwrap();
        let world = &mut *world.borrow_mut();
        if goes_on {
            monitor.after(&event_loop, world, sleeps);
        }
        assert!(monitor.turns < MOST_TURNS, "the world does not end");
        if calm_at.is_none() && is_enough(world) {
            calm_at = Some(world.now);
            world.faults.is_calm = true;
        }
        let is_over = world.peers.is_empty();
        let is_quiet = is_over && event_loop.connections.slots.is_empty();
        if stopped_at.is_none() && calm_at.is_some() && (is_quiet || profile.stops_early) {
            stopped_at = Some(world.now);
            world.order(Command::Stop(STOP_WITHIN));
        }
        if let Some(calm_at) = calm_at {
            let lasts = world.now - calm_at;
            assert!(
                lasts <= profile.patience(),
                "{lasts:?} after the faults stopped the world goes on: {:?}",
                monitor.left(&event_loop, world)
            );
        }
        if !goes_on {
            break;
        }
        assert!(
            !world.is_over || stopped_at.is_some(),
            "nothing can happen any more, but the world has not ended"
        );
    }
    // What is left of memory, if anything, is the loop's own.
    let left = (shared.established(), shared.memory_bytes());
    assert_eq!(left, (0, event_loop.kept.counted), "figures are left");
    drop(event_loop);
    let world = world.borrow();
    let lasts = world.now - stopped_at.unwrap();
    assert!(
        lasts <= STOP_WITHIN + Duration::from_millis(5),
        "the loop took {lasts:?} to stop"
    );
    assert!(world.pipes.iter().all(|pipe| pipe.server_closed));
    outcome::check(&world);
    Figures::of(&world, monitor)
}

/// The world has seen as much as it should.
fn is_enough(world: &World) -> bool {
    world.ledger.messages >= LEAST_MESSAGES && world.faults.kinds() >= LEAST_KINDS
}

pub(crate) const LEAST_MESSAGES: u64 = 200;
pub(crate) const LEAST_KINDS: usize = 5;
const STOP_WITHIN: Duration = Duration::from_secs(4);
const MOST_TURNS: u64 = 300_000;

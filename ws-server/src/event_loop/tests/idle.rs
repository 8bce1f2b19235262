//! Connections without a message: only the time counts in which they are read.

use std::{cell::RefCell, rc::Rc, time::Duration};

use ws_core::{KeepaliveConfig, TICK};

use super::{
    budget::{Echo, REQUEST, echo_loop, frame},
    simulator::{MockNet, Pipe, World},
};
use crate::{Config, ConnectionId, event_loop::EventLoop};

struct Rig {
    event_loop: EventLoop<MockNet<true>, Echo>,
    world: Rc<RefCell<World>>,
    id: ConnectionId,
}

impl Rig {
    /// Two connections, the first of which has just sent a message.
    fn new() -> Self {
        let mut world = World::new(1);
        for _ in 0..2 {
            let mut pipe = Pipe::new(8 << 20);
            assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
            world.connect_pipe(pipe);
        }
        let config = Config::default()
            .idle_timeout(Some(IDLE))
            .memory_bytes(BUDGET)
            .keepalive(KeepaliveConfig::default().interval(None));
        let (mut event_loop, world, _) = echo_loop(world, config);
        while event_loop.connections.len() < 2 {
            assert!(event_loop.turn().unwrap());
        }
        let id = event_loop.connections.ids().next().unwrap();
        let mut rig = Self {
            event_loop,
            world,
            id,
        };
        rig.send(0, b"\x82\x83\0\0\0\0abc");
        rig
    }

    /// Sends what is read at once.
    fn send(&mut self, pipe: usize, bytes: &[u8]) {
        self.world.borrow_mut().pipes[pipe].peer_send(bytes);
        while !self.world.borrow().pipes[pipe].inbound.is_empty() {
            assert!(self.event_loop.turn().unwrap());
        }
    }

    fn tick(&mut self) {
        {
            let world = &mut *self.world.borrow_mut();
            world.now += TICK;
            // It is woken, since time would leap to the next deadline.
            world.accept_edge = true;
        }
        assert!(self.event_loop.turn().unwrap());
    }

    fn wait(&mut self, time: Duration) {
        let until = self.world.borrow().now + time;
        while self.world.borrow().now < until {
            self.tick();
        }
        let is_open = self.event_loop.connections.contains(self.id);
        assert!(is_open, "closed too early");
    }

    /// From now on it may be silent for nearly as long as any other, and no longer.
    fn expect_end_in_time(mut self) {
        self.wait(IDLE - 3 * TICK);
        for _ in 0..5 {
            self.tick();
        }
        let is_open = self.event_loop.connections.contains(self.id);
        assert!(!is_open, "not closed");
    }
}

#[test]
fn a_pause_does_not_count_as_silence() {
    let mut rig = Rig::new();
    assert!(rig.event_loop.connections.pause(rig.id));
    rig.wait(IDLE - 2 * TICK);
    assert!(rig.event_loop.connections.resume(rig.id));
    rig.expect_end_in_time();
}

#[test]
fn a_full_send_queue_does_not_count_as_silence() {
    let mut rig = Rig::new();
    rig.world.borrow_mut().pipes[0].choke();
    rig.send(0, &frame(300_000));
    assert!(rig.event_loop.connections.slots[0].is_throttled);
    rig.wait(IDLE - 2 * TICK);
    {
        let pipe = &mut rig.world.borrow_mut().pipes[0];
        pipe.is_choked = false;
        pipe.output_edge = true;
    }
    rig.expect_end_in_time();
}

#[test]
fn waiting_for_memory_does_not_count_as_silence() {
    let mut rig = Rig::new();
    // In the middle of a message, as the other is, which may go on.
    let begin = &frame(300_000)[..100_000];
    rig.send(0, begin);
    rig.send(1, begin);
    rig.event_loop.connections.memory.update(0, BUDGET);
    for pipe in [1, 0] {
        rig.world.borrow_mut().pipes[pipe].peer_send(&[0; 1000]);
        while rig.event_loop.starved.back() != Some(&u32::try_from(pipe).unwrap()) {
            assert!(rig.event_loop.turn().unwrap());
        }
    }
    assert!(rig.event_loop.connections.slots[0].is_starved);
    rig.wait(IDLE - 2 * TICK);
    rig.event_loop.connections.memory.update(BUDGET, 0);
    rig.expect_end_in_time();
}

const IDLE: Duration = Duration::from_secs(10);
const BUDGET: usize = 2 << 20;

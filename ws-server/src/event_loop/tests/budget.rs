//! Figures: what a slot takes, and what all connections may hold together.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use ws_core::handshake::{HttpAnswer, Request};

use super::mock::{MockNet, Order, Pipe, World};
use crate::{
    Accepted, Config, Context, Flow, Handler, Message,
    event_loop::{Command, EventLoop, MOST_IDLE_BYTES, Shared, Slot},
    net::{Net, mio::MioNet},
};

struct Echo;

impl Handler for Echo {
    type Connection = ();
    type Command = Order;

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        _: &mut (),
        message: Message<'_>,
    ) -> Flow {
        context.send(message).unwrap();
        Flow::Continue
    }
}

/// The design's 192 bytes are asserted at compile time; this shows how they are used.
#[test]
fn an_idle_connection_takes_at_most_192_bytes() {
    let slot = size_of::<Slot<()>>();
    let stream = size_of::<Option<<MioNet<()> as Net>::Stream>>();
    println!("slot {slot}, socket {stream}, tick {}", size_of::<u32>());
    assert!(slot + stream + size_of::<u32>() <= MOST_IDLE_BYTES);
}

/// Twelve messages of 4 MiB that arrive at the same time, with a budget of 8 MiB.
#[test]
fn messages_under_assembly_keep_to_the_budget() {
    const SIZE: usize = 4 << 20;
    const CLIENTS: usize = 12;
    let mut world = World::new(1);
    let mut input =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .to_vec();
    let mut frame = vec![0x82, 0xff];
    frame.extend_from_slice(&(SIZE as u64).to_be_bytes());
    frame.resize(frame.len() + 4 + SIZE, 0);
    for _ in 0..CLIENTS {
        let mut pipe = Pipe::new(2 * SIZE);
        assert_eq!(pipe.peer_send(&input), input.len());
        world.connect_pipe(pipe);
    }
    input.clear();
    let world = Rc::new(RefCell::new(world));
    let shared = Arc::new(Shared::default());
    let mut event_loop = EventLoop::new(
        Echo,
        MockNet::<true>(Rc::clone(&world)),
        Arc::new(Config::default().memory_bytes(8 << 20)),
        0,
        Arc::clone(&shared),
        true,
    );
    let mut most = 0;
    let mut is_sent = false;
    let mut has_stopped = false;
    while event_loop.turn().unwrap() {
        most = most.max(shared.memory_bytes());
        let mut world = world.borrow_mut();
        if !is_sent && event_loop.connections.len() == CLIENTS {
            for pipe in &mut world.pipes {
                assert_eq!(pipe.peer_send(&frame), frame.len());
            }
            is_sent = true;
        }
        let echoed = |pipe: &Pipe| pipe.outbound.len() > SIZE;
        if !has_stopped && world.pipes.iter().all(echoed) {
            has_stopped = true;
            world.order(Command::Stop(Duration::ZERO));
        }
    }
    println!("{most} bytes were held at most");
    // The budget, and what the one that may always go on adds: buffers grow by doubling.
    assert!(
        most > 4 << 20 && most <= (8 << 20) + 2 * SIZE,
        "{most} bytes were held"
    );
    assert!(shared.is_unused());
}

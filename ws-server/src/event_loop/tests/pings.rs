//! Pongs beside output that never ends.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use ws_core::{
    Event, KeepaliveConfig, Limits, Receiver, Role, Scratch,
    handshake::{HttpAnswer, Request},
};

use super::{
    budget::REQUEST,
    simulator::{MockNet, Order, Pipe, World},
};
use crate::{
    Accepted, Config, Context, Flow, Handler, Message,
    event_loop::{EventLoop, Shared},
};

/// Sends more whenever little is left, from the first message on.
struct Endless;

impl Handler for Endless {
    type Connection = ();
    type Command = Order;

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(&mut self, context: &mut Context<'_, ()>, _: &mut (), _: Message<'_>) -> Flow {
        context.send_binary(&[0; PIECE_BYTES]).unwrap();
        Flow::Continue
    }

    fn on_flush(&mut self, context: &mut Context<'_, ()>, (): &mut (), queued_bytes: usize) {
        if queued_bytes < 2 * PIECE_BYTES {
            context.send_binary(&[0; PIECE_BYTES]).unwrap();
        }
    }
}

/// A peer of such a connection, which reads slowly and never stops.
struct Peer {
    event_loop: EventLoop<MockNet<true>, Endless>,
    world: Rc<RefCell<World>>,
    receiver: Receiver,
    scratch: Scratch,
    read_bytes: usize,
    /// The pongs, and how much had been read before each.
    pongs: Vec<(Vec<u8>, usize)>,
}

impl Peer {
    fn new() -> Self {
        let mut world = World::new(1);
        let mut pipe = Pipe::new(20_000);
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        world.connect_pipe(pipe);
        let world = Rc::new(RefCell::new(world));
        let config = Config::default().keepalive(KeepaliveConfig::default().interval(None));
        let mut event_loop = EventLoop::new(
            Endless,
            MockNet::<true>(Rc::clone(&world)),
            Arc::new(config),
            0,
            Arc::new(Shared::default()),
            true,
        );
        while world.borrow().pipes[0].outbound.is_empty() {
            assert!(event_loop.turn().unwrap());
        }
        world.borrow_mut().pipes[0].outbound.clear();
        world.borrow_mut().pipes[0].peer_send(b"\x81\x80\0\0\0\0");
        Self {
            event_loop,
            world,
            receiver: Receiver::new(Role::Client),
            scratch: Scratch::new(Limits::default()),
            read_bytes: 0,
            pongs: Vec::new(),
        }
    }

    fn ping(&self, payload: u8) {
        let ping = [0x89, 0x81, 0, 0, 0, 0, payload];
        assert_eq!(
            self.world.borrow_mut().pipes[0].peer_send(&ping),
            ping.len()
        );
    }

    /// Reads that much, in small pieces, between which the loop has a turn.
    fn read(&mut self, bytes: usize) {
        let until = self.read_bytes + bytes;
        while self.read_bytes < until {
            assert!(self.event_loop.turn().unwrap());
            let mut bytes = self.world.borrow_mut().pipes[0].peer_recv(5000);
            self.read_bytes += bytes.len();
            let mut receive = self.receiver.receive(&mut bytes, &mut self.scratch);
            while let Some(event) = receive.next() {
                if let Event::Pong(payload) = event.unwrap() {
                    self.pongs.push((payload.to_vec(), self.read_bytes));
                }
            }
        }
    }
}

/// the peer reads, but the queue is refilled before it is empty. A ping is answered behind what waited before it;
/// of ten more that come together, one behind that, and then the newest.
#[test]
fn pings_are_answered_beside_output_that_never_ends() {
    let mut peer = Peer::new();
    peer.read(MOST_BYTES);
    let began = peer.read_bytes;
    peer.ping(0);
    peer.read(MOST_BYTES);
    assert_eq!(
        peer.pongs.len(),
        1,
        "pongs within {MOST_BYTES} bytes behind a ping, one is to come"
    );
    println!("a pong {} bytes behind a ping", peer.pongs[0].1 - began);
    for payload in 1..=10 {
        peer.ping(payload);
    }
    peer.read(2 * MOST_BYTES);
    let pongs: Vec<_> = peer.pongs.iter().map(|(payload, _)| payload[0]).collect();
    assert_eq!(pongs, [0, 1, 10], "the pings that were answered");
}

/// What the handler sends at once: twice as much may wait before it sends more.
const PIECE_BYTES: usize = 50_000;
/// A ping waits for what was queued before it, and for what the socket had taken.
const MOST_BYTES: usize = 200_000;

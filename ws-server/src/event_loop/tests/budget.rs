//! Figures: what a slot takes, and what all connections may hold together.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use ws_core::{
    TICK,
    extension::DeflateConfig,
    handshake::{HttpAnswer, Request},
};

use super::simulator::{MockNet, Order, Pipe, World};
use crate::{
    Accepted, Config, ConnectionId, Connections, Context, Flow, Handler, Message,
    config::RECEIVE_BUFFER_BYTES,
    event_loop::{Command, EventLoop, MOST_IDLE_BYTES, Shared, Slot},
    net::{Net, mio::MioNet},
};

/// Sends back what comes, and something to all at any order.
#[derive(Default)]
pub(super) struct Echo {
    /// Only takes what comes.
    pub(super) is_silent: bool,
}

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
        if !self.is_silent {
            context.send(message).unwrap();
        }
        Flow::Continue
    }

    fn on_command(&mut self, connections: &mut Connections<()>, _: Order) {
        connections.broadcast_text(&"a message to all ".repeat(100));
    }
}

/// A loop that serves this world.
pub(super) fn echo_loop(
    world: World,
    config: Config,
) -> (
    EventLoop<MockNet<true>, Echo>,
    Rc<RefCell<World>>,
    Arc<Shared>,
) {
    let world = Rc::new(RefCell::new(world));
    let shared = Arc::new(Shared::default());
    let event_loop = EventLoop::new(
        Echo::default(),
        MockNet::<true>(Rc::clone(&world)),
        Arc::new(config),
        0,
        Arc::clone(&shared),
        true,
    );
    (event_loop, world, shared)
}

/// The design's 192 bytes are asserted at compile time; this shows how they are used.
#[test]
fn an_idle_connection_takes_at_most_192_bytes() {
    let slot = size_of::<Slot<()>>();
    let stream = size_of::<Option<<MioNet<()> as Net>::Stream>>();
    println!("slot {slot}, socket {stream}, tick {}", size_of::<u32>());
    assert!(slot + stream + size_of::<u32>() <= MOST_IDLE_BYTES);
}

/// Pauses with every message.
struct Pausing(Rc<RefCell<Vec<ConnectionId>>>);

impl Handler for Pausing {
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
        self.0.borrow_mut().push(context.id());
        Flow::Pause
    }

    fn on_command(&mut self, connections: &mut Connections<()>, order: Order) {
        if let Order::Resume(id) = order {
            connections.resume(id);
        }
    }
}

/// the connection that may go on although the budget is used up, but is paused, leaves the processor alone.
#[test]
fn a_paused_connection_does_not_spin_for_memory() {
    const SIZE: usize = 200 << 10;
    const BUDGET: usize = 100 << 10;
    let mut pipe = Pipe::new(4 * SIZE);
    assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
    let mut world = World::new(1);
    world.connect_pipe(pipe);
    let world = Rc::new(RefCell::new(world));
    let messages = Rc::new(RefCell::new(Vec::new()));
    let shared = Arc::new(Shared::default());
    let config = Config::default()
        .memory_bytes(BUDGET)
        .turn_bytes(RECEIVE_BUFFER_BYTES);
    let mut event_loop = EventLoop::new(
        Pausing(Rc::clone(&messages)),
        MockNet::<true>(Rc::clone(&world)),
        Arc::new(config),
        0,
        Arc::clone(&shared),
        true,
    );
    while event_loop.connections.is_empty() {
        assert!(event_loop.turn().unwrap());
    }
    // The begin of a message uses the budget up; its end and one more come behind it.
    let frames = [frame(SIZE), frame(SIZE)].concat();
    let (begin, end) = frames.split_at(SIZE - 1);
    world.borrow_mut().pipes[0].peer_send(begin);
    while shared.memory_bytes() < BUDGET {
        assert!(event_loop.turn().unwrap());
    }
    world.borrow_mut().pipes[0].peer_send(end);
    while messages.borrow().is_empty() {
        assert!(event_loop.turn().unwrap());
    }
    assert!(shared.memory_bytes() > BUDGET, "the second one is held");
    // One turn more may find out that there is nothing to do.
    world
        .borrow_mut()
        .order(Command::Handler(Order::Broadcast(0)));
    assert!(event_loop.turn().unwrap());
    assert_ne!(event_loop.timeout(), Some(Duration::ZERO));
    let id = messages.borrow()[0];
    let resume = Command::Handler(Order::Resume(id));
    world.borrow_mut().order(resume);
    while messages.borrow().len() < 2 {
        assert!(event_loop.turn().unwrap());
    }
}

/// Twelve messages of 4 MiB that arrive at the same time, with a budget of 8 MiB.
#[test]
fn messages_under_assembly_keep_to_the_budget() {
    const SIZE: usize = 4 << 20;
    const CLIENTS: usize = 12;
    let mut world = World::new(1);
    let frame = frame(SIZE);
    for _ in 0..CLIENTS {
        let mut pipe = Pipe::new(2 * SIZE);
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        world.connect_pipe(pipe);
    }
    let config = Config::default().memory_bytes(8 << 20);
    let (mut event_loop, world, shared) = echo_loop(world, config);
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

/// What compression keeps counts in the turn that made it, also at a server whose clients say nothing.
#[test]
fn compressors_count_towards_the_budget_at_once() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let request = [&REQUEST[..REQUEST.len() - 2], offer.as_bytes()].concat();
    for config in [
        DeflateConfig::shared(),
        DeflateConfig::compact(),
        DeflateConfig::dedicated(),
    ] {
        let mut pipe = Pipe::new(1 << 20);
        assert_eq!(pipe.peer_send(&request), request.len());
        let mut world = World::new(1);
        world.connect_pipe(pipe);
        let config = Config::default().compression(Some(config));
        let (mut event_loop, world, shared) = echo_loop(world, config);
        while event_loop.connections.is_empty() {
            assert!(event_loop.turn().unwrap());
        }
        assert!(shared.memory_bytes() < 1000, "{}", shared.memory_bytes());
        world
            .borrow_mut()
            .order(Command::Handler(Order::Broadcast(0)));
        assert!(event_loop.turn().unwrap());
        let held = shared.memory_bytes();
        println!("{held} bytes after a broadcast");
        assert!(held > 200 << 10, "{held}");
    }
}

/// A context that is taken over is never given back, so that it must not use the budget of messages up.
#[test]
fn contexts_leave_a_quarter_of_the_budget_to_messages() {
    const BUDGET: usize = 4 << 20;
    const CLIENTS: usize = 30;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let request = [&REQUEST[..REQUEST.len() - 2], offer.as_bytes()].concat();
    // What a client says fills a compressor of the server's with the echo of it.
    let words = "some words ".repeat(10);
    let length = u8::try_from(words.len()).unwrap();
    let said = [&[0x81, 0x80 | length, 0, 0, 0, 0], words.as_bytes()].concat();
    let config = Config::default()
        .compression(Some(DeflateConfig::dedicated()))
        .memory_bytes(BUDGET);
    let (mut event_loop, world, shared) = echo_loop(World::new(1), config);
    let (mut taking_over, mut most) = (0, 0);
    for client in 0..CLIENTS {
        let mut pipe = Pipe::new(1 << 20);
        pipe.peer_send(&request);
        world.borrow_mut().connect_pipe(pipe);
        let mut receive = || loop {
            assert!(event_loop.turn().unwrap());
            let bytes = world.borrow_mut().pipes[client].peer_recv(usize::MAX);
            if !bytes.is_empty() {
                return String::from_utf8_lossy(&bytes).into_owned();
            }
        };
        let head = receive();
        world.borrow_mut().pipes[client].peer_send(&said);
        receive();
        assert!(head.contains("permessage-deflate"), "{head}");
        taking_over += usize::from(!head.contains("server_no_context_takeover"));
        most = most.max(shared.memory_bytes());
    }
    println!("{taking_over} of {CLIENTS} take over, {most} bytes at most");
    assert!((5..15).contains(&taking_over), "{taking_over}");
    assert!(most < BUDGET, "{most}");
}

/// The first that waits for memory may be read; if the rest of its message does not come, it is closed for the others.
#[test]
fn who_stops_in_the_middle_of_a_message_stops_the_others_for_a_time_only() {
    const BUDGET: usize = 2 << 20;
    let mut world = World::new(1);
    for _ in 0..2 {
        let mut pipe = Pipe::new(8 << 20);
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        world.connect_pipe(pipe);
    }
    let config = Config::default().memory_bytes(BUDGET);
    // It is closed in the turn that finds its time over; the others are read in the next one.
    let most = config.write_stall_timeout + config.close_timeout + TICK;
    let (mut event_loop, world, shared) = echo_loop(world, config);
    let mut turn = || {
        world.borrow_mut().now += Duration::from_millis(10);
        assert!(event_loop.turn().unwrap());
    };
    while world.borrow().pipes[1].outbound.is_empty() {
        turn();
    }
    world.borrow_mut().pipes[0].peer_send(&frame(4 << 20)[..2_500_000]);
    while shared.memory_bytes() < BUDGET {
        turn();
    }
    let before = world.borrow().pipes[1].outbound.len();
    let began = world.borrow().now;
    world.borrow_mut().pipes[1].peer_send(&frame(600_000));
    while world.borrow().pipes[1].outbound.len() < before + 600_000 {
        turn();
        let lasts = world.borrow().now - began;
        assert!(
            lasts <= most,
            "no answer for {lasts:?}, at most {most:?}: the stall's time, the Close's and a tick"
        );
    }
    let told = world.borrow().pipes[0]
        .outbound
        .iter()
        .rev()
        .take(47)
        .rev()
        .copied()
        .collect::<Vec<u8>>();
    assert_eq!(told[..2], 1013u16.to_be_bytes(), "try again later");
}

/// A binary message of zeros, masked with zeros.
pub(super) fn frame(size: usize) -> Vec<u8> {
    let mut frame = vec![0x82, 0xff];
    frame.extend_from_slice(&(size as u64).to_be_bytes());
    frame.resize(frame.len() + 4 + size, 0);
    frame
}

pub(super) const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

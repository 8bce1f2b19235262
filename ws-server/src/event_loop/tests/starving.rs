//! who waits for the budget of memory, and who does not any more.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use ws_core::{CloseCode, KeepaliveConfig, TICK};

use super::{
    budget::{Echo, REQUEST, echo_loop, frame},
    simulator::{MockNet, Pipe, World},
};
use crate::{
    Config,
    event_loop::{EventLoop, Shared},
};

/// A loop with so many open connections.
fn open(
    connections: usize,
    config: Config,
) -> (
    EventLoop<MockNet<true>, Echo>,
    Rc<RefCell<World>>,
    Arc<Shared>,
) {
    let mut world = World::new(1);
    for _ in 0..connections {
        let mut pipe = Pipe::new(8 << 20);
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        world.connect_pipe(pipe);
    }
    let config = config
        .memory_bytes(BUDGET)
        .keepalive(KeepaliveConfig::default().interval(None));
    let (mut event_loop, world, shared) = echo_loop(world, config);
    while event_loop.connections.len() < connections {
        assert!(event_loop.turn().unwrap());
    }
    for pipe in &mut world.borrow_mut().pipes {
        pipe.outbound.clear();
    }
    (event_loop, world, shared)
}

/// The begin of a binary message of 4 MiB, masked with zeros.
fn begin(bytes: usize) -> Vec<u8> {
    let mut begin = vec![0x82, 0xff];
    begin.extend_from_slice(&(4_u64 << 20).to_be_bytes());
    begin.resize(bytes, 0);
    begin
}

/// Who hangs up while it waits for memory is told of, and no longer keeps the one that may go on from waiting for the
/// rest of its message.
#[test]
fn who_hangs_up_waits_for_memory_no_more() {
    let config = Config::default().write_stall_timeout(STALL);
    let (mut event_loop, world, shared) = open(2, config);
    let mut turn = || {
        world.borrow_mut().now += TICK;
        assert!(event_loop.turn().unwrap());
        (event_loop.connections.len(), event_loop.starved.len())
    };
    world.borrow_mut().pipes[0].peer_send(&begin(BUDGET + (256 << 10)));
    while shared.memory_bytes() < BUDGET {
        turn();
    }
    // The second is still let in with this much, but not with more.
    world.borrow_mut().pipes[1].peer_send(&begin(100_000));
    while !world.borrow().pipes[1].inbound.is_empty() {
        turn();
    }
    world.borrow_mut().pipes[1].peer_send(&[0; 100_000]);
    while turn() != (2, 2) {}
    world.borrow_mut().pipes[1].peer_reset(true);
    for _ in 0..5 {
        turn();
    }
    let (open, _) = turn();
    assert_eq!(open, 1, "open connections six turns after one hung up");
    let until = world.borrow().now + 2 * STALL;
    while world.borrow().now < until {
        assert_eq!(
            turn().0,
            1,
            "open connections, though nobody else waits for memory"
        );
    }
}

/// A loop that other loops have left no memory to, with connections whose peers have not read an echo of 100,000 bytes.
fn open_with_unread(
    connections: usize,
    unread: &[usize],
) -> (EventLoop<MockNet<true>, Echo>, Rc<RefCell<World>>) {
    let config = Config::default().write_stall_timeout(STALL);
    let (mut event_loop, world, _) = open(connections, config);
    for &pipe in unread {
        world.borrow_mut().pipes[pipe].choke();
        world.borrow_mut().pipes[pipe].peer_send(&frame(100_000));
        while event_loop.connections.slots[pipe].queued_bytes() < 100_000 {
            assert!(event_loop.turn().unwrap());
        }
    }
    event_loop.connections.memory.update(0, BUDGET);
    (event_loop, world)
}

/// Who holds little again is read, though the first of those that wait holds what it held; and nobody is closed for it.
#[test]
fn who_holds_little_again_waits_no_longer() {
    let (mut event_loop, world) = open_with_unread(2, &[1]);
    let mut turn = || {
        world.borrow_mut().now += TICK;
        assert!(event_loop.turn().unwrap());
        (event_loop.connections.len(), event_loop.starved.len())
    };
    world.borrow_mut().pipes[0].peer_send(&begin(100_000));
    while !world.borrow().pipes[0].inbound.is_empty() {
        turn();
    }
    world.borrow_mut().pipes[0].peer_send(&[0; 1000]);
    while turn() != (2, 1) {}
    world.borrow_mut().pipes[1].peer_send(PING);
    while turn() != (2, 2) {}
    {
        let pipe = &mut world.borrow_mut().pipes[1];
        pipe.is_choked = false;
        pipe.output_edge = true;
    }
    for _ in 0..5 {
        turn();
    }
    let unread = world.borrow().pipes[1].inbound.len();
    assert_eq!(unread, 0, "bytes unread five turns after the echo has left");
    let until = world.borrow().now + 2 * STALL;
    while world.borrow().now < until {
        assert_eq!(turn().0, 2, "open connections, though only one waits");
    }
}

/// Lets time pass in which each peer reads a byte, which is no stall; nobody is closed in its turn.
fn turn_with_trickle(event_loop: &mut EventLoop<MockNet<true>, Echo>, world: &RefCell<World>) {
    let pipes = {
        let world = &mut *world.borrow_mut();
        world.now += TICK;
        for pipe in &mut world.pipes {
            pipe.is_choked = false;
            pipe.output_edge = true;
            pipe.capacity = pipe.outbound.len() + 1;
        }
        world.pipes.len()
    };
    assert!(event_loop.turn().unwrap());
    let open = event_loop.connections.len();
    assert_eq!(open, pipes, "open connections, though none stalls");
}

/// Those that read slowly, and send nothing but what is read at once, have their turns, and none is closed for another.
#[test]
fn who_reads_slowly_is_read_in_turn_and_not_closed() {
    let (mut event_loop, world) = open_with_unread(3, &[0, 1, 2]);
    for pipe in &mut world.borrow_mut().pipes {
        pipe.capacity = 8 << 20;
        pipe.peer_send(PING);
    }
    for _ in 0..10 {
        turn_with_trickle(&mut event_loop, &world);
    }
    for pipe in &world.borrow().pipes {
        assert_eq!(
            pipe.inbound.len(),
            0,
            "bytes of a ping unread after a second"
        );
    }
    let waiting = event_loop.starved.len();
    assert_eq!(waiting, 0, "wait for memory, though all is read");
    let until = world.borrow().now + 2 * STALL;
    while world.borrow().now < until {
        turn_with_trickle(&mut event_loop, &world);
    }
}

/// Who reads slowly and sends one message after the other, so that it is always in the middle of one, leaves a turn to
/// the others after each, and is not closed for them.
#[test]
fn who_sends_without_end_gives_way_after_each_message() {
    let (mut event_loop, world) = open_with_unread(2, &[0, 1]);
    let send = |pipe: usize, bytes: &[u8]| {
        let pipe = &mut world.borrow_mut().pipes[pipe];
        let (capacity, sent) = (pipe.capacity, bytes.len());
        pipe.capacity = 8 << 20;
        assert_eq!(pipe.peer_send(bytes), sent);
        pipe.capacity = capacity;
    };
    send(0, b"\x82\x83\0\0\0\0a");
    while !world.borrow().pipes[0].inbound.is_empty() {
        turn_with_trickle(&mut event_loop, &world);
    }
    let until = world.borrow().now + 2 * STALL;
    let mut since_read = 0;
    while world.borrow().now < until {
        send(0, b"bc\x82\x83\0\0\0\0a");
        if world.borrow().pipes[1].inbound.is_empty() {
            since_read = 0;
            send(1, PING);
        }
        turn_with_trickle(&mut event_loop, &world);
        since_read += 1;
        assert!(since_read <= 5, "the other waits for {since_read} turns");
    }
}

/// Those that send long messages without end give way behind each, and not in the middle of the next, whose beginning came
/// along.
#[test]
fn who_sends_long_messages_without_end_keeps_to_the_budget() {
    const CONNECTIONS: usize = 8;
    const BYTES: usize = 3_000_000;
    let (mut event_loop, world, shared) = open(CONNECTIONS, Config::default());
    event_loop.handler.is_silent = true;
    let (message, mut sent) = (frame(BYTES), [0; CONNECTIONS]);
    let (mut most, mut turns, mut taken) = (0, 0, 0);
    while taken < 5 * message.len() {
        {
            let world = &mut *world.borrow_mut();
            world.now += TICK;
            for (pipe, sent) in world.pipes.iter_mut().zip(&mut sent) {
                *sent += pipe.peer_send(&message[*sent % message.len()..]);
            }
            let taken_of = world.pipes.iter().zip(sent);
            let least = taken_of.map(|(pipe, sent)| sent - pipe.inbound.len()).min();
            taken = least.unwrap();
        }
        assert!(event_loop.turn().unwrap());
        assert_eq!(
            event_loop.connections.len(),
            CONNECTIONS,
            "open connections"
        );
        most = most.max(shared.memory_bytes());
        turns += 1;
        assert!(turns < 1000, "{taken} bytes of one were taken");
    }
    println!("{most} bytes were held at most, in {turns} turns");
    // 64 KiB and what a buffer grows by of each, one message and a half, and what comes behind it.
    let most_allowed = BUDGET + CONNECTIONS * (128 << 10) + BYTES * 3 / 2 + (1 << 20);
    assert!(
        most <= most_allowed,
        "{most} bytes were held, at most {most_allowed}"
    );
}

/// One that hung up, has no end and holds little is none that the others have to wait for.
#[test]
fn who_hung_up_and_has_no_end_holds_nobody_up() {
    let (mut event_loop, world, _) = open(3, Config::default());
    event_loop.handler.is_silent = true;
    let begun = 3_900_000;
    for pipe in &mut world.borrow_mut().pipes {
        pipe.peer_send(&begin(begun));
    }
    while event_loop.starved.len() < 3 {
        assert!(event_loop.turn().unwrap());
    }
    // The first may be read; nothing can be sent to the second, but it goes on, faster than it is read.
    event_loop.handle_broken(1);
    let rest = (4 << 20) - (begun - HEADER_BYTES);
    world.borrow_mut().pipes[1].peer_send(&vec![0; rest]);
    let pings = PING.repeat(200_000);
    for turn in 0..20 {
        {
            let pipe = &mut world.borrow_mut().pipes[1];
            if pipe.peer_space() >= pings.len() {
                pipe.peer_send(&pings);
            }
        }
        assert!(event_loop.turn().unwrap());
        if turn == 0 {
            world.borrow_mut().pipes[2].peer_reset(true);
        }
    }
    let open = event_loop.connections.len();
    assert_eq!(open, 2, "open connections 20 turns after the third hung up");
}

/// Connections that wait for memory in the middle of a message, and hang up together, are read to their ends one at a time.
#[test]
fn who_hangs_up_together_keeps_to_the_budget() {
    const CONNECTIONS: usize = 8;
    let (mut event_loop, world, shared) = open(CONNECTIONS, Config::default());
    for pipe in &mut world.borrow_mut().pipes {
        pipe.peer_send(&begin(3_900_000));
    }
    while event_loop.starved.len() < CONNECTIONS {
        assert!(event_loop.turn().unwrap());
    }
    for pipe in &mut world.borrow_mut().pipes {
        pipe.peer_reset(true);
    }
    let (mut most, mut turns) = (0, 0);
    while !event_loop.connections.slots.is_empty() {
        assert!(event_loop.turn().unwrap());
        most = most.max(shared.memory_bytes());
        turns += 1;
        assert!(turns < 100, "connections are left after {turns} turns");
    }
    println!("{most} bytes were held at most, in {turns} turns");
    let most_allowed = BUDGET + (8 << 20);
    assert!(
        most <= most_allowed,
        "{most} bytes were held, at most {most_allowed}: the budget, the message of the first and of one that hung up"
    );
}

/// Connections that were told to close, and whose peers send half of a message instead of an answer, keep to the budget
/// as the others do.
#[test]
fn what_comes_behind_our_close_keeps_to_the_budget() {
    const CONNECTIONS: usize = 8;
    let (mut event_loop, world, shared) = open(CONNECTIONS, Config::default());
    let ids: Vec<_> = event_loop.connections.ids().collect();
    for id in ids {
        let closed = event_loop.connections.close(id, CloseCode::NORMAL, "");
        assert_eq!(closed, Ok(()));
    }
    event_loop.tell_closed();
    for pipe in &mut world.borrow_mut().pipes {
        pipe.peer_send(&begin(1_900_000));
    }
    let (mut most, mut turns) = (0, 0);
    let mut told = vec![Vec::new(); CONNECTIONS];
    while !event_loop.connections.slots.is_empty() {
        assert!(event_loop.turn().unwrap());
        most = most.max(shared.memory_bytes());
        for (told, pipe) in told.iter_mut().zip(&mut world.borrow_mut().pipes) {
            told.extend(pipe.peer_recv(usize::MAX));
        }
        turns += 1;
        assert!(turns < 1000, "connections are left after {turns} turns");
    }
    println!("{most} bytes were held at most");
    let most_allowed = BUDGET + (4 << 20);
    assert!(
        most <= most_allowed,
        "{most} bytes were held behind our Close, at most {most_allowed}: the budget and one message"
    );
    assert_eq!(told, vec![b"\x88\x02\x03\xe8"; CONNECTIONS], "the Close");
}

const BUDGET: usize = 2 << 20;
const STALL: Duration = Duration::from_secs(30);
/// Empty, masked with zeros.
const PING: &[u8] = b"\x89\x80\0\0\0\0";
/// In front of a long message's payload, with its mask.
const HEADER_BYTES: usize = 14;

//! What is sent while a peer closes.

use std::{cell::RefCell, rc::Rc, time::Duration};

use super::{
    budget::{Echo, REQUEST, echo_loop},
    simulator::{MockNet, Order, Pipe, World},
};
use crate::{
    Config,
    event_loop::{Command, EventLoop},
};

/// A loop with one open connection, which has read the 101.
fn open() -> (EventLoop<MockNet<true>, Echo>, Rc<RefCell<World>>) {
    let mut world = World::new(1);
    let mut pipe = Pipe::new(1 << 20);
    assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
    world.connect_pipe(pipe);
    let (mut event_loop, world, _) = echo_loop(world, Config::default());
    while world.borrow().pipes[0].outbound.is_empty() {
        assert!(event_loop.turn().unwrap());
    }
    world.borrow_mut().pipes[0].outbound.clear();
    (event_loop, world)
}

/// Commands whose wake-up the loop has not seen yet, when it reads a Close that was sent after them.
#[test]
fn what_was_sent_before_the_close_came_goes_before_its_answer() {
    let (mut event_loop, world) = open();
    {
        let world = &mut *world.borrow_mut();
        let send = || Command::Handler(Order::Broadcast(1));
        let stop = Command::Stop(Duration::from_secs(1));
        world.orders.extend([send(), send(), stop, send()]);
        world.pipes[0].peer_send(b"\x88\x80\0\0\0\0");
    }
    while world.borrow().pipes[0].outbound.is_empty() {
        assert!(event_loop.turn().unwrap());
    }
    let sent: Vec<u8> = world.borrow().pipes[0].outbound.iter().copied().collect();
    // A length of 16 bits: both broadcasts, then the Close.
    let length = 4 + usize::from(u16::from_be_bytes([sent[2], sent[3]]));
    assert_eq!(sent[0], 0x81, "the first is a text");
    assert_eq!(sent[length], 0x81, "the second is a text");
    assert_eq!(sent[2 * length..], [0x88, 0], "then the Close is answered");
    // The stop, which is not for the handler, was kept.
    let mut turns = 0;
    while event_loop.turn().unwrap() {
        turns += 1;
        assert!(turns < 1000, "nobody stopped the loop");
    }
}

/// However many they are.
#[test]
fn all_that_was_sent_before_the_close_came_goes_before_its_answer() {
    const ORDERS: usize = 1500;
    let (mut event_loop, world) = open();
    {
        let world = &mut *world.borrow_mut();
        world.pipes[0].capacity = 8 << 20;
        let send = || Command::Handler(Order::Broadcast(1));
        world.orders.extend((0..ORDERS).map(|_| send()));
        world.pipes[0].peer_send(b"\x88\x80\0\0\0\0");
    }
    while !world.borrow().pipes[0].server_closed {
        world.borrow_mut().now += Duration::from_millis(10);
        assert!(event_loop.turn().unwrap());
    }
    let sent: Vec<u8> = world.borrow().pipes[0].outbound.iter().copied().collect();
    let length = 4 + usize::from(u16::from_be_bytes([sent[2], sent[3]]));
    let (messages, rest) = (sent.len() / length, sent.len() % length);
    assert_eq!(
        (messages, rest),
        (ORDERS, 2),
        "texts, and bytes of the Close"
    );
    assert_eq!(sent[sent.len() - 2..], [0x88, 0], "it comes last");
}

/// The same while another loop hands a connection over.
#[test]
fn a_connection_that_is_handed_over_keeps_nothing_from_going_before_the_answer() {
    let (mut event_loop, world) = open();
    {
        let world = &mut *world.borrow_mut();
        world.pipes.push(Pipe::new(1 << 20));
        let address = "127.0.0.1:50000".parse().unwrap();
        let adopt = Command::Adopt(1, crate::net::PeerAddress::tcp(address));
        let send = Command::Handler(Order::Broadcast(1));
        world.orders.extend([adopt, send]);
        world.pipes[0].peer_send(b"\x88\x80\0\0\0\0");
    }
    while world.borrow().pipes[0].outbound.is_empty() {
        assert!(event_loop.turn().unwrap());
    }
    let sent: Vec<u8> = world.borrow().pipes[0].outbound.iter().copied().collect();
    assert_eq!(sent[0], 0x81, "the text goes before the Close");
}

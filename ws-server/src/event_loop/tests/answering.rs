//! Plain answers that take longer than a refusal may.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use ws_core::{
    TICK,
    handshake::{HttpAnswer, Request},
};

use super::simulator::{MockNet, Order, Pipe, World};
use crate::{
    Accepted, Config, Context, Flow, Handler, Message, PlainAnswer,
    event_loop::{EventLoop, Shared},
};

/// Answers everything with a long text, under the status that the path names.
struct Texts;

fn answer(status: u16) -> HttpAnswer {
    HttpAnswer::new(status, "a long text ".repeat(100_000))
}

impl Handler for Texts {
    type Connection = ();
    type Command = Order;

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_request(&mut self, request: &Request) -> Option<PlainAnswer> {
        Some(answer(request.path()[1..].parse().unwrap()).into())
    }

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &mut (), _: Message<'_>) -> Flow {
        Flow::Continue
    }
}

/// What a peer gets that reads 50,000 bytes each tick, and the most that counted towards the budget of memory.
fn read_slowly(request: &str) -> (Vec<u8>, usize) {
    let mut pipe = Pipe::new(64 << 10);
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(pipe.peer_send(request.as_bytes()), request.len());
    let mut world = World::new(1);
    world.connect_pipe(pipe);
    let world = Rc::new(RefCell::new(world));
    let shared = Arc::new(Shared::default());
    let config = Config::default().close_timeout(Duration::from_millis(200));
    let mut event_loop = EventLoop::new(
        Texts,
        MockNet::<true>(Rc::clone(&world)),
        Arc::new(config),
        0,
        Arc::clone(&shared),
        true,
    );
    let (mut got, mut most) = (Vec::new(), 0);
    while !world.borrow().pipes[0].server_closed {
        world.borrow_mut().now += TICK;
        assert!(event_loop.turn().unwrap());
        most = most.max(shared.memory_bytes());
        got.extend(world.borrow_mut().pipes[0].peer_recv(50_000));
    }
    got.extend(world.borrow_mut().pipes[0].peer_recv(usize::MAX));
    assert!(shared.is_unused());
    (got, most)
}

/// A whole answer that no socket takes at once is sent for as long as the peer reads, and counts while it is kept.
#[test]
fn a_long_text_is_sent_for_as_long_as_the_peer_reads() {
    let mut expected = Vec::new();
    answer(200).encode(false, &mut expected);
    let (got, most) = read_slowly("GET /200");
    assert_eq!(got.len(), expected.len(), "bytes read of all");
    assert!(got == expected, "they are others");
    assert!(most > expected.len(), "{most} bytes counted");
}

/// RFC 9110 §9.3.2, §8.6
#[test]
fn a_long_text_is_left_out_where_there_is_no_body() {
    for (request, status) in [("HEAD /200", 200), ("GET /204", 204), ("GET /304", 304)] {
        let mut expected = Vec::new();
        answer(status).encode(true, &mut expected);
        let (got, _) = read_slowly(request);
        assert_eq!(got, expected, "{request}");
    }
}

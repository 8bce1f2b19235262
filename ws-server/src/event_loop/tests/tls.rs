//! TLS that fails in the read that brought a request.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ws_core::{
    handshake::{HttpAnswer, Request},
    tls::Tls,
};

use super::simulator::{MockNet, Order, Pipe, World, tls};
use crate::{
    Accepted, Config, Context, Flow, Handler, Message, PlainAnswer,
    event_loop::{EventLoop, Shared},
};

/// A body that counts what is read of it.
struct Counting(Arc<AtomicU64>);

impl io::Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    }
}

/// Answers each request with a long body.
struct Pages {
    asked: Rc<RefCell<u32>>,
    read: Arc<AtomicU64>,
}

impl Handler for Pages {
    type Connection = ();
    type Command = Order;

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &mut (), _: Message<'_>) -> Flow {
        Flow::Continue
    }

    fn on_request(&mut self, _: &Request) -> Option<PlainAnswer> {
        *self.asked.borrow_mut() += 1;
        let body = Counting(Arc::clone(&self.read));
        let head = HttpAnswer::new(200, "");
        Some(PlainAnswer::streamed(head, BODY_BYTES, body))
    }
}

/// What came of a request and of a record behind it, both in one read.
struct Outcome {
    asked: u32,
    read: u64,
    /// Whether the connection is over within the linger time.
    is_over: bool,
    /// What the client's TLS says of what the server sent.
    told: Result<(), String>,
}

fn ask(breaks_record: bool) -> Outcome {
    let (server, client) = tls();
    let mut peer = Tls::client(&client, "localhost").unwrap();
    let mut world = World::new(1);
    world.connect_pipe(Pipe::new(1 << 20));
    let world = Rc::new(RefCell::new(world));
    let (asked, read) = (Rc::default(), Arc::default());
    let shared = Arc::new(Shared::new(Some(server), Arc::default(), 1));
    let config = Arc::new(Config::default());
    let handler = Pages {
        asked: Rc::clone(&asked),
        read: Arc::clone(&read),
    };
    let mut event_loop = EventLoop::new(
        handler,
        MockNet::<true>(Rc::clone(&world)),
        Arc::clone(&config),
        0,
        shared,
        true,
    );
    let (mut plaintext, mut output) = (Vec::new(), Vec::new());
    peer.receive(&[], &mut plaintext, &mut output).unwrap();
    while peer.is_handshaking() {
        world.borrow_mut().pipes[0].peer_send(&output);
        output.clear();
        assert!(event_loop.turn().unwrap());
        let bytes = world.borrow_mut().pipes[0].peer_recv(usize::MAX);
        peer.receive(&bytes, &mut plaintext, &mut output).unwrap();
    }
    peer.send(
        b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &mut output,
    )
    .unwrap();
    peer.send(b"more", &mut output).unwrap();
    if breaks_record {
        *output.last_mut().unwrap() ^= 1;
    }
    world.borrow_mut().pipes[0].peer_send(&output);
    let began = world.borrow().now;
    let mut told = Ok(());
    let goes_on = |world: &World| {
        let is_late = world.now > began + config.linger_timeout * 2;
        !world.pipes[0].server_closed && !is_late && read.load(Ordering::Relaxed) == 0
    };
    while goes_on(&world.borrow()) {
        assert!(event_loop.turn().unwrap());
        let bytes = world.borrow_mut().pipes[0].peer_recv(usize::MAX);
        let received = peer.receive(&bytes, &mut plaintext, &mut output);
        plaintext.clear();
        told = told.and_then(|()| received.map_err(|error| error.to_string()));
    }
    let asked = *asked.borrow();
    Outcome {
        asked,
        read: read.load(Ordering::Relaxed),
        is_over: world.borrow().pipes[0].server_closed,
        told,
    }
}

/// a request that came in front of a record that cannot be decrypted is not answered: nothing of a body of 64 MiB
/// is read, the alert leaves, and the connection is over within twice the linger time.
#[test]
fn a_request_in_front_of_a_broken_record_is_not_answered() {
    let whole = ask(false);
    assert_eq!((whole.asked, whole.told), (1, Ok(())));
    assert!(whole.read > 0, "the request is one that gets its body");
    let broken = ask(true);
    assert_eq!(
        (broken.asked, broken.read),
        (0, 0),
        "times that the handler was asked, and bytes that were read of the body"
    );
    assert!(broken.is_over, "open for twice the linger time");
    assert!(broken.told.is_err(), "no alert came");
}

const BODY_BYTES: u64 = 64 << 20;

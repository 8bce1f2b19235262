//! ends that a callback brings about, told at once wherever it does so, and never to the slot's next connection.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use ws_core::{
    CloseCode,
    handshake::{HttpAnswer, Request},
};

use super::{
    budget::REQUEST,
    simulator::{MockNet, Order, Pipe, World},
};
use crate::{
    Accepted, CloseInfo, ClosedBy, Config, ConnectionId, Context, Flow, Handler, Message,
    event_loop::{EventLoop, Shared},
};

/// How a callback ends the first connection.
#[derive(Debug, Clone, Copy)]
enum Way {
    Abort,
    Close,
}

/// Which callback does, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    MessagesEnd,
    /// That of another connection, which is refused.
    RefusingOpen,
}

/// What the handler was told.
#[derive(Debug, Default)]
struct Told {
    opened: Vec<ConnectionId>,
    messages: Vec<ConnectionId>,
    closed: Vec<(ConnectionId, CloseCode, ClosedBy)>,
}

/// Echoes, and ends the first connection in one of its callbacks.
struct Ending {
    way: Way,
    place: Option<Where>,
    told: Rc<RefCell<Told>>,
}

impl Ending {
    fn end(&mut self, context: &mut Context<'_, ConnectionId>, place: Where) -> bool {
        let is_here = self.place == Some(place);
        if is_here {
            self.place = None;
            let first = self.told.borrow().opened[0];
            let connections = context.connections();
            match self.way {
                Way::Abort => assert!(connections.abort(first)),
                Way::Close => connections
                    .close(first, CloseCode::new(4000), "enough")
                    .unwrap(),
            }
        }
        is_here
    }
}

impl Handler for Ending {
    type Connection = ConnectionId;
    type Command = Order;

    fn on_open(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        _: &Request,
    ) -> Result<Accepted<ConnectionId>, HttpAnswer> {
        if !self.told.borrow().opened.is_empty() && self.end(context, Where::RefusingOpen) {
            return Err(HttpAnswer::new(403, "not you"));
        }
        self.told.borrow_mut().opened.push(context.id());
        Ok(Accepted::new(context.id()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        id: &mut ConnectionId,
        message: Message<'_>,
    ) -> Flow {
        self.told.borrow_mut().messages.push(*id);
        context.send(message).unwrap();
        Flow::Continue
    }

    fn on_messages_end(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        _: &mut ConnectionId,
    ) -> Flow {
        self.end(context, Where::MessagesEnd);
        Flow::Continue
    }

    fn on_close(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        id: ConnectionId,
        info: CloseInfo<'_>,
    ) {
        assert_eq!(context.id(), id, "told of another's end");
        let closed = &mut self.told.borrow_mut().closed;
        closed.push((id, info.code, info.by));
    }
}

struct Rig {
    event_loop: EventLoop<MockNet<true>, Ending>,
    world: Rc<RefCell<World>>,
    told: Rc<RefCell<Told>>,
}

impl Rig {
    fn new(way: Way, place: Where) -> Self {
        let world = Rc::new(RefCell::new(World::new(1)));
        let told = Rc::default();
        let handler = Ending {
            way,
            place: Some(place),
            told: Rc::clone(&told),
        };
        let event_loop = EventLoop::new(
            handler,
            MockNet::<true>(Rc::clone(&world)),
            Arc::new(Config::default()),
            0,
            Arc::new(Shared::default()),
            true,
        );
        Self {
            event_loop,
            world,
            told,
        }
    }

    /// A peer connects and asks; its pipe.
    fn connect(&self) -> usize {
        let mut pipe = Pipe::new(1 << 16);
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        self.world.borrow_mut().connect_pipe(pipe)
    }

    /// Turns until it holds, and no end is left untold after any of them.
    fn turn_until(&mut self, what: &str, holds: impl Fn(&Told, &World) -> bool) {
        for _ in 0..100 {
            if holds(&self.told.borrow(), &self.world.borrow()) {
                return;
            }
            assert!(self.event_loop.turn().unwrap());
            let untold = self.event_loop.connections.closed.len();
            assert_eq!(untold, 0, "ends to be told after a turn, 0 are to be left");
        }
        panic!("{what}: not within 100 turns: {:?}", self.told.borrow());
    }

    /// The next connection gets the slot of the first, and is served.
    fn replace_first(&mut self) {
        let pipe = self.connect();
        let before = self.told.borrow().opened.len();
        self.turn_until("the next is opened", |told, _| told.opened.len() > before);
        let (first, next) = (
            self.told.borrow().opened[0],
            self.told.borrow().opened[before],
        );
        assert_eq!(next.slot_index(), first.slot_index(), "the slot is free");
        self.turn_until("the 101", |_, world| !world.pipes[pipe].outbound.is_empty());
        self.world.borrow_mut().pipes[pipe].outbound.clear();
        self.world.borrow_mut().pipes[pipe].peer_send(MESSAGE);
        self.turn_until("the echo", |_, world| {
            world.pipes[pipe].outbound.iter().eq(ECHO)
        });
        assert!(self.event_loop.connections.contains(next));
    }
}

fn the_first_is_told_of_its_end_once(place: Where, way: Way) {
    let mut rig = Rig::new(way, place);
    let first = rig.connect();
    rig.turn_until("open", |told, _| !told.opened.is_empty());
    match place {
        Where::MessagesEnd => drop(rig.world.borrow_mut().pipes[first].peer_send(MESSAGE)),
        Where::RefusingOpen => drop(rig.connect()),
    }
    rig.turn_until("told", |told, _| !told.closed.is_empty());
    let code = match way {
        Way::Abort => CloseCode::ABNORMAL,
        Way::Close => CloseCode::new(4000),
    };
    let expected = [(rig.told.borrow().opened[0], code, ClosedBy::Handler)];
    assert_eq!(rig.told.borrow().closed, expected, "{place:?}, {way:?}");
    // A peer that was told to close says nothing but messages, which nobody gets.
    let taken = rig.told.borrow().messages.len();
    rig.world.borrow_mut().pipes[first].peer_send(MESSAGE);
    rig.turn_until("gone", |_, world| world.pipes[first].server_closed);
    assert_eq!(
        rig.told.borrow().messages.len(),
        taken,
        "{place:?}, {way:?}"
    );
    rig.replace_first();
    assert_eq!(rig.told.borrow().closed, expected, "{place:?}, {way:?}");
}

#[test]
fn an_end_behind_the_last_message_is_told_at_once() {
    the_first_is_told_of_its_end_once(Where::MessagesEnd, Way::Abort);
    the_first_is_told_of_its_end_once(Where::MessagesEnd, Way::Close);
}

#[test]
fn an_end_while_another_is_refused_is_told_at_once() {
    the_first_is_told_of_its_end_once(Where::RefusingOpen, Way::Abort);
    the_first_is_told_of_its_end_once(Where::RefusingOpen, Way::Close);
}

/// A binary message of three bytes, masked with zeros, and its echo.
const MESSAGE: &[u8] = b"\x82\x83\0\0\0\0abc";
const ECHO: &[u8] = b"\x82\x03abc";

//! The handler of a world: it echoes, sends of its own accord, pauses and closes, and checks what it is told.

use std::{cell::RefCell, io, io::Read as _, rc::Rc, time::Duration};

use ws_core::{
    CloseCode,
    handshake::{HttpAnswer, Request},
};

use super::{
    dice::Dice,
    input::Input,
    ledger::{Entry, own_message},
    world::{Order, To, World},
};
use crate::{
    Accepted, CloseInfo, ClosedBy, ConnectionId, Connections, Context, Flow, Handler, Message,
    PlainAnswer, SendError,
};

/// Echoes, checks that each client's messages come once and in order, and pauses at random.
pub(crate) struct Witness {
    dice: Dice,
    /// In one world of sixteen it also ends connections where few handlers do: with dice of its own, so that the other
    /// worlds stay as they are.
    ends: Option<Dice>,
    world: Rc<RefCell<World>>,
    own_messages: u32,
}

impl Witness {
    pub(crate) fn new(world: &Rc<RefCell<World>>, seed: u64) -> Self {
        let dice = Dice(world.borrow_mut().dice.next());
        Self {
            dice,
            ends: (seed % EACH == EACH / 2).then_some(Dice(!seed)),
            world: Rc::clone(world),
            own_messages: 1_000_000,
        }
    }

    fn note(&self, id: ConnectionId, input: Input) {
        self.world.borrow_mut().arrived(To::Connection(id), input);
    }

    /// Notes what became of a message to a client.
    fn note_sent(&self, client: u32, message: Message<'_>, result: Result<(), SendError>) {
        let world = &mut *self.world.borrow_mut();
        match result {
            Ok(()) => {
                let is_text = matches!(message, Message::Text(_));
                world.ledger.accept(client, is_text, message.as_bytes());
            }
            // A reset was noticed, but what came before it is still read.
            Err(SendError::Closed | SendError::NotFound(_)) => {}
            Err(SendError::QueueFull { queued_bytes, .. }) => {
                assert!(
                    queued_bytes > world.profile.config.high_water_bytes,
                    "client {client}: refused with {queued_bytes} bytes queued, below the mark"
                );
                world.ledger.refused += 1;
            }
            Err(error) => panic!("client {client}: {error}"),
        }
    }

    fn broadcast(
        &self,
        connections: &mut Connections<u32>,
        number: u32,
        own: Option<(ConnectionId, u32)>,
    ) {
        let data = own_message(number);
        let before: Vec<_> = connections
            .ids()
            .map(|id| (id, connections.queued_bytes(id)))
            .collect();
        let text = std::str::from_utf8(&data).unwrap();
        let is_text = number.is_multiple_of(2);
        let taken = match is_text {
            true => connections.broadcast_text(text),
            false => connections.broadcast_binary(&data),
        };
        let mut noted = 0;
        for (id, queued) in before {
            if connections.queued_bytes(id) == queued {
                continue;
            }
            noted += 1;
            let client = match own {
                Some((own, client)) if own == id => client,
                _ => *connections.state(id).unwrap(),
            };
            self.world
                .borrow_mut()
                .ledger
                .accept(client, is_text, &data);
        }
        assert_eq!(taken, noted, "a broadcast counts those that took it");
    }

    /// Something that the handler does now and then with the connection it is called for; whether to go on reading.
    fn act_at_random(&mut self, context: &mut Context<'_, u32>, client: u32) -> Flow {
        match self.dice.below(60) {
            0..=3 => {
                context.set_timer(self.dice.millis(0, 30));
                return Flow::Pause;
            }
            4..=7 => {
                let after = self.dice.millis(0, 3000);
                let order = Order::Resume(context.id());
                self.world.borrow_mut().order_later(after, order);
                return Flow::Pause;
            }
            8 => {
                self.own_messages += 1;
                let own = Some((context.id(), client));
                self.broadcast(context.connections(), self.own_messages, own);
            }
            9 | 10 => {
                self.own_messages += 1;
                let data = own_message(self.own_messages);
                let result = context.send_binary(&data);
                self.note_sent(client, Message::Binary(&data), result);
            }
            11 => {
                // It fails where a message would.
                let _ = context.send_ping(b"are you there");
            }
            _ => {}
        }
        Flow::Continue
    }
}

impl Handler for Witness {
    type Connection = u32;
    type Command = Order;

    fn on_open(
        &mut self,
        context: &mut Context<'_, u32>,
        request: &Request,
    ) -> Result<Accepted<u32>, HttpAnswer> {
        let client: u32 = request.path()[1..].parse().unwrap();
        if self.dice.one_in(30) {
            self.world.borrow_mut().ledger.entry(client).is_disturbed = true;
            let other = context.connections().ids().next();
            if let Some(other) = other.filter(|_| self.ends_one(2)) {
                self.disturb(context.connections(), other, |_| true);
                context.connections().abort(other);
            }
            return Err(HttpAnswer::new(403, "not today"));
        }
        {
            let world = &mut *self.world.borrow_mut();
            let entry = world.ledger.entry(client);
            entry.opened += 1;
            entry.id = Some(context.id());
        }
        match self.dice.below(60) {
            0..=5 => {
                self.own_messages += 1;
                let data = own_message(self.own_messages);
                let result = context.send_binary(&data);
                self.note_sent(client, Message::Binary(&data), result);
            }
            6 => {
                self.world.borrow_mut().ledger.entry(client).is_disturbed = true;
                context.close(CloseCode::new(4001), "at once").unwrap();
            }
            7 => {
                self.world.borrow_mut().ledger.entry(client).is_disturbed = true;
                context.abort();
            }
            8 => {
                context.pause();
                context.set_timer(Duration::from_millis(300));
            }
            _ => {}
        }
        Ok(Accepted::new(client))
    }

    fn on_request(&mut self, request: &Request) -> Option<PlainAnswer> {
        let source = io::repeat(b'p').take(PAGE_BYTES);
        (request.path() == "/page")
            .then(|| PlainAnswer::streamed(HttpAnswer::new(200, ""), PAGE_BYTES, source))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, u32>,
        client: &mut u32,
        received: Message<'_>,
    ) -> Flow {
        let (client, is_text) = (*client, matches!(received, Message::Text(_)));
        let closes = {
            let ledger = &mut self.world.borrow_mut().ledger;
            ledger.receive(client, is_text, received.as_bytes());
            let entry = ledger.entry(client);
            entry.close_after == Some(entry.received)
        };
        let result = context.send(received);
        self.note_sent(client, received, result);
        if closes {
            if self.dice.one_in(2) {
                let _ = context.close(CloseCode::new(4000), "enough");
            } else {
                let order = Order::Close(context.id());
                self.world.borrow_mut().order_later(Duration::ZERO, order);
            }
            return Flow::Continue;
        }
        self.act_at_random(context, client)
    }

    fn on_messages_end(&mut self, context: &mut Context<'_, u32>, client: &mut u32) -> Flow {
        if self.ends_one(30) {
            self.world.borrow_mut().ledger.entry(*client).is_disturbed = true;
            if self.ends_one(2) || context.close(CloseCode::new(4002), "").is_err() {
                context.abort();
            }
            return Flow::Continue;
        }
        if !self.dice.one_in(60) {
            return Flow::Continue;
        }
        context.set_timer(self.dice.millis(0, 500));
        Flow::Pause
    }

    fn on_ping(&mut self, context: &mut Context<'_, u32>, client: &mut u32, _: &[u8]) {
        self.check_open(context, *client);
    }

    fn on_pong(&mut self, context: &mut Context<'_, u32>, client: &mut u32, _: &[u8]) {
        self.check_open(context, *client);
    }

    fn on_close(&mut self, context: &mut Context<'_, u32>, client: u32, info: CloseInfo<'_>) {
        let input = match info.by {
            ClosedBy::Silent => Some(Input::Silence),
            ClosedBy::Stalled => Some(Input::Stall),
            ClosedBy::Idle => Some(Input::Idle),
            _ => None,
        };
        if let Some(input) = input {
            self.note(context.id(), input);
        }
        let world = &mut *self.world.borrow_mut();
        world.ledger.close(client, info.by, world.now);
    }

    fn on_timer(&mut self, context: &mut Context<'_, u32>, client: &mut u32) {
        self.check_open(context, *client);
        self.note_relief(*client);
        context.resume();
    }

    fn on_drain(&mut self, context: &mut Context<'_, u32>, client: &mut u32) {
        self.check_open(context, *client);
        self.note_relief(*client);
    }

    fn on_command(&mut self, connections: &mut Connections<u32>, order: Order) {
        match order {
            Order::Resume(id) => {
                self.note(id, Input::ResumeCommand);
                if let Some(client) = connections.state(id) {
                    self.note_relief(*client);
                }
                connections.resume(id);
            }
            Order::Pause(id) => {
                self.note(id, Input::PauseCommand);
                connections.pause(id);
            }
            Order::Close(id) => {
                self.note(id, Input::CloseCommand);
                self.disturb(connections, id, |entry| {
                    entry.close_after != Some(entry.received)
                });
                // It may have been lost meanwhile.
                let _ = connections.close(id, CloseCode::new(4000), "enough");
            }
            Order::Abort(id) => {
                self.note(id, Input::Abort);
                self.disturb(connections, id, |_| true);
                connections.abort(id);
            }
            Order::Ping(id) => {
                self.note(id, Input::PingCommand);
                let _ = connections.send_ping(id, b"ordered");
            }
            Order::SetTimer(id, after) => {
                self.note(id, Input::SetTimer);
                connections.set_timer(id, Some(after));
            }
            Order::Send(id, number) => {
                self.note(id, Input::SendCommand);
                let data = own_message(number);
                let client = connections.state(id).map(|client| *client);
                let result = connections.send_binary(id, &data);
                if let Some(client) = client {
                    self.note_sent(client, Message::Binary(&data), result);
                } else {
                    assert_eq!(result, Err(SendError::NotFound(id)));
                }
            }
            Order::Broadcast(number) => {
                let mut world = self.world.borrow_mut();
                world.arrived(To::Everybody, Input::Broadcast);
                drop(world);
                self.broadcast(connections, number, None);
            }
        }
    }
}

impl Witness {
    fn check_open(&self, context: &Context<'_, u32>, client: u32) {
        let world = self.world.borrow();
        let entry = &world.ledger.entries[client as usize];
        assert!(
            entry.closed.is_empty() && entry.id == Some(context.id()),
            "client {client}: told of something after its end"
        );
    }

    fn note_relief(&self, client: u32) {
        let world = &mut *self.world.borrow_mut();
        world.ledger.entry(client).relieved_at = world.now;
    }

    /// Whether a connection is to be ended here, where chances are one in so many.
    fn ends_one(&mut self, chances: usize) -> bool {
        self.ends.as_mut().is_some_and(|dice| dice.one_in(chances))
    }

    /// A command, which may be one that the client's own course does not have.
    fn disturb(
        &self,
        connections: &mut Connections<u32>,
        id: ConnectionId,
        is_other: impl FnOnce(&Entry) -> bool,
    ) {
        if let Some(client) = connections.state(id) {
            let entry = &mut self.world.borrow_mut().ledger.entries[*client as usize];
            entry.is_disturbed |= is_other(entry);
        }
    }
}

/// One world in so many ends connections in more callbacks.
const EACH: u64 = 16;
/// The length of the page.
pub(crate) const PAGE_BYTES: u64 = 150_000;

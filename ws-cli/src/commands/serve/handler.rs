//! What one event loop of `ws serve` does with its connections; the modes do what makes them differ.

use std::sync::Arc;

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{
    Accepted, CloseInfo, ConnectionId, Connections, Context, Flow, Handler, Message, PlainAnswer,
};

use super::broadcast::{Place, Post, Rooms};
use super::exec::{News, Program, Programs};
use super::http::Http;
use super::reporter::Reporter;
use super::{echo, print};
use crate::output::{Direction, Event, Peer};

/// What is done with messages.
pub(super) enum Mode {
    Print,
    Echo,
    Broadcast(Rooms),
    Exec(Programs),
}

/// The handler of one loop.
pub(super) struct Serving {
    pub(super) mode: Mode,
    pub(super) reporter: Reporter,
    pub(super) http: Arc<Http>,
}

/// What is kept for a connection.
#[derive(Default)]
pub(super) struct State {
    /// What JSON lines tell of it; nothing without `--json`.
    pub(super) peer: Option<Box<Peer>>,
    /// Its place in a room.
    pub(super) place: Option<Place>,
    /// Its program; dropping it ends the process.
    pub(super) program: Option<Box<Program>>,
}

/// What other threads ask of a loop.
pub(super) enum Command {
    /// A message for a room, from another loop.
    Post(Post),
    /// What happened to a connection's program.
    News(ConnectionId, News),
}

impl Handler for Serving {
    type Connection = State;
    type Command = Command;

    fn on_open(
        &mut self,
        context: &mut Context<'_, State>,
        request: &Request,
    ) -> Result<Accepted<State>, HttpAnswer> {
        let address = context.peer_address();
        let mut state = State::default();
        match &mut self.mode {
            Mode::Print | Mode::Echo => {}
            Mode::Broadcast(rooms) => state.place = Some(rooms.enter(context.id(), request.path())),
            Mode::Exec(programs) => {
                state.program = Some(programs.start(&self.reporter, context, request)?)
            }
        }
        self.reporter
            .status(format_args!("open {address} {}", request.path()));
        if let Some(agreed) = context.compression() {
            log::info!("compression with {address}: {agreed}");
        }
        state.peer = self.reporter.is_json().then(|| {
            Box::new(Peer {
                connection_id: Some(context.id().to_string()),
                address: address.to_string(),
                path: request.path().to_owned(),
            })
        });
        self.reporter.counters.opened();
        self.reporter
            .tell(Direction::In, state.peer.as_deref(), Event::Open);
        Ok(Accepted::new(state))
    }

    fn on_request(&mut self, request: &Request) -> Option<PlainAnswer> {
        self.http.answer(request)
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, State>,
        state: &mut State,
        message: Message<'_>,
    ) -> Flow {
        let peer = state.peer.as_deref();
        match &mut self.mode {
            Mode::Print => print::handle(&mut self.reporter, peer, message),
            Mode::Echo => echo::handle(&mut self.reporter, context, peer, message),
            Mode::Broadcast(rooms) => {
                return rooms.handle(&mut self.reporter, context, state, message);
            }
            Mode::Exec(programs) => {
                return programs.handle(&mut self.reporter, state, message);
            }
        }
        Flow::Continue
    }

    fn on_ping(&mut self, _: &mut Context<'_, State>, state: &mut State, payload: &[u8]) {
        let peer = state.peer.as_deref();
        self.reporter.ping(peer, payload);
    }

    fn on_pong(&mut self, _: &mut Context<'_, State>, state: &mut State, payload: &[u8]) {
        let peer = state.peer.as_deref();
        self.reporter.pong(peer, payload);
    }

    fn on_close(&mut self, context: &mut Context<'_, State>, state: State, info: CloseInfo<'_>) {
        if let (Mode::Broadcast(rooms), Some(place)) = (&mut self.mode, &state.place) {
            rooms.leave(context.id(), place);
        }
        let address = context.peer_address();
        self.reporter.closed(address, state.peer.as_deref(), info);
    }

    fn on_timer(&mut self, context: &mut Context<'_, State>, _: &mut State) {
        if let Mode::Broadcast(rooms) = &mut self.mode {
            rooms.handle_timer(context);
        }
    }

    fn on_flush(&mut self, _: &mut Context<'_, State>, state: &mut State, queued_bytes: usize) {
        if let Mode::Exec(programs) = &self.mode {
            programs.handle_flush(state, queued_bytes);
        }
    }

    fn on_command(&mut self, connections: &mut Connections<State>, command: Command) {
        match (command, &mut self.mode) {
            (Command::Post(post), Mode::Broadcast(rooms)) => {
                rooms.handle_post(&mut self.reporter, connections, &post);
            }
            (Command::News(id, news), Mode::Exec(programs)) => {
                programs.handle_news(&mut self.reporter, connections, id, news);
            }
            (Command::Post(_) | Command::News(..), _) => {}
        }
    }
}

//! `ws serve --broadcast`: a message goes to everybody else in the room, which is the path.
//!
//! ```text
//! message ─ encoded once ─ members on this loop
//!               └ a Post to each other loop ─ members there
//! ```
//!
//! Invariant: a member that reads too slowly holds nobody up. What waits for it is bounded, and beyond the bound it is
//! closed with 1008: a gap in what it reads would be worse, since nothing would tell of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ws_core::{CloseCode, PreparedFrame};
use ws_server::{Config, ConnectionId, Connections, Context, Flow, Message, Statistics};

use super::handler::{Command, State};
use super::loops::Loops;
use super::reporter::{Reporter, event};
use crate::args::Audience;
use crate::output::Direction;

/// A member's place: the room's name.
pub(super) type Place = Arc<str>;

/// The rooms of one loop.
pub(super) struct Rooms {
    audience: Audience,
    members: HashMap<Arc<str>, HashSet<ConnectionId>>,
    loop_index: usize,
    loops: Arc<Loops>,
    statistics: Statistics,
}

/// A message on its way to another loop.
pub(super) struct Post {
    room: Arc<str>,
    frame: Arc<PreparedFrame>,
    is_text: bool,
}

impl Rooms {
    /// Sets the bounds of what waits for a member.
    pub(super) fn bound(config: Config) -> Config {
        config.send_queue_bytes(MEMBER_BYTES)
    }

    pub(super) fn new(
        audience: Audience,
        loop_index: u16,
        loops: Arc<Loops>,
        statistics: Statistics,
    ) -> Self {
        Self {
            audience,
            members: HashMap::new(),
            loop_index: loop_index.into(),
            loops,
            statistics,
        }
    }

    /// Lets a connection into the room of its path.
    pub(super) fn enter(&mut self, id: ConnectionId, path: &str) -> Place {
        let room = match self.members.get_key_value(path) {
            Some((room, _)) => Arc::clone(room),
            None => Arc::from(path),
        };
        self.members
            .entry(Arc::clone(&room))
            .or_default()
            .insert(id);
        room
    }

    /// Takes a connection out; an empty room is no more.
    pub(super) fn leave(&mut self, id: ConnectionId, place: &Place) {
        if let Some(members) = self.members.get_mut(place) {
            members.remove(&id);
            if members.is_empty() {
                self.members.remove(place);
            }
        }
    }

    /// Passes a message on.
    pub(super) fn handle(
        &self,
        reporter: &mut Reporter,
        context: &mut Context<'_, State>,
        state: &State,
        message: Message<'_>,
    ) -> Flow {
        let Some(room) = &state.place else {
            return Flow::Continue;
        };
        reporter.received(state.peer.as_deref(), message);
        let (frame, is_text) = match message {
            Message::Text(text) => (PreparedFrame::text(text), true),
            Message::Binary(data) => (PreparedFrame::binary(data), false),
        };
        let post = Post {
            room: Arc::clone(room),
            frame: Arc::new(frame),
            is_text,
        };
        let sender = context.id();
        if self.audience == Audience::All
            && context
                .connections()
                .send_prepared(sender, &post.frame)
                .is_ok()
        {
            reporter.sent(state.peer.as_deref(), message);
        }
        self.deliver(reporter, context.connections(), &post, Some(sender));
        for other in (0..self.loops.count()).filter(|index| *index != self.loop_index) {
            let copy = Post {
                room: Arc::clone(&post.room),
                frame: Arc::clone(&post.frame),
                is_text,
            };
            self.loops.send(other, Command::Post(copy), post.bytes());
        }
        if self.loops.most_unread() > UNREAD_BYTES {
            context.set_timer(LOOK_AGAIN);
            return Flow::Pause;
        }
        Flow::Continue
    }

    /// Lets a sender go on once the other loops have caught up.
    pub(super) fn handle_timer(&self, context: &mut Context<'_, State>) {
        if self.loops.most_unread() > UNREAD_BYTES {
            context.set_timer(LOOK_AGAIN);
        } else {
            context.resume();
        }
    }

    /// Takes a message of another loop's connection.
    pub(super) fn handle_post(
        &self,
        reporter: &mut Reporter,
        connections: &mut Connections<State>,
        post: &Post,
    ) {
        self.loops.taken(self.loop_index, post.bytes());
        self.deliver(reporter, connections, post, None);
    }

    fn deliver(
        &self,
        reporter: &mut Reporter,
        connections: &mut Connections<State>,
        post: &Post,
        sender: Option<ConnectionId>,
    ) {
        let Some(members) = self.members.get(&post.room) else {
            return;
        };
        let limit = self.member_limit(connections);
        for id in members.iter().copied().filter(|id| Some(*id) != sender) {
            // Before the message that waits, so that one of any size reaches who reads.
            let waiting = connections.queued_bytes(id).unwrap_or_default();
            if waiting > limit {
                drop_slow(reporter, connections, id, waiting);
                continue;
            }
            match connections.send_prepared(id, &post.frame) {
                Ok(()) => {
                    reporter.count_sent(post.is_text, post.frame.payload().len());
                    if reporter.is_json()
                        && let Some(state) = connections.state(id)
                    {
                        reporter.tell(Direction::Out, state.peer.as_deref(), event(post.message()));
                    }
                }
                Err(ws_server::SendError::QueueFull { queued_bytes, .. }) => {
                    drop_slow(reporter, connections, id, queued_bytes);
                }
                // It is closing.
                Err(_) => {}
            }
        }
    }

    /// How much may wait for a member: less when all of them together hold much.
    fn member_limit(&self, connections: &Connections<State>) -> usize {
        let budget = connections.config().memory_bytes;
        if self.statistics.memory_bytes() > budget / 2 {
            CROWDED_BYTES
        } else {
            MEMBER_BYTES
        }
    }
}

impl Post {
    fn bytes(&self) -> usize {
        self.frame.as_bytes().len()
    }

    fn message(&self) -> Message<'_> {
        let payload = self.frame.payload();
        match std::str::from_utf8(payload) {
            Ok(text) if self.is_text => Message::Text(text),
            _ => Message::Binary(payload),
        }
    }
}

fn drop_slow(
    reporter: &Reporter,
    connections: &mut Connections<State>,
    id: ConnectionId,
    waiting: usize,
) {
    reporter.counters.too_slow();
    let reason = format!("reads too slowly: {waiting} bytes wait");
    // It fails only for one that is closing already.
    let _ = connections.close(id, CloseCode::POLICY_VIOLATION, &reason);
}

/// What may wait for one member.
const MEMBER_BYTES: usize = 4 << 20;
/// The same while the members together use more than half of the server's budget of memory.
const CROWDED_BYTES: usize = 64 << 10;
/// What may be on its way to a loop before senders on other loops are paused.
const UNREAD_BYTES: usize = 8 << 20;
/// When a paused sender's loop looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

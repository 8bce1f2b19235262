//! What must hold after every turn of the loop, and what came to which state in it.

use std::time::Duration;

use super::{
    counted::Counted,
    input::Input,
    net::MockNet,
    pairs::{Pairs, RECEIVED},
    peer::Kind,
    pipe::Pipe,
    profile::MAX_MESSAGE_BYTES,
    rare::Sight,
    state::State,
    witness::Witness,
    world::{To, World},
};
use crate::{
    config::{CORK_BYTES, Config},
    event_loop::{EventLoop, Phase, Slot, timers::NEVER},
};

/// What was last seen of a connection.
#[derive(Debug, Clone, Copy)]
struct Watch {
    nonce: u64,
    phase: Phase,
    state: State,
    deadline: Option<u64>,
    timer: Option<u64>,
    /// What keepalive's last ping carried.
    ping: [u8; 8],
    /// Since when it is in this phase, or lingers.
    since: Duration,
    is_shut: bool,
    /// When it was last not read, so that its silence counts from then on.
    unread_at: Duration,
    /// Since when its socket takes nothing, if so.
    blocked_since: Option<Duration>,
    sent_at: Duration,
    has_queue: bool,
}

/// Looks at the loop between its turns.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    watches: Vec<Option<Watch>>,
    /// Those of the turn before, and what wishes see: kept for their memory.
    before: Vec<Option<Watch>>,
    sights: Vec<Sight>,
    listener: Option<State>,
    activity: u64,
    /// Turns in a row that did nothing and waited for nothing.
    idle_turns: u32,
    pub(crate) pairs: Pairs,
    pub(crate) turns: u64,
}

type Loop<const EPOLL: bool> = EventLoop<MockNet<EPOLL>, Witness>;

impl Monitor {
    /// Checks that the loop will not sleep beyond what is due; whether it will sleep at all.
    pub(crate) fn before<const EPOLL: bool>(&self, event_loop: &Loop<EPOLL>) -> bool {
        let timeout = event_loop.timeout();
        let clock = &event_loop.connections.clock;
        let first = event_loop
            .connections
            .slots
            .iter()
            .flat_map(|(_, place)| [place.deadline, place.timer])
            .flatten()
            .map(|millis| clock.until(millis.get()))
            .chain(event_loop.stop_at.map(|millis| clock.until(millis)))
            .min();
        if let Some(first) = first {
            assert!(
                timeout.is_some_and(|timeout| timeout <= first),
                "the loop waits {timeout:?}, but something is due in {first:?}"
            );
        }
        timeout != Some(Duration::ZERO)
    }

    /// Checks everything after a turn.
    pub(crate) fn after<const EPOLL: bool>(
        &mut self,
        event_loop: &Loop<EPOLL>,
        world: &mut World,
        slept: bool,
    ) {
        self.turns += 1;
        self.count_pairs(event_loop, world);
        self.check_spinning(world, slept);
        check_lists(event_loop, world);
        let now = world.now;
        let connections = &event_loop.connections;
        std::mem::swap(&mut self.watches, &mut self.before);
        self.watches.clear();
        for (slot, place) in &connections.slots {
            let number = u32::try_from(slot).unwrap();
            let old = self.before.get(slot).copied().flatten();
            let old = old.filter(|watch| watch.nonce == place.nonce);
            let stream = event_loop.streams[slot].expect("each slot has a socket");
            let pipe = &world.pipes[stream];
            let mut watch = Watch::new(place, now, old);
            watch.sent_at = pipe.sent_at;
            if let Some(old) = old {
                check_order(&old, &watch);
            }
            check_times(&watch, place, pipe, world);
            check_bytes(place, &world.profile.config);
            check_runnable(event_loop, slot, place, world);
            check_armed(event_loop, slot, place);
            self.watches.resize(slot + 1, None);
            self.watches[slot] = Some(watch);
            let sight = Sight {
                state: watch.state,
                id: connections.id_of(number),
                pipe: stream,
                is_blocked: place.is_blocked,
                is_pinged: old.is_some_and(|old| old.ping != watch.ping),
            };
            self.sights.push(sight);
        }
        for sight in self.sights.drain(..) {
            world.fulfil(sight);
            world.arrange(sight);
        }
        let is_stopped = event_loop.stop_at.is_some();
        self.listener = (!is_stopped).then(|| State::of_listener(&event_loop.accepting));
    }

    /// Tells who is left: the number, the kind and the connection of each client.
    pub(crate) fn left<const EPOLL: bool>(
        &self,
        event_loop: &Loop<EPOLL>,
        world: &World,
    ) -> Vec<(u32, Kind, Option<State>)> {
        let state = |pipe: usize| {
            let slot = world.pipes[pipe].slot?;
            let place = event_loop.connections.slots.get(slot as usize)?;
            Some(State::of(place))
        };
        let living = world.peers.iter();
        living
            .map(|peer| (peer.number, peer.kind, peer.pipe.and_then(state)))
            .collect()
    }

    fn count_pairs<const EPOLL: bool>(&mut self, event_loop: &Loop<EPOLL>, world: &mut World) {
        for arrival in world.arrivals.drain(..) {
            let input = arrival.input;
            match arrival.to {
                To::Listener => {
                    if let Some(state) = self.listener {
                        self.pairs.count(state, input);
                    }
                }
                To::Slot(slot) => {
                    if let Some(Some(watch)) = self.watches.get_mut(slot as usize) {
                        // It is read only when its queue was relieved before.
                        if watch.state == State::Throttled && RECEIVED.contains(&input) {
                            watch.state = State::Blocked;
                        }
                        self.pairs.count(watch.state, input);
                        // What follows in this turn meets it like that.
                        let breaks = matches!(input, Input::HungUp | Input::BrokenPipe);
                        if breaks && watch.phase == Phase::Open {
                            watch.state = State::Broken;
                        }
                    }
                }
                To::Connection(id) => {
                    let watch = self.watches.get_mut(id.slot_index() as usize);
                    if let Some(Some(watch)) = watch
                        && watch.nonce == id.nonce()
                    {
                        self.pairs.count(watch.state, input);
                        if input == Input::CloseCommand && watch.phase == Phase::Open {
                            watch.state = State::ClosingUnsent;
                        }
                        if input == Input::ResumeCommand && watch.state == State::Paused {
                            watch.state = match watch.has_queue {
                                true => State::Blocked,
                                false => State::Open,
                            };
                        }
                    }
                }
                To::Everybody => {
                    for watch in self.watches.iter_mut().flatten() {
                        self.pairs.count(watch.state, input);
                        if input == Input::Stop && watch.phase == Phase::Open {
                            watch.state = State::ClosingUnsent;
                        }
                    }
                    if let (Some(state), Input::Stop) = (self.listener, input) {
                        self.pairs.count(state, input);
                    }
                }
            }
        }
        let connections = &event_loop.connections;
        let now = connections.clock.millis();
        for (slot, watch) in self.watches.iter().enumerate() {
            let Some(watch) = watch else {
                continue;
            };
            if watch.deadline.is_some_and(|deadline| deadline <= now) {
                let input = match watch.phase {
                    Phase::Opening => Input::HandshakeDue,
                    _ => Input::EndDue,
                };
                self.pairs.count(watch.state, input);
            }
            if watch.timer.is_some_and(|timer| timer <= now) {
                self.pairs.count(watch.state, Input::TimerDue);
            }
            let place = connections.slots.get(slot);
            let is_pinged = place.is_some_and(|place| {
                place.nonce == watch.nonce
                    && place.phase == watch.phase
                    && place.keepalive.ping_payload() != watch.ping
            });
            if is_pinged {
                self.pairs.count(watch.state, Input::PingDue);
            }
            // Nobody is told of the end of a plain answer.
            let since = watch.blocked_since.map(|since| since.max(watch.sent_at));
            let stall = world.profile.config.write_stall_timeout;
            if watch.state == State::Answering
                && place.is_none()
                && since.is_some_and(|since| world.now >= since + stall)
            {
                self.pairs.count(State::Answering, Input::Stall);
            }
        }
    }

    /// A loop that does not sleep does something.
    fn check_spinning(&mut self, world: &World, slept: bool) {
        let has_worked = std::mem::replace(&mut self.activity, world.activity) != world.activity;
        self.idle_turns = match slept || has_worked {
            true => 0,
            false => self.idle_turns + 1,
        };
        assert!(
            self.idle_turns < 10,
            "the loop has spun for {} turns",
            self.idle_turns
        );
    }
}

impl Watch {
    fn new<C>(place: &Slot<C>, now: Duration, old: Option<Self>) -> Self {
        let same_phase = old.filter(|old| old.phase == place.phase && old.is_shut == place.is_shut);
        let is_unread = place.phase != Phase::Open || !place.may_read() || place.is_blocked;
        let unread_at = match old {
            // A socket that takes something again is a sign of life.
            Some(old) if !is_unread && old.blocked_since.is_none() => old.unread_at,
            _ => now,
        };
        let blocked_since = old.and_then(|old| old.blocked_since).unwrap_or(now);
        Self {
            nonce: place.nonce,
            phase: place.phase,
            state: State::of(place),
            deadline: place.deadline.map(std::num::NonZeroU64::get),
            timer: place.timer.map(std::num::NonZeroU64::get),
            ping: place.keepalive.ping_payload(),
            since: same_phase.map_or(now, |old| old.since),
            is_shut: place.is_shut,
            unread_at,
            blocked_since: place.is_blocked.then_some(blocked_since),
            sent_at: now,
            has_queue: place.queue.is_some(),
        }
    }
}

/// A connection goes through its phases in order.
fn check_order(old: &Watch, new: &Watch) {
    assert!(
        new.phase as u8 >= old.phase as u8 && new.is_shut >= old.is_shut,
        "a connection went back: {old:?} became {new:?}"
    );
}

/// Nothing lasts longer than the configuration allows, as seen from outside.
fn check_times(watch: &Watch, place: &Slot<u32>, pipe: &Pipe, world: &World) {
    let (config, now) = (&world.profile.config, world.now);
    let lasts = now - watch.since;
    let most = match (watch.phase, watch.is_shut) {
        (Phase::Opening, _) => config.handshake_timeout,
        (Phase::Closing, _) => config.close_timeout,
        (Phase::Ending, true) => config.linger_timeout,
        (Phase::Ending, false) if place.deadline.is_some() => config.close_timeout,
        _ => Duration::MAX,
    };
    let most = most.saturating_add(ROUNDING);
    assert!(
        lasts <= most,
        "{:?} has lasted for {lasts:?}, but {most:?} are allowed",
        watch.state
    );
    if place.queue.is_some() && (watch.state == State::Answering || watch.phase == Phase::Open) {
        let since = watch.blocked_since.map(|since| since.max(pipe.sent_at));
        let blocked = since.map_or(Duration::ZERO, |since| now - since);
        let most = config.write_stall_timeout + TICKS;
        assert!(
            blocked <= most,
            "{:?}: the socket took nothing for {blocked:?}, but {most:?} are allowed",
            watch.state
        );
    }
    if watch.phase == Phase::Open
        && let Some(client) = place.state
    {
        let relieved_at = world.ledger.entries[client as usize].relieved_at;
        let interval = config.keepalive.interval.unwrap();
        let since = pipe.heard_at.max(watch.unread_at).max(world.leapt_at);
        let silent = now - since.max(relieved_at);
        let most = interval + config.keepalive.timeout + TICKS;
        assert!(
            silent <= most,
            "{:?}: nothing came for {silent:?}, but {most:?} are allowed",
            watch.state
        );
    }
}

/// What a connection holds stays within its caps.
fn check_bytes<C>(place: &Slot<C>, config: &Config) {
    let held = place.held_bytes();
    assert_eq!(
        place.counted,
        held,
        "bytes counted and held, {:?}",
        State::of(place)
    );
    let queue = place.queued_bytes();
    let mark = config.high_water_bytes + MAX_MESSAGE_BYTES;
    let most = config.send_queue_bytes.max(mark).max(CORK_BYTES) + OVERHEAD_BYTES;
    assert!(queue <= most, "{queue} bytes queued, at most {most}");
    let tail = place.tail.as_ref().map_or(0, |tail| tail.bytes.len());
    let most = config.turn_bytes + RECORD_BYTES;
    assert!(tail <= most, "{tail} bytes held back, at most {most}");
    let assembly = place.receiver.held_bytes();
    let most = 2 * MAX_MESSAGE_BYTES + OVERHEAD_BYTES + (32 << 10);
    assert!(
        assembly <= most,
        "{assembly} bytes assembled, at most {most}"
    );
}

/// Whatever can go on is in a list, or an event will tell of it.
fn check_runnable<const EPOLL: bool>(
    event_loop: &Loop<EPOLL>,
    slot: usize,
    place: &Slot<u32>,
    world: &World,
) {
    let pipe = &world.pipes[event_loop.streams[slot].unwrap()];
    let state = State::of(place);
    let number = u32::try_from(slot).unwrap();
    let connections = &event_loop.connections;
    assert!(
        !place.is_ready || connections.ready.contains(&number),
        "{state:?}: marked as ready, but in no list"
    );
    assert!(
        !place.is_dirty || connections.dirty.contains(&number),
        "{state:?}: marked as dirty, but in no list"
    );
    let input_comes = if EPOLL {
        pipe.input_edge
    } else {
        pipe.input_armed
    };
    let waits_for_memory = event_loop.starved.contains(&number);
    let in_socket = pipe.has_input() && !pipe.end_taken && !input_comes;
    let has_input = place.tail.is_some() || in_socket;
    assert!(
        !(has_input && place.may_read()) || place.is_ready || waits_for_memory,
        "{state:?}: has input and is forgotten"
    );
    let output_comes = if EPOLL {
        pipe.output_edge && pipe.watches_output
    } else {
        pipe.output_armed && pipe.watches_output
    };
    let has_output = place.queue.is_some() && pipe.space() > 0 && !pipe.is_full && !output_comes;
    assert!(
        !has_output || place.is_dirty || place.is_ready || !place.is_blocked,
        "{state:?}: has something to send and is forgotten"
    );
    assert!(
        place.queue.is_none() || place.is_blocked || place.is_dirty || place.is_ready,
        "{state:?}: has a queue that nobody offers"
    );
}

/// Each deadline is in the queue it belongs to.
fn check_armed<const EPOLL: bool>(event_loop: &Loop<EPOLL>, slot: usize, place: &Slot<u32>) {
    let connections = &event_loop.connections;
    let state = State::of(place);
    let now = connections.clock.millis();
    let is_due = |at: Option<std::num::NonZeroU64>| at.is_some_and(|at| at.get() <= now);
    assert!(
        !is_due(place.deadline),
        "{state:?}: its deadline has passed"
    );
    assert!(!is_due(place.timer), "{state:?}: its timer has passed");
    if place.phase == Phase::Open {
        let due = connections.sweep.due_of(slot);
        assert!(
            due != NEVER && due > connections.clock.tick(),
            "{state:?}: nobody will look at it"
        );
        assert!(
            place.state.is_some(),
            "{state:?}: the handler's state is lost"
        );
    } else {
        assert!(place.state.is_none(), "{state:?}: its end was not told");
    }
}

/// The loop's lists and figures agree with its slots.
fn check_lists<const EPOLL: bool>(event_loop: &Loop<EPOLL>, world: &World) {
    let connections = &event_loop.connections;
    let mut counted = Counted::default();
    for (_, place) in &connections.slots {
        counted.add(place);
    }
    let sockets = world.live.iter();
    let sockets = sockets.filter(|pipe| world.pipes[**pipe].slot.is_some());
    let figures = [
        ("open", connections.open, counted.open),
        (
            "open as the handler knows",
            world.ledger.open(),
            counted.open,
        ),
        ("lingering", connections.lingering, counted.lingering),
        ("dead", connections.dead.len(), 0),
        ("ends to be told", connections.closed.len(), 0),
        (
            "handshake deadlines",
            connections.handshakes.len(),
            counted.handshakes,
        ),
        ("end deadlines", connections.ends.len(), counted.ends),
        ("timers", connections.timers.len(), counted.timers),
        (
            "established",
            event_loop.shared.established(),
            counted.established,
        ),
        (
            "bytes of memory",
            event_loop.shared.memory_bytes(),
            counted.bytes + event_loop.kept.counted,
        ),
        ("sockets", sockets.count(), connections.slots.len()),
    ];
    for (what, has, expected) in figures {
        assert_eq!(has, expected, "{what}");
    }
    assert!(
        event_loop.has_commands || world.orders.is_empty() || world.wake_edge,
        "commands are forgotten"
    );
    let accepting = &event_loop.accepting;
    let is_looked_at = accepting.is_pending || accepting.retry_at.is_some() || world.accept_edge;
    assert!(
        is_looked_at || world.backlog.is_empty(),
        "the listener is deaf: {} wait",
        world.backlog.len()
    );
}

/// Deadlines are kept in whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(5);
/// What is swept in ticks of 100 ms may be found a tick late, for each of the two steps of keepalive.
const TICKS: Duration = Duration::from_millis(500);
/// Heads of frames and records, a Close, alerts, and the answer to a handshake.
const OVERHEAD_BYTES: usize = 8 << 10;
/// A record of TLS that was not whole before.
const RECORD_BYTES: usize = 17 << 10;

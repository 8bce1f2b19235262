//! slots that are used again and again, events that come too late, and one connection louder than all others.

mod crowd;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use ws_core::{
    KeepaliveConfig,
    handshake::{HttpAnswer, Request},
};

use self::crowd::{Crowd, CrowdNet};
use crate::{
    Accepted, CloseInfo, Config, ConnectionId, Context, Flow, Handler, Message,
    event_loop::{EventLoop, Shared, accept::MIN_GROWTH},
};

/// Echoes, and sees that no id of the past is good for its slot's next connection.
#[derive(Debug, Default)]
struct Echo {
    /// The ids that each slot has had: of its connection before, and of the last.
    ids: Vec<[Option<ConnectionId>; 2]>,
    seen: Rc<RefCell<Seen>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    opened: u64,
    echoed: u64,
    closed: u64,
}

impl Handler for Echo {
    type Connection = ConnectionId;
    type Command = ();

    fn on_open(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        _: &Request,
    ) -> Result<Accepted<ConnectionId>, HttpAnswer> {
        let id = context.id();
        let index = id.slot_index() as usize;
        if index >= self.ids.len() {
            self.ids.resize(index + 1, [None; 2]);
        }
        let [_, past] = self.ids[index];
        assert_ne!(past, Some(id), "two connections have one id");
        self.ids[index] = [past, Some(id)];
        self.seen.borrow_mut().opened += 1;
        Ok(Accepted::new(id))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        id: &mut ConnectionId,
        message: Message<'_>,
    ) -> Flow {
        assert_eq!(context.id(), *id, "a message of another connection");
        let connections = context.connections();
        if let [Some(past), _] = self.ids[id.slot_index() as usize] {
            assert!(!connections.contains(past), "{past} is over, and is found");
        }
        context.send(message).unwrap();
        self.seen.borrow_mut().echoed += 1;
        Flow::Continue
    }

    fn on_close(&mut self, _: &mut Context<'_, ConnectionId>, _: ConnectionId, _: CloseInfo<'_>) {
        self.seen.borrow_mut().closed += 1;
    }
}

struct Rig {
    event_loop: EventLoop<CrowdNet, Echo>,
    crowd: Rc<RefCell<Crowd>>,
    seen: Rc<RefCell<Seen>>,
    shared: Arc<Shared>,
}

impl Rig {
    fn new(most: usize) -> Self {
        let net = CrowdNet::new();
        let (crowd, seen) = (Rc::clone(&net.crowd), Rc::default());
        let handler = Echo {
            seen: Rc::clone(&seen),
            ..Echo::default()
        };
        let shared = Arc::new(Shared::default());
        // The one that lasts answers no pings.
        let keepalive = KeepaliveConfig::default().interval(None);
        let config = Config::default().keepalive(keepalive).max_connections(most);
        let config = Arc::new(config);
        let event_loop = EventLoop::new(handler, net, config, 0, Arc::clone(&shared), true);
        Self {
            event_loop,
            crowd,
            seen,
            shared,
        }
    }

    fn turn(&mut self) {
        assert!(self.event_loop.turn().unwrap());
    }
}

/// How a connection of the churn goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Handshake, a message, its echo, the closing handshake.
    Whole,
    /// A reset after the handshake and a message.
    Lost,
    /// An end or a reset without a word, or in the middle of the head.
    Silent,
    Reset,
    HalfAHead,
}

impl Life {
    fn of(number: u64) -> Self {
        match number % 64 {
            0 => Self::Whole,
            1 => Self::Lost,
            rest => match rest % 3 {
                0 => Self::Silent,
                1 => Self::Reset,
                _ => Self::HalfAHead,
            },
        }
    }

    /// What it does at once.
    fn begin(self, crowd: &mut Crowd, index: usize) {
        let socket = &mut crowd.sockets[index];
        match self {
            Self::Whole | Self::Lost => socket.inbound.extend(REQUEST),
            Self::Silent => socket.fin = true,
            Self::Reset => socket.reset = true,
            Self::HalfAHead => {
                socket.inbound.extend(&REQUEST[..40]);
                socket.fin = true;
            }
        }
    }

    /// What it does when something has come back.
    fn go_on(self, crowd: &mut Crowd, index: usize) {
        let came = std::mem::take(&mut crowd.sockets[index].outbound);
        let is_head = came.starts_with(b"HTTP/1.1 101 ");
        match self {
            Self::Whole if is_head => crowd.say(index, MESSAGE),
            Self::Whole if came == ECHO => crowd.say(index, CLOSE),
            // The server's Close; it closes TCP first.
            Self::Whole => assert_eq!(came, b"\x88\x02\x03\xe8"),
            Self::Lost => {
                crowd.sockets[index].reset = true;
                crowd.say(index, MESSAGE);
            }
            _ => panic!("{self:?} was answered {came:?}"),
        }
    }
}

/// With late events for every slot that was closed; one connection is there from the first to the last.
#[test]
fn a_million_connections_leave_nothing_behind() {
    const AT_ONCE: usize = 32;
    // For L-5 there are ten times as many; a multiple of 64.
    let number = std::env::var("WS_CHURN").map(|text| text.parse::<u64>().unwrap());
    let all = number.unwrap_or(1_000_000);
    let mut rig = Rig::new(1000);
    let lasting = rig.crowd.borrow_mut().connect();
    rig.crowd.borrow_mut().say(lasting, REQUEST);
    let mut lives: Vec<(usize, Life)> = Vec::new();
    let mut begun = 0;
    while begun < all || !lives.is_empty() {
        let mut crowd = rig.crowd.borrow_mut();
        lives.retain(|&(index, life)| {
            if !crowd.sockets[index].is_closed && !crowd.sockets[index].outbound.is_empty() {
                life.go_on(&mut crowd, index);
            }
            !crowd.sockets[index].is_closed
        });
        while begun < all && lives.len() < AT_ONCE {
            let (index, life) = (crowd.connect(), Life::of(begun));
            life.begin(&mut crowd, index);
            lives.push((index, life));
            begun += 1;
        }
        drop(crowd);
        rig.turn();
        assert!(
            rig.event_loop.connections.clock.millis() < all,
            "it takes for ever: {lives:?}"
        );
    }
    // Its id and its place are as good as on the first day.
    rig.crowd.borrow_mut().sockets[lasting].outbound.clear();
    rig.crowd.borrow_mut().say(lasting, MESSAGE);
    rig.turn();
    assert_eq!(rig.crowd.borrow().sockets[lasting].outbound, ECHO);
    let seen = *rig.seen.borrow();
    assert_eq!(seen.opened, all / 32 + 1, "{seen:?}");
    assert_eq!(seen.echoed, all / 64 + 1, "{seen:?}");
    assert_eq!(seen.closed, all / 32, "{seen:?}");

    let connections = &rig.event_loop.connections;
    assert_eq!((connections.len(), connections.slots.len()), (1, 1));
    assert_eq!(rig.crowd.borrow().open, 1, "sockets are left open");
    assert_eq!(rig.shared.established(), 1);
    let memory = rig.shared.memory_bytes();
    assert_eq!(memory, 0, "{memory} bytes are counted and not held");
    assert_eq!(
        (connections.handshakes.len(), connections.ends.len()),
        (0, 0)
    );
    // What grows with connections has grown for those that were there at once, no further.
    let rooms = [
        connections.slots.capacity(),
        rig.event_loop.streams.capacity(),
        connections.ready.capacity(),
        connections.dirty.capacity(),
        connections.dead.capacity(),
        connections.closed.capacity(),
        rig.event_loop.events.capacity(),
        rig.event_loop.spare.capacity(),
        rig.event_loop.starved.capacity(),
    ];
    let most = 8 * AT_ONCE;
    assert!(
        rooms.iter().all(|&room| room <= most),
        "room for {rooms:?}, at most {most}"
    );
}

/// M-11: the sockets come back, and the memory that a rush has taken.
#[test]
fn five_thousand_connections_that_are_killed_leave_nothing_behind() {
    const CONNECTIONS: usize = 5_000;
    let mut rig = Rig::new(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let index = rig.crowd.borrow_mut().connect();
        rig.crowd.borrow_mut().say(index, REQUEST);
        rig.turn();
    }
    while rig.event_loop.connections.len() < CONNECTIONS {
        rig.turn();
    }
    assert_eq!(rig.crowd.borrow().open, CONNECTIONS);
    for index in 0..CONNECTIONS {
        let mut crowd = rig.crowd.borrow_mut();
        crowd.sockets[index].reset = true;
        crowd.tell(index);
    }
    for _ in 0..5 {
        rig.turn();
    }
    assert_eq!(rig.seen.borrow().closed, CONNECTIONS as u64);
    assert_eq!(rig.crowd.borrow().open, 0, "sockets are left open");
    assert_eq!(
        (rig.shared.established(), rig.shared.memory_bytes()),
        (0, 0)
    );
    let slots = rig.event_loop.connections.slots.capacity();
    let streams = rig.event_loop.streams.capacity();
    assert!(
        slots <= MIN_GROWTH && streams <= MIN_GROWTH,
        "room for {slots} slots and {streams} sockets is left, at most {MIN_GROWTH}"
    );
}

/// One sender at full speed and 200 others: each of those is served in each turn.
#[test]
fn a_connection_that_never_pauses_costs_the_others_no_turn() {
    const LIGHT: usize = 200;
    const TURNS: usize = 100;
    let mut rig = Rig::new(1000);
    let mut all = Vec::new();
    for _ in 0..=LIGHT {
        let index = rig.crowd.borrow_mut().connect();
        rig.crowd.borrow_mut().say(index, REQUEST);
        all.push(index);
    }
    for _ in 0..20 {
        rig.turn();
    }
    assert_eq!(rig.seen.borrow().opened, LIGHT as u64 + 1);
    let (loud, light) = all.split_last().unwrap();
    // Pongs that nobody asked for, as fast as they are read.
    let pong = [&b"\x8a\x80\0\0\0\0"[..]; 100].concat();
    rig.crowd.borrow_mut().sockets[*loud].endless = Some((pong, 64 << 20));
    rig.crowd.borrow_mut().say(*loud, b"");
    let turn_bytes = rig.event_loop.connections.config.turn_bytes;
    for turn in 0..TURNS {
        let before = rig.crowd.borrow().sockets[*loud].received;
        for &index in light {
            let mut crowd = rig.crowd.borrow_mut();
            crowd.sockets[index].outbound.clear();
            crowd.say(index, MESSAGE);
        }
        rig.turn();
        let crowd = rig.crowd.borrow();
        let waiting = light
            .iter()
            .filter(|&&index| crowd.sockets[index].outbound != ECHO)
            .count();
        assert_eq!(waiting, 0, "of {LIGHT} so many wait after turn {turn}");
        let read = crowd.sockets[*loud].received - before;
        assert!(
            (1..=turn_bytes).contains(&read),
            "{read} bytes of the loud one in turn {turn}, at most {turn_bytes}"
        );
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// Masked with zeros.
const MESSAGE: &[u8] = b"\x81\x85\0\0\0\0hello";
const ECHO: &[u8] = b"\x81\x05hello";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

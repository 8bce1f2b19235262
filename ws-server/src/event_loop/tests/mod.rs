//! The loop over a mock [`Net`](crate::net::Net): a whole world from one seed.

mod budget;
mod long;
mod mock;
mod peer;

use std::{cell::RefCell, panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration};

use ws_core::{
    CloseCode,
    handshake::{HttpAnswer, Request},
    tls::{Certificates, ClientCertificates, ClientTls, Identity, ServerTls},
};

use self::{
    mock::{Dice, MockNet, Order, World},
    peer::{Kind, Peer, broadcast, message},
};
use super::{Command, EventLoop, Shared};
use crate::{
    Accepted, CloseInfo, ClosedBy, Config, Connections, Context, Flow, Handler, Message, SendError,
};

/// What the handler has seen of one client.
#[derive(Debug, Default, Clone)]
struct Entry {
    opened: u32,
    received: u32,
    closed: Vec<ClosedBy>,
}

/// Echoes, checks that each client's messages come once and in order, and pauses at random.
struct Witness {
    dice: Dice,
    world: Rc<RefCell<World>>,
    entries: Rc<RefCell<Vec<Entry>>>,
    kinds: Vec<(Kind, u32)>,
}

impl Handler for Witness {
    type Connection = u32;
    type Command = Order;

    fn on_open(
        &mut self,
        _: &mut Context<'_, u32>,
        request: &Request,
    ) -> Result<Accepted<u32>, HttpAnswer> {
        let client: u32 = request.path()[1..].parse().unwrap();
        self.entries.borrow_mut()[client as usize].opened += 1;
        Ok(Accepted::new(client))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, u32>,
        client: &mut u32,
        received: Message<'_>,
    ) -> Flow {
        let entry = &mut self.entries.borrow_mut()[*client as usize];
        assert!(
            entry.closed.is_empty(),
            "client {client}: a message after its end"
        );
        assert!(
            received.as_bytes() == message(*client, entry.received),
            "client {client}: message {} is another",
            entry.received
        );
        entry.received += 1;
        match context.send(received) {
            // A reset was noticed, but what came before it is still read.
            Ok(()) | Err(SendError::Closed) => {}
            Err(error) => panic!("client {client}: an echo was refused: {error}"),
        }
        let (kind, messages) = self.kinds[*client as usize];
        if kind == Kind::ClosedByServer && entry.received == messages {
            let id = context.id();
            if self.dice.one_in(2) {
                let _ = context.close(CloseCode::new(4000), "enough");
            } else {
                self.world
                    .borrow_mut()
                    .order(Command::Handler(Order::Close(id)));
            }
            return Flow::Continue;
        }
        match self.dice.below(12) {
            0 => {
                let millis = self.dice.below(30) as u64;
                context.set_timer(Duration::from_millis(millis));
                Flow::Pause
            }
            1 => {
                let mut world = self.world.borrow_mut();
                let at = world.now + Duration::from_millis(self.dice.below(30) as u64);
                world.later.push((at, Order::Resume(context.id())));
                Flow::Pause
            }
            _ => Flow::Continue,
        }
    }

    fn on_close(&mut self, _: &mut Context<'_, u32>, client: u32, info: CloseInfo<'_>) {
        self.entries.borrow_mut()[client as usize]
            .closed
            .push(info.by);
    }

    fn on_timer(&mut self, context: &mut Context<'_, u32>, _: &mut u32) {
        context.resume();
    }

    fn on_command(&mut self, connections: &mut Connections<u32>, order: Order) {
        match order {
            Order::Resume(id) => {
                connections.resume(id);
            }
            Order::Close(id) => {
                // It may have been lost meanwhile.
                let _ = connections.close(id, CloseCode::new(4000), "enough");
            }
            Order::Broadcast(number) => {
                connections.broadcast_binary(&broadcast(number));
            }
        }
    }
}

/// One world of 100 clients: everything is delivered once and in order, and every end is told once.
fn run<const EPOLL: bool>(seed: u64, tls: Option<&(ServerTls, ClientTls)>) {
    let mut dice = Dice(seed);
    let mut world = World::new(dice.next());
    world.peers = (0..CLIENTS)
        .map(|number| Peer::new(number, &mut dice, tls.map(|(_, client)| client)))
        .collect();
    let kinds = world
        .peers
        .iter()
        .map(|peer| (peer.kind, peer.messages))
        .collect();
    let world = Rc::new(RefCell::new(world));
    let entries = Rc::new(RefCell::new(vec![Entry::default(); CLIENTS as usize]));
    let handler = Witness {
        dice: Dice(dice.next()),
        world: Rc::clone(&world),
        entries: Rc::clone(&entries),
        kinds,
    };
    // Small marks, so that every one of them is passed often.
    let config = Config::default()
        .turn_bytes(1024 << dice.below(5))
        .high_water_bytes(4096)
        .low_water_bytes(1024)
        .send_queue_bytes(80_000);
    let shared = Arc::new(Shared::new(
        tls.map(|(server, _)| server.clone()),
        Arc::default(),
        1,
    ));
    let net = MockNet::<EPOLL>(Rc::clone(&world));
    let mut event_loop =
        EventLoop::new(handler, net, Arc::new(config), 0, Arc::clone(&shared), true);
    let mut has_ended = false;
    while event_loop.turn().unwrap() {
        let mut world = world.borrow_mut();
        let is_quiet = world.peers.iter().all(|peer| peer.is_done());
        if is_quiet && !has_ended && event_loop.connections.slots.is_empty() {
            has_ended = true;
            world.order(Command::Stop(Duration::from_secs(5)));
        }
    }
    assert!(event_loop.connections.slots.is_empty());
    assert_eq!(event_loop.connections.len(), 0);
    assert!(shared.is_unused(), "figures are left: {shared:?}");
    let world = world.borrow();
    assert!(world.peers.iter().any(|peer| peer.last_broadcast > 0));
    assert!(world.pipes.iter().all(|pipe| pipe.server_closed));
    for (peer, entry) in world.peers.iter().zip(entries.borrow().iter()) {
        check(peer, entry, tls.is_some());
    }
}

fn check(peer: &Peer, entry: &Entry, has_tls: bool) {
    let (seen, who) = (&peer.seen, peer.number);
    let is_socket = !matches!(
        peer.kind,
        Kind::Slow | Kind::Health | Kind::SlowHello | Kind::PlainText
    );
    if seen.status == Some(503) {
        // Nobody could be accepted for long; this one was told.
        assert_eq!(entry.opened, 0, "client {who}");
        return;
    }
    assert_eq!(entry.opened, u32::from(is_socket), "client {who}: {seen:?}");
    assert_eq!(
        entry.closed.len(),
        usize::from(is_socket),
        "client {who}: {entry:?}"
    );
    let by = entry.closed.first().copied();
    match peer.kind {
        Kind::Orderly => {
            let counts = (peer.echoed, entry.received);
            assert_eq!(
                counts,
                (peer.messages, peer.messages),
                "client {who}: {seen:?} {entry:?}"
            );
            assert_eq!(
                (seen.close, by),
                (Some(1000), Some(ClosedBy::Peer)),
                "client {who}"
            );
            assert!(seen.is_eof && !seen.is_reset, "client {who}: {seen:?}");
            assert_eq!(seen.close_notify, has_tls, "client {who}: {seen:?}");
        }
        Kind::ClosedByServer => {
            let counts = (peer.echoed, entry.received);
            assert_eq!(
                counts,
                (peer.messages, peer.messages),
                "client {who}: {seen:?} {entry:?}"
            );
            assert_eq!(
                (seen.close, by),
                (Some(4000), Some(ClosedBy::Handler)),
                "client {who}"
            );
            assert!(seen.is_eof && !seen.is_reset, "client {who}: {seen:?}");
            assert_eq!(seen.close_notify, has_tls, "client {who}: {seen:?}");
        }
        Kind::Reset(after) => {
            assert!(entry.received >= after, "client {who}: {entry:?}");
            assert_eq!(by, Some(ClosedBy::Lost), "client {who}");
        }
        Kind::Gone(after) => {
            assert!(entry.received >= after, "client {who}: {entry:?}");
            // It may have left with its side of the queue full.
            let expected = if has_tls {
                ClosedBy::Truncated
            } else {
                ClosedBy::Lost
            };
            assert!(
                by == Some(expected) || by == Some(ClosedBy::Stalled),
                "client {who}: {by:?}"
            );
        }
        Kind::Polite(after) => {
            assert!(entry.received >= after, "client {who}: {entry:?}");
            assert_eq!(by, Some(ClosedBy::Lost), "client {who}");
        }
        Kind::Broken(after) => {
            assert!(entry.received >= after, "client {who}: {entry:?}");
            assert_eq!(by, Some(ClosedBy::Tls), "client {who}");
            assert!(!seen.is_reset, "client {who}: {seen:?}");
        }
        Kind::Silent(_) => {
            assert!(
                matches!(by, Some(ClosedBy::Silent | ClosedBy::Stalled)),
                "client {who}: {by:?}"
            );
        }
        Kind::Rude => {
            assert!(
                matches!(by, Some(ClosedBy::Protocol(_))),
                "client {who}: {by:?}"
            );
            assert_eq!(seen.close, Some(1002), "client {who}");
        }
        Kind::SlowHello => assert_eq!((seen.status, seen.is_eof), (None, true), "client {who}"),
        Kind::PlainText => assert_eq!(seen.status, Some(400), "client {who}"),
        Kind::Slow => assert_eq!(seen.status, Some(408), "client {who}"),
        Kind::Health => assert_eq!(seen.status, Some(200), "client {who}"),
    }
}

/// Runs many seeds, or the one that `WS_SEED` names.
fn run_seeds<const EPOLL: bool>(first: u64, count: u64, tls: Option<&(ServerTls, ClientTls)>) {
    let only = std::env::var("WS_SEED")
        .ok()
        .map(|text| text.parse::<u64>().unwrap());
    for seed in only.map_or(first..first + count, |seed| seed..seed + 1) {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| run::<EPOLL>(seed, tls)));
        if let Err(panic) = result {
            eprintln!(
                "failed with seed {seed}, EPOLL = {EPOLL}, TLS = {}",
                tls.is_some()
            );
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn every_message_arrives_once_and_in_order_with_edges_of_epoll() {
    run_seeds::<true>(0, SEEDS, None);
}

#[test]
fn every_message_arrives_once_and_in_order_with_edges_of_windows() {
    run_seeds::<false>(1 << 32, SEEDS, None);
}

#[test]
fn with_tls_every_message_arrives_once_and_in_order_with_edges_of_epoll() {
    run_seeds::<true>(2 << 32, TLS_SEEDS, Some(&tls()));
}

#[test]
fn with_tls_every_message_arrives_once_and_in_order_with_edges_of_windows() {
    run_seeds::<false>(3 << 32, TLS_SEEDS, Some(&tls()));
}

/// A certificate for `localhost`, and who trusts it.
fn tls() -> (ServerTls, ClientTls) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let server = ServerTls::new(&[identity], &ClientCertificates::Ignored).unwrap();
    let roots = Certificates::from_pem(chain.as_bytes()).unwrap();
    (server, ClientTls::new(&roots, None).unwrap())
}

const CLIENTS: u32 = 100;
const SEEDS: u64 = 100;
const TLS_SEEDS: u64 = 20;

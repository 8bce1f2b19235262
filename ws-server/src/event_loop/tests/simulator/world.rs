//! Everything outside of the loop: time, the network, the peers, and other threads.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ws_core::{Limits, Scratch, SendScratch};

use super::{
    dice::Dice,
    fault::{Fault, Faults},
    input::Input,
    ledger::Ledger,
    peer::{Keys, Peer},
    pipe::Pipe,
    profile::Profile,
    rare::Rare,
    wish::Wish,
};
use crate::{ConnectionId, event_loop::Command};

/// What the tests' handler is asked for by "other threads".
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Pause(ConnectionId),
    Resume(ConnectionId),
    Close(ConnectionId),
    Abort(ConnectionId),
    Ping(ConnectionId),
    SetTimer(ConnectionId, Duration),
    /// A message to one, with its number.
    Send(ConnectionId, u32),
    /// A message to all, with its number.
    Broadcast(u32),
}

/// Something that came into the loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) to: To,
    pub(crate) input: Input,
}

/// To whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Listener,
    Slot(u32),
    /// Only if the slot still has this connection.
    Connection(ConnectionId),
    Everybody,
}

/// A reset that comes when the loop was told already that it may read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ambush {
    pub(crate) pipe: usize,
    /// It waits for the end of this, which can still be read; else nothing can.
    pub(crate) behind: Option<Input>,
}

impl Ambush {
    pub(crate) fn of(pipe: usize) -> Self {
        Self { pipe, behind: None }
    }
}

/// Everything outside of the loop.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) start: Instant,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) profile: Profile,
    pub(crate) ledger: Ledger,
    pub(crate) pipes: Vec<Pipe>,
    /// Those of them that the server has not closed.
    pub(crate) live: Vec<usize>,
    pub(crate) peers: Vec<Peer>,
    /// Those that have ended.
    pub(crate) gone: Vec<Peer>,
    /// What the peers' endpoints share, as a program with many connections would.
    pub(crate) scratch: Scratch,
    pub(crate) send_scratch: SendScratch,
    pub(crate) backlog: VecDeque<usize>,
    pub(crate) accept_edge: bool,
    /// So many in front of the backlog have given up.
    pub(crate) aborted: u32,
    /// Until then, accepting fails for want of descriptors.
    pub(crate) no_descriptors_until: Duration,
    pub(crate) orders: VecDeque<Command<usize, Order>>,
    pub(crate) wake_edge: bool,
    /// Orders that arrive later.
    later: Vec<(Duration, Order)>,
    next_order_at: Duration,
    orders_given: u32,
    pub(crate) is_listening: bool,
    /// What came in since it was last looked at.
    pub(crate) arrivals: Vec<Arrival>,
    /// Calls of the loop that did something, or were told of something.
    pub(crate) activity: u64,
    /// When the clock last leapt.
    pub(crate) leapt_at: Duration,
    /// What is to come to a connection in a state that chance brings too seldom.
    pub(crate) wish: Option<Wish>,
    /// What the world was made for, if for anything.
    pub(crate) rare: Option<Rare>,
    /// How often it may still be tried.
    pub(crate) chances: u32,
    pub(crate) ambush: Option<Ambush>,
    /// Reading it is interrupted the next time.
    pub(crate) interrupted: Option<usize>,
    /// Nothing will happen any more by itself.
    pub(crate) is_over: bool,
}

impl World {
    /// A world without faults and peers.
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant to count the virtual time from"
    )]
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            start: Instant::now(),
            dice: Dice(seed),
            faults: Faults::none(),
            profile: Profile::plain(),
            ledger: Ledger::default(),
            pipes: Vec::new(),
            live: Vec::new(),
            peers: Vec::new(),
            gone: Vec::new(),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::client(Box::new(Keys(Dice(seed)))),
            backlog: VecDeque::new(),
            accept_edge: false,
            aborted: 0,
            no_descriptors_until: Duration::ZERO,
            orders: VecDeque::new(),
            wake_edge: false,
            later: Vec::new(),
            next_order_at: Duration::MAX,
            orders_given: 0,
            is_listening: true,
            arrivals: Vec::new(),
            activity: 0,
            leapt_at: Duration::ZERO,
            wish: None,
            rare: None,
            chances: 10,
            ambush: None,
            interrupted: None,
            is_over: false,
        }
    }

    /// A world with everything that its seed draws.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.faults = Faults::drawn(&mut world.dice);
        world.rare = Rare::of(seed);
        world.profile = Profile::drawn(&mut world.dice, world.rare);
        world.wish = Some(Wish::drawn(&mut world.dice));
        world.next_order_at = world.dice.millis(0, 2000);
        for _ in 0..world.profile.population {
            world.spawn();
        }
        world
    }

    fn spawn(&mut self) {
        let number = u32::try_from(self.ledger.entries.len()).unwrap();
        let peer = Peer::new(number, self.now, &self.profile, &mut self.dice);
        self.ledger.join(number, peer.kind, peer.messages);
        self.peers.push(peer);
    }

    /// A peer connects: the system completes it, whether or not the server accepts.
    pub(crate) fn connect(&mut self) -> usize {
        let capacity = 512 << self.dice.below(7);
        self.connect_pipe(Pipe::new(capacity))
    }

    pub(crate) fn connect_pipe(&mut self, mut pipe: Pipe) -> usize {
        if self.is_listening {
            self.backlog.push_back(self.pipes.len());
            self.accept_edge = true;
        } else {
            pipe.peer_reset(false);
            pipe.server_closed = true;
        }
        self.pipes.push(pipe);
        self.live.push(self.pipes.len() - 1);
        self.pipes.len() - 1
    }

    pub(crate) fn order(&mut self, command: Command<usize, Order>) {
        self.orders.push_back(command);
        self.wake_edge = true;
    }

    /// Gives an order at a later time.
    pub(crate) fn order_later(&mut self, after: Duration, order: Order) {
        self.later.push((self.now + after, order));
    }

    pub(crate) fn arrived(&mut self, to: To, input: Input) {
        self.arrivals.push(Arrival { to, input });
    }

    /// A peer sends: cut, held up, or at once; how many bytes the system took.
    pub(crate) fn transmit(&mut self, pipe: usize, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.pipes[pipe].peer_space());
        if count == 0 {
            return 0;
        }
        let (faults, dice, now) = (&mut self.faults, &mut self.dice, self.now);
        let here = &mut self.pipes[pipe];
        let mut at = now;
        if faults.hits_now(Fault::Delay, dice) {
            at += dice.millis(1, 300);
            here.is_disturbed = true;
        }
        if faults.hits_now(Fault::Blackhole, dice) {
            here.held_until = now + dice.millis(500, 20_000);
            here.is_disturbed = true;
        }
        let cut = match count > 1 && faults.hits_now(Fault::Cut, dice) {
            true => 1 + dice.below(count - 1),
            false => count,
        };
        here.launch(at, &bytes[..cut]);
        if cut < count {
            here.launch(at + dice.millis(0, 3), &bytes[cut..count]);
        }
        let merges = here.land(now);
        faults.hits[Fault::Merge as usize] += merges;
        count
    }

    /// Lets the peers act and time pass, at most until `deadline`; whether anything can still happen.
    pub(crate) fn step(&mut self, deadline: Option<Duration>) -> bool {
        let mut peers = std::mem::take(&mut self.peers);
        let mut has_acted = false;
        let first = self.dice.below(peers.len().max(1));
        for index in (first..peers.len()).chain(0..first) {
            has_acted |= peers[index].act(self);
        }
        if peers.iter().any(Peer::is_done) {
            self.gone
                .extend(peers.extract_if(.., |peer| peer.is_done()));
        }
        self.peers = peers;
        if !self.faults.is_calm && self.is_listening {
            for _ in self.peers.len()..self.profile.population {
                self.spawn();
                has_acted = true;
            }
        }
        if self.faults.hits_now(Fault::ClockJump, &mut self.dice) {
            let far = self.dice.millis(100, 60_000);
            self.leap(far);
        } else if has_acted {
            self.now += Duration::from_micros(self.dice.below(2000) as u64);
        } else {
            let next = self.next_wake().into_iter().chain(deadline).min();
            let Some(next) = next else {
                return false;
            };
            // Who is late does not hold the time up.
            self.now = next.max(self.now + Duration::from_micros(50));
        }
        let pipes = &mut self.pipes;
        self.live.retain(|&index| !pipes[index].server_closed);
        for &index in &self.live {
            self.faults.hits[Fault::Merge as usize] += pipes[index].land(self.now);
        }
        self.give_orders();
        true
    }

    /// The clock leaps, as after a sleep of the machine.
    pub(crate) fn leap(&mut self, far: Duration) {
        self.now += far;
        self.leapt_at = self.now;
        for &index in &self.live {
            self.pipes[index].is_disturbed = true;
        }
    }

    /// When something happens by itself again.
    fn next_wake(&self) -> Option<Duration> {
        let peers = self.peers.iter().filter_map(|peer| peer.next_wake(self));
        let live = self.live.iter().map(|&index| &self.pipes[index]);
        let arrivals = live.filter_map(Pipe::next_arrival);
        let later = self.later.iter().map(|(at, _)| *at);
        let order = (!self.faults.is_calm && self.next_order_at < Duration::MAX)
            .then_some(self.next_order_at);
        // A minimum of each, since a chain of them is slow.
        let firsts = [peers.min(), arrivals.min(), later.min(), order];
        firsts.into_iter().flatten().min()
    }

    fn give_orders(&mut self) {
        let (now, mut index) = (self.now, 0);
        while index < self.later.len() {
            if self.later[index].0 <= now {
                let (_, order) = self.later.swap_remove(index);
                self.order(Command::Handler(order));
            } else {
                index += 1;
            }
        }
        if self.faults.is_calm || now < self.next_order_at {
            return;
        }
        self.next_order_at = now + self.dice.millis(0, self.profile.order_gap);
        for _ in 0..=self.dice.below(2) {
            if let Some(order) = self.draw_order() {
                self.order(Command::Handler(order));
            }
        }
    }

    /// An order for anybody, most often for one of the last: also for those who have ended.
    fn draw_order(&mut self) -> Option<Order> {
        self.orders_given += 1;
        let number = self.orders_given;
        let dice = &mut self.dice;
        if dice.one_in(4) {
            return Some(Order::Broadcast(number));
        }
        let entries = &self.ledger.entries;
        let back = 1 + dice.below(entries.len().min(2 * self.profile.population));
        let id = entries[entries.len() - back].id?;
        Some(match dice.below(16) {
            0 => Order::Close(id),
            1 => Order::Abort(id),
            2 | 3 => {
                let after = dice.millis(0, 3000);
                self.order_later(after, Order::Resume(id));
                Order::Pause(id)
            }
            4 => Order::Resume(id),
            5 => Order::Ping(id),
            6 | 7 => Order::SetTimer(id, dice.millis(0, 3000)),
            _ => Order::Send(id, number),
        })
    }
}

//! The clients of a world: ws-core's client halves, and every way to behave badly.

mod kind;
mod reading;
mod saying;

use std::{collections::VecDeque, time::Duration};

use ws_core::{
    MaskingKeys, Receiver, Role, Sender,
    extension::{DeflateConfig, DeflateOffer},
    handshake::{ClientHandshake, ClientRequest},
    tls::Tls,
};

pub(crate) use self::kind::Kind;
use super::{dice::Dice, fault::Fault, input::Input, profile::Profile, world::World};

/// What a client has seen at its end.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) status: Option<u16>,
    pub(crate) close: Option<u16>,
    pub(crate) is_eof: bool,
    pub(crate) is_reset: bool,
    /// TLS: close_notify came.
    pub(crate) close_notify: bool,
    /// Bytes behind the head of an answer that is no 101.
    pub(crate) body_bytes: usize,
}

/// One client.
pub(crate) struct Peer {
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) messages: u32,
    pub(crate) seen: Seen,
    pub(crate) pipe: Option<usize>,
    has_long: bool,
    begin_at: Duration,
    /// Milliseconds between two messages, at most.
    gap: usize,
    next_say_at: Duration,
    stalled_until: Duration,
    sent: u32,
    /// What was said beyond the messages, of those who do not end with them.
    extras: usize,
    handshake: Option<ClientHandshake>,
    compression: DeflateConfig,
    head: Vec<u8>,
    output: Vec<u8>,
    /// Bytes that were ever put into `output`, or with TLS into `sealed`.
    stream_end: u64,
    tls: Option<Tls>,
    /// What TLS made of `output`.
    sealed: Vec<u8>,
    /// TLS: what ends where in `output`.
    marks: VecDeque<(usize, Input)>,
    receiver: Receiver,
    sender: Sender,
    hello_sent: usize,
    has_ended: bool,
    /// TLS: close_notify is sent.
    said_goodbye: bool,
    /// Says nothing new.
    is_mute: bool,
    /// One in so many turns it reads.
    laziness: usize,
}

impl Peer {
    pub(crate) fn new(number: u32, now: Duration, profile: &Profile, dice: &mut Dice) -> Self {
        let messages = u32::try_from(dice.within(1, 25)).unwrap();
        let kind = Kind::drawn(messages, profile.tls.is_some(), dice);
        let tls = profile
            .tls
            .as_ref()
            .filter(|_| kind != Kind::PlainText)
            .map(|(_, client)| Tls::client(client, "localhost").unwrap());
        let compression = dice.pick(&[
            DeflateConfig::shared as fn() -> _,
            DeflateConfig::compact,
            DeflateConfig::dedicated,
        ])();
        let mut request = ClientRequest::new("localhost", &format!("/{number}"));
        if profile.config.compression.is_some() && !dice.one_in(4) {
            request = request.deflate(DeflateOffer::from(&compression));
        }
        let handshake = kind.opens().then(|| {
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&dice.next().to_le_bytes());
            ClientHandshake::new(&request, nonce).unwrap()
        });
        Self {
            number,
            kind,
            messages,
            seen: Seen::default(),
            pipe: None,
            has_long: profile.is_heavy,
            begin_at: now + dice.millis(0, 400),
            gap: dice.pick(&[0, 0, 0, 5, 400, 4000, 9000]),
            next_say_at: Duration::ZERO,
            stalled_until: Duration::ZERO,
            sent: 0,
            extras: 0,
            handshake,
            compression,
            head: Vec::new(),
            output: Vec::new(),
            stream_end: 0,
            tls,
            sealed: Vec::new(),
            marks: VecDeque::new(),
            receiver: Receiver::new(Role::Client),
            sender: Sender::new(Role::Client),
            hello_sent: 0,
            has_ended: false,
            said_goodbye: false,
            is_mute: false,
            laziness: 1 + dice.below(4) * dice.below(4),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.has_ended
    }

    /// When it does something of its own accord, if nothing comes before.
    pub(crate) fn next_wake(&self, world: &World) -> Option<Duration> {
        if self.has_ended {
            return None;
        }
        let Some(pipe) = self.pipe else {
            return Some(self.begin_at);
        };
        let here = &world.pipes[pipe];
        let says = self.wants_to_say(world) && here.peer_space() > 0;
        let says = says.then_some(self.next_say_at);
        let reads = self.is_stalled(world) && !here.outbound.is_empty();
        let reads = reads.then_some(self.stalled_until);
        [says, reads].into_iter().flatten().min()
    }

    /// Tells whether it does not wait for what it has said to arrive.
    pub(crate) fn is_hasty(&self) -> bool {
        self.number.is_multiple_of(2)
    }

    fn is_deaf(&self) -> bool {
        self.is_mute && matches!(self.kind, Kind::Silent(_))
    }

    fn is_stalled(&self, world: &World) -> bool {
        world.now < self.stalled_until && !world.faults.is_calm
    }

    /// Does something if it can; tells whether it did.
    pub(crate) fn act(&mut self, world: &mut World) -> bool {
        if world.now < self.begin_at {
            return false;
        }
        let pipe = match self.pipe {
            Some(pipe) => pipe,
            None => {
                let pipe = *self.pipe.insert(world.connect());
                self.begin(world);
                pipe
            }
        };
        let mut has_acted = self.write(world, pipe);
        has_acted |= self.read_at_leisure(world, pipe);
        if has_acted && self.suffer(world, pipe) {
            return true;
        }
        let here = &mut world.pipes[pipe];
        self.seen.is_reset |= here.reset;
        let is_gone = here.server_closed || here.reset;
        let has_read = here.outbound.is_empty() || self.is_deaf();
        let has_sent = self.sealed.is_empty() || here.peer_space() == 0;
        if has_read && (is_gone || (here.server_fin && !self.kind.stays() && has_sent)) {
            self.seen.is_eof = true;
            here.peer_fin(world.now);
            self.has_ended = true;
            return true;
        }
        has_acted | self.end_as_is_its_kind(world, pipe)
    }

    /// What the network does to it, whatever it wants; whether that was the end.
    fn suffer(&mut self, world: &mut World, pipe: usize) -> bool {
        let (faults, dice, now) = (&mut world.faults, &mut world.dice, world.now);
        let here = &mut world.pipes[pipe];
        if faults.hits_now(Fault::StalledReader, dice) {
            self.stalled_until = now + dice.millis(500, 20_000);
            here.is_disturbed = true;
        }
        if faults.hits_now(Fault::HalfClose, dice) {
            here.is_disturbed = true;
            here.peer_fin(now);
        }
        if faults.hits_now(Fault::Reset, dice) {
            here.is_disturbed = true;
            here.peer_reset(dice.one_in(2));
            self.has_ended = true;
        }
        self.has_ended
    }

    fn end_as_is_its_kind(&mut self, world: &mut World, pipe: usize) -> bool {
        let has_got = |after: u32| world.ledger.entries[self.number as usize].received >= after;
        match self.kind {
            Kind::Reset(after) if self.is_open() && has_got(after) => {
                let keeps_input = world.dice.one_in(2);
                world.pipes[pipe].peer_reset(keeps_input);
                self.has_ended = true;
            }
            Kind::Gone(after) if self.is_open() && has_got(after) && !self.is_mute => {
                // Bytes and the end in one: a short read alone does not show the end.
                self.write(world, pipe);
                world.pipes[pipe].peer_fin(world.now);
                self.is_mute = true;
            }
            Kind::Silent(after) if self.is_open() && has_got(after) => self.is_mute = true,
            Kind::Polite(_) if self.is_mute && self.sealed.is_empty() && world.dice.one_in(12) => {
                world.pipes[pipe].is_disturbed = true;
                world.pipes[pipe].peer_reset(true);
            }
            Kind::Attacker
                if !self.wants_to_say(world)
                    && !self.is_mute
                    && (self.is_open() || self.handshake.is_none()) =>
            {
                self.is_mute = true;
                match world.dice.one_in(2) {
                    true => world.pipes[pipe].peer_fin(world.now),
                    false => world.pipes[pipe].peer_reset(true),
                }
            }
            Kind::Polite(after) | Kind::Broken(after)
                if self.is_open()
                    && (has_got(after) || self.is_hasty() && self.sent >= after)
                    && !(self.is_mute || self.said_goodbye) =>
            {
                let Some(tls) = &mut self.tls else {
                    return false;
                };
                let before = self.sealed.len();
                let input = match self.kind {
                    Kind::Polite(_) => {
                        tls.close(&mut self.sealed);
                        Input::CloseNotify
                    }
                    _ => {
                        let record = [23, 3, 3, 0, 20, 1, 2, 3, 4];
                        self.sealed.extend_from_slice(&record);
                        self.sealed.extend_from_slice(&[0; 16]);
                        Input::Violation
                    }
                };
                self.stream_end += (self.sealed.len() - before) as u64;
                world.pipes[pipe].marks.push_back((self.stream_end, input));
                self.output.clear();
                // Nothing more is said, but the rest of this still goes out.
                self.is_mute = true;
            }
            _ => return false,
        }
        true
    }

    fn is_open(&self) -> bool {
        self.seen.status == Some(101)
    }

    fn write(&mut self, world: &mut World, pipe: usize) -> bool {
        if self.kind == Kind::Slow {
            if world.now < self.next_say_at {
                return false;
            }
            self.next_say_at = world.now + world.dice.millis(5, 400);
        }
        let is_idle = self.output.is_empty() && self.sealed.is_empty();
        if is_idle && self.wants_to_say(world) && world.now >= self.next_say_at {
            let gap = if world.faults.is_calm { 0 } else { self.gap };
            self.say(world, pipe);
            self.next_say_at = world.now + world.dice.millis(gap / 4, gap);
        }
        self.seal(world, pipe);
        // Any cut: from single bytes to everything at once.
        let limit = 1 << world.dice.below(14);
        let limit = limit.min(self.kind.most_at_once(self.hello_sent));
        let output = match self.tls {
            None => &mut self.output,
            Some(_) => &mut self.sealed,
        };
        if output.is_empty() {
            return false;
        }
        let count = world.transmit(pipe, &output[..output.len().min(limit)]);
        output.drain(..count);
        self.hello_sent += count;
        count > 0
    }

    /// Lets TLS encrypt what waits, in records of any size.
    fn seal(&mut self, world: &mut World, pipe: usize) {
        let Some(tls) = &mut self.tls else {
            return;
        };
        if !self.sealed.is_empty() || tls.is_handshaking() {
            return;
        }
        if self.output.is_empty() {
            return self.say_goodbye(world, pipe);
        }
        let count = self.output.len().min(1 << world.dice.below(16));
        // It fails only behind a failure that was seen before.
        let _ = tls.send(&self.output[..count], &mut self.sealed);
        self.output.drain(..count);
        self.stream_end += self.sealed.len() as u64;
        for (end, _) in &mut self.marks {
            *end = end.saturating_sub(count);
        }
        while let Some((0, input)) = self.marks.front().copied() {
            self.marks.pop_front();
            world.pipes[pipe].marks.push_back((self.stream_end, input));
        }
    }

    /// TLS: close_notify behind the last that is said, as the other side does it, or at once.
    fn say_goodbye(&mut self, world: &mut World, pipe: usize) {
        let Some(tls) = &mut self.tls else {
            return;
        };
        let is_hasty = self.number.is_multiple_of(3)
            && (self.sender.close_sent() || matches!(self.kind, Kind::Page | Kind::Polite(0)));
        let is_hasty = is_hasty || (self.kind == Kind::Deaf && self.seen.close.is_some());
        if self.said_goodbye || self.is_mute || !(is_hasty || self.seen.close_notify) {
            return;
        }
        self.said_goodbye = true;
        tls.close(&mut self.sealed);
        self.stream_end += self.sealed.len() as u64;
        let mark = (self.stream_end, Input::CloseNotify);
        world.pipes[pipe].marks.push_back(mark);
    }

    /// Notes that what was last put into the output ends there.
    fn mark(&mut self, world: &mut World, pipe: usize, before: usize, input: Input) {
        if self.tls.is_some() {
            self.marks.push_back((self.output.len(), input));
        } else {
            self.stream_end += (self.output.len() - before) as u64;
            world.pipes[pipe].marks.push_back((self.stream_end, input));
        }
    }
}

/// Masking keys that follow from the seed.
pub(crate) struct Keys(pub(crate) Dice);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0.next().to_be_bytes();
        [a, b, c, d]
    }
}

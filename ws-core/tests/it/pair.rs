//! Two endpoints with a byte pipe between them and a clock that the test turns.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use ws_core::{
    Connection, Event, Keepalive, KeepaliveAction, KeepaliveConfig, Limits, Pressure, ReceiveError,
    Role, Scratch, SendError, SendScratch, Sender,
};

use crate::wire::Owned;

/// One side: a connection, what it has to send, and what it has seen.
pub(crate) struct Endpoint {
    connection: Connection,
    keepalive: Keepalive,
    scratch: Scratch,
    send_scratch: SendScratch,
    /// Bytes on their way to the other side.
    output: Vec<u8>,
    pub(crate) seen: Vec<Owned>,
    pub(crate) is_given_up: bool,
}

impl Endpoint {
    fn new(make: &impl Fn(Role) -> Connection, role: Role, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            connection: make(role),
            keepalive: Keepalive::new(0),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::client(Box::new(move || rng.random())),
            output: Vec::new(),
            seen: Vec::new(),
            is_given_up: false,
        }
    }

    /// Sends through `encode`, which gets the sending half, its scratch and the output.
    pub(crate) fn send(
        &mut self,
        encode: impl FnOnce(&mut Sender, &mut SendScratch, &mut Vec<u8>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let (_, sender) = self.connection.split();
        encode(sender, &mut self.send_scratch, &mut self.output)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// The events seen since the last call.
    pub(crate) fn take_seen(&mut self) -> Vec<Owned> {
        std::mem::take(&mut self.seen)
    }

    fn receive(&mut self, bytes: &mut [u8], now: u32) -> Option<ReceiveError> {
        self.keepalive.handle_received(now);
        let (receiver, sender) = self.connection.split();
        let mut receive = receiver.receive(bytes, &mut self.scratch);
        let mut failure = None;
        while let Some(event) = receive.next() {
            match event {
                Ok(Event::Pong(payload)) if self.keepalive.is_answer(payload) => {}
                Ok(event) => self.seen.push(event.into()),
                Err(error) => failure = Some(error),
            }
            if let Some(reply) = receive.take_reply() {
                let sent = sender.encode_reply(
                    reply,
                    Pressure::Clear,
                    &mut self.send_scratch,
                    &mut self.output,
                );
                sent.expect("a reply can be sent");
            }
        }
        failure
    }

    fn tick(&mut self, config: &KeepaliveConfig, now: u32) {
        match self.keepalive.poll(config, now, false) {
            KeepaliveAction::Wait { until } => {
                assert!(until > now, "due at {until}, not asked for at {now}")
            }
            KeepaliveAction::PeerSilent => self.is_given_up = true,
            KeepaliveAction::SendPing => {
                let payload = self.keepalive.ping_payload();
                self.send(|sender, scratch, output| sender.encode_ping(&payload, scratch, output))
                    .expect("a ping can be sent");
            }
        }
    }
}

/// A client and a server; bytes travel in pieces of random length.
pub(crate) struct Pair {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    pub(crate) keepalive: KeepaliveConfig,
    /// Nothing passes any more, and nobody is told.
    pub(crate) is_cut: bool,
    /// The virtual clock, in ticks.
    pub(crate) now: u32,
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    rng: StdRng,
}

impl Pair {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(seed, Connection::new)
    }

    /// A pair of connections as `make` makes them.
    pub(crate) fn of(seed: u64, make: impl Fn(Role) -> Connection) -> Self {
        Self {
            client: Endpoint::new(&make, Role::Client, seed),
            server: Endpoint::new(&make, Role::Server, seed),
            keepalive: KeepaliveConfig::default(),
            is_cut: false,
            now: 0,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// Moves what was sent onto the wire and one piece of it to each side; false when nothing is left.
    pub(crate) fn step(&mut self) -> bool {
        self.to_server.extend(self.client.output.drain(..));
        self.to_client.extend(self.server.output.drain(..));
        if self.is_cut {
            self.to_server.clear();
            self.to_client.clear();
        }
        let mut moved = false;
        for (wire, endpoint) in [
            (&mut self.to_server, &mut self.server),
            (&mut self.to_client, &mut self.client),
        ] {
            if wire.is_empty() {
                continue;
            }
            let mut piece: Vec<u8> = wire
                .drain(..self.rng.random_range(1..=wire.len().min(5000)))
                .collect();
            assert_eq!(
                endpoint.receive(&mut piece, self.now),
                None,
                "an honest pair breaks no rule"
            );
            moved = true;
        }
        moved || !self.client.output.is_empty() || !self.server.output.is_empty()
    }

    /// Steps until nothing is under way.
    pub(crate) fn drive(&mut self) {
        let bound = 1_000_000;
        let steps = (0..bound).take_while(|_| self.step()).count();
        assert!(steps < bound, "the pair does not come to rest");
    }

    /// Lets `ticks` pass, with everything that falls due.
    pub(crate) fn wait(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.now += 1;
            self.client.tick(&self.keepalive, self.now);
            self.server.tick(&self.keepalive, self.now);
            self.drive();
        }
    }
}

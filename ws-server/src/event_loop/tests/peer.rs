//! The clients of the mock world: ws-core's client halves, and every way to behave badly.

use ws_core::{
    CloseCode, CloseFrame, Event, Limits, MaskingKeys, Pressure, Receiver, Role, Scratch,
    SendScratch, Sender,
    tls::{ClientTls, Tls, TlsError},
};

use super::mock::{Dice, World};

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sends its messages, takes every echo, closes.
    Orderly,
    /// As `Orderly`, but the server's handler closes it when all its messages have come.
    ClosedByServer,
    /// Is reset when this many messages have been echoed.
    Reset(u32),
    /// Closes its side of TCP without a Close frame then.
    Gone(u32),
    /// Says nothing more from then on, and answers no ping.
    Silent(u32),
    /// Never ends its request.
    Slow,
    /// Asks for `/health`.
    Health,
    /// Breaks the protocol after its last message.
    Rude,
    /// TLS: sends close_notify instead of a Close frame when this many messages have been echoed.
    Polite(u32),
    /// TLS: sends a broken record then.
    Broken(u32),
    /// TLS: never ends its hello.
    SlowHello,
    /// Speaks HTTP to a port with TLS.
    PlainText,
}

/// What a client has seen at its end.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) status: Option<u16>,
    pub(super) close: Option<u16>,
    pub(super) is_eof: bool,
    pub(super) is_reset: bool,
    /// TLS: close_notify came.
    pub(super) close_notify: bool,
}

/// One client.
pub(super) struct Peer {
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) messages: u32,
    pub(super) echoed: u32,
    pub(super) seen: Seen,
    /// Broadcasts reach who can take them, in order.
    pub(super) last_broadcast: u32,
    pipe: Option<usize>,
    begin_after: usize,
    sent: u32,
    head: Vec<u8>,
    output: Vec<u8>,
    tls: Option<Tls>,
    /// What TLS made of `output`.
    sealed: Vec<u8>,
    receiver: Receiver,
    sender: Sender,
    scratch: Scratch,
    send_scratch: SendScratch,
    hello_sent: usize,
    has_ended: bool,
    is_mute: bool,
    /// One in so many turns it reads.
    laziness: usize,
}

impl Peer {
    pub(super) fn new(number: u32, dice: &mut Dice, tls: Option<&ClientTls>) -> Self {
        let messages = 1 + u32::try_from(dice.below(14)).unwrap();
        let part = u32::try_from(dice.below(messages as usize + 1)).unwrap();
        let kind = match dice.below(20) {
            0 => Kind::Reset(part),
            1 => Kind::Gone(part),
            2 => Kind::Silent(part),
            3 => Kind::Slow,
            4 => Kind::Health,
            5 => Kind::Rude,
            6 | 7 => Kind::ClosedByServer,
            8 if tls.is_some() => Kind::Polite(part),
            9 if tls.is_some() => Kind::Broken(part),
            10 if tls.is_some() => Kind::SlowHello,
            11 if tls.is_some() => Kind::PlainText,
            _ => Kind::Orderly,
        };
        let tls = tls
            .filter(|_| kind != Kind::PlainText)
            .map(|config| Tls::client(config, "localhost").unwrap());
        let keys: Box<dyn MaskingKeys + Send> = Box::new(Keys(Dice(dice.next())));
        Self {
            number,
            kind,
            messages,
            echoed: 0,
            seen: Seen::default(),
            last_broadcast: 0,
            pipe: None,
            begin_after: dice.below(60),
            sent: 0,
            head: Vec::new(),
            output: Vec::new(),
            tls,
            sealed: Vec::new(),
            receiver: Receiver::new(Role::Client),
            sender: Sender::new(Role::Client),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::client(keys),
            hello_sent: 0,
            has_ended: false,
            is_mute: false,
            laziness: 1 + dice.below(6) * dice.below(6),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.has_ended
    }

    /// Does something if it can; tells whether it did.
    pub(super) fn act(&mut self, world: &mut World) -> bool {
        if self.begin_after > 0 {
            self.begin_after -= 1;
            return true;
        }
        let pipe = match self.pipe {
            Some(pipe) => pipe,
            None => {
                self.output = self.request();
                *self.pipe.insert(world.connect())
            }
        };
        let mut has_acted = self.write(world, pipe);
        if world.dice.one_in(self.laziness) {
            has_acted |= self.read(world, pipe);
        } else {
            has_acted |= !world.pipes[pipe].outbound.is_empty();
        }
        let here = &mut world.pipes[pipe];
        self.seen.is_reset |= here.reset;
        if here.outbound.is_empty() && (here.server_fin || here.server_closed || here.reset) {
            self.seen.is_eof = true;
            here.peer_fin();
            self.has_ended = true;
            return true;
        }
        match self.kind {
            Kind::Reset(after) if self.is_open() && self.echoed >= after => here.peer_reset(),
            Kind::Gone(after) if self.is_open() && self.echoed >= after => {
                // Bytes and the end in one: a short read alone does not show the end.
                self.write(world, pipe);
                world.pipes[pipe].peer_fin();
            }
            Kind::Silent(after) => {
                self.is_mute = self.is_open() && self.echoed >= after;
                return has_acted;
            }
            Kind::Polite(after) | Kind::Broken(after) => {
                if let Some(tls) = &mut self.tls
                    && self.seen.status == Some(101)
                    && self.echoed >= after
                    && !self.is_mute
                {
                    match self.kind {
                        Kind::Polite(_) => tls.close(&mut self.sealed),
                        _ => self
                            .sealed
                            .extend_from_slice(&[23, 3, 3, 0, 20, 1, 2, 3, 4]),
                    }
                    self.sealed.extend_from_slice(&[0; 20]);
                    self.output.clear();
                    // Nothing more is said, but the rest of this still goes out.
                    self.is_mute = true;
                }
                return has_acted;
            }
            _ => return has_acted,
        }
        self.has_ended = true;
        true
    }

    fn is_open(&self) -> bool {
        self.seen.status == Some(101)
    }

    fn write(&mut self, world: &mut World, pipe: usize) -> bool {
        let may_end = matches!(self.kind, Kind::Polite(_) | Kind::Broken(_));
        if self.is_mute && !may_end {
            return false;
        }
        if self.output.is_empty() && self.is_open() && !self.is_mute {
            self.next_message();
        }
        // Any cut: from single bytes to everything at once, and records of any size.
        let limit = 1 << world.dice.below(14);
        let output = match &mut self.tls {
            None => &mut self.output,
            Some(tls) => {
                if self.sealed.is_empty() {
                    let count = self.output.len().min(1 << world.dice.below(16));
                    let sent = tls.send(&self.output[..count], &mut self.sealed);
                    assert!(sent.is_ok() || matches!(self.kind, Kind::Broken(_)));
                    self.output.drain(..count);
                }
                if self.kind == Kind::SlowHello {
                    self.sealed.truncate(100 - self.hello_sent.min(100));
                }
                &mut self.sealed
            }
        };
        let count = world.pipes[pipe].peer_send(&output[..output.len().min(limit)]);
        output.drain(..count);
        self.hello_sent += count;
        count > 0
    }

    fn next_message(&mut self) {
        let (sender, scratch, output) =
            (&mut self.sender, &mut self.send_scratch, &mut self.output);
        if sender.close_sent() {
            return;
        }
        if self.sent < self.messages {
            let message = message(self.number, self.sent);
            self.sent += 1;
            match std::str::from_utf8(&message) {
                // In pieces, with a control frame between them (RFC 6455 §5.4).
                Ok(text) if self.sent.is_multiple_of(5) => {
                    let (a, b) = text.split_at(text.len() / 2);
                    sender
                        .encode_text_fragment(a, false, scratch, output)
                        .unwrap();
                    sender.encode_ping(b"between", scratch, output).unwrap();
                    sender
                        .encode_text_fragment(b, true, scratch, output)
                        .unwrap();
                }
                Ok(text) => sender.encode_text(text, scratch, output).unwrap(),
                Err(_) => sender.encode_binary(&message, scratch, output).unwrap(),
            }
        } else if self.echoed == self.messages && self.kind == Kind::Orderly {
            let frame = Some(CloseFrame::new(CloseCode::NORMAL));
            sender.encode_close(frame, scratch, output).unwrap();
        } else if self.echoed == self.messages && self.kind == Kind::Rude {
            // A reserved opcode, once: whatever follows is ignored.
            output.extend_from_slice(&[0x83, 0x80, 0, 0, 0, 0]);
            self.kind = Kind::Rude;
            self.messages += 1;
        }
    }

    fn read(&mut self, world: &mut World, pipe: usize) -> bool {
        let limit = 1 + world.dice.below(8192);
        let mut bytes = world.pipes[pipe].peer_recv(limit);
        if bytes.is_empty() {
            return false;
        }
        if let Some(tls) = &mut self.tls {
            let mut plaintext = Vec::new();
            match tls.receive(&bytes, &mut plaintext, &mut self.sealed) {
                Ok(()) => {}
                // The alert that answers a broken record.
                Err(TlsError::Alert(_)) if matches!(self.kind, Kind::Broken(_)) => {}
                Err(error) => panic!("client {} {:?}: {error}", self.number, self.kind),
            }
            self.seen.close_notify |= tls.close_received();
            bytes = plaintext;
        }
        if self.seen.status.is_none() {
            self.head.append(&mut bytes);
            let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") else {
                return true;
            };
            bytes = self.head.split_off(end + 4);
            let status = std::str::from_utf8(&self.head[9..12]).unwrap();
            self.seen.status = Some(status.parse().unwrap());
        }
        if self.is_open() && !self.is_mute && !bytes.is_empty() {
            self.receive(&mut bytes);
        }
        true
    }

    fn receive(&mut self, bytes: &mut [u8]) {
        let mut receive = self.receiver.receive(bytes, &mut self.scratch);
        while let Some(event) = receive.next() {
            let data = match event.unwrap() {
                Event::Text(text) => Some(text.as_bytes()),
                Event::Binary(data) => Some(data),
                Event::Close(frame) => {
                    self.seen.close = Some(frame.map_or(1005, |frame| frame.code.as_u16()));
                    None
                }
                Event::Ping(_) | Event::Pong(_) => None,
            };
            if let Some(data) = data {
                if data.starts_with(BROADCAST) {
                    let number = (self.last_broadcast..self.last_broadcast + 1000)
                        .find(|n| data == broadcast(*n));
                    self.last_broadcast = number.unwrap() + 1;
                    continue;
                }
                let expected = message(self.number, self.echoed);
                assert!(
                    data == expected,
                    "client {}: echo {} is another message",
                    self.number,
                    self.echoed
                );
                self.echoed += 1;
            }
            if let Some(reply) = receive.take_reply() {
                let (sender, scratch) = (&mut self.sender, &mut self.send_scratch);
                sender
                    .encode_reply(reply, Pressure::Clear, scratch, &mut self.output)
                    .unwrap();
            }
        }
    }

    fn request(&self) -> Vec<u8> {
        let number = self.number;
        match self.kind {
            Kind::Slow => format!("GET /{number} HTTP/1.1\r\nHost: local"),
            Kind::Health => "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            Kind::PlainText => format!("GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            _ => format!(
                "GET /{number} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ),
        }
        .into_bytes()
    }
}

struct Keys(Dice);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0.next().to_be_bytes();
        [a, b, c, d]
    }
}

/// The broadcast with this number: small enough to be copied, or large enough to be shared.
pub(super) fn broadcast(number: u32) -> Vec<u8> {
    let mut bytes = BROADCAST.to_vec();
    bytes.extend_from_slice(&number.to_be_bytes());
    let size = if number.is_multiple_of(2) { 20_000 } else { 30 };
    bytes.resize(bytes.len() + size, number.to_be_bytes()[3]);
    bytes
}

const BROADCAST: &[u8] = b"to all ";

/// The message with this number of this client: sizes from nothing to beyond every mark of the tests' configuration.
pub(super) fn message(client: u32, number: u32) -> Vec<u8> {
    let mut dice = Dice(u64::from(client) << 32 | u64::from(number));
    let size = match dice.below(40) {
        0 => 70_000,
        1..=3 => dice.below(9000),
        4..=9 => dice.below(700),
        _ => dice.below(140),
    };
    let mut bytes = format!("{client}/{number}:").into_bytes();
    let fill = if dice.one_in(2) { b'x' } else { 0xff };
    bytes.resize(bytes.len() + size, fill);
    bytes
}

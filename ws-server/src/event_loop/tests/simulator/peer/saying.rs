//! What a client says.

use ws_core::{CloseCode, CloseFrame, SendScratch, Sender};

use super::{Input, Kind, Peer, World};
use crate::event_loop::tests::simulator::{
    fault::Fault,
    ledger::{is_text_of, message},
};

impl Peer {
    /// The balancer's header and the request.
    pub(super) fn begin(&mut self, world: &mut World) {
        let Some(pipe) = self.pipe else {
            return;
        };
        let is_hostile = self.kind == Kind::Attacker && world.dice.one_in(3);
        let skips_header = self.kind == Kind::BadHead && world.dice.one_in(2);
        if world.profile.has_proxy && !skips_header {
            let before = self.output.len();
            let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n";
            // It comes before TLS.
            if self.tls.is_some() {
                self.sealed.extend_from_slice(header);
                self.stream_end += header.len() as u64;
                let mark = (self.stream_end, Input::ProxyHeader);
                world.pipes[pipe].marks.push_back(mark);
            } else {
                self.output.extend_from_slice(header);
                self.mark(world, pipe, before, Input::ProxyHeader);
            }
        }
        if let Some(tls) = &mut self.tls {
            let before = self.sealed.len();
            tls.send(&[], &mut self.sealed).unwrap();
            self.stream_end += (self.sealed.len() - before) as u64;
            let mark = (self.stream_end, Input::Hello);
            world.pipes[pipe].marks.push_back(mark);
        }
        if is_hostile {
            // No request at all.
            self.handshake = None;
            return;
        }
        if self.kind == Kind::Polite(0) && self.number.is_multiple_of(3) {
            self.handshake = None;
            return;
        }
        let number = self.number;
        let host = "Host: localhost\r\n\r\n";
        let (head, input) = match (&self.handshake, self.kind) {
            (Some(handshake), _) => (handshake.request().to_vec(), Input::Request),
            (None, Kind::Health) => {
                let head = format!("GET /health HTTP/1.1\r\n{host}");
                (head.into_bytes(), Input::Request)
            }
            (None, Kind::Page) => {
                let head = format!("GET /page HTTP/1.1\r\n{host}");
                (head.into_bytes(), Input::Request)
            }
            (None, Kind::Slow) => (
                format!("GET /{number} HTTP/1.1\r\nX: {}", "x".repeat(50)).into_bytes(),
                Input::Piece,
            ),
            _ => {
                let heads = [
                    "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n".to_owned(),
                    format!("GET /{number} HTTP/1.0\r\n{host}"),
                    "\r\n\0\r\n\r\n".to_owned(),
                    format!(
                        "GET /{number} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{host}"
                    ),
                ];
                let head = &heads[world.dice.below(heads.len())];
                (head.clone().into_bytes(), Input::Violation)
            }
        };
        let before = self.output.len();
        self.output.extend_from_slice(&head);
        self.mark(world, pipe, before, input);
    }

    /// Tells whether there is something left that it would say.
    pub(super) fn wants_to_say(&self, world: &World) -> bool {
        if self.is_mute || self.said_goodbye && self.sealed.is_empty() {
            return false;
        }
        if !self.output.is_empty() || !self.sealed.is_empty() {
            return self.kind != Kind::SlowHello || self.hello_sent < 100;
        }
        let is_raw = self.kind == Kind::Attacker && self.handshake.is_none();
        if is_raw {
            return self.extras < MOST_EXTRAS;
        }
        if self.kind == Kind::Page {
            return self.extras < MOST_EXTRAS && self.seen.status.is_some();
        }
        if !self.is_open() {
            return false;
        }
        if self.sender.close_sent() {
            return false;
        }
        let is_all_said = self.sent >= self.messages;
        let entry = &world.ledger.entries[self.number as usize];
        match self.kind {
            Kind::Polite(0) if self.number.is_multiple_of(3) => false,
            Kind::Orderly => !is_all_said || !self.waits() || entry.received >= self.messages,
            Kind::Rude => !is_all_said || self.extras == 0,
            Kind::Deaf => !is_all_said || (self.seen.close.is_some() && self.extras < MOST_EXTRAS),
            Kind::Flooder => true,
            Kind::Attacker | Kind::Lingerer => !is_all_said || self.extras < MOST_EXTRAS,
            _ => !is_all_said,
        }
    }

    /// Tells whether it closes only when the server has got everything.
    fn waits(&self) -> bool {
        self.number.is_multiple_of(2)
    }

    /// Says the next thing.
    pub(super) fn say(&mut self, world: &mut World, pipe: usize) {
        if self.kind == Kind::Attacker && self.attack(world, pipe) {
            return;
        }
        if self.kind == Kind::Page {
            // It takes us for a server with more than one answer.
            self.extras += 1;
            return self.say_raw(world, pipe, b"GET /more HTTP/1.1\r\n\r\n", Input::Request);
        }
        if self.sent < self.messages {
            return self.say_message(world, pipe);
        }
        self.extras += 1;
        match self.kind {
            Kind::Rude => self.offend(world, pipe),
            Kind::Lingerer if self.extras == 1 => self.offend(world, pipe),
            Kind::Lingerer if world.dice.one_in(12) => self.say_close(world, pipe),
            Kind::Flooder if self.extras > FLOODS => self.say_close(world, pipe),
            Kind::Deaf | Kind::Lingerer | Kind::Flooder => match world.dice.below(4) {
                0 => self.frame(world, pipe, Input::Ping, |sender, scratch, output| {
                    sender.encode_ping(b"more", scratch, output)
                }),
                1 => self.frame(world, pipe, Input::Pong, |sender, scratch, output| {
                    sender.encode_pong(b"more", scratch, output)
                }),
                2 if self.kind != Kind::Flooder => {
                    self.frame(world, pipe, Input::Fragment, |sender, scratch, output| {
                        sender.encode_binary_fragment(&[1; 300], false, scratch, output)
                    });
                    self.frame(world, pipe, Input::Fragment, |sender, scratch, output| {
                        sender.encode_binary_fragment(&[2; 30], true, scratch, output)
                    });
                }
                2 => {
                    for _ in 0..20 {
                        self.frame(world, pipe, Input::Ping, |sender, scratch, output| {
                            sender.encode_ping(&[7; 100], scratch, output)
                        });
                    }
                }
                _ if self.kind == Kind::Flooder => {}
                _ => self.frame(world, pipe, Input::Data, |sender, scratch, output| {
                    sender.encode_binary(&[3; 500], scratch, output)
                }),
            },
            _ => self.say_close(world, pipe),
        }
    }

    fn say_close(&mut self, world: &mut World, pipe: usize) {
        let entry = world.ledger.entry(self.number);
        entry.sent_before_close = Some(self.sent);
        let close = Some(CloseFrame::new(CloseCode::NORMAL));
        self.frame(world, pipe, Input::Close, |sender, scratch, output| {
            sender.encode_close(close, scratch, output)
        });
    }

    fn say_message(&mut self, world: &mut World, pipe: usize) {
        let data = message(self.number, self.sent, self.has_long);
        let is_text = is_text_of(self.number, self.sent);
        self.sent += 1;
        let pieces = match world.dice.below(6) {
            // In pieces, with a control frame between them (RFC 6455 §5.4).
            0 => world.dice.within(2, 4),
            _ => 1,
        };
        if pieces == 1 {
            let text = std::str::from_utf8(&data).unwrap();
            return self.frame(world, pipe, Input::Data, |sender, scratch, output| {
                if is_text {
                    sender.encode_text(text, scratch, output)
                } else {
                    sender.encode_binary(&data, scratch, output)
                }
            });
        }
        let size = data.len().div_ceil(pieces);
        let last = data.chunks(size).count() - 1;
        for (index, piece) in data.chunks(size).enumerate() {
            let text = std::str::from_utf8(piece).unwrap();
            let is_last = index == last;
            self.frame(world, pipe, Input::Fragment, |sender, scratch, output| {
                if is_text {
                    sender.encode_text_fragment(text, is_last, scratch, output)
                } else {
                    sender.encode_binary_fragment(piece, is_last, scratch, output)
                }
            });
            match world.dice.below(6) {
                0 => self.frame(world, pipe, Input::Ping, |sender, scratch, output| {
                    sender.encode_ping(b"between", scratch, output)
                }),
                1 => self.frame(world, pipe, Input::Pong, |sender, scratch, output| {
                    sender.encode_pong(b"unasked", scratch, output)
                }),
                _ => {}
            }
        }
    }

    fn frame(
        &mut self,
        world: &mut World,
        pipe: usize,
        input: Input,
        encode: impl FnOnce(
            &mut Sender,
            &mut SendScratch,
            &mut Vec<u8>,
        ) -> Result<(), ws_core::SendError>,
    ) {
        let before = self.output.len();
        encode(&mut self.sender, &mut world.send_scratch, &mut self.output).unwrap();
        self.mark(world, pipe, before, input);
    }

    fn say_raw(&mut self, world: &mut World, pipe: usize, bytes: &[u8], input: Input) {
        let before = self.output.len();
        self.output.extend_from_slice(bytes);
        self.mark(world, pipe, before, input);
    }

    /// Breaks the protocol in one of many ways.
    fn offend(&mut self, world: &mut World, pipe: usize) {
        let offence = world.dice.pick(OFFENCES);
        self.say_raw(world, pipe, offence, Input::Violation);
    }

    /// Random bytes, or the next frame with changes; whether it did.
    fn attack(&mut self, world: &mut World, pipe: usize) -> bool {
        let is_raw = self.handshake.is_none() && !self.is_open();
        if !is_raw && self.sent < self.messages && !world.dice.one_in(4) {
            return false;
        }
        self.extras += 1;
        self.sent += 1;
        world.faults.hit(Fault::Attack);
        let before = self.output.len();
        if !is_raw && world.dice.one_in(2) {
            let data = message(self.number, self.sent, false);
            let (sender, scratch) = (&mut self.sender, &mut world.send_scratch);
            let _ = sender.encode_binary(&data, scratch, &mut self.output);
            for _ in 0..=world.dice.below(3) {
                // Mostly the head of the frame.
                let reach = if world.dice.one_in(2) {
                    8
                } else {
                    self.output.len() - before
                };
                let at = before + world.dice.below(reach);
                if let Some(byte) = self.output.get_mut(at) {
                    *byte ^= 1 << world.dice.below(8);
                }
            }
        } else {
            for _ in 0..=world.dice.below(200) {
                self.output
                    .extend_from_slice(&world.dice.next().to_le_bytes());
            }
        }
        self.mark(world, pipe, before, Input::Piece);
        true
    }
}

/// Frames that no client may send; masked with zeros where they are masked.
const OFFENCES: &[&[u8]] = &[
    // A reserved opcode.
    &[0x83, 0x80, 0, 0, 0, 0],
    // No mask.
    &[0x82, 1, 0],
    // RSV2.
    &[0xa2, 0x80, 0, 0, 0, 0],
    // A continuation of nothing.
    &[0x80, 0x80, 0, 0, 0, 0],
    // A ping in fragments, and one of 126 bytes.
    &[0x09, 0x80, 0, 0, 0, 0],
    &[0x89, 0xfe, 0, 126, 0, 0, 0, 0],
    // Lengths: not the shortest, too many, and the top bit.
    &[0x82, 0xfe, 0, 5, 0, 0, 0, 0],
    &[0x82, 0xff, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0],
    &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    // Text that is not UTF-8.
    &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
    // A Close of one byte, and one with a code that may not be sent.
    &[0x88, 0x81, 0, 0, 0, 0, 3],
    &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed],
];
/// What those say at most who do not end with their messages.
const MOST_EXTRAS: usize = 40;
/// Bursts of a flood.
const FLOODS: usize = 15;

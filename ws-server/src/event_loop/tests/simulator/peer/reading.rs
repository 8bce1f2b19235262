//! What a client makes of what it gets.

use ws_core::{
    Event, Pressure, Receiver, Sender,
    handshake::{ClientStep, HandshakeError, HeadLimits},
    tls::TlsError,
};

use super::{Input, Kind, Peer, World};
use ws_core::Role;

impl Peer {
    /// Reads if it feels like it; tells whether there was something.
    pub(super) fn read_at_leisure(&mut self, world: &mut World, pipe: usize) -> bool {
        let is_lazy = !world.dice.one_in(self.laziness);
        let floods = self.kind == Kind::Flooder
            && !(world.faults.is_calm || world.pipes[pipe].server_closed || self.sent < 3);
        if self.is_stalled(world) || self.is_deaf() || floods && self.wants_to_say(world) {
            return false;
        }
        if is_lazy {
            return !world.pipes[pipe].outbound.is_empty();
        }
        self.read(world, pipe)
    }

    fn read(&mut self, world: &mut World, pipe: usize) -> bool {
        let limit = 1 + world.dice.below(8192);
        let mut bytes = world.pipes[pipe].peer_recv(limit);
        if bytes.is_empty() {
            return false;
        }
        if let Some(tls) = &mut self.tls {
            let mut plaintext = Vec::new();
            let before = self.sealed.len();
            let received = tls.receive(&bytes, &mut plaintext, &mut self.sealed);
            let is_plain_refusal = self.seen.status.is_none() && world.profile.has_proxy;
            match received {
                Ok(()) => {}
                // The alert that answers a broken record.
                Err(TlsError::Alert(_)) if matches!(self.kind, Kind::Broken(_)) => {}
                Err(_) if is_plain_refusal => {}
                Err(error) => panic!("client {} {:?}: {error}", self.number, self.kind),
            }
            if self.sealed.len() > before {
                self.stream_end += (self.sealed.len() - before) as u64;
                let mark = (self.stream_end, Input::Hello);
                world.pipes[pipe].marks.push_back(mark);
            }
            self.seen.close_notify |= tls.close_received();
            bytes = plaintext;
        }
        if !self.is_open() {
            bytes = self.read_answer(&bytes);
        }
        if self.is_open() && !bytes.is_empty() {
            self.receive(world, pipe, &mut bytes);
        }
        true
    }

    /// Takes bytes of the answer to its request; returns what comes behind a 101.
    fn read_answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let limits = HeadLimits::default();
        let Some(handshake) = &mut self.handshake else {
            self.read_plain(bytes);
            return Vec::new();
        };
        match handshake.receive(bytes, &limits) {
            Ok(ClientStep::NeedMore) => {
                let refusal = handshake.refusal().map(|response| response.status());
                self.seen.status = self.seen.status.or(refusal);
            }
            Ok(ClientStep::Done {
                deflate, consumed, ..
            }) => {
                self.seen.status = Some(101);
                if let Some(agreement) = deflate {
                    let parameters = agreement.parameters();
                    self.receiver = Receiver::new(Role::Client);
                    self.receiver.set_deflate(&parameters);
                    self.sender = Sender::new(Role::Client);
                    self.sender.set_deflate(&parameters, &self.compression);
                }
                return bytes[consumed..].to_vec();
            }
            Err(HandshakeError::Refused(response)) => self.seen.status = Some(response.status()),
            // What still comes of it after the body was given up.
            Err(_) if self.seen.status.is_some() => {}
            Err(error) => panic!("client {} {:?}: {error}", self.number, self.kind),
        }
        Vec::new()
    }

    /// An answer to a plain request, or to nonsense.
    fn read_plain(&mut self, bytes: &[u8]) {
        if self.seen.status.is_some() {
            self.seen.body_bytes += bytes.len();
            return;
        }
        self.head.extend_from_slice(bytes);
        if let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") {
            self.seen.body_bytes = self.head.len() - end - 4;
            let status = std::str::from_utf8(&self.head[9..12]).unwrap();
            self.seen.status = Some(status.parse().unwrap());
        }
    }

    fn receive(&mut self, world: &mut World, pipe: usize, bytes: &mut [u8]) {
        let mut replies = Vec::new();
        let mut receive = self.receiver.receive(bytes, &mut world.scratch);
        while let Some(event) = receive.next() {
            match event.unwrap() {
                Event::Text(text) => world.ledger.deliver(self.number, true, text.as_bytes()),
                Event::Binary(data) => world.ledger.deliver(self.number, false, data),
                Event::Close(frame) => {
                    self.seen.close = Some(frame.map_or(1005, |frame| frame.code.as_u16()));
                    world.ledger.deliver_close(self.number);
                }
                Event::Ping(_) | Event::Pong(_) => {}
            }
            replies.extend(receive.take_reply());
        }
        drop(receive);
        for reply in replies {
            if self.is_mute || (self.kind == Kind::Deaf && reply.is_close()) {
                continue;
            }
            let input = if reply.is_close() {
                Input::Close
            } else {
                Input::Pong
            };
            let before = self.output.len();
            let (sender, scratch) = (&mut self.sender, &mut world.send_scratch);
            // Nothing may follow a Close of ours.
            if sender
                .encode_reply(reply, Pressure::Clear, scratch, &mut self.output)
                .is_ok()
            {
                self.mark(world, pipe, before, input);
            }
        }
    }
}

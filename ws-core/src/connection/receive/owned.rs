//! Events for callers that keep them: a long message is moved out of the receiver instead of being copied.

use super::{Receive, state::Lent};
use crate::{
    error::ReceiveError,
    event::{Event, OwnedEvent},
};

impl Receive<'_> {
    /// Gives the next event as [`Receive::next`] does, for callers that would copy what is lent.
    ///
    /// A message of 64 KiB or more that came in pieces is not copied: the buffer that it was gathered in is given away.
    /// The next one's is then reserved at once, as far as it is announced and the last one was as long.
    ///
    /// # Errors
    /// As [`Receive::next`].
    pub fn next_owned(&mut self) -> Option<Result<OwnedEvent, ReceiveError>> {
        let is_text = match self.next()? {
            Ok(Event::Text(text)) if text.len() >= MOVED_BYTES => true,
            Ok(Event::Binary(data)) if data.len() >= MOVED_BYTES => false,
            Ok(event) => return Some(Ok(copied(event))),
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(if is_text {
            OwnedEvent::Text(self.take_long_text())
        } else {
            OwnedEvent::Binary(self.take_long_binary())
        }))
    }

    /// The text that was lent last.
    fn take_long_text(&mut self) -> String {
        let assembly = self.state.receiver.assembly.as_mut();
        match assembly.filter(|_| matches!(self.state.lent, Lent::Message)) {
            Some(assembly) => {
                self.state.scratch.pool.given_away = assembly.payload().len();
                assembly.take_text()
            }
            // Judged when it was lent: this finds nothing.
            None => simdutf8::basic::from_utf8(self.lent())
                .map_or_else(|_| String::new(), str::to_owned),
        }
    }

    /// The binary message that was lent last.
    fn take_long_binary(&mut self) -> Vec<u8> {
        let assembly = self.state.receiver.assembly.as_mut();
        match assembly.filter(|_| matches!(self.state.lent, Lent::Message)) {
            Some(assembly) => {
                self.state.scratch.pool.given_away = assembly.payload().len();
                assembly.take_payload()
            }
            None => self.lent().to_vec(),
        }
    }

    /// Lends the payload of the last event once more, if that was a message of 64 KiB or more; else perhaps nothing.
    ///
    /// For callers that send a long message on from where it lies, when whoever looked at it has returned.
    pub fn lent(&self) -> &[u8] {
        match self.state.lent {
            Lent::Input(start) => &self.input[start..self.state.position],
            #[cfg(feature = "deflate")]
            Lent::Inflated => self.state.inflated(),
            Lent::Message => {
                let assembly = self.state.receiver.assembly.as_ref();
                assembly.map_or(&[], |assembly| assembly.payload())
            }
            Lent::Nothing | Lent::Control => &[],
        }
    }

    /// Takes the message that was lent last out of the receiver: the buffer that it was gathered in and ends with, and
    /// where in it it begins. `None` if it came in one piece, so that it lies in the input, or compressed.
    ///
    /// [`Scratch::recycle`](crate::Scratch::recycle) takes the buffer back for a later message.
    pub fn take_assembled(&mut self) -> Option<(Vec<u8>, usize)> {
        if !matches!(self.state.lent, Lent::Message) {
            return None;
        }
        let assembly = self.state.receiver.assembly.as_mut()?;
        Some(assembly.take_buffer())
    }
}

fn copied(event: Event<'_>) -> OwnedEvent {
    match event {
        Event::Text(text) => OwnedEvent::Text(text.to_owned()),
        Event::Binary(data) => OwnedEvent::Binary(data.to_vec()),
        Event::Ping(payload) => OwnedEvent::Ping(payload.to_vec()),
        Event::Pong(payload) => OwnedEvent::Pong(payload.to_vec()),
        Event::Close(frame) => {
            OwnedEvent::Close(frame.map(|frame| (frame.code, frame.reason.to_owned())))
        }
    }
}

/// A shorter message is copied, and its buffer stays for the next one. No longer than what the short cut for whole
/// messages in one frame takes, which does not note where a message begins.
const MOVED_BYTES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Limits,
        connection::{Receiver, Sender},
        role::Role,
        scratch::{Scratch, SendScratch},
    };

    /// Everything that `next_owned` gives for `wire`, read in pieces of `step` bytes.
    fn receive_all(wire: &[u8], step: usize) -> Vec<OwnedEvent> {
        let mut receiver = Receiver::new(Role::Server);
        let mut scratch = Scratch::new(Limits::default());
        let mut events = Vec::new();
        for piece in wire.chunks(step) {
            let mut input = piece.to_vec();
            let mut receive = receiver.receive(&mut input, &mut scratch);
            while let Some(event) = receive.next_owned() {
                events.push(event.expect("valid"));
            }
        }
        assert!(!receiver.is_mid_message());
        events
    }

    #[test]
    fn gives_what_was_sent_whole_or_in_pieces_long_or_short() {
        let mut keys = SendScratch::client(Box::new(|| [1, 2, 3, 4]));
        let mut sender = Sender::new(Role::Client);
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for length in [
            0,
            5,
            MOVED_BYTES - 1,
            MOVED_BYTES,
            300_000,
            70_000,
            200_000,
            9,
        ] {
            let text = "Grüße ".repeat(length / 8 + 1);
            sender
                .encode_text(&text, &mut keys, &mut wire)
                .expect("open");
            expected.push(OwnedEvent::Text(text));
            let data: Vec<u8> = (0..=250).cycle().take(length).collect();
            let (first, rest) = data.split_at(length / 3);
            for (fragment, is_last) in [(first, false), (rest, true)] {
                sender
                    .encode_binary_fragment(fragment, is_last, &mut keys, &mut wire)
                    .expect("open");
                sender
                    .encode_ping(b"between", &mut keys, &mut wire)
                    .expect("open");
                if !is_last {
                    expected.push(OwnedEvent::Ping(b"between".to_vec()));
                }
            }
            expected.push(OwnedEvent::Binary(data));
            expected.push(OwnedEvent::Ping(b"between".to_vec()));
        }
        for step in [1000, 65_536, 262_144, wire.len()] {
            assert!(
                receive_all(&wire, step) == expected,
                "in pieces of {step} bytes"
            );
        }
    }

    /// what is reserved for a message is not more than the last one that was given away had.
    #[test]
    fn an_announced_length_alone_reserves_nothing() {
        let mut receiver = Receiver::new(Role::Server);
        let mut scratch = Scratch::new(Limits::default());
        let mut hold = |given_away| {
            scratch.pool.given_away = given_away;
            let mut input = b"\x82\xFF\0\0\0\0\0\xFF\0\0\0\0\0\0".to_vec();
            input.extend_from_slice(&[0; 1000]);
            assert_eq!(
                receiver.receive(&mut input, &mut scratch).next_owned(),
                None
            );
            let held = receiver.held_bytes();
            receiver = Receiver::new(Role::Server);
            held
        };
        let held = hold(0);
        assert!(
            held <= 2000,
            "{held} bytes are held for 1,000 that arrived, at most 2,000"
        );
        assert_eq!(hold(100_000), 100_000, "bytes, as the last message had");
    }
}

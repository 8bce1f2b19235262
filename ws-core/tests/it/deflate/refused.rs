//! A message that cannot be sent is not in the context either: what was refused must never be in one window and not in
//! the other, or everything after it would be garbage.

use std::sync::Arc;

use ws_core::{
    CloseFrame, Compression, Limits, PreparedFrame, Role, SendError, SendScratch,
    extension::DeflateConfig,
};

use super::{Receiving, Sending, eager, parameters};
use crate::wire::Owned;

/// Like the others, so that each message would refer to the one before it.
fn feed(number: usize) -> String {
    format!("{{\"number\":{number},\"symbol\":\"WS\",\"side\":\"buy\",\"note\":\"as before\"}}")
}

/// A sender that takes its context over, and the peer that must follow.
struct Pair {
    sending: Sending,
    receiving: Receiving,
    number: usize,
}

impl Pair {
    fn new(role: Role, bits: u8, config: &DeflateConfig) -> Self {
        let agreed = parameters(bits, true);
        Self {
            sending: Sending::new(role, &agreed, config),
            receiving: Receiving::new(role.peer(), &agreed, Limits::default()),
            number: 0,
        }
    }

    fn text(&mut self) -> String {
        self.number += 1;
        feed(self.number)
    }

    /// Sends a message and has the peer read it.
    fn send(&mut self) {
        let text = self.text();
        let always = Compression::Always;
        let bytes = self
            .sending
            .bytes(|s, scratch, out| s.encode_text_with(&text, always, scratch, out));
        assert_eq!(bytes[0], 0xC1, "compressed");
        assert_eq!(self.receiving.events(&bytes, &[]), [Owned::Text(text)]);
    }

    /// Has a message refused: nothing may be appended.
    fn refuse(&mut self, expected: SendError, scratch: &mut SendScratch) {
        let text = self.text();
        let frame = PreparedFrame::text(&text).with_compression(Compression::Always);
        let (sender, output) = (&mut self.sending.sender, &mut Vec::new());
        let always = Compression::Always;
        let results = [
            sender.encode_text_with(&text, always, scratch, output),
            sender.encode_binary_with(text.as_bytes(), always, scratch, output),
            sender.encode_prepared_alone(&frame, scratch, output),
        ];
        assert_eq!(results, [Err(expected); 3]);
        assert!(output.is_empty());
    }
}

/// Whatever refuses a message, before the first, between two and after many.
#[test]
fn what_is_refused_is_in_neither_window() {
    for (bits, config) in [
        (15, eager()),
        (12, eager()),
        (9, eager()),
        (15, DeflateConfig::compact()),
    ] {
        let mut client = Pair::new(Role::Client, bits, &config);
        let mut server = Pair::new(Role::Server, bits, &config);
        for _ in 0..20 {
            // A client's frames need a masking key, which a server's scratch does not have.
            client.refuse(SendError::NoMaskingKey, &mut SendScratch::server());
            let frame = Arc::new(PreparedFrame::text(&client.text()));
            let (sender, scratch) = (&mut client.sending.sender, &mut client.sending.scratch);
            let refused = sender.select_prepared(&frame, scratch).map(drop);
            assert_eq!(refused, Err(SendError::NoMaskingKey));
            client.send();
            for pair in [&mut client, &mut server] {
                pair.refuse_inside_a_message();
                pair.send();
            }
        }
        for pair in [&mut client, &mut server] {
            let close = Some(CloseFrame::new(ws_core::CloseCode::NORMAL));
            pair.sending
                .bytes(|s, scratch, out| s.encode_close(close, scratch, out));
            let mut scratch = SendScratch::client(Box::new(|| [1; 4]));
            pair.refuse(SendError::Closed, &mut scratch);
            assert_eq!(pair.sending.sender.held_bytes(), 0);
        }
    }
}

impl Pair {
    /// No message may begin inside another (RFC 6455 §5.4), and none of the other kind may go on with it.
    fn refuse_inside_a_message(&mut self) {
        let (first, last) = (self.text(), self.text());
        let mut bytes = self
            .sending
            .bytes(|s, scratch, out| s.encode_text_fragment(&first, false, scratch, out));
        let mut scratch = SendScratch::client(Box::new(|| [1; 4]));
        self.refuse(SendError::MessageInProgress, &mut scratch);
        let mut output = Vec::new();
        let sender = &mut self.sending.sender;
        let other_kind = sender.encode_binary_fragment(b"other", true, &mut scratch, &mut output);
        assert_eq!(other_kind, Err(SendError::MessageInProgress));
        assert!(output.is_empty());
        bytes.extend(
            self.sending
                .bytes(|s, scratch, out| s.encode_text_fragment(&last, true, scratch, out)),
        );
        assert_eq!(bytes[0], 0x41, "compressed");
        let seen = self.receiving.events(&bytes, &[]);
        assert_eq!(seen, [Owned::Text(first + &last)]);
    }
}

/// What went uncompressed between compressed messages is in neither window: one that only one side had seen would shift
/// every reference after it.
#[test]
fn uncompressed_messages_between_compressed_ones_are_in_neither_window() {
    for (bits, config) in [(15, eager()), (12, eager()), (10, DeflateConfig::compact())] {
        for role in [Role::Client, Role::Server] {
            let mut pair = Pair::new(role, bits, &config);
            for round in 0..40 {
                pair.send();
                let text = pair.text();
                let never = Compression::Never;
                let mut bytes = Vec::new();
                match round % 4 {
                    // As a whole, in fragments, as a broadcast, and one that compression would make longer.
                    0 => {
                        bytes = pair
                            .sending
                            .bytes(|s, scratch, out| s.encode_text_with(&text, never, scratch, out))
                    }
                    1 => {
                        let (one, two) = text.split_at(10);
                        for (part, last) in [(one, false), (two, true)] {
                            bytes.extend(pair.sending.bytes(|s, scratch, out| {
                                s.encode_text_fragment_with(part, last, never, scratch, out)
                            }));
                        }
                    }
                    2 if role == Role::Server => {
                        let frame = PreparedFrame::text(&text).with_compression(never);
                        let frame = Arc::new(frame);
                        bytes = pair
                            .sending
                            .bytes(|s, scratch, out| s.encode_prepared(&frame, scratch, out));
                    }
                    _ => {
                        let unique = "0123456789abcdefghijklmnopqrstuvwxyz";
                        bytes = pair
                            .sending
                            .bytes(|s, scratch, out| s.encode_text(unique, scratch, out));
                        let seen = pair.receiving.events(&bytes, &[]);
                        assert_eq!(seen, [Owned::Text(unique.into())]);
                        continue;
                    }
                }
                assert_eq!(bytes[0] & 0x40, 0, "uncompressed");
                assert_eq!(pair.receiving.events(&bytes, &[]), [Owned::Text(text)]);
            }
        }
    }
}

//! What each side has sent, and that the other gets it once and in order.

use std::time::Duration;

use super::{dice::Dice, peer::Kind};
use crate::{ClosedBy, ConnectionId};

/// What is known of one client's connection.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) id: Option<ConnectionId>,
    pub(crate) opened: u32,
    pub(crate) closed: Vec<ClosedBy>,
    pub(crate) closed_at: Duration,
    /// Messages of the client that the handler has got.
    pub(crate) received: u32,
    /// Messages that the client has sent before its Close.
    pub(crate) sent_before_close: Option<u32>,
    /// What the server has taken for the client.
    accepted: Vec<Digest>,
    /// How many of those the client has got.
    pub(crate) delivered: usize,
    /// What it sends are not the messages that are expected.
    pub(crate) is_hostile: bool,
    /// A command has changed what must come of the connection.
    pub(crate) is_disturbed: bool,
    /// When it was last read again after a pause, however short: its silence counts from then on.
    pub(crate) relieved_at: Duration,
    /// The handler closes it when so many messages have come.
    pub(crate) close_after: Option<u32>,
}

/// A message in a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digest {
    is_text: bool,
    length: usize,
    hash: u64,
}

impl Digest {
    fn of(is_text: bool, bytes: &[u8]) -> Self {
        let mut hash = 0u64;
        let mut add = |word: u64| {
            hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        };
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            add(u64::from_le_bytes(*word));
        }
        for byte in rest {
            add(u64::from(*byte));
        }
        Self {
            is_text,
            length: bytes.len(),
            hash,
        }
    }
}

/// What was sent and delivered in one world.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    /// Messages delivered, both ways.
    pub(crate) messages: u64,
    /// Messages that the server refused to take since a queue was full.
    pub(crate) refused: u64,
}

impl Ledger {
    pub(crate) fn join(&mut self, number: u32, kind: Kind, messages: u32) {
        assert_eq!(self.entries.len(), number as usize);
        self.entries.push(Entry {
            is_hostile: kind == Kind::Attacker,
            close_after: matches!(kind, Kind::ClosedByServer | Kind::Deaf).then_some(messages),
            ..Entry::default()
        });
    }

    pub(crate) fn entry(&mut self, number: u32) -> &mut Entry {
        &mut self.entries[number as usize]
    }

    /// Notes that the server has taken a message for a client.
    pub(crate) fn accept(&mut self, number: u32, is_text: bool, bytes: &[u8]) {
        let entry = self.entry(number);
        assert!(
            entry.closed.is_empty(),
            "client {number}: sent after its end"
        );
        entry.accepted.push(Digest::of(is_text, bytes));
    }

    /// Checks that a client gets the next of what the server has taken for it.
    pub(crate) fn deliver(&mut self, number: u32, is_text: bool, bytes: &[u8]) {
        self.messages += 1;
        let entry = self.entry(number);
        let expected = entry.accepted.get(entry.delivered);
        assert!(
            expected == Some(&Digest::of(is_text, bytes)),
            "client {number}: message {} of {} bytes is not the one that was sent",
            entry.delivered,
            bytes.len()
        );
        entry.delivered += 1;
    }

    /// Checks that a Close comes behind everything that was taken.
    pub(crate) fn deliver_close(&mut self, number: u32) {
        let entry = self.entry(number);
        assert_eq!(
            entry.delivered,
            entry.accepted.len(),
            "client {number}: messages are missing before the Close"
        );
    }

    /// Checks that the handler gets the next message of a client.
    pub(crate) fn receive(&mut self, number: u32, is_text: bool, bytes: &[u8]) {
        self.messages += 1;
        let entry = self.entry(number);
        assert!(
            entry.closed.is_empty(),
            "client {number}: a message after its end"
        );
        if !entry.is_hostile {
            let expected = message(number, entry.received, bytes.len() > LONG_BYTES);
            assert!(
                bytes == expected && is_text == is_text_of(number, entry.received),
                "client {number}: message {} is another",
                entry.received
            );
        }
        entry.received += 1;
    }

    /// Notes an end that the handler is told of.
    pub(crate) fn close(&mut self, number: u32, by: ClosedBy, now: Duration) {
        let entry = self.entry(number);
        entry.closed.push(by);
        entry.closed_at = now;
        assert_eq!(
            (entry.opened, entry.closed.len()),
            (1, 1),
            "client {number}: opened and closed, {:?}",
            entry.closed
        );
        if by == ClosedBy::Peer && !entry.is_hostile {
            assert_eq!(
                Some(entry.received),
                entry.sent_before_close,
                "client {number}: messages are missing before its Close"
            );
        }
    }

    /// How many connections the handler knows as open.
    pub(crate) fn open(&self) -> usize {
        let is_open = |entry: &&Entry| entry.opened > 0 && entry.closed.is_empty();
        self.entries.iter().filter(is_open).count()
    }
}

/// The message with this number of this client: sizes from nothing to beyond every mark of the configuration. In some
/// worlds the longest are longer.
pub(crate) fn message(client: u32, number: u32, long: bool) -> Vec<u8> {
    let mut dice = Dice(u64::from(client) << 32 | u64::from(number));
    let size = match dice.below(64) {
        0..=3 if long => 70_000 + dice.below(30_000),
        0 => 20_000,
        1..=3 => dice.below(9000),
        4..=14 => dice.below(700),
        _ => dice.below(140),
    };
    let mut bytes = format!("{client}/{number}:").into_bytes();
    fill(&mut bytes, size, dice.below(RAMP.len()));
    bytes
}

pub(crate) fn is_text_of(client: u32, number: u32) -> bool {
    (client ^ number).is_multiple_of(2)
}

/// A message that the server sends of its own accord.
pub(crate) fn own_message(number: u32) -> Vec<u8> {
    let mut dice = Dice(u64::from(number));
    let size = match dice.below(24) {
        0 => 20_000,
        1..=3 => dice.below(3000),
        _ => dice.below(100),
    };
    let mut bytes = format!("own {number}:").into_bytes();
    fill(&mut bytes, size, dice.below(RAMP.len()));
    bytes
}

/// Bytes that differ from those around them, so that a swap shows; valid as text.
fn fill(bytes: &mut Vec<u8>, size: usize, start: usize) {
    let mut left = size;
    let mut start = start;
    while left > 0 {
        let piece = &RAMP[start..][..left.min(RAMP.len() - start)];
        bytes.extend_from_slice(piece);
        left -= piece.len();
        start = 0;
    }
}

/// Only the long ones of the worlds that have them are longer.
const LONG_BYTES: usize = 60_000;
const RAMP: &[u8] =
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?+-*/()<>{}[]#";

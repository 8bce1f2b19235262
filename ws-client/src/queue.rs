//! What has been received and not been taken yet.
//!
//! Messages come out in the order in which they came in; then the peer's Close, once. Of unread pings and of unread
//! pongs only the newest is kept, so that a caller who does not read cannot be made to hold many.
//! Invariant: an empty queue admits any message; a full one ([`ReceiveQueue::is_full`]) makes the engine stop reading.
//! The queue of a [`BackgroundClient`](crate::BackgroundClient)'s engine is only a step to the one its callers read
//! from: what waits there counts as if it were here ([`ReceiveQueue::set_elsewhere`]).

use std::collections::VecDeque;

use crate::message::{Close, Message};

/// A bounded queue of received messages.
#[derive(Debug)]
pub(crate) struct ReceiveQueue {
    messages: VecDeque<(u64, Message)>,
    ping: Option<(u64, Vec<u8>)>,
    pong: Option<(u64, Vec<u8>)>,
    close: Option<Close>,
    next_number: u64,
    charged_bytes: usize,
    max_messages: usize,
    max_bytes: usize,
    elsewhere: Elsewhere,
}

/// What waits behind a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

impl ReceiveQueue {
    pub(crate) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self {
            messages: VecDeque::new(),
            ping: None,
            pong: None,
            close: None,
            next_number: 0,
            charged_bytes: 0,
            max_messages,
            max_bytes,
            elsewhere: Elsewhere::default(),
        }
    }

    /// True if no further text or binary message may be added.
    pub(crate) fn is_full(&self) -> bool {
        let messages = self.messages.len() + self.elsewhere.messages;
        let bytes = self.charged_bytes + self.elsewhere.bytes;
        messages > 0 && (messages >= self.max_messages || bytes >= self.max_bytes)
    }

    /// True if a queue that was full has room for more than a message or two.
    pub(crate) fn has_room_again(&self) -> bool {
        let quarter = |max: usize| max - max / 4;
        self.messages.is_empty()
            || (self.messages.len() < quarter(self.max_messages)
                && self.charged_bytes < quarter(self.max_bytes))
    }

    /// True if there is nothing to take, not even a ping.
    pub(crate) fn is_empty(&self) -> bool {
        let has_control = self.ping.is_some() || self.pong.is_some() || self.close.is_some();
        self.messages.is_empty() && !has_control
    }

    pub(crate) fn set_elsewhere(&mut self, elsewhere: Elsewhere) {
        self.elsewhere = elsewhere;
    }

    /// Text and binary messages waiting.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Their bytes, each charged with at least [`MIN_CHARGE_BYTES`].
    pub(crate) fn charged_bytes(&self) -> usize {
        self.charged_bytes
    }

    pub(crate) fn push(&mut self, message: Message) {
        let number = self.next_number;
        self.next_number += 1;
        match message {
            Message::Ping(payload) => self.ping = Some((number, payload)),
            Message::Pong(payload) => self.pong = Some((number, payload)),
            Message::Close(close) => self.close = Some(close),
            Message::Text(_) | Message::Binary(_) => {
                self.charged_bytes += charge(message.payload());
                self.messages.push_back((number, message));
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Message> {
        let first = |entry: Option<u64>| entry.unwrap_or(u64::MAX);
        let message = first(self.messages.front().map(|(number, _)| *number));
        let ping = first(self.ping.as_ref().map(|(number, _)| *number));
        let pong = first(self.pong.as_ref().map(|(number, _)| *number));
        if ping < message && ping < pong {
            return self.ping.take().map(|(_, payload)| Message::Ping(payload));
        }
        if pong < message {
            return self.pong.take().map(|(_, payload)| Message::Pong(payload));
        }
        if let Some((_, message)) = self.messages.pop_front() {
            self.charged_bytes -= charge(message.payload());
            return Some(message);
        }
        self.close.take().map(Message::Close)
    }
}

/// What a message that waits counts for.
pub(crate) fn charge(payload: &[u8]) -> usize {
    payload.len().max(MIN_CHARGE_BYTES)
}

/// What even an empty message costs in memory.
pub(crate) const MIN_CHARGE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use ws_core::CloseCode;

    use super::*;

    fn text(text: &str) -> Message {
        Message::Text(text.to_owned())
    }

    #[test]
    fn messages_come_out_in_order_then_close_once() {
        let mut queue = ReceiveQueue::new(10, 1000);
        let close = Close {
            code: CloseCode::NORMAL,
            reason: String::new(),
        };
        queue.push(text("1"));
        queue.push(Message::Binary(vec![2]));
        queue.push(Message::Close(close.clone()));
        assert_eq!(queue.pop(), Some(text("1")));
        assert_eq!(queue.pop(), Some(Message::Binary(vec![2])));
        assert_eq!(queue.pop(), Some(Message::Close(close)));
        assert_eq!(queue.pop(), None);
        assert_eq!(queue.charged_bytes(), 0);
    }

    #[test]
    fn of_unread_pings_and_pongs_only_the_newest_is_kept_at_its_place() {
        let mut queue = ReceiveQueue::new(10, 1000);
        queue.push(Message::Ping(vec![1]));
        queue.push(text("a"));
        queue.push(Message::Pong(vec![2]));
        queue.push(Message::Ping(vec![3]));
        queue.push(text("b"));
        queue.push(Message::Pong(vec![4]));
        assert_eq!(queue.pop(), Some(text("a")));
        assert_eq!(queue.pop(), Some(Message::Ping(vec![3])));
        assert_eq!(queue.pop(), Some(text("b")));
        assert_eq!(queue.pop(), Some(Message::Pong(vec![4])));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn ping_and_pong_side_by_side_keep_their_order() {
        let mut queue = ReceiveQueue::new(10, 1000);
        queue.push(Message::Pong(vec![1]));
        queue.push(Message::Ping(vec![2]));
        assert_eq!(queue.pop(), Some(Message::Pong(vec![1])));
        assert_eq!(queue.pop(), Some(Message::Ping(vec![2])));
    }

    /// even an empty message is charged with 64 bytes.
    #[test]
    fn is_full_by_number_or_by_bytes_but_never_when_empty() {
        let mut by_number = ReceiveQueue::new(2, 1000);
        by_number.push(text("a"));
        assert!(!by_number.is_full(), "1 message of 2");
        by_number.push(text("b"));
        assert!(by_number.is_full(), "2 messages of 2");
        by_number.pop();
        assert!(!by_number.is_full(), "1 message of 2, again");

        let mut by_bytes = ReceiveQueue::new(100, 128);
        by_bytes.push(text(""));
        assert_eq!(by_bytes.charged_bytes(), 64, "bytes for an empty message");
        assert!(!by_bytes.is_full(), "64 bytes of 128");
        by_bytes.push(text(&"x".repeat(64)));
        assert!(by_bytes.is_full(), "128 bytes of 128");

        let mut nothing_allowed = ReceiveQueue::new(0, 0);
        assert!(!nothing_allowed.is_full(), "0 messages of 0");
        nothing_allowed.push(text("one"));
        assert!(nothing_allowed.is_full(), "1 message of 0");
    }

    #[test]
    fn what_waits_elsewhere_counts() {
        let mut queue = ReceiveQueue::new(2, 1000);
        let elsewhere = |messages, bytes| Elsewhere { messages, bytes };
        queue.set_elsewhere(elsewhere(1, 64));
        assert!(!queue.is_full());
        queue.push(text("a"));
        assert!(queue.is_full());
        queue.pop();
        queue.set_elsewhere(elsewhere(1, 1000));
        assert!(queue.is_full());
        queue.set_elsewhere(elsewhere(0, 0));
        assert!(!queue.is_full());
    }

    #[test]
    fn has_room_again_a_quarter_below_its_limits_or_when_empty() {
        let mut queue = ReceiveQueue::new(8, 8 * 64);
        for _ in 0..8 {
            queue.push(text("a"));
        }
        while queue.len() >= 6 {
            assert!(!queue.has_room_again());
            queue.pop();
        }
        assert!(queue.has_room_again());
        let mut tiny = ReceiveQueue::new(1, 1);
        tiny.push(text("a"));
        assert!(!tiny.has_room_again());
        tiny.pop();
        assert!(tiny.has_room_again());
    }

    #[test]
    fn control_frames_do_not_fill_the_queue() {
        let mut queue = ReceiveQueue::new(1, 1);
        for _ in 0..10_000 {
            queue.push(Message::Ping(vec![0; 125]));
            queue.push(Message::Pong(vec![0; 125]));
        }
        assert!(!queue.is_full());
        assert_eq!(queue.len(), 0);
        assert!(queue.pop().is_some() && queue.pop().is_some() && queue.pop().is_none());
    }
}

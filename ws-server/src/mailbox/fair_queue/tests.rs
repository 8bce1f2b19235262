use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;
use ws_core::CloseCode;

use super::*;
use crate::{ClosedBy, PeerAddress};

const SMALL: QueueLimits = limits(4, 1000);

pub(in crate::mailbox) const fn limits(messages: usize, bytes: usize) -> QueueLimits {
    QueueLimits {
        messages,
        bytes,
        total_bytes: 512 << 20,
    }
}

pub(in crate::mailbox) fn details() -> Arc<ConnectionDetails> {
    Arc::new(ConnectionDetails {
        compression: None,
        address: PeerAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000))),
        path: "/".to_owned(),
        query: None,
        subprotocol: None,
        headers: Vec::new(),
    })
}

pub(in crate::mailbox) fn id(slot: u32) -> ConnectionId {
    ConnectionId::new(0, slot, 0xfeed_0000_0000_0000 + u64::from(slot))
}

pub(in crate::mailbox) fn message(number: u64) -> Stored {
    Stored {
        kind: MessageKind::Binary,
        payload: number.to_be_bytes().to_vec(),
    }
}

pub(in crate::mailbox) fn number(received: &Received) -> u64 {
    u64::from_be_bytes(received.payload.as_slice().try_into().unwrap())
}

pub(in crate::mailbox) fn ending() -> Arc<ConnectionEnd> {
    Arc::new(ConnectionEnd {
        code: CloseCode::NORMAL,
        reason: "bye".to_owned(),
        by: ClosedBy::Peer,
    })
}

pub(in crate::mailbox) fn closed(id: ConnectionId) -> MailboxError {
    closed_error(id, &ending())
}

fn queue_with(connections: u32, limits: QueueLimits) -> FairQueue {
    let mut queue = FairQueue::new(limits);
    (0..connections).for_each(|slot| queue.open(id(slot), details()));
    queue
}

fn drain(queue: &mut FairQueue) -> Vec<(u32, u64)> {
    std::iter::from_fn(|| queue.next())
        .map(|taken| (taken.received.id.slot_index(), number(&taken.received)))
        .collect()
}

#[test]
fn takes_turns_between_connections_and_keeps_order_within_each() {
    let mut queue = queue_with(3, limits(100, 100_000));
    for number in 0..4 {
        queue.push(id(0), message(number));
    }
    queue.push(id(1), message(10));
    queue.push(id(2), message(20));
    queue.push(id(2), message(21));
    assert_eq!(
        drain(&mut queue),
        [(0, 0), (1, 10), (2, 20), (0, 1), (2, 21), (0, 2), (0, 3)]
    );
}

#[test]
fn a_busy_connection_does_not_delay_a_quiet_one_by_more_than_one_round() {
    let mut queue = queue_with(2, limits(100_000, usize::MAX));
    for number in 0..10_000 {
        queue.push(id(0), message(number));
    }
    queue.push(id(1), message(7));
    let place = drain(&mut queue).iter().position(|&(slot, _)| slot == 1);
    assert!(place.unwrap() <= 1, "came at {place:?}");
}

#[test]
fn reading_one_connection_leaves_the_turn_of_the_others() {
    let mut queue = queue_with(3, SMALL);
    for slot in 0..3 {
        queue.push(id(slot), message(u64::from(slot)));
    }
    let taken = queue.next_from(id(1)).unwrap().unwrap();
    assert_eq!(number(&taken.received), 1);
    assert_eq!(drain(&mut queue), [(0, 0), (2, 2)]);
    assert_eq!(queue.next_from(id(1)), Ok(None));
    assert_eq!(
        queue.next_from(id(9)),
        Err(MailboxError::NotFound { id: id(9) })
    );
}

#[test]
fn counts_what_the_same_call_could_take_next() {
    let mut queue = queue_with(2, SMALL);
    queue.push(id(0), message(0));
    queue.push(id(0), message(1));
    queue.push(id(1), message(2));
    assert_eq!(queue.next().unwrap().received.more, 2, "of all");
    assert_eq!(
        queue.next_from(id(0)).unwrap().unwrap().received.more,
        0,
        "of this one"
    );
}

#[test]
fn pauses_at_the_count_and_resumes_at_half() {
    let mut queue = queue_with(1, SMALL);
    let pushed: Vec<_> = (0..4)
        .map(|number| queue.push(id(0), message(number)))
        .collect();
    assert_eq!(
        pushed,
        [Pushed::Room, Pushed::Room, Pushed::Room, Pushed::Full]
    );
    let resumed: Vec<_> = std::iter::from_fn(|| queue.next())
        .map(|taken| taken.resume)
        .collect();
    assert_eq!(
        resumed,
        [false, true, false, false],
        "once, when half empty"
    );
}

#[test]
fn pauses_at_the_bytes_and_charges_empty_messages() {
    let binary = |size| Stored {
        kind: MessageKind::Binary,
        payload: vec![0; size],
    };
    let mut queue = queue_with(1, limits(1000, 640));
    assert_eq!(queue.push(id(0), binary(639)), Pushed::Room);
    assert_eq!(queue.push(id(0), binary(0)), Pushed::Full);
    assert_eq!(queue.depth().bytes, 703);
    assert!(queue.next().unwrap().resume);

    let mut queue = queue_with(1, limits(1000, 640));
    let full = (0..20).position(|_| queue.push(id(0), binary(0)) == Pushed::Full);
    assert_eq!(full, Some(9), "64 bytes each");
}

/// The nearer the total is to its limit, the less one connection may hold before it is not read.
#[test]
fn all_connections_together_have_a_budget() {
    const MIB: usize = 1 << 20;
    let binary = |size| Stored {
        kind: MessageKind::Binary,
        payload: vec![0; size],
    };
    let limits = QueueLimits {
        messages: 1000,
        bytes: 8 * MIB,
        total_bytes: 16 * MIB,
    };
    let mut queue = queue_with(5, limits);
    assert_eq!(queue.push(id(0), binary(7 * MIB)), Pushed::Room);
    assert_eq!(
        queue.push(id(1), binary(4 * MIB)),
        Pushed::Room,
        "less than three quarters in all"
    );
    assert_eq!(queue.push(id(2), binary(MIB / 2)), Pushed::Room);
    assert_eq!(
        queue.push(id(2), binary(MIB / 2)),
        Pushed::Full,
        "from three quarters on 1 MiB each"
    );
    assert_eq!(queue.push(id(1), binary(1)), Pushed::Full);
    assert_eq!(queue.push(id(3), binary(MIB / 2)), Pushed::Room);
    assert_eq!(queue.push(id(0), binary(4 * MIB)), Pushed::Full);
    assert_eq!(
        queue.push(id(4), binary(1000)),
        Pushed::Room,
        "at the limit 64 KiB each"
    );
    assert_eq!(queue.push(id(4), binary(64 << 10)), Pushed::Full);

    let resumed = queue.next_from(id(1)).unwrap().unwrap().resume;
    assert!(resumed, "one byte is left of it");
    let resumed = queue.next_from(id(4)).unwrap().unwrap().resume;
    assert!(resumed, "what the others hold has shrunk");
    while let Some(taken) = queue.next() {
        drop(taken);
    }
    assert_eq!(queue.depth(), QueueDepth::default());
    assert!(
        queue.entries.values().all(|entry| !entry.paused),
        "an empty queue is always resumed"
    );
}

#[test]
fn while_nobody_reads_the_budget_holds_as_well() {
    let limits = QueueLimits {
        messages: 1000,
        bytes: 8 << 20,
        total_bytes: 4 << 20,
    };
    let mut queue = queue_with(10, limits);
    for slot in 0..10 {
        for _ in 0..100 {
            queue.push_over_oldest(
                id(slot),
                Stored {
                    kind: MessageKind::Binary,
                    payload: vec![0; 60_000],
                },
            );
        }
    }
    assert!(
        queue.depth().bytes <= (4 << 20) + 10 * 60_000,
        "{:?}",
        queue.depth()
    );
    assert!(
        queue
            .connections()
            .iter()
            .all(|info| info.queued_messages >= 1)
    );
}

#[test]
fn an_empty_queue_admits_one_message_of_any_size() {
    let mut queue = queue_with(1, limits(1000, 640));
    let big = Stored {
        kind: MessageKind::Text,
        payload: vec![b'x'; 100_000],
    };
    assert_eq!(queue.push(id(0), big), Pushed::Full);
    let taken = queue.next().unwrap();
    assert_eq!(
        (taken.received.payload.len(), taken.resume),
        (100_000, true)
    );
}

#[test]
fn a_closed_connection_is_listed_until_its_last_message_is_taken() {
    let mut queue = queue_with(1, SMALL);
    queue.push(id(0), message(0));
    queue.push(id(0), message(1));
    assert!(queue.close(id(0), &ending(), false));
    assert!(!queue.close(id(0), &ending(), false), "only once");
    assert_eq!(queue.push(id(0), message(2)), Pushed::Ended);
    assert_eq!(queue.check_open(id(0)), Err(closed(id(0))));
    let listed = queue.connections();
    assert_eq!(
        (listed.len(), listed[0].is_active, listed[0].queued_messages),
        (1, false, 2)
    );

    let first = queue.next_from(id(0)).unwrap().unwrap().received;
    assert!(!first.is_active);
    assert_eq!(queue.connections().len(), 1);
    assert_eq!(number(&queue.next().unwrap().received), 1);
    assert!(queue.connections().is_empty());
    assert_eq!(
        queue.next_from(id(0)),
        Err(closed(id(0))),
        "closed and drained"
    );
}

#[test]
fn a_removed_connection_is_gone_with_its_messages() {
    let mut queue = queue_with(2, SMALL);
    queue.push(id(0), message(0));
    queue.push(id(1), message(1));
    assert!(queue.remove(id(0), &ending()));
    assert!(!queue.remove(id(0), &ending()));
    assert_eq!(queue.connections().len(), 1);
    assert_eq!(queue.next_from(id(0)), Err(closed(id(0))));
    assert_eq!(drain(&mut queue), [(1, 1)]);
    assert_eq!(queue.depth(), QueueDepth::default());
}

#[test]
fn remembers_a_bounded_number_of_closed_connections() {
    let count = u32::try_from(REMEMBERED_CLOSED).unwrap();
    let mut queue = queue_with(count + 1, SMALL);
    for slot in 0..=count {
        queue.close(id(slot), &ending(), false);
    }
    assert_eq!(
        queue.next_from(id(0)),
        Err(MailboxError::NotFound { id: id(0) })
    );
    assert_eq!(queue.next_from(id(1)), Err(closed(id(1))));
    assert_eq!(queue.next_from(id(count)), Err(closed(id(count))));
}

#[test]
fn while_nobody_reads_the_oldest_make_room() {
    let mut queue = queue_with(1, SMALL);
    let dropped: u64 = (0..10)
        .map(|number| queue.push_over_oldest(id(0), message(number)))
        .sum();
    assert_eq!((dropped, queue.depth().dropped), (6, 6));
    let taken: Vec<_> = std::iter::from_fn(|| queue.next())
        .map(|taken| (number(&taken.received), taken.resume))
        .collect();
    assert_eq!(
        taken,
        [(6, false), (7, false), (8, false), (9, false)],
        "what was never paused is not resumed"
    );

    let big = Stored {
        kind: MessageKind::Binary,
        payload: vec![0; 5000],
    };
    queue.push_over_oldest(id(0), message(10));
    assert_eq!(
        queue.push_over_oldest(id(0), big),
        1,
        "one message of any size is kept"
    );
    assert_eq!(queue.depth().messages, 1);
}

/// The same behaviour, written the obvious way.
#[derive(Default)]
struct Model {
    open: Vec<ModelConnection>,
    /// Order in which connections are served: front first.
    rotation: VecDeque<u32>,
}

struct ModelConnection {
    slot: u32,
    numbers: VecDeque<u64>,
    closed: bool,
    paused: bool,
}

impl Model {
    fn get(&mut self, slot: u32) -> Option<&mut ModelConnection> {
        self.open
            .iter_mut()
            .find(|connection| connection.slot == slot)
    }

    fn drop_if_done(&mut self, slot: u32) {
        if self
            .get(slot)
            .is_some_and(|connection| connection.numbers.is_empty())
        {
            self.rotation.retain(|&other| other != slot);
            if self.get(slot).is_some_and(|connection| connection.closed) {
                self.open.retain(|connection| connection.slot != slot);
            }
        }
    }

    fn take(&mut self, slot: u32) -> Option<(u32, u64, bool, bool)> {
        let connection = self.get(slot)?;
        let number = connection.numbers.pop_front()?;
        let active = !connection.closed;
        let resume = active && connection.paused && connection.numbers.len() <= SMALL.messages / 2;
        connection.paused &= !resume;
        self.drop_if_done(slot);
        Some((slot, number, active, resume))
    }

    fn next(&mut self) -> Option<(u32, u64, bool, bool)> {
        let slot = *self.rotation.front()?;
        let taken = self.take(slot);
        if self.rotation.front() == Some(&slot) {
            self.rotation.rotate_left(1);
        }
        taken
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(u32),
    Next,
    NextFrom(u32),
    Close(u32),
    Remove(u32),
    Reopen(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0u32..4;
    prop_oneof![
        6 => slot.clone().prop_map(Step::Push),
        3 => Just(Step::Next),
        2 => slot.clone().prop_map(Step::NextFrom),
        1 => slot.clone().prop_map(Step::Close),
        1 => slot.clone().prop_map(Step::Remove),
        1 => slot.prop_map(Step::Reopen),
    ]
}

proptest! {
    /// Any sequence of steps: what is taken, from whom, in which order, and who is paused, as in the model.
    #[test]
    fn behaves_as_the_model(steps in proptest::collection::vec(step(), 0..200)) {
        let mut queue = FairQueue::new(SMALL);
        let mut model = Model::default();
        let flat = |taken: Taken| {
            (taken.received.id.slot_index(), number(&taken.received), taken.received.is_active, taken.resume)
        };
        for (number, step) in steps.into_iter().enumerate() {
            let number = number as u64;
            match step {
                Step::Push(slot) => {
                    let pushed = queue.push(id(slot), message(number));
                    let expected = match model.get(slot) {
                        Some(connection) if !connection.closed => {
                            connection.numbers.push_back(number);
                            let full = connection.numbers.len() >= SMALL.messages;
                            connection.paused |= full;
                            if connection.numbers.len() == 1 {
                                model.rotation.push_back(slot);
                            }
                            if full { Pushed::Full } else { Pushed::Room }
                        }
                        _ => Pushed::Ended,
                    };
                    prop_assert_eq!(pushed, expected);
                }
                Step::Next => prop_assert_eq!(queue.next().map(flat), model.next()),
                Step::NextFrom(slot) => {
                    let expected = model.take(slot);
                    match queue.next_from(id(slot)) {
                        Ok(taken) => prop_assert_eq!(taken.map(flat), expected),
                        Err(_) => prop_assert!(expected.is_none() && model.get(slot).is_none()),
                    }
                }
                Step::Close(slot) => {
                    let expected = model.get(slot).is_some_and(|connection| !std::mem::replace(&mut connection.closed, true));
                    model.drop_if_done(slot);
                    prop_assert_eq!(queue.close(id(slot), &ending(), false), expected);
                }
                Step::Remove(slot) => {
                    prop_assert_eq!(queue.remove(id(slot), &ending()), model.get(slot).is_some());
                    model.open.retain(|connection| connection.slot != slot);
                    model.rotation.retain(|&other| other != slot);
                }
                Step::Reopen(slot) => if model.get(slot).is_none() {
                    queue.open(id(slot), details());
                    model.open.push(ModelConnection { slot, numbers: VecDeque::new(), closed: false, paused: false });
                },
            }
            let messages = model.open.iter().map(|connection| connection.numbers.len()).sum::<usize>();
            prop_assert_eq!((queue.depth().messages, queue.depth().bytes), (messages, messages * 64));
            prop_assert_eq!(queue.turns.len(), model.rotation.len());
            let mut listed: Vec<_> = queue.connections().iter().map(|info| (info.id.slot_index(), info.is_active, info.queued_messages)).collect();
            let mut expected: Vec<_> = model.open.iter().map(|one| (one.slot, !one.closed, one.numbers.len())).collect();
            listed.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(listed, expected);
        }
    }
}

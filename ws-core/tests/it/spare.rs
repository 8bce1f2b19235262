//! What is lent to be read into: no more than has arrived allows, and nothing for ever. And what is used again: the input.

use ws_core::{Event, Limits, Receiver, Role, Scratch};

use crate::wire::{BINARY, Frame};

/// also where the bytes are read to where they belong
#[test]
fn a_place_to_read_to_follows_the_bytes_that_arrived() {
    const SIZE: usize = 4 << 20;
    let mut scratch = Scratch::new(Limits::default());
    let mut receiver = Receiver::new(Role::Server);
    let bytes = Frame::client(BINARY, &vec![1; SIZE]).bytes();
    assert!(receiver.spare(SIZE, &mut scratch).is_none(), "idle");
    let (head, mut rest) = bytes.split_at(14);
    let mut head = head.to_vec();
    assert!(receiver.receive(&mut head, &mut scratch).next().is_none());
    assert!(receiver.spare(SIZE, &mut scratch).is_none(), "a promise");
    assert_eq!(receiver.missing_bytes(), SIZE as u64);
    let (mut arrived, mut delivered) = (head.len(), 0);
    while !rest.is_empty() {
        let missing = rest.len();
        let spare = receiver.spare(1 << 20, &mut scratch);
        let filled = spare.map_or(0, |spare| {
            assert!(spare.len() <= missing, "nothing of the next frame");
            let count = spare.len().min(100_000);
            spare[..count].copy_from_slice(&rest[..count]);
            count
        });
        let count = if filled == 0 { missing.min(10_000) } else { 0 };
        let mut input = rest[filled..][..count].to_vec();
        rest = &rest[filled + count..];
        arrived += filled + count;
        let mut receive = receiver.receive_filled(filled, &mut input, &mut scratch);
        while let Some(event) = receive.next() {
            assert!(matches!(event, Ok(Event::Binary(data)) if data.len() == SIZE));
            delivered += 1;
        }
        drop(receive);
        let held = receiver.held_bytes();
        assert!(
            held <= 2 * arrived,
            "{held} bytes are held of {arrived} that arrived, at most twice as many"
        );
    }
    assert_eq!((delivered, receiver.missing_bytes()), (1, 0));
    assert_eq!(receiver.held_bytes(), 0, "the buffer went back to the pool");
    assert!((SIZE..2 * SIZE).contains(&scratch.pooled_bytes()));
    scratch.trim();
    scratch.trim();
    assert_eq!(scratch.pooled_bytes(), 0, "it was not needed for a while");
}

/// nor where it is read byte by byte, with buffers of earlier messages at hand or none.
#[test]
fn a_place_for_single_bytes_costs_no_more_than_they_allow() {
    for pooled in [0, 8 << 20] {
        let mut scratch = Scratch::new(Limits::default());
        scratch.recycle(Vec::with_capacity(pooled));
        let mut receiver = Receiver::new(Role::Server);
        let bytes = Frame::client(BINARY, &vec![1; 1 << 20]).bytes();
        let (head, rest) = bytes.split_at(14);
        let mut head = head.to_vec();
        assert!(receiver.receive(&mut head, &mut scratch).next().is_none());
        for (index, byte) in rest[..3000].iter().enumerate() {
            let spare = receiver.spare(1 << 20, &mut scratch);
            let filled = spare.map_or(0, |spare| {
                spare[0] = *byte;
                1
            });
            let mut input = vec![*byte; 1 - filled];
            let mut receive = receiver.receive_filled(filled, &mut input, &mut scratch);
            assert!(receive.next().is_none());
            drop(receive);
            let (held, arrived) = (receiver.held_bytes(), 15 + index);
            assert!(
                5 * held <= 11 * arrived,
                "{held} bytes are held of {arrived} that arrived, at most 2.2 times as many"
            );
        }
    }
}

/// Of the input, what was taken can be read as it was lent and written over, and what is behind stays whole.
#[test]
fn what_was_taken_of_the_input_is_the_callers_again() {
    let messages = [vec![1; 100], vec![2; 70_000], vec![3; 300]];
    let frames = messages.each_ref().map(|message| {
        let frame = Frame::client(BINARY, message);
        frame.bytes()
    });
    let mut input = frames.concat();
    // The last one is cut.
    input.truncate(input.len() - 1);
    let mut scratch = Scratch::new(Limits::default());
    let mut receiver = Receiver::new(Role::Server);
    let mut receive = receiver.receive(&mut input, &mut scratch);
    let mut end = 0;
    for (message, frame) in messages.iter().zip(&frames).take(2) {
        assert!(matches!(receive.next(), Some(Ok(Event::Binary(data))) if data == message));
        end += frame.len();
        assert_eq!(receive.taken().len(), end);
        assert!(receive.taken().ends_with(message));
        receive.taken_mut().fill(0xFF);
    }
    assert!(receive.next().is_none());
    drop(receive);
    let mut rest = [*frames[2].last().unwrap()];
    let mut receive = receiver.receive(&mut rest, &mut scratch);
    assert!(matches!(receive.next(), Some(Ok(Event::Binary(data))) if data == messages[2]));
}

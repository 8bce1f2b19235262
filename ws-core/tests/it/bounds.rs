//! What a message costs while it arrives, however it is cut.

use ws_core::{CloseCode, Event, Limits, ReceiveError, Receiver, Role, Scratch};

use crate::wire::{BINARY, Frame};

/// what is held is at most 2.2 times what has arrived, and grows by doubling, so that the bytes copied for it are
/// in proportion. In pieces of a byte, of which 16 MiB take 17 s in a debug build, and of more.
#[test]
fn memory_follows_the_bytes_that_arrived() {
    for (size, piece) in [(1 << 20, 1), (16 << 20, 997)] {
        let mut scratch = Scratch::new(Limits::default());
        let mut receiver = Receiver::new(Role::Server);
        let mut bytes = Frame::client(BINARY, &vec![1; size]).bytes();
        let (mut arrived, mut delivered, mut growths, mut before) = (0, 0, 0, 0);
        let mut copied = 0;
        for piece in bytes.chunks_mut(piece) {
            arrived += piece.len();
            let mut receive = receiver.receive(piece, &mut scratch);
            while let Some(event) = receive.next() {
                assert!(matches!(event, Ok(Event::Binary(data)) if data.len() == size));
                delivered += 1;
            }
            drop(receive);
            let held = receiver.held_bytes();
            assert!(
                5 * held <= 11 * arrived,
                "{held} bytes are held of {arrived} that arrived, at most 2.2 times as many"
            );
            if held > before {
                growths += 1;
                // As much as that is copied, unless the allocator finds room behind it.
                copied += before;
            }
            before = held;
        }
        assert_eq!(delivered, 1);
        assert!(
            growths <= 25,
            "the buffer grew {growths} times on the way to {size} bytes, at most 25 times"
        );
        assert!(
            copied <= 2 * size,
            "{copied} bytes were copied to grow to {size}, at most twice as many"
        );
        assert_eq!(before, 0, "the buffer went back to the pool");
    }
}

/// empty fragments count, too; of a million, 131,072 are taken, and nothing is held for them.
#[test]
fn endless_fragments_meet_the_limit() {
    let mut scratch = Scratch::new(Limits::default());
    let mut receiver = Receiver::new(Role::Server);
    let continuations = Frame::client(0x00, b"").bytes().repeat(1000);
    let mut input = Frame::client(0x02, b"").bytes();
    let (mut taken, mut failed) = (0, None);
    for _ in 0..=1000 {
        let mut receive = receiver.receive(&mut input, &mut scratch);
        let event = receive.next().map(Result::err);
        taken += receive.consumed() / 6;
        drop(receive);
        let held = receiver.held_bytes();
        assert_eq!(held, 0, "{held} bytes are held for fragments of no bytes");
        if let Some(event) = event {
            failed = event;
            break;
        }
        input.clone_from(&continuations);
    }
    let error = ReceiveError::TooManyFragments(131_072);
    assert_eq!(
        failed,
        Some(error),
        "{taken} fragments of 1,000,001 were taken"
    );
    assert_eq!(
        (taken, error.close_code()),
        (131_073, CloseCode::POLICY_VIOLATION),
        "131,072 are allowed, and one more is looked at"
    );
}

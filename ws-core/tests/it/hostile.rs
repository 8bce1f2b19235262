//! What a hostile or broken peer can do: fail its connection, at a bounded price, and nothing else.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use ws_core::{
    CloseCode, Event, Limits, Pressure, ReceiveError, Receiver, Role, Scratch, SendError,
    SendScratch, Sender,
};

use crate::wire::{BINARY, CLOSE, Frame, LengthForm, Owned, PING, PONG, TEXT, events};

fn at_server(bytes: &[u8]) -> Vec<Owned> {
    events(Role::Server, &Limits::default(), bytes, &[])
}

#[test]
fn arbitrary_bytes_never_panic_and_an_error_is_for_ever() {
    let rng = &mut StdRng::seed_from_u64(7);
    let mut failures = 0;
    for _ in 0..100_000 {
        let role = if rng.random() {
            Role::Server
        } else {
            Role::Client
        };
        let mut bytes = vec![0; rng.random_range(0..60)];
        rng.fill_bytes(&mut bytes);
        let mut scratch = Scratch::new(Limits::default());
        let mut receiver = Receiver::new(role);
        let mut first = None;
        for _ in 0..3 {
            let mut input = bytes.clone();
            let mut receive = receiver.receive(&mut input, &mut scratch);
            let mut seen = None;
            while let Some(event) = receive.next() {
                assert!(seen.is_none(), "nothing comes after an error");
                seen = event.err();
            }
            assert!(
                first.is_none() || seen == first,
                "{first:?} is repeated, not {seen:?}"
            );
            first = first.or(seen);
        }
        failures += u32::from(first.is_some());
    }
    assert!(failures > 50_000, "{failures} failed");
}

/// lengths at each border of 16, 32 and 64 bits, with no and with one byte of payload
#[test]
fn announced_lengths_are_compared_before_anything_is_reserved() {
    for length in [
        65_536,
        (1 << 31) - 1,
        1 << 31,
        (1 << 32) - 1,
        1 << 32,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX,
    ] {
        for payload in [&b""[..], b"x"] {
            let bytes = Frame::client(BINARY, payload).announcing(length).bytes();
            let limit = 16 << 20;
            let expected = match length {
                65_536 => vec![],
                _ if length >> 63 == 1 => vec![Owned::Failed(ReceiveError::LengthTopBit(length))],
                _ => vec![Owned::Failed(ReceiveError::MessageTooBig { length, limit })],
            };
            assert_eq!(at_server(&bytes), expected, "{length}");
        }
    }
}

///
#[test]
fn a_promise_reserves_nothing() {
    let mut scratch = Scratch::new(Limits::default());
    let mut bytes = Frame::client(BINARY, b"").announcing(16 << 20).bytes();
    let mut receiver = Receiver::new(Role::Server);
    assert!(receiver.receive(&mut bytes, &mut scratch).next().is_none());
    assert!(receiver.is_mid_message());
    assert_eq!(receiver.held_bytes(), 0);
}

///
#[test]
fn memory_follows_the_bytes_that_arrived() {
    const SIZE: usize = 4 << 20;
    let mut scratch = Scratch::new(Limits::default());
    let mut receiver = Receiver::new(Role::Server);
    let bytes = Frame::client(BINARY, &vec![1; SIZE]).bytes();
    let (mut arrived, mut delivered) = (0, 0);
    for piece in bytes.chunks(61) {
        let mut piece = piece.to_vec();
        arrived += piece.len();
        let mut receive = receiver.receive(&mut piece, &mut scratch);
        while let Some(event) = receive.next() {
            assert!(matches!(event, Ok(Event::Binary(data)) if data.len() == SIZE));
            delivered += 1;
        }
        drop(receive);
        assert!(
            receiver.held_bytes() <= 2 * arrived,
            "{} held of {arrived}",
            receiver.held_bytes()
        );
    }
    assert_eq!(delivered, 1);
    assert_eq!(receiver.held_bytes(), 0, "the buffer went back to the pool");
}

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
        assert!(held <= 2 * arrived, "{held} held of {arrived}");
    }
    assert_eq!((delivered, receiver.missing_bytes()), (1, 0));
    assert_eq!(receiver.held_bytes(), 0, "the buffer went back to the pool");
    assert!((SIZE..2 * SIZE).contains(&scratch.pooled_bytes()));
    scratch.trim();
    scratch.trim();
    assert_eq!(scratch.pooled_bytes(), 0, "it was not needed for a while");
}

/// empty fragments count, too
#[test]
fn endless_fragments_meet_the_limit() {
    let mut stream = Frame::client(0x02, b"").bytes();
    let continuation = Frame::client(0x00, b"").bytes();
    for _ in 0..131_071 {
        stream.extend(&continuation);
    }
    assert_eq!(at_server(&stream), [], "131,072 fragments are allowed");
    stream.extend(&continuation);
    let error = ReceiveError::TooManyFragments(131_072);
    assert_eq!(at_server(&stream), [Owned::Failed(error)]);
    assert_eq!(error.close_code(), CloseCode::POLICY_VIOLATION);
}

/// §10.4: the sum of the fragments counts, and is judged with the header that crosses the limit
#[test]
fn a_message_too_big_fails_before_its_payload_is_taken() {
    let limits = Limits::default().max_message_bytes(100).max_frame_bytes(80);
    let first = Frame::client(0x02, &[0; 60]).bytes();
    let header = &Frame::client(0x80, &[0; 41]).bytes()[..6];
    let stream = [&first, header].concat();
    let error = ReceiveError::MessageTooBig {
        length: 101,
        limit: 100,
    };
    assert_eq!(
        events(Role::Server, &limits, &stream, &[]),
        [Owned::Failed(error)]
    );
    let stream = Frame::client(BINARY, &[0; 81]).bytes();
    let error = ReceiveError::FrameTooBig {
        length: 81,
        limit: 80,
    };
    assert_eq!(
        events(Role::Server, &limits, &stream, &[]),
        [Owned::Failed(error)]
    );
}

/// The pong rule, and R-14
#[test]
fn every_ping_is_answered_in_order_until_the_socket_pushes_back_then_only_the_newest() {
    let (mut scratch, mut send_scratch) = (Scratch::new(Limits::default()), SendScratch::server());
    let (mut receiver, mut sender) = (Receiver::new(Role::Server), Sender::new(Role::Server));
    let mut output = Vec::new();
    let mut ping = |number: u32, pressure, output: &mut Vec<u8>, sender: &mut Sender| {
        let mut payload = [7; 125];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        let mut bytes = Frame::client(PING, &payload).bytes();
        let mut receive = receiver.receive(&mut bytes, &mut scratch);
        assert_eq!(receive.next(), Some(Ok(Event::Ping(&payload))));
        let reply = receive.take_reply().expect("a pong");
        sender
            .encode_reply(reply, pressure, &mut SendScratch::server(), output)
            .expect("encodes");
        payload
    };

    let mut expected = Vec::new();
    for number in 0..10 {
        let payload = ping(number, Pressure::Clear, &mut output, &mut sender);
        expected.extend(Frame::server(PONG, &payload).bytes());
    }
    assert_eq!(output, expected, "ten pings, ten pongs");

    output.clear();
    let mut newest = [0; 125];
    for number in 0..1_000_000 {
        newest = ping(number, Pressure::PushedBack, &mut output, &mut sender);
    }
    assert!(
        output.is_empty() && output.capacity() < 4096,
        "nothing is queued meanwhile"
    );
    assert!(sender.has_pending());
    assert_eq!(
        sender.encode_pending(&mut send_scratch, &mut output),
        Ok(true)
    );
    assert_eq!(
        output,
        Frame::server(PONG, &newest).bytes(),
        "exactly one pong, the newest"
    );
    assert_eq!(
        sender.encode_pending(&mut send_scratch, &mut output),
        Ok(false)
    );
}

/// §5.5.3, R-15
#[test]
fn unasked_pongs_are_reported_and_never_answered() {
    let mut scratch = Scratch::new(Limits::default());
    let mut receiver = Receiver::new(Role::Server);
    let mut stream = Frame::client(PONG, b"why not").bytes().repeat(10_000);
    let mut receive = receiver.receive(&mut stream, &mut scratch);
    let mut pongs = 0;
    while let Some(event) = receive.next() {
        assert_eq!(event, Ok(Event::Pong(b"why not")));
        assert!(receive.take_reply().is_none());
        pongs += 1;
    }
    assert_eq!(pongs, 10_000);
}

/// §8.1: the connection fails with the byte that is wrong, not with the end of the message
#[test]
fn invalid_text_fails_at_its_first_bad_byte_across_frames_and_reads() {
    let (good, bad) = ("κόσμε".as_bytes(), b"\xED\xA0\x80edited");
    let stream = [
        Frame::client(0x01, good).bytes(),
        Frame::client(0x80, bad).bytes(),
    ]
    .concat();
    let header = stream.len() - bad.len();
    // 0xED may begin a character; 0xA0 after it may not go on.
    let until_bad = &stream[..header + 1];
    assert_eq!(
        events(Role::Server, &Limits::default(), until_bad, &[1; 40]),
        []
    );
    let with_bad = &stream[..header + 2];
    let failed = [Owned::Failed(ReceiveError::InvalidUtf8)];
    assert_eq!(
        events(Role::Server, &Limits::default(), with_bad, &[1; 40]),
        failed
    );
    assert_eq!(at_server(with_bad), failed);
}

/// §8.1
#[test]
fn text_that_ends_inside_a_character_fails() {
    for pieces in [&[][..], &[1; 20]] {
        let stream = Frame::client(TEXT, &"é".as_bytes()[..1]).bytes();
        let failed = [Owned::Failed(ReceiveError::InvalidUtf8)];
        assert_eq!(
            events(Role::Server, &Limits::default(), &stream, pieces),
            failed
        );
    }
}

/// §5.1: both directions
#[test]
fn frames_masked_the_wrong_way_fail() {
    let unmasked = Frame::server(TEXT, b"hi").bytes();
    assert_eq!(
        at_server(&unmasked),
        [Owned::Failed(ReceiveError::UnmaskedFrame)]
    );
    let masked = Frame::client(TEXT, b"hi").bytes();
    let failed = [Owned::Failed(ReceiveError::MaskedFrame)];
    assert_eq!(
        events(Role::Client, &Limits::default(), &masked, &[]),
        failed
    );
}

/// §5.2, §5.4, §5.5: one stream for each rule, with the close code that it earns
#[test]
fn each_broken_rule_has_its_error_and_close_code() {
    let frame = |first, payload: &[u8]| Frame::client(first, payload).bytes();
    let mut sixteen = Frame::client(BINARY, b"abc");
    sixteen.length = LengthForm::Sixteen;
    let long_control = Frame {
        payload: vec![0; 126],
        ..Frame::client(PING, b"")
    };
    let table = [
        (frame(0xC1, b""), ReceiveError::ReservedBits(4), 1002),
        (frame(0xA1, b""), ReceiveError::ReservedBits(2), 1002),
        (frame(0x91, b""), ReceiveError::ReservedBits(1), 1002),
        (frame(0x83, b""), ReceiveError::ReservedOpcode(3), 1002),
        (frame(0x8F, b""), ReceiveError::ReservedOpcode(15), 1002),
        (sixteen.bytes(), ReceiveError::NonMinimalLength(3), 1002),
        (frame(0x80, b""), ReceiveError::UnexpectedContinuation, 1002),
        (
            [frame(0x01, b""), frame(TEXT, b"")].concat(),
            ReceiveError::ExpectedContinuation(ws_core::OpCode::Text),
            1002,
        ),
        (
            frame(0x09, b""),
            ReceiveError::FragmentedControl(ws_core::OpCode::Ping),
            1002,
        ),
        (
            long_control.bytes(),
            ReceiveError::ControlTooLong(ws_core::OpCode::Ping),
            1002,
        ),
        (
            frame(CLOSE, b"\x03"),
            ReceiveError::ClosePayloadOfOneByte,
            1002,
        ),
        (
            frame(CLOSE, b"\x03\xEE"),
            ReceiveError::InvalidCloseCode(CloseCode::ABNORMAL),
            1002,
        ),
        (
            frame(CLOSE, b"\x03\xE8\xFF"),
            ReceiveError::InvalidCloseReason,
            1007,
        ),
        (frame(TEXT, b"\xFF"), ReceiveError::InvalidUtf8, 1007),
    ];
    for (bytes, error, code) in table {
        assert_eq!(at_server(&bytes), [Owned::Failed(error)], "{bytes:x?}");
        assert_eq!(error.close_code().as_u16(), code, "{error}");
        let mut scratch = Scratch::new(Limits::default());
        let (mut receiver, mut input) = (Receiver::new(Role::Server), bytes);
        let mut receive = receiver.receive(&mut input, &mut scratch);
        assert_eq!(receive.next(), Some(Err(error)));
        let reply = receive.take_reply().expect("a Close that says why");
        let mut output = Vec::new();
        let mut sender = Sender::new(Role::Server);
        sender
            .encode_reply(
                reply,
                Pressure::Clear,
                &mut SendScratch::server(),
                &mut output,
            )
            .expect("encodes");
        let expected = [
            &error.close_code().as_u16().to_be_bytes()[..],
            error.to_string().as_bytes(),
        ]
        .concat();
        assert_eq!(output, Frame::server(CLOSE, &expected).bytes());
        assert!(sender.close_sent());
    }
}

/// §5.5.1
#[test]
fn whatever_follows_a_close_is_ignored() {
    let stream = [Frame::client(CLOSE, b"\x03\xE8").bytes(), vec![0xFF; 100]].concat();
    let closed = [Owned::Close(Some((1000, String::new())))];
    assert_eq!(at_server(&stream), closed);
    assert_eq!(
        events(Role::Server, &Limits::default(), &stream, &[1; 100]),
        closed
    );
}

#[test]
fn a_caller_that_stops_early_loses_nothing() {
    let mut scratch = Scratch::new(Limits::default());
    let mut receiver = Receiver::new(Role::Server);
    let stream = [
        Frame::client(TEXT, b"one").bytes(),
        Frame::client(TEXT, b"two").bytes(),
    ]
    .concat();
    // The first message in two reads, so that it is lent from the receiver's own buffer.
    let (head, tail) = stream.split_at(4);
    assert!(
        receiver
            .receive(&mut head.to_vec(), &mut scratch)
            .next()
            .is_none()
    );
    let mut input = tail.to_vec();
    let mut receive = receiver.receive(&mut input, &mut scratch);
    assert_eq!(receive.next(), Some(Ok(Event::Text("one"))));
    let consumed = receive.consumed();
    drop(receive);
    assert_eq!(receiver.held_bytes(), 0);
    let mut receive = receiver.receive(&mut input[consumed..], &mut scratch);
    assert_eq!(receive.next(), Some(Ok(Event::Text("two"))));
    assert_eq!(receive.next(), None);
}

#[test]
fn what_may_not_be_sent_is_refused_and_appends_nothing() {
    let mut scratch = SendScratch::server();
    let mut output = vec![1, 2, 3];
    let mut sender = Sender::new(Role::Server);
    let close = |code, reason| {
        Some(ws_core::CloseFrame {
            code: CloseCode::new(code),
            reason,
        })
    };
    let long = "x".repeat(124);
    assert_eq!(
        sender.encode_ping(&[0; 126], &mut scratch, &mut output),
        Err(SendError::ControlTooLong(126))
    );
    assert_eq!(
        sender.encode_close(close(1005, ""), &mut scratch, &mut output),
        Err(SendError::InvalidCloseCode(CloseCode::NO_STATUS))
    );
    assert_eq!(
        sender.encode_close(close(1000, &long), &mut scratch, &mut output),
        Err(SendError::CloseReasonTooLong(124))
    );
    assert_eq!(output, [1, 2, 3]);
    sender
        .encode_text_fragment("a", false, &mut scratch, &mut output)
        .expect("begins a message");
    output.clear();
    assert_eq!(
        sender.encode_binary(b"", &mut scratch, &mut output),
        Err(SendError::MessageInProgress)
    );
    assert_eq!(
        sender.encode_binary_fragment(b"", true, &mut scratch, &mut output),
        Err(SendError::MessageInProgress)
    );
    sender
        .encode_ping(b"", &mut scratch, &mut output)
        .expect("control frames may come between fragments");
    sender
        .encode_text_fragment("b", true, &mut scratch, &mut output)
        .expect("ends it");
    sender
        .encode_close(close(1000, &long[..123]), &mut scratch, &mut output)
        .expect("123 bytes fit");
    output.clear();
    assert_eq!(
        sender.encode_text("late", &mut scratch, &mut output),
        Err(SendError::Closed)
    );
    assert_eq!(
        sender.encode_pong(b"", &mut scratch, &mut output),
        Err(SendError::Closed)
    );
    assert_eq!(
        sender.encode_close(None, &mut scratch, &mut output),
        Err(SendError::Closed)
    );
    let mut client = Sender::new(Role::Client);
    assert_eq!(
        client.encode_text("bare", &mut scratch, &mut output),
        Err(SendError::NoMaskingKey)
    );
    assert!(output.is_empty());
}

/// §5.3, R-19: one fresh key for each frame, empty ones too
#[test]
fn a_client_draws_a_key_for_each_frame() {
    let mut drawn = 0_u8;
    let mut scratch = SendScratch::client(Box::new(move || {
        drawn += 1;
        [drawn; 4]
    }));
    let mut sender = Sender::new(Role::Client);
    let mut output = Vec::new();
    sender
        .encode_text("", &mut scratch, &mut output)
        .expect("encodes");
    sender
        .encode_ping(b"", &mut scratch, &mut output)
        .expect("encodes");
    sender
        .encode_close(None, &mut scratch, &mut output)
        .expect("encodes");
    assert_eq!(
        output,
        [
            0x81, 0x80, 1, 1, 1, 1, 0x89, 0x80, 2, 2, 2, 2, 0x88, 0x80, 3, 3, 3, 3
        ]
    );
}

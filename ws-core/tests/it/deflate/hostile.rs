//! What a hostile or broken peer can do with compressed messages: fail its connection, at a bounded price.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use ws_core::{
    CloseCode, Compression, Limits, OpCode, ReceiveError, Receiver, Role, Scratch, SendScratch,
    Sender, extension::DeflateConfig,
};

use super::{Receiving, Sending, eager, parameters, round_trip::corpus};
use crate::wire::{Frame, Owned, events, events_of};

const COMPRESSED_TEXT: u8 = 0xC1;
const COMPRESSED_BINARY: u8 = 0xC2;

/// A server's receiver with context takeover and windows of 32 KiB.
fn at_server(stream: &[u8], limits: Limits) -> Vec<Owned> {
    Receiving::new(Role::Server, &parameters(15, true), limits).events(stream, &[])
}

fn failed(error: ReceiveError) -> Vec<Owned> {
    vec![Owned::Failed(error)]
}

/// One frame of a client with `data` compressed, without its header.
fn deflated(data: &[u8]) -> Vec<u8> {
    let mut server = Sending::new(Role::Server, &parameters(15, false), &eager().level(9));
    let always = Compression::Always;
    let frame = server.bytes(|s, scratch, out| s.encode_binary_with(data, always, scratch, out));
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame[header..].to_vec()
}

/// §6: only on the first frame of a message, and only if it was negotiated
#[test]
fn rsv1_anywhere_else_is_a_protocol_error() {
    let message = Frame::client(COMPRESSED_TEXT, &[0]).bytes();
    let not_negotiated = events(Role::Server, &Limits::default(), &message, &[]);
    assert_eq!(not_negotiated, failed(ReceiveError::ReservedBits(4)));
    for (first, bits) in [
        (0xC0, 4),
        (0xC8, 4),
        (0xC9, 4),
        (0xCA, 4),
        (0xC3, 4),
        (0xE1, 6),
        (0xD1, 5),
        (0xA1, 2),
        (0x91, 1),
    ] {
        let stream = Frame::client(first, &[0]).bytes();
        let expected = failed(ReceiveError::ReservedBits(bits));
        assert_eq!(
            at_server(&stream, Limits::default()),
            expected,
            "{first:#x}"
        );
    }
    let begun = Frame::client(0x41, &deflated(b"begun")).bytes();
    let again = Frame::client(0x41, &[0]).bytes();
    assert_eq!(
        at_server(&[begun.clone(), again].concat(), Limits::default()),
        failed(ReceiveError::ExpectedContinuation(OpCode::Text))
    );
    let marked = Frame::client(0xC0, &[0]).bytes();
    assert_eq!(
        at_server(&[begun, marked].concat(), Limits::default()),
        failed(ReceiveError::ReservedBits(4))
    );
}

/// §7.2.2: a message that ends inside a block is not taken for a shorter one
#[test]
fn a_message_cut_short_is_an_error_and_no_shorter_message() {
    let text = "a message of some length, a message of some length; ".repeat(40);
    for data in [deflated(b"Hello"), deflated(text.as_bytes())] {
        for cut in 1..data.len() {
            let stream = Frame::client(COMPRESSED_TEXT, &data[..cut]).bytes();
            let expected = failed(ReceiveError::InvalidDeflate);
            assert_eq!(
                at_server(&stream, Limits::default()),
                expected,
                "cut at {cut}"
            );
        }
    }
    assert_eq!(
        ReceiveError::InvalidDeflate.close_code(),
        CloseCode::INVALID_PAYLOAD
    );
}

/// §7.1.1.1: nothing before the first message can be referred to, nor beyond an agreed window
#[test]
fn a_reference_to_before_the_beginning_is_an_error() {
    // "Hello" as a reference five bytes back (§7.2.3.2).
    let again = Frame::client(COMPRESSED_TEXT, &[0xF2, 0x00, 0x11, 0x00, 0x00]).bytes();
    let invalid = failed(ReceiveError::InvalidDeflate);
    assert_eq!(at_server(&again, Limits::default()), invalid);
    // Without context takeover the second message is as lonely as the first.
    let hello = Frame::client(COMPRESSED_TEXT, &deflated(b"Hello")).bytes();
    let mut receiving = Receiving::new(Role::Server, &parameters(15, false), Limits::default());
    assert_eq!(receiving.events(&hello, &[]), [Owned::Text("Hello".into())]);
    assert_eq!(receiving.events(&again, &[]), invalid);
}

/// the limit is kept while inflating; what that costs at most is measured beside the inflater
#[test]
fn a_bomb_fails_with_1009_and_leaves_nothing_behind() {
    let bomb = deflated(&vec![0; 64 << 20]);
    let ratio = (64 << 20) / bomb.len();
    assert!(ratio > 900, "1 : {ratio}");
    for limit in [0, 1, 100_000, 1 << 20, 16 << 20] {
        for fragments in [1, 7] {
            let mut stream = Vec::new();
            let size = bomb.len().div_ceil(fragments);
            for (number, piece) in bomb.chunks(size).enumerate() {
                let first = if number == 0 { 0x42 } else { 0 };
                let last = if (number + 1) * size >= bomb.len() {
                    0x80
                } else {
                    0
                };
                stream.extend(Frame::client(first | last, piece).bytes());
            }
            let limits = Limits::default()
                .max_message_bytes(limit)
                .max_frame_bytes(1 << 20);
            let mut receiving = Receiving::new(Role::Server, &parameters(15, true), limits);
            let seen = receiving.events(&stream, &[1000; 100]);
            let [Owned::Failed(error @ ReceiveError::MessageTooBig { .. })] = seen[..] else {
                panic!("{limit}: {:?}", seen.len());
            };
            assert_eq!(error.close_code(), CloseCode::MESSAGE_TOO_BIG);
            // The inflater with its output, up to a MiB, and the pooled buffer that the compressed message came in.
            let held = receiving.scratch.held_bytes();
            assert!(
                held <= (64 << 10) + limit.min(1 << 20) + 2 * bomb.len(),
                "{held} bytes under {limit}"
            );
        }
    }
}

/// The limit itself is allowed, and data that cannot be compressed is as well
#[test]
fn a_message_of_exactly_the_limit_arrives() {
    let limit = 100_000;
    let mut noise = vec![0; limit];
    StdRng::seed_from_u64(1).fill_bytes(&mut noise);
    for mut data in [vec![7; limit], noise] {
        let limits = Limits::default().max_message_bytes(limit);
        let stream = Frame::client(COMPRESSED_BINARY, &deflated(&data)).bytes();
        assert!(at_server(&stream, limits.clone()) == [Owned::Binary(data.clone())]);
        data.push(7);
        let stream = Frame::client(COMPRESSED_BINARY, &deflated(&data)).bytes();
        let [
            Owned::Failed(ReceiveError::MessageTooBig {
                length,
                limit: told,
            }),
        ] = at_server(&stream, limits)[..]
        else {
            panic!("one byte more is too much");
        };
        assert_eq!((length, told), (100_001, 100_000));
    }
}

/// what is announced is judged at once and reserves nothing
#[test]
fn the_length_of_a_compressed_frame_is_judged_before_it_comes() {
    let limits = Limits::default().max_message_bytes(80_000);
    let allowed = 80_000 + 10_000 + 64;
    for (length, fails) in [(allowed, false), (allowed + 1, true)] {
        let stream = Frame::client(COMPRESSED_BINARY, b"")
            .announcing(length)
            .bytes();
        let mut receiving = Receiving::new(Role::Server, &parameters(15, true), limits.clone());
        let seen = receiving.events(&stream, &[]);
        assert_eq!(seen.len(), usize::from(fails), "{seen:?}");
        assert_eq!(receiving.receiver.held_bytes(), 0);
    }
}

/// Final blocks inside a message are legal (§7.2.3.4) but each makes the stream begin anew with a copy of the window: a
/// million in 2 MiB are refused after some 8,200
#[test]
fn a_message_of_nothing_but_final_blocks_is_refused() {
    // An empty final block with fixed codes, then a byte of nothing (§7.2.3.4).
    let few = [&[0x03, 0x00][..]; 10].concat();
    let stream = Frame::client(COMPRESSED_BINARY, &[&few[..], &[0]].concat()).bytes();
    assert_eq!(
        at_server(&stream, Limits::default()),
        [Owned::Binary(Vec::new())]
    );
    let mut many = deflated(&vec![0; 40_000]);
    many.extend([0, 0, 0xFF, 0xFF]);
    many.extend([0x03, 0x00].repeat(1 << 20));
    let stream = Frame::client(COMPRESSED_BINARY, &many).bytes();
    assert_eq!(
        at_server(&stream, Limits::default()),
        failed(ReceiveError::InvalidDeflate)
    );
}

/// §8.1 of RFC 6455 holds for what was inflated
#[test]
fn text_is_valid_utf8_once_it_is_inflated() {
    let invalid = Frame::client(COMPRESSED_TEXT, &deflated(b"not \xFF text")).bytes();
    assert_eq!(
        at_server(&invalid, Limits::default()),
        failed(ReceiveError::InvalidUtf8)
    );
    // A character may be cut by a fragment, before and after compression.
    let data = deflated("жжж".as_bytes());
    for cut in 0..=data.len() {
        let stream = [
            Frame::client(0x41, &data[..cut]).bytes(),
            Frame::client(0x80, &data[cut..]).bytes(),
        ];
        assert_eq!(
            at_server(&stream.concat(), Limits::default()),
            [Owned::Text("жжж".into())]
        );
    }
}

/// Any cut of the same bytes gives the same events, broken streams included, and nothing panics (M-3, R-22)
#[test]
fn any_chunking_of_compressed_streams_gives_the_same_events() {
    const STREAMS: u64 = 1000;
    let (mut failures, mut messages) = (0, 0);
    for seed in 0..STREAMS {
        let rng = &mut StdRng::seed_from_u64(seed);
        let parameters = parameters(rng.random_range(8..16), rng.random());
        let mut stream = compressed_stream(rng, &parameters);
        if seed % 2 == 0 {
            for _ in 0..rng.random_range(1..10) {
                let at = rng.random_range(0..stream.len());
                stream[at] ^= 1 << rng.random_range(0..8);
            }
        }
        if rng.random_bool(0.2) {
            stream.truncate(rng.random_range(0..=stream.len()));
        }
        let limits = Limits::default().max_message_bytes(20_000);
        let of = |pieces: &[usize]| {
            Receiving::new(Role::Server, &parameters, limits.clone()).events(&stream, pieces)
        };
        let whole = of(&[]);
        let has_failed = matches!(whole.last(), Some(Owned::Failed(_)));
        failures += u64::from(has_failed);
        messages += whole.len() as u64 - u64::from(has_failed);
        for _ in 0..3 {
            let pieces: Vec<usize> =
                std::iter::repeat_with(|| rng.random_range(0..1 + stream.len()))
                    .take(6)
                    .collect();
            assert!(of(&pieces) == whole, "seed {seed}, pieces {pieces:?}");
        }
        assert!(
            of(&vec![1; stream.len().min(3000)]) == whole,
            "seed {seed}, byte by byte"
        );
    }
    println!("{messages} messages, {failures} of {STREAMS} streams end in an error");
    assert!(
        failures > STREAMS / 10 && failures < STREAMS * 9 / 10,
        "{failures} fail"
    );
    assert!(messages > 3 * STREAMS, "{messages} messages");
}

fn compressed_stream(
    rng: &mut StdRng,
    parameters: &ws_core::extension::DeflateParameters,
) -> Vec<u8> {
    let mut sending = Sending::new(Role::Client, parameters, &eager());
    let mut stream = Vec::new();
    for _ in 0..rng.random_range(1..9) {
        let mut data = corpus(rng);
        data.truncate(rng.random_range(0..21_000));
        let cut = rng.random_range(0..=data.len());
        let whole = rng.random();
        stream.extend(sending.bytes(|s, scratch, out| {
            if whole {
                return s.encode_binary(&data, scratch, out);
            }
            s.encode_binary_fragment(&data[..cut], false, scratch, out)?;
            s.encode_ping(b"between", scratch, out)?;
            s.encode_binary_fragment(&data[cut..], true, scratch, out)
        }));
    }
    stream
}

/// One inflater serves all connections of a loop: none can read what another one sent, nor spoil what it will send
#[test]
fn connections_that_share_a_scratch_stay_strangers() {
    // Five bytes from five bytes back (§7.2.3.2): "H" and whatever lies there.
    let prying = Frame::client(COMPRESSED_TEXT, &[0xF2, 0x00, 0x11, 0x00, 0x00]).bytes();
    let text = "a secret of one connection, a secret of one connection".repeat(30);
    let secret = Frame::client(COMPRESSED_TEXT, &deflated(text.as_bytes())).bytes();
    let rng = &mut StdRng::seed_from_u64(3);
    let mut scratch = Scratch::new(Limits::default());
    let mut failures = 0;
    for round in 0..2000 {
        let takes_over = round % 2 == 0;
        let receiver = || {
            let mut receiver = Receiver::new(Role::Server);
            receiver.set_deflate(&parameters(15, takes_over));
            receiver
        };
        let mut honest = receiver();
        let seen = events_of(&mut honest, &mut scratch, &secret, &[]);
        assert!(seen == [Owned::Text(text.clone())], "round {round}");
        let seen = events_of(&mut receiver(), &mut scratch, &prying, &[]);
        assert_eq!(seen, failed(ReceiveError::InvalidDeflate));
        let mut broken = secret.clone();
        let at = rng.random_range(8..broken.len());
        broken[at] ^= 1 << rng.random_range(0..8);
        let seen = events_of(&mut receiver(), &mut scratch, &broken, &[]);
        failures += usize::from(matches!(seen[..], [Owned::Failed(_)]));
        let seen = events_of(&mut honest, &mut scratch, &secret, &[7]);
        assert!(
            seen == [Owned::Text(text.clone())],
            "round {round}, once more"
        );
        honest.release(&mut scratch);
    }
    assert!(failures > 500, "{failures} of the broken messages fail");
}

/// The same for the compressor: without context takeover a message says nothing of another connection's
#[test]
fn a_shared_compressor_refers_to_no_other_connection() {
    let text = "said to one connection, and a moment later to another one";
    for config in [DeflateConfig::shared(), DeflateConfig::compact()] {
        let config = config.threshold(0);
        let agreed = parameters(12, config.own_context_takeover);
        let mut scratch = SendScratch::server();
        let mut sent = Vec::new();
        for _ in 0..3 {
            let mut sender = Sender::new(Role::Server);
            sender.set_deflate(&agreed, &config);
            let mut output = Vec::new();
            let always = Compression::Always;
            let encoded = sender.encode_text_with(text, always, &mut scratch, &mut output);
            encoded.expect("encodes");
            sent.push(output);
        }
        assert_eq!(sent[0], sent[1]);
        assert_eq!(sent[0], sent[2]);
    }
}

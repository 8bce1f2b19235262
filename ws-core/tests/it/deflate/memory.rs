//! What compression holds: nothing for a connection without takeover, what the configuration says for one with it.

use std::sync::Arc;

use ws_core::{
    Compression, Connection, Limits, PreparedFrame, Receiver, Role, Sender,
    extension::{DeflateConfig, WindowBits},
};

use super::{Receiving, Sending, eager, parameters};
use crate::wire::{Frame, Owned};

fn json(number: usize) -> String {
    format!(
        "{{\"id\":{number},\"symbol\":\"AAPL\",\"price\":{}.25,\"side\":\"buy\"}}",
        number * 7
    )
    .repeat(8)
}

/// Sends 200 messages and tells what the sender and the receiver hold then.
fn held_after(bits: u8, takes_over: bool, config: &DeflateConfig) -> (usize, usize) {
    let parameters = parameters(bits, takes_over);
    let mut sending = Sending::new(Role::Client, &parameters, config);
    let mut receiving = Receiving::new(Role::Server, &parameters, Limits::default());
    for number in 0..200 {
        let text = json(number);
        let bytes = sending.bytes(|s, scratch, out| s.encode_text(&text, scratch, out));
        assert!(bytes.len() < text.len());
        // In two reads, so that buffers are taken and must be given back.
        assert_eq!(
            receiving.events(&bytes, &[bytes.len() / 2]),
            [Owned::Text(text)]
        );
    }
    assert!(receiving.scratch.held_bytes() < 256 << 10);
    (sending.sender.held_bytes(), receiving.receiver.held_bytes())
}

/// D: near zero with a shared compressor, documented otherwise ([`DeflateConfig`] has these figures)
#[test]
fn an_idle_connection_holds_what_the_documentation_says() {
    assert_eq!(held_after(15, false, &DeflateConfig::shared()), (0, 0));
    assert_eq!((size_of::<Receiver>(), size_of::<Sender>()), (32, 16));
    for bits in 9..=15 {
        let config = DeflateConfig::dedicated();
        let (sender, receiver) = held_after(bits, true, &config);
        let window = WindowBits::new(bits).expect("valid").bytes();
        println!("window of {bits} bits: {sender} bytes to compress, {receiver} to inflate");
        assert_eq!(receiver, window);
        match bits {
            ..=12 => assert!((window..window + 100).contains(&sender), "{sender}"),
            _ => assert!((170_000..300_000).contains(&sender), "{sender}"),
        }
    }
}

#[test]
fn a_connection_that_said_little_holds_little_and_one_that_closed_nothing() {
    let agreed = parameters(15, true);
    let mut connection = Connection::with_deflate(Role::Server, &agreed, &eager());
    let (receiver, sender) = connection.split();
    assert_eq!(receiver.held_bytes(), 0);
    assert!(
        sender.held_bytes() < 100,
        "no stream before the first message"
    );

    let mut receiving = Receiving::new(Role::Server, &agreed, Limits::default());
    let hello = Frame::client(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]).bytes();
    receiving.events(&hello, &[]);
    assert!(receiving.receiver.held_bytes() < 64);
    receiving.receiver.release(&mut receiving.scratch);
    assert_eq!(receiving.receiver.held_bytes(), 0);

    let mut sending = Sending::new(Role::Server, &agreed, &eager());
    sending.bytes(|s, scratch, out| s.encode_text("some text", scratch, out));
    assert!(sending.sender.held_bytes() > 200_000);
    sending.bytes(|s, scratch, out| s.encode_close(None, scratch, out));
    assert_eq!(sending.sender.held_bytes(), 0);
}

/// What was inflated for a large message is not kept
#[test]
fn a_large_message_leaves_a_bounded_scratch() {
    let agreed = parameters(15, false);
    let mut sending = Sending::new(Role::Client, &agreed, &eager());
    let mut receiving = Receiving::new(Role::Server, &agreed, Limits::default());
    let data = vec![1; 16 << 20];
    let bytes = sending.bytes(|s, scratch, out| s.encode_binary(&data, scratch, out));
    assert!(receiving.events(&bytes, &[]) == [Owned::Binary(data)]);
    assert!(receiving.scratch.held_bytes() < 100 << 10);
    let mut noise = Vec::with_capacity(8 << 20);
    let mut state = 1_u64;
    while noise.len() < 8 << 20 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push(state.to_be_bytes()[0]);
    }
    sending.bytes(|s, scratch, out| s.encode_binary(&noise, scratch, out));
    sending.bytes(|s, scratch, out| s.encode_binary(&[1; 1000], scratch, out));
    assert!(sending.scratch.held_bytes() < 1 << 20);
}

/// D: broadcast compresses once for each parameter set, and every context stays in step
#[test]
fn a_broadcast_is_compressed_once_for_all_connections_that_can_share_it() {
    let text = json(1);
    let frame = Arc::new(PreparedFrame::text(&text));
    let long = Arc::new(PreparedFrame::text(&json(2).repeat(200)));
    let mut shared = Vec::new();
    for (bits, takes_over) in [(15, false), (15, true), (10, false), (12, true), (9, true)] {
        let agreed = parameters(bits, takes_over);
        let mut sending = Sending::new(Role::Server, &agreed, &eager());
        let mut receiving = Receiving::new(Role::Client, &agreed, Limits::default());
        let before = "before, with some words of the broadcast: symbol AAPL";
        let bytes = sending.bytes(|s, scratch, out| s.encode_text(before, scratch, out));
        assert_eq!(receiving.events(&bytes, &[]), [Owned::Text(before.into())]);
        for prepared in [&frame, &long] {
            let (sender, scratch) = (&mut sending.sender, &mut sending.scratch);
            let selected = sender
                .select_prepared(prepared, scratch)
                .expect("may be sent");
            assert!(selected.as_bytes().len() < prepared.as_bytes().len() / 2);
            let seen = receiving.events(selected.as_bytes(), &[]);
            assert_eq!(seen.len(), 1);
            assert!(
                seen == [Owned::Text(
                    String::from_utf8_lossy(prepared.payload()).into()
                )]
            );
            if Arc::ptr_eq(prepared, &long) {
                shared.push((bits, Arc::clone(selected)));
            }
            let after = "after: symbol AAPL, before";
            let bytes = sending.bytes(|s, scratch, out| s.encode_text(after, scratch, out));
            assert_eq!(receiving.events(&bytes, &[]), [Owned::Text(after.into())]);
        }
    }
    for (bits, selected) in &shared {
        for (other_bits, other) in &shared {
            assert_eq!(
                Arc::ptr_eq(selected, other),
                bits == other_bits,
                "{bits} {other_bits}"
            );
        }
    }
    // A connection without compression, and a message that is too short for it, get the frame itself.
    let mut plain = Sender::new(Role::Server);
    let mut sending = Sending::new(
        Role::Server,
        &parameters(15, false),
        &DeflateConfig::shared(),
    );
    let selected = plain
        .select_prepared(&frame, &mut sending.scratch)
        .expect("may be sent");
    assert!(Arc::ptr_eq(selected, &frame));
    let short = Arc::new(PreparedFrame::text("short"));
    let (sender, scratch) = (&mut sending.sender, &mut sending.scratch);
    let selected = sender
        .select_prepared(&short, scratch)
        .expect("may be sent");
    assert!(Arc::ptr_eq(selected, &short));
}

/// [`Compression`]: what was asked for shows in RSV1 (RFC 7692 §6)
#[test]
fn the_threshold_and_the_switch_decide_message_by_message() {
    let config = DeflateConfig::shared().threshold(100);
    let mut sending = Sending::new(Role::Server, &parameters(15, false), &config);
    let (short, long) = ("a".repeat(99), "a".repeat(100));
    let mut is_compressed = |text: &str, choice: Compression| {
        let bytes = sending.bytes(|s, scratch, out| s.encode_text_with(text, choice, scratch, out));
        bytes[0] == 0xC1
    };
    for (text, choice, expected) in [
        (&short, Compression::Auto, false),
        (&long, Compression::Auto, true),
        (&short, Compression::Always, true),
        (&long, Compression::Never, false),
    ] {
        assert_eq!(is_compressed(text, choice), expected, "{choice:?}");
    }
    // Nothing repeats here: it would become longer.
    let unique: Vec<u8> = (0..=255).collect();
    for (choice, first) in [(Compression::Auto, 0x82), (Compression::Always, 0xC2)] {
        let bytes =
            sending.bytes(|s, scratch, out| s.encode_binary_with(&unique, choice, scratch, out));
        assert_eq!(bytes[0], first, "{choice:?}");
    }
    // Without a negotiation, whatever is asked for.
    let mut plain = Sending::new(Role::Server, &parameters(8, false), &config);
    let bytes =
        plain.bytes(|s, scratch, out| s.encode_text_with(&long, Compression::Always, scratch, out));
    assert_eq!(bytes[0], 0x81, "nothing compresses with a window of 8 bits");
}

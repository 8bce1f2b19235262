//! The examples of RFC 7692 §7.2.3, byte for byte, in both directions where ours are the same.

use ws_core::{Compression, Limits, Role, extension::DeflateParameters};

use super::{Receiving, Sending, eager};
use crate::wire::Owned;

/// What a client makes of the frames of a server.
fn received(frames: &[&[u8]]) -> Vec<Owned> {
    let parameters = DeflateParameters::default();
    let mut receiving = Receiving::new(Role::Client, &parameters, Limits::default());
    let stream = frames.concat();
    let whole = receiving.events(&stream, &[]);
    let mut receiving = Receiving::new(Role::Client, &parameters, Limits::default());
    assert_eq!(receiving.events(&stream, &vec![1; stream.len()]), whole);
    whole
}

fn hello() -> Owned {
    Owned::Text("Hello".into())
}

fn server() -> Sending {
    Sending::new(Role::Server, &DeflateParameters::default(), &eager())
}

const HELLO: [u8; 9] = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
/// "Hello" once more, as a reference to the first one.
const AGAIN: [u8; 7] = [0xC1, 0x05, 0xF2, 0x00, 0x11, 0x00, 0x00];

/// §7.2.3.1
#[test]
fn a_message_compressed_using_one_block() {
    assert_eq!(received(&[&HELLO]), [hello()]);
    let sent = server().bytes(|s, scratch, output| s.encode_text("Hello", scratch, output));
    assert_eq!(sent, HELLO);
    let fragments: [&[u8]; 2] = [
        &[0x41, 0x03, 0xF2, 0x48, 0xCD],
        &[0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00],
    ];
    assert_eq!(received(&fragments), [hello()]);
}

/// §7.2.3.2
#[test]
fn sharing_the_sliding_window() {
    assert_eq!(received(&[&HELLO, &AGAIN]), [hello(), hello()]);
    assert_eq!(received(&[&HELLO, &HELLO]), [hello(), hello()]);
    let mut server = server();
    let mut send = || server.bytes(|s, scratch, output| s.encode_text("Hello", scratch, output));
    assert_eq!([send(), send()], [HELLO.to_vec(), AGAIN.to_vec()]);
}

/// §7.2.3.3
#[test]
fn a_block_without_compression() {
    let frame = [
        0xC1, 0x0B, 0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00,
    ];
    assert_eq!(received(&[&frame]), [hello()]);
}

/// §7.2.3.4: and the context goes on behind it
#[test]
fn a_block_with_bfinal_set() {
    let frame = [0xC1, 0x08, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    assert_eq!(received(&[&frame]), [hello()]);
    assert_eq!(received(&[&frame, &AGAIN]), [hello(), hello()]);
    // Two of them in one message, the second with a reference into the first.
    let twice = [
        &[0xC1, 0x0C][..],
        &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        &[0xF3, 0x00, 0x11, 0x00, 0x00],
    ]
    .concat();
    assert_eq!(received(&[&twice]), [Owned::Text("HelloHello".into())]);
}

/// §7.2.3.5
#[test]
fn two_blocks_in_one_message() {
    let frame = [
        0xC1, 0x0D, 0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
    ];
    assert_eq!(received(&[&frame]), [hello()]);
}

/// §7.2.3.6
#[test]
fn an_empty_message() {
    let frame = [0xC1, 0x01, 0x00];
    assert_eq!(received(&[&frame]), [Owned::Text(String::new())]);
    let always = Compression::Always;
    let mut server = server();
    for _ in 0..3 {
        let sent =
            server.bytes(|s, scratch, output| s.encode_text_with("", always, scratch, output));
        assert_eq!(sent, frame);
    }
    let nothing_at_all = [0xC1, 0x00];
    assert_eq!(received(&[&nothing_at_all]), [Owned::Text(String::new())]);
}

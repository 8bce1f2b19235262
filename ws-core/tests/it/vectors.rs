//! The examples of RFC 6455 §5.7, byte for byte, in both directions.

use crate::wire::{Owned, events};
use ws_core::{CloseCode, CloseFrame, Limits, PreparedFrame, Role, SendError, SendScratch, Sender};

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

fn received_by(role: Role, bytes: &[u8]) -> Vec<Owned> {
    events(role, &Limits::default(), bytes, &[])
}

fn encoded(
    role: Role,
    encode: impl FnOnce(&mut Sender, &mut SendScratch, &mut Vec<u8>) -> Result<(), SendError>,
) -> Vec<u8> {
    let mut scratch = SendScratch::client(Box::new(|| KEY));
    let mut output = Vec::new();
    encode(&mut Sender::new(role), &mut scratch, &mut output).expect("encodes");
    output
}

#[test]
fn a_single_frame_unmasked_text_message() {
    let bytes = [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F];
    assert_eq!(
        received_by(Role::Client, &bytes),
        [Owned::Text("Hello".into())]
    );
    assert_eq!(
        encoded(Role::Server, |s, scratch, out| s
            .encode_text("Hello", scratch, out)),
        bytes
    );
    assert_eq!(PreparedFrame::text("Hello").as_bytes(), bytes);
}

#[test]
fn a_single_frame_masked_text_message() {
    let bytes = [
        0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
    ];
    assert_eq!(
        received_by(Role::Server, &bytes),
        [Owned::Text("Hello".into())]
    );
    assert_eq!(
        encoded(Role::Client, |s, scratch, out| s
            .encode_text("Hello", scratch, out)),
        bytes
    );
}

#[test]
fn a_fragmented_unmasked_text_message() {
    let bytes = [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F];
    assert_eq!(
        received_by(Role::Client, &bytes),
        [Owned::Text("Hello".into())]
    );
    let sent = encoded(Role::Server, |s, scratch, out| {
        s.encode_text_fragment("Hel", false, scratch, out)?;
        s.encode_text_fragment("lo", true, scratch, out)
    });
    assert_eq!(sent, bytes);
}

#[test]
fn an_unmasked_ping_and_its_masked_pong() {
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F];
    let pong = [
        0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
    ];
    assert_eq!(
        received_by(Role::Client, &ping),
        [Owned::Ping(b"Hello".into())]
    );
    assert_eq!(
        received_by(Role::Server, &pong),
        [Owned::Pong(b"Hello".into())]
    );
    assert_eq!(
        encoded(Role::Server, |s, scratch, out| s
            .encode_ping(b"Hello", scratch, out)),
        ping
    );
    assert_eq!(
        encoded(Role::Client, |s, scratch, out| s
            .encode_pong(b"Hello", scratch, out)),
        pong
    );
}

#[test]
fn binary_messages_of_256_bytes_and_64_kib() {
    for (length, header) in [
        (256, &[0x82, 0x7E, 0x01, 0x00][..]),
        (65_536, &[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let data: Vec<u8> = (0..length).map(|i: u32| i.to_le_bytes()[0]).collect();
        let bytes = [header, &data].concat();
        assert_eq!(
            received_by(Role::Client, &bytes),
            [Owned::Binary(data.clone())]
        );
        assert_eq!(
            encoded(Role::Server, |s, scratch, out| s
                .encode_binary(&data, scratch, out)),
            bytes
        );
        assert_eq!(PreparedFrame::binary(&data).as_bytes(), bytes);
    }
}

/// §5.5.1
#[test]
fn a_close_with_code_and_reason() {
    let bytes = [0x88, 0x05, 0x03, 0xE8, b'b', b'y', b'e'];
    assert_eq!(
        received_by(Role::Client, &bytes),
        [Owned::Close(Some((1000, "bye".into())))]
    );
    let frame = CloseFrame {
        code: CloseCode::NORMAL,
        reason: "bye",
    };
    assert_eq!(
        encoded(Role::Server, |s, scratch, out| s.encode_close(
            Some(frame),
            scratch,
            out
        )),
        bytes
    );
    assert_eq!(
        encoded(Role::Server, |s, scratch, out| s
            .encode_close(None, scratch, out)),
        [0x88, 0x00]
    );
}

//! ws-client against echo servers that we did not write.

use ws_client::{Client, CloseCode, Message};
use ws_tests::{
    payload::{self, Payload},
    wait::TIMEOUT,
};

use crate::support::{client, peer::Peer};

/// Around every length that is written in another way, up to 16 MiB.
const SIZES: [usize; 13] = [
    0,
    1,
    2,
    125,
    126,
    127,
    1_000,
    65_535,
    65_536,
    65_537,
    1 << 20,
    5_000_000,
    16 << 20,
];
/// Cuts that fall into the middle of characters, and an empty piece at either end.
const PIECES: usize = 7;

fn check_all(server: Peer) {
    let (_server, url) = server.echo_server();
    for path in ["/", "/fragments"] {
        let mut client = Client::connect(&format!("{url}{path}")).unwrap();
        for size in SIZES {
            for sent in [
                Payload::Text(payload::text(size, size)),
                Payload::Binary(payload::binary(size, size)),
            ] {
                client::send(&mut client, &sent);
                client::expect_echo(&mut client, &sent);
                send_in_fragments(&mut client, &sent);
                client::expect_echo(&mut client, &sent);
            }
        }
        check_pings(&mut client);
        client.close(CloseCode::NORMAL, "done").unwrap();
        assert_eq!(
            client.close_received().map(|close| close.code),
            Some(CloseCode::NORMAL)
        );
    }
}

fn send_in_fragments(client: &mut Client, payload: &Payload) {
    match payload {
        Payload::Binary(data) => {
            client.send_binary_fragment(&[], false).unwrap();
            for piece in data.chunks(data.len() / PIECES + 1) {
                client.send_binary_fragment(piece, false).unwrap();
            }
            client.send_binary_fragment(&[], true).unwrap();
        }
        // The API takes whole characters in each text fragment; the servers cut theirs anywhere.
        Payload::Text(text) => {
            client.send_text_fragment("", false).unwrap();
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let cut = rest.ceil_char_boundary(text.len() / PIECES + 1);
                client.send_text_fragment(&rest[..cut], false).unwrap();
                rest = &rest[cut..];
            }
            client.send_text_fragment("", true).unwrap();
        }
    }
}

/// Every size a ping may have, one after the other: of unread pongs the client keeps only the newest.
fn check_pings(client: &mut Client) {
    for size in 0..=125 {
        let payload = payload::binary(size, 1 + size);
        client.send_ping(&payload).unwrap();
        assert_eq!(
            client.receive(TIMEOUT).unwrap(),
            Some(Message::Pong(payload))
        );
    }
}

/// 0 B to 16 MiB, text and binary, in fragments in both directions; pings of every size.
#[test]
fn python_echoes_everything() {
    check_all(Peer::Python);
}

/// 0 B to 16 MiB, text and binary, in fragments in both directions; pings of every size.
#[test]
fn node_echoes_everything() {
    check_all(Peer::Node);
}

//! Sends and compares with ws-client.

use ws_client::{Client, Message};
use ws_tests::{payload::Payload, wait::TIMEOUT};

pub(crate) fn send(client: &mut Client, payload: &Payload) {
    let sent = match payload {
        Payload::Text(text) => client.send_text(text),
        Payload::Binary(data) => client.send_binary(data),
    };
    sent.unwrap_or_else(|error| panic!("cannot send {} bytes: {error}", payload.as_bytes().len()));
}

/// The next message is of the same kind and has the same bytes as `sent`.
pub(crate) fn expect_echo(client: &mut Client, sent: &Payload) {
    let size = sent.as_bytes().len();
    let received = match receive(client) {
        Message::Text(text) => Payload::Text(text),
        Message::Binary(data) => Payload::Binary(data),
        other => panic!("{size} bytes came back as {other:?}"),
    };
    // Not assert_eq: nobody wants to read megabytes.
    assert!(
        received == *sent,
        "{size} bytes came back as {} other ones",
        received.as_bytes().len()
    );
}

/// The next message that is no ping.
pub(crate) fn receive(client: &mut Client) -> Message {
    loop {
        match client.receive(TIMEOUT) {
            Ok(Some(Message::Ping(_))) => {}
            Ok(Some(message)) => return message,
            Ok(None) => panic!("nothing came within {TIMEOUT:?}"),
            Err(error) => panic!("{error}"),
        }
    }
}

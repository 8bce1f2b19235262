//! ws-client as a program uses it that says something and waits for the answer.

use std::time::Duration;

use ws_client::{Client, Error, Message};
use ws_tests::bench::{client::EchoClient, traffic::Kind};

struct Talking {
    client: Client,
    payloads: Vec<Payload>,
}

enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

/// A client of the echo server at this port of the loopback address.
pub(crate) fn open(port: u16, kind: Kind, payloads: Vec<Vec<u8>>) -> Box<dyn EchoClient> {
    let client = Client::connect(&format!("ws://127.0.0.1:{port}/"));
    let payload = |bytes| match kind {
        Kind::Binary => Payload::Binary(bytes),
        Kind::Ascii | Kind::Mixed => {
            Payload::Text(String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}")))
        }
    };
    Box::new(Talking {
        client: client.unwrap_or_else(|error| panic!("{error}")),
        payloads: payloads.into_iter().map(payload).collect(),
    })
}

impl Talking {
    fn try_echo(&mut self, number: usize) -> Result<bool, Error> {
        let payload = &self.payloads[number];
        match payload {
            Payload::Text(text) => self.client.send_text(text)?,
            Payload::Binary(data) => self.client.send_binary(data)?,
        }
        let answer = self.client.receive(PATIENCE)?;
        Ok(match (&answer, payload) {
            (Some(Message::Text(answer)), Payload::Text(text)) => answer == text,
            (Some(Message::Binary(answer)), Payload::Binary(data)) => answer == data,
            _ => false,
        })
    }
}

impl EchoClient for Talking {
    fn echo(&mut self, number: usize) {
        let is_right = self.try_echo(number);
        assert!(
            is_right.unwrap_or_else(|error| panic!("{error}")),
            "the echo differs"
        );
    }
}

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(20);

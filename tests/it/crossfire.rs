//! Client and server send each other 64 MiB at once, and neither reads before it has sent everything.

use std::sync::mpsc::{self, Sender};

use ws_client::{Client, CloseCode, ConnectRequest, Message as Received};
use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, CloseInfo, Config, Context, Flow, Handler, Message, Server};
use ws_tests::{
    payload,
    wait::{self, TIMEOUT},
};

const MESSAGES: usize = 64;
const BYTES: usize = 1 << 20;
/// Two times all messages: room for what is on its way in either direction.
const ROOM: usize = 2 * MESSAGES * BYTES;
/// A ping goes out after each of so many messages.
const PING_AFTER: usize = 16;

fn from_server(number: usize) -> Vec<u8> {
    payload::binary(BYTES, number)
}

fn from_client(number: usize) -> Vec<u8> {
    payload::binary(BYTES, 1_000 + number)
}

/// What the server saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message(usize),
    Pong(Vec<u8>),
    Closed(CloseCode),
}

/// Sends everything as soon as the connection is open, and reports what comes.
struct Flood {
    seen: Sender<Seen>,
}

impl Handler for Flood {
    /// Messages received.
    type Connection = usize;
    type Command = ();

    fn on_open(
        &mut self,
        context: &mut Context<'_, usize>,
        _: &Request,
    ) -> Result<Accepted<usize>, HttpAnswer> {
        for number in 0..MESSAGES {
            context.send_binary(&from_server(number)).unwrap();
            if number % PING_AFTER == 0 {
                context.send_ping(&number.to_be_bytes()).unwrap();
            }
        }
        Ok(Accepted::new(0))
    }

    fn on_message(
        &mut self,
        _: &mut Context<'_, usize>,
        count: &mut usize,
        message: Message<'_>,
    ) -> Flow {
        assert!(
            matches!(message, Message::Binary(data) if data == from_client(*count)),
            "message {count}"
        );
        let _ = self.seen.send(Seen::Message(*count));
        *count += 1;
        Flow::Continue
    }

    fn on_pong(&mut self, _: &mut Context<'_, usize>, _: &mut usize, payload: &[u8]) {
        let _ = self.seen.send(Seen::Pong(payload.to_vec()));
    }

    fn on_close(&mut self, _: &mut Context<'_, usize>, _: usize, info: CloseInfo<'_>) {
        let _ = self.seen.send(Seen::Closed(info.code));
    }
}

#[test]
fn both_sides_send_64_mebibytes_at_once() {
    let (seen, saw) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0", Config::default().send_queue_bytes(ROOM)).unwrap();
    let address = server.local_addr();
    let mut running = server.spawn(move |_| Flood { seen: seen.clone() }).unwrap();

    let config = ws_client::Config::default().max_queued_bytes(ROOM);
    let request = ConnectRequest::new(&format!("ws://{address}/"))
        .unwrap()
        .config(config);
    let mut client = Client::connect_with(&request).unwrap();
    for number in 0..MESSAGES {
        client.send_binary(&from_client(number)).unwrap();
        if number % PING_AFTER == 0 {
            client.send_ping(&number.to_be_bytes()).unwrap();
        }
    }

    // Of unread pings, and of unread pongs, the client keeps only the newest.
    let (mut messages, mut pings, mut pongs) = (0, Vec::new(), Vec::new());
    let last_ping = (MESSAGES - PING_AFTER).to_be_bytes().to_vec();
    while messages < MESSAGES
        || pings.last() != Some(&last_ping)
        || pongs.last() != Some(&last_ping)
    {
        match client.receive(TIMEOUT).unwrap() {
            Some(Received::Binary(data)) => {
                assert!(
                    data == from_server(messages),
                    "message {messages} is not what was sent"
                );
                messages += 1;
            }
            Some(Received::Ping(payload)) => pings.push(payload),
            Some(Received::Pong(payload)) => pongs.push(payload),
            other => panic!("{messages} messages, then {other:?}"),
        }
    }
    client.close(CloseCode::NORMAL, "").unwrap();

    let seen: Vec<_> = wait::all(&saw, |seen| matches!(seen, Seen::Closed(_)));
    let messages = seen.iter().filter(|seen| matches!(seen, Seen::Message(_)));
    assert!(messages.eq((0..MESSAGES).map(Seen::Message).collect::<Vec<_>>().iter()));
    // While the socket pushes back only the newest pong is kept: the last one always comes.
    let last_pong = seen.iter().rfind(|seen| matches!(seen, Seen::Pong(_)));
    assert_eq!(last_pong, Some(&Seen::Pong(last_ping)));
    assert_eq!(seen.last(), Some(&Seen::Closed(CloseCode::NORMAL)));
    running.stop(TIMEOUT).unwrap();
}

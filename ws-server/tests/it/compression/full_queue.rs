//! A message that a full queue refuses is in no context: what was accepted arrives whole and in order, and so does all
//! that comes after it.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
};

use ws_core::{
    Compression, PreparedFrame,
    extension::{DeflateConfig, DeflateOffer, WindowBits},
    handshake::{HttpAnswer, Request},
};
use ws_server::{
    Accepted, Config, Connections, Context, Flow, Handler, Message, SendError, Server,
    mailbox::{Mailbox, MailboxConfig, MailboxError},
};

use super::Client;
use crate::peer::PATIENCE;

const QUEUE_BYTES: usize = 64 << 10;
/// Refusals of each way of sending in a round.
const REFUSALS: usize = 5;

/// Half of it is noise, so that a queue gets full; the rest is like what was said before, so that it refers to it.
fn text(number: usize) -> String {
    let mut state = number as u64 * 2 + 1;
    let mut text = format!("message {number}: ");
    while text.len() < 2000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text += &format!("{{\"symbol\":\"WS\",\"key\":\"{state:016x}\"}},");
    }
    text
}

/// Sends until the queue of its one connection is full, in every way there is.
struct Feed {
    number: usize,
}

/// Tells which messages were accepted.
struct Fill(mpsc::Sender<Vec<usize>>);

impl Feed {
    fn send(&mut self, connections: &mut Connections<()>) -> (usize, bool) {
        self.number += 1;
        let text = text(self.number);
        let frame = Arc::new(PreparedFrame::text(&text));
        let id = connections.ids().next().unwrap();
        let result = match self.number % 4 {
            0 => connections.send_text(id, &text),
            1 => connections.send_with(id, Message::Text(&text), Compression::Always),
            2 => connections.send_prepared(id, &frame),
            _ => {
                let taken = connections.broadcast_prepared(&frame);
                return (self.number, taken == 1);
            }
        };
        let is_accepted = match result {
            Ok(()) => true,
            Err(SendError::QueueFull { .. }) => false,
            Err(error) => panic!("{error}"),
        };
        (self.number, is_accepted)
    }
}

impl Handler for Feed {
    type Connection = ();
    type Command = Fill;

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        (): &mut (),
        message: Message<'_>,
    ) -> Flow {
        context.send(message).unwrap();
        Flow::Continue
    }

    fn on_command(&mut self, connections: &mut Connections<()>, Fill(done): Fill) {
        let (mut accepted, mut refused) = (Vec::new(), 0);
        while refused < 4 * REFUSALS {
            match self.send(connections) {
                (number, true) => accepted.push(number),
                (_, false) => refused += 1,
            }
        }
        done.send(accepted).unwrap();
    }
}

fn configs() -> [DeflateConfig; 3] {
    let nine = WindowBits::new(9).unwrap();
    [
        DeflateConfig::dedicated(),
        DeflateConfig::compact(),
        DeflateConfig::dedicated().window_bits(nine),
    ]
}

fn server(config: DeflateConfig) -> Config {
    Config::default()
        .compression(Some(config))
        .low_water_bytes(QUEUE_BYTES / 4)
        .high_water_bytes(QUEUE_BYTES / 2)
        .send_queue_bytes(QUEUE_BYTES)
}

/// In the loop: each way of sending is refused several times between messages that are not.
#[test]
fn what_a_full_queue_refuses_is_not_in_the_context() {
    for config in configs() {
        let running = Server::bind("127.0.0.1:0", server(config))
            .unwrap()
            .spawn(|_| Feed { number: 0 })
            .unwrap();
        let mut client = Client::open(running.local_addr(), Some(DeflateOffer::default()));
        for round in 0..5 {
            let (done, accepted) = mpsc::channel();
            running.commands(0).unwrap().send(Fill(done)).unwrap();
            let accepted = accepted.recv_timeout(PATIENCE).unwrap();
            assert!(accepted.len() > 10, "{} messages", accepted.len());
            for number in accepted {
                let (got, is_compressed, _) = client.receive();
                assert!(
                    is_compressed && got == text(number),
                    "round {round}, message {number}: {got}"
                );
            }
            client.send(&text(round));
            assert_eq!(client.receive().0, text(round));
        }
    }
}

/// In other threads' calls: what the mailbox refuses never reaches the loop.
#[test]
fn what_a_mailbox_refuses_is_not_in_the_context() {
    for config in configs() {
        let config = MailboxConfig::default().server(server(config));
        let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
        let mut client = Client::open(mailbox.local_addr(), Some(DeflateOffer::default()));
        client.send("who");
        let id = mailbox.next(PATIENCE).unwrap().unwrap().id;
        let (mut number, mut refused) = (0, 0);
        let mut accepted = VecDeque::new();
        while refused < 100 {
            number += 1;
            let sent = text(number);
            let message = Message::Text(&sent);
            let is_accepted = if number % 2 == 0 {
                mailbox.broadcast(message, None).unwrap().sent == [id]
            } else {
                match mailbox.send(id, message) {
                    Ok(()) => true,
                    Err(MailboxError::QueueFull { .. }) => false,
                    Err(error) => panic!("{error}"),
                }
            };
            if is_accepted {
                accepted.push_back(number);
                continue;
            }
            refused += 1;
            // Makes room, so that accepted and refused ones alternate.
            for _ in 0..3 {
                if let Some(expected) = accepted.pop_front() {
                    assert!(client.receive().0 == text(expected), "message {expected}");
                }
            }
        }
        for expected in accepted {
            assert!(client.receive().0 == text(expected), "message {expected}");
        }
    }
}

//! Echoes every message from a thread of its own, outside the event loop:
//! `cargo run --release -p ws-server --example mailbox -- 127.0.0.1:9894`.

#![expect(clippy::print_stderr, reason = "a program tells where it listens")]

use std::{env, error::Error, time::Duration};

use ws_server::{
    Message,
    mailbox::{Mailbox, MailboxConfig, MailboxError, MessageKind},
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let mailbox = Mailbox::start(
        address.as_deref().unwrap_or("127.0.0.1:9894"),
        MailboxConfig::default(),
    )?;
    eprintln!("listening on {}", mailbox.local_addr());
    while let Some(received) = mailbox.next(Duration::MAX)? {
        let answer = match (received.kind, str::from_utf8(&received.payload)) {
            (MessageKind::Text, Ok(text)) => Message::Text(text),
            _ => Message::Binary(&received.payload),
        };
        match mailbox.send(received.id, answer) {
            // Gone meanwhile: there is nobody to answer.
            Ok(()) | Err(MailboxError::Closed { .. } | MailboxError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

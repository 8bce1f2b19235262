//! Sends every message that a client sends to all clients, itself included:
//! `cargo run --release -p ws-server --example broadcast -- 127.0.0.1:9894`.

#![expect(clippy::print_stderr, reason = "a program tells where it listens")]

use std::{env, error::Error};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};

struct Everybody;

impl Handler for Everybody {
    type Connection = ();
    type Command = ();

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
        _: &mut (),
        message: Message<'_>,
    ) -> Flow {
        // Who reads too slowly is left out. With more than one worker each has its own connections: see `Config::workers`.
        match message {
            Message::Text(text) => context.connections().broadcast_text(text),
            Message::Binary(data) => context.connections().broadcast_binary(data),
        };
        Flow::Continue
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let config = Config::default().max_connections(100_000);
    let server = Server::bind(address.as_deref().unwrap_or("127.0.0.1:9894"), config)?;
    eprintln!("listening at ws://{}", server.local_addr());
    server.run(|_| Everybody)?;
    Ok(())
}

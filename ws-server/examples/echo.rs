//! Echoes every message: `cargo run --release -p ws-server --example echo -- 127.0.0.1:9894 [workers]`.

#![expect(clippy::print_stderr, reason = "a program tells where it listens")]

use std::{env, error::Error, process::ExitCode};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};

struct Echo;

impl Handler for Echo {
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
        // Cannot be refused: a connection is only read while its send queue has room for an answer of this size.
        if context.send(message).is_err() {
            context.abort();
        }
        Flow::Continue
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9894".into());
    let workers = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let config = Config::default().workers(workers).max_connections(100_000);
    let server = Server::bind(address.as_str(), config)?;
    eprintln!("listening at ws://{}", server.local_addr());
    server.run(|_| Echo)?;
    Ok(())
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}

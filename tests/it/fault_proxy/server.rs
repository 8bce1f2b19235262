//! An echo server that writes down what it received from whom.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{
    Accepted, CloseInfo, Config, Context, Flow, Handler, Message, Running, SendError, Server,
};
use ws_tests::payload::Payload;

/// What all servers of a test have seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// By the path of the request.
    received: HashMap<String, Vec<Payload>>,
    open: usize,
}

impl Witness {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a server that tells this witness.
    pub(super) fn serve(&self, config: Config) -> Running<()> {
        let server = Server::bind("127.0.0.1:0", config).unwrap();
        server.spawn(|_| self.clone()).unwrap()
    }

    /// What the client has sent that asked for `path`.
    pub(super) fn received(&self, path: &str) -> Vec<Payload> {
        self.seen().received.get(path).cloned().unwrap_or_default()
    }

    /// Connections that have been opened and not ended.
    pub(super) fn open(&self) -> usize {
        self.seen().open
    }
}

impl Handler for Witness {
    type Connection = String;
    type Command = ();

    fn on_open(
        &mut self,
        _: &mut Context<'_, String>,
        request: &Request,
    ) -> Result<Accepted<String>, HttpAnswer> {
        self.seen().open += 1;
        Ok(Accepted::new(request.path().to_owned()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, String>,
        path: &mut String,
        message: Message<'_>,
    ) -> Flow {
        let payload = match message {
            Message::Text(text) => Payload::Text(text.to_owned()),
            Message::Binary(data) => Payload::Binary(data.to_owned()),
        };
        let mut seen = self.seen();
        seen.received.entry(path.clone()).or_default().push(payload);
        drop(seen);
        match context.send(message) {
            // The peer may be gone, and what it sent before is still read.
            Ok(()) | Err(SendError::Closed) => {}
            Err(error) => panic!("{path}: an echo was refused: {error}"),
        }
        Flow::Continue
    }

    fn on_close(&mut self, _: &mut Context<'_, String>, _: String, _: CloseInfo<'_>) {
        self.seen().open -= 1;
    }
}

//! An echo server of ws-server in this process, and certificates for it.

use std::{
    net::SocketAddr,
    sync::mpsc::{Receiver, Sender, channel},
};

use ws_core::{
    handshake::{HttpAnswer, Request},
    tls::{Certificates, ClientCertificates, ClientTls, Identity, ServerTls},
};
use ws_server::{
    Accepted, CloseInfo, ClosedBy, Config, Context, Flow, Handler, Message, Running, Server,
};

use crate::wait::TIMEOUT;

/// A running echo server. The message `who am I` is answered with the peer's address.
#[derive(Debug)]
pub struct EchoServer {
    /// The server itself.
    pub running: Running<()>,
    closed: Receiver<ClosedBy>,
}

impl EchoServer {
    /// Starts it on a free port of the loopback address.
    pub fn start(config: Config) -> Self {
        let server = Server::bind("127.0.0.1:0", config)
            .unwrap_or_else(|error| panic!("cannot bind the echo server: {error}"));
        Self::run(server)
    }

    /// Runs a server that is bound.
    pub fn run(server: Server) -> Self {
        let (sender, closed) = channel();
        let running = server.spawn(|_| Echo {
            closed: sender.clone(),
        });
        let running =
            running.unwrap_or_else(|error| panic!("cannot start the echo server: {error}"));
        Self { running, closed }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    /// `HOST:PORT`, as a client's request says it.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.address().port())
    }

    /// How the next connection ended; waits for it.
    pub fn next_end(&self) -> ClosedBy {
        let end = self.closed.recv_timeout(TIMEOUT);
        end.unwrap_or_else(|error| panic!("no connection ended: {error}"))
    }

    /// Whether no connection ended that was not asked for.
    pub fn no_end(&self) -> bool {
        self.closed.try_recv().is_err()
    }
}

struct Echo {
    closed: Sender<ClosedBy>,
}

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
        (): &mut (),
        message: Message<'_>,
    ) -> Flow {
        let sent = if message == Message::Text("who am I") {
            context.send_text(&context.peer_address().to_string())
        } else {
            context.send(message)
        };
        if sent.is_err() {
            context.abort();
        }
        Flow::Continue
    }

    fn on_close(&mut self, _: &mut Context<'_, ()>, (): (), info: CloseInfo<'_>) {
        // Nobody may be interested.
        let _ = self.closed.send(info.by);
    }
}

/// A certificate that signs itself, with its key, as PEM.
#[derive(Debug, Clone)]
pub struct TestCertificate {
    /// The certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl TestCertificate {
    /// For these host names.
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)
            .unwrap_or_else(|error| panic!("no certificate: {error}"));
        Self {
            chain: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    /// What an endpoint shows.
    pub fn identity(&self) -> Identity {
        Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes())
            .unwrap_or_else(|error| panic!("unusable certificate: {error}"))
    }

    /// What an endpoint trusts.
    pub fn roots(&self) -> Certificates {
        Certificates::from_pem(self.chain.as_bytes())
            .unwrap_or_else(|error| panic!("unusable certificate: {error}"))
    }

    /// A server that shows it and ignores certificates of clients.
    pub fn server(&self) -> ServerTls {
        ServerTls::new(&[self.identity()], &ClientCertificates::Ignored)
            .unwrap_or_else(|error| panic!("unusable certificate: {error}"))
    }

    /// A client that trusts it alone.
    pub fn client(&self) -> ClientTls {
        ClientTls::new(&self.roots(), None)
            .unwrap_or_else(|error| panic!("unusable certificate: {error}"))
    }
}

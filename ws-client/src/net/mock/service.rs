//! Peers for a [`MockNet`](super::MockNet) that really answer: a WebSocket echo, an HTTP proxy, TLS around either.
//!
//! Each is bytes in, bytes out, so that a test decides how they are cut.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ws_core::handshake::{Accept, ServerHandshake, ServerStep};
use ws_core::tls::{Certificates, ClientCertificates, ClientTls, Identity, ServerTls, Tls};
use ws_core::{Connection, Event, Pressure, Role, Scratch, SendScratch};

use super::{Incoming, MockNet};
use crate::{HeadLimits, Limits};

/// A peer without a socket.
pub(crate) trait Service {
    /// Answers `bytes`; false once it has said all it will ever say.
    fn receive(&mut self, bytes: &[u8], answer: &mut Vec<u8>) -> bool;
}

/// Lets `service` answer on `net`, its bytes cut into pieces of `piece` at most; all that it has said is kept.
pub(crate) fn serve(net: &MockNet, mut service: impl Service + 'static, piece: usize) -> Said {
    let said = Said::default();
    let keeper = Said::clone(&said);
    net.answer_with(move |bytes| {
        let mut answer = Vec::new();
        let goes_on = service.receive(bytes, &mut answer);
        keeper.lock().unwrap().extend_from_slice(&answer);
        let mut incoming: Vec<_> = answer
            .chunks(piece)
            .map(|piece| Incoming::Bytes(piece.to_vec()))
            .collect();
        if !goes_on {
            incoming.push(Incoming::End);
        }
        incoming
    });
    said
}

/// Everything that a service has said.
pub(crate) type Said = Arc<Mutex<Vec<u8>>>;

/// Opens any handshake and echoes messages; ends after the closing handshake.
pub(crate) struct Echo {
    handshake: Option<ServerHandshake>,
    connection: Connection,
    scratch: Scratch,
    send_scratch: SendScratch,
    /// Sent together with the 101.
    greeting: &'static str,
}

impl Echo {
    pub(crate) fn new() -> Self {
        Self::greeting("")
    }

    pub(crate) fn greeting(greeting: &'static str) -> Self {
        Self {
            handshake: Some(ServerHandshake::new()),
            connection: Connection::new(Role::Server),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::server(),
            greeting,
        }
    }
}

impl Service for Echo {
    fn receive(&mut self, bytes: &[u8], answer: &mut Vec<u8>) -> bool {
        let (receiver, sender) = self.connection.split();
        if let Some(handshake) = &mut self.handshake {
            match handshake.receive(bytes, &HeadLimits::default()) {
                ServerStep::NeedMore => return true,
                ServerStep::Request(request) => {
                    request.encode_accept(&Accept::default(), answer).unwrap();
                }
                other => panic!("{other:?}"),
            }
            self.handshake = None;
            if !self.greeting.is_empty() {
                sender
                    .encode_text(self.greeting, &mut self.send_scratch, answer)
                    .unwrap();
            }
            return true;
        }
        let mut input = bytes.to_vec();
        let mut receive = receiver.receive(&mut input, &mut self.scratch);
        while let Some(event) = receive.next() {
            let sent = match event.unwrap() {
                Event::Text(text) => sender.encode_text(text, &mut self.send_scratch, answer),
                Event::Binary(data) => sender.encode_binary(data, &mut self.send_scratch, answer),
                _ => Ok(()),
            };
            sent.unwrap();
            if let Some(reply) = receive.take_reply() {
                sender
                    .encode_reply(reply, Pressure::Clear, &mut self.send_scratch, answer)
                    .unwrap();
            }
        }
        !sender.close_sent()
    }
}

/// Reads a `CONNECT`, answers it, and passes everything else on.
pub(crate) struct HttpProxy<S> {
    head: Vec<u8>,
    answer: &'static str,
    is_open: bool,
    target: S,
    pub(crate) seen: Said,
}

impl<S> HttpProxy<S> {
    pub(crate) fn new(answer: &'static str, target: S) -> Self {
        Self {
            head: Vec::new(),
            answer,
            is_open: false,
            target,
            seen: Said::default(),
        }
    }
}

impl<S: Service> Service for HttpProxy<S> {
    fn receive(&mut self, bytes: &[u8], answer: &mut Vec<u8>) -> bool {
        if self.is_open {
            return self.target.receive(bytes, answer);
        }
        self.head.extend_from_slice(bytes);
        if self.head.ends_with(b"\r\n\r\n") {
            *self.seen.lock().unwrap() = self.head.clone();
            answer.extend_from_slice(self.answer.as_bytes());
            self.is_open = true;
        }
        true
    }
}

/// TLS around another service.
pub(crate) struct Encrypted<S> {
    tls: Tls,
    /// What it sends in one record at most.
    record: usize,
    inner: S,
    ended: bool,
}

impl<S> Encrypted<S> {
    pub(crate) fn new(server: &ServerTls, record: usize, inner: S) -> Self {
        Self {
            tls: Tls::server(server).unwrap(),
            record,
            inner,
            ended: false,
        }
    }

    /// Whether the client has said that nothing more will come.
    pub(crate) fn close_received(&self) -> bool {
        self.tls.close_received()
    }
}

impl<S: Service> Service for Encrypted<S> {
    fn receive(&mut self, bytes: &[u8], answer: &mut Vec<u8>) -> bool {
        let mut plaintext = Vec::new();
        if self.tls.receive(bytes, &mut plaintext, answer).is_err() {
            return false;
        }
        let mut said = Vec::new();
        if !self.ended && !plaintext.is_empty() {
            self.ended = !self.inner.receive(&plaintext, &mut said);
        }
        for record in said.chunks(self.record) {
            self.tls.send(record, answer).unwrap();
        }
        if self.ended {
            self.tls.close(answer);
        }
        !self.ended && !self.tls.close_received()
    }
}

/// Certificates of an authority that exists while the tests run.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    servers: Mutex<BTreeMap<&'static str, ServerTls>>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        Self {
            issuer: issuer.unwrap(),
            servers: Mutex::default(),
        }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Chain and key of a certificate for `name`.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// One for each name: the tests make thousands of connections.
    pub(crate) fn server(&self, name: &'static str) -> ServerTls {
        let mut servers = self.servers.lock().unwrap();
        let make = || self.server_asking(name, &ClientCertificates::Ignored);
        servers.entry(name).or_insert_with(make).clone()
    }

    pub(crate) fn server_asking(&self, name: &str, clients: &ClientCertificates) -> ServerTls {
        let (chain, key) = self.issue(name);
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        ServerTls::new(&[identity], clients).unwrap()
    }

    pub(crate) fn certificates(&self) -> Certificates {
        Certificates::from_pem(self.pem().as_bytes()).unwrap()
    }

    /// A client that trusts only this authority.
    pub(crate) fn client(&self, name: &str) -> Tls {
        let config = ClientTls::new(&self.certificates(), None).unwrap();
        Tls::client(&config, name).unwrap()
    }
}

/// The one authority of all tests.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);
    &AUTHORITY
}

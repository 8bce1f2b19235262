//! Our servers, our codec and our client.

mod client;
mod codec;

use std::{env, fs, thread, time::Duration};

use ws_core::{
    KeepaliveConfig,
    handshake::{HttpAnswer, Request},
    tls::{ClientCertificates, Identity, ServerTls},
};
use ws_server::{
    Accepted, Config, Context, DeflateConfig, Flow, Handler, Message, Server,
    mailbox::{Mailbox, MailboxConfig, MailboxError, MessageKind},
};
use ws_tests::bench::server::{BACKLOG, Mode, announce, end_with_stdin};

pub(crate) use self::{client::open as open_client, codec::Codec};

/// `serve MODE [CHAIN KEY]`, where a mode may also be `mailbox` or `workers`.
pub(crate) fn serve(mode: &str, certificate: &[&str]) {
    let base = Config::default()
        .max_connections(20_000)
        .backlog(BACKLOG.unsigned_abs())
        // The load generator does not answer pings, which must not come while it opens thousands of connections.
        .keepalive(KeepaliveConfig::default().interval(Some(LONG)));
    let config = match (mode, Mode::named(mode)) {
        ("mailbox", _) => return serve_mailbox(base),
        ("workers", _) => base.workers(2),
        (_, Some(Mode::Tls)) => base.tls(tls(certificate)),
        (_, Some(Mode::Deflate)) => base.compression(Some(DeflateConfig::shared().threshold(0))),
        (_, Some(Mode::Echo | Mode::Broadcast)) => base,
        (other, None) => panic!("no mode {other:?}"),
    };
    let server = Server::bind("127.0.0.1:0", config).unwrap_or_else(|error| panic!("{error}"));
    announce(server.local_addr().port());
    thread::spawn(end_with_stdin);
    let ended = if mode == Mode::Broadcast.name() {
        server.run(|_| Answering::<true>)
    } else {
        server.run(|_| Answering::<false>)
    };
    ended.unwrap_or_else(|error| panic!("{error}"));
}

fn tls(files: &[&str]) -> ServerTls {
    let read = |path: &str| fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let [chain, key] = files else {
        panic!("serve tls CHAIN KEY")
    };
    let identity = Identity::from_pem(&read(chain), &read(key));
    identity
        .and_then(|identity| ServerTls::new(&[identity], &ClientCertificates::Ignored))
        .unwrap_or_else(|error| panic!("unusable certificate: {error}"))
}

/// Sends a message back, or to all.
struct Answering<const TO_ALL: bool>;

impl<const TO_ALL: bool> Handler for Answering<TO_ALL> {
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
        match message {
            Message::Text(text) if TO_ALL => {
                context.connections().broadcast_text(text);
            }
            Message::Binary(data) if TO_ALL => {
                context.connections().broadcast_binary(data);
            }
            message if context.send(message).is_err() => context.abort(),
            _ => {}
        }
        Flow::Continue
    }
}

/// As 1C works: one thread that polls and sends.
fn serve_mailbox(config: Config) {
    let mailbox = open_mailbox(config);
    announce(mailbox.local_addr().port());
    thread::spawn(end_with_stdin);
    consume(&mailbox);
}

/// Starts an echoing mailbox in this process; its port.
pub(crate) fn start_mailbox() -> u16 {
    let mailbox = open_mailbox(Config::default());
    let port = mailbox.local_addr().port();
    thread::spawn(move || consume(&mailbox));
    port
}

fn open_mailbox(config: Config) -> Mailbox {
    Mailbox::start("127.0.0.1:0", MailboxConfig::default().server(config))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn consume(mailbox: &Mailbox) {
    while let Ok(Some(received)) = mailbox.next(Duration::MAX) {
        let answer = match (received.kind, str::from_utf8(&received.payload)) {
            (MessageKind::Text, Ok(text)) => Message::Text(text),
            _ => Message::Binary(&received.payload),
        };
        match mailbox.send(received.id, answer) {
            Ok(()) | Err(MailboxError::Closed { .. } | MailboxError::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Longer than any cell.
const LONG: Duration = Duration::from_secs(3600);

/// This program.
pub(crate) fn program() -> std::path::PathBuf {
    env::current_exe().unwrap_or_else(|error| panic!("who am I? {error}"))
}

//! permessage-deflate through the event loop and the mailbox, seen by clients that look at frames.

mod full_queue;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, mpsc},
};

use ws_core::{
    Compression, Connection, Event, Limits, LoggingSettings, MaskingKeys, PreparedFrame, Role,
    Scratch, SendScratch,
    extension::{DeflateAgreement, DeflateConfig, DeflateOffer, WindowBits},
    handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits, HttpAnswer, Request},
};
use ws_server::{
    Accepted, Config, Connections, Context, Flow, Handler, Message, Server,
    mailbox::{Mailbox, MailboxConfig},
};

use crate::peer::{PATIENCE, connect};

/// A client that also keeps the frames it got, as they stood on the wire.
struct Client {
    stream: TcpStream,
    connection: Connection,
    agreed: Option<DeflateAgreement>,
    scratch: Scratch,
    send_scratch: SendScratch,
}

struct Keys(u32);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> [u8; 4] {
        self.0 = self.0.wrapping_mul(0x9e37_79b1).wrapping_add(1);
        self.0.to_be_bytes()
    }
}

impl Client {
    fn open(address: SocketAddr, offer: Option<DeflateOffer>) -> Self {
        let mut stream = connect(address);
        let mut request = ClientRequest::new("localhost", "/");
        if let Some(offer) = offer {
            request = request.deflate(offer);
        }
        let mut handshake = ClientHandshake::new(&request, [1; 16]).unwrap();
        stream.write_all(handshake.request()).unwrap();
        let agreed = loop {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).unwrap(), 1);
            if let ClientStep::Done { deflate, .. } =
                handshake.receive(&byte, &HeadLimits::default()).unwrap()
            {
                break deflate;
            }
        };
        let connection = match &agreed {
            None => Connection::new(Role::Client),
            Some(agreed) => {
                let config = DeflateConfig::dedicated().threshold(0);
                Connection::with_deflate(Role::Client, &agreed.parameters(), &config)
            }
        };
        Self {
            stream,
            connection,
            agreed,
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::client(Box::new(Keys(1))),
        }
    }

    fn send(&mut self, text: &str) {
        let mut output = Vec::new();
        let (_, sender) = self.connection.split();
        sender
            .encode_text(text, &mut self.send_scratch, &mut output)
            .unwrap();
        self.stream.write_all(&output).unwrap();
    }

    /// The next text, whether it came compressed, and how many bytes its payload took.
    fn receive(&mut self) -> (String, bool, usize) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut frame = head.to_vec();
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.stream.read_exact(&mut long).unwrap();
                frame.extend(long);
                usize::from(u16::from_be_bytes(long))
            }
            length => usize::from(length),
        };
        let start = frame.len();
        frame.resize(start + length, 0);
        self.stream.read_exact(&mut frame[start..]).unwrap();
        let (receiver, _) = self.connection.split();
        let mut receive = receiver.receive(&mut frame, &mut self.scratch);
        match receive.next() {
            Some(Ok(Event::Text(text))) => (text.to_owned(), head[0] & 0x40 > 0, length),
            other => panic!("{other:?}"),
        }
    }
}

/// Says what was agreed on, then echoes; `Never:…` and `Always:…` come back that way.
struct Echo;

enum Ask {
    Broadcast(Arc<PreparedFrame>, mpsc::Sender<usize>),
}

impl Handler for Echo {
    type Connection = ();
    type Command = Ask;

    fn on_open(
        &mut self,
        context: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        let agreed = context.compression();
        let text = agreed.map_or_else(|| "nothing".to_owned(), |agreed| agreed.to_string());
        context
            .send_with(Message::Text(&text), Compression::Always)
            .unwrap();
        Ok(Accepted::new(()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        (): &mut (),
        message: Message<'_>,
    ) -> Flow {
        assert_eq!(
            context.compression(),
            None,
            "only while the handler decides about the handshake"
        );
        let Message::Text(text) = message else {
            panic!("only text is sent")
        };
        let compression = match text.split(':').next() {
            Some("Never") => Compression::Never,
            Some("Always") => Compression::Always,
            _ => Compression::Auto,
        };
        context.send_with(message, compression).unwrap();
        Flow::Continue
    }

    fn on_command(&mut self, connections: &mut Connections<()>, Ask::Broadcast(frame, done): Ask) {
        done.send(connections.broadcast_prepared(&frame)).unwrap();
    }
}

fn words(count: usize) -> String {
    (0..count)
        .map(|number| format!("{{\"id\":{},\"name\":\"somebody\"}},", number * 7919 % 1000))
        .collect()
}

fn small_window() -> DeflateOffer {
    DeflateOffer {
        server_max_window_bits: WindowBits::new(9),
        ..DeflateOffer::default()
    }
}

/// Five clients with two windows, and one without: two compressions, and everybody goes on in step.
#[test]
fn a_broadcast_is_compressed_once_for_each_window() {
    let config = Config::default().compression(Some(DeflateConfig::dedicated()));
    let running = Server::bind("127.0.0.1:0", config)
        .unwrap()
        .spawn(|_| Echo)
        .unwrap();
    let any = Some(DeflateOffer::default());
    let offers = [
        any,
        any,
        Some(small_window()),
        Some(small_window()),
        any,
        None,
    ];
    let mut clients = offers.map(|offer| Client::open(running.local_addr(), offer));
    for client in &mut clients {
        let agreed = client
            .agreed
            .map_or_else(|| "nothing".to_owned(), |agreed| agreed.to_string());
        assert_eq!(
            client.receive(),
            (
                agreed.clone(),
                client.agreed.is_some(),
                client.last_length(&agreed)
            )
        );
        client.send(&words(20));
        assert_eq!(client.receive().0, words(20));
    }
    // Longer than the small window, so that each needs a form of its own.
    let text = words(100);
    let frame = Arc::new(PreparedFrame::text(&text));
    for round in 1..=2 {
        let (done, taken) = mpsc::channel();
        running
            .commands(0)
            .unwrap()
            .send(Ask::Broadcast(Arc::clone(&frame), done))
            .unwrap();
        assert_eq!(taken.recv_timeout(PATIENCE).unwrap(), clients.len());
        assert_eq!(frame.compressions(), 2, "in round {round}");
        for client in &mut clients {
            let (got, is_compressed, length) = client.receive();
            assert_eq!(got, text);
            assert_eq!(is_compressed, client.agreed.is_some());
            assert!(!is_compressed || length < text.len() / 2);
        }
    }
    // Contexts are still the same at both ends.
    for client in &mut clients {
        for count in [20, 100, 21] {
            client.send(&words(count));
            assert_eq!(client.receive().0, words(count));
        }
    }
}

impl Client {
    /// The bytes that `text` takes uncompressed; compressed ones are known only to the compressor.
    fn last_length(&self, text: &str) -> usize {
        if self.agreed.is_some() {
            self.first_compressed(text)
        } else {
            text.len()
        }
    }

    fn first_compressed(&self, text: &str) -> usize {
        let agreed = self.agreed.unwrap();
        let mut server = Connection::with_deflate(
            Role::Server,
            &agreed.parameters(),
            &DeflateConfig::dedicated(),
        );
        let (_, sender) = server.split();
        let mut output = Vec::new();
        sender
            .encode_text_with(
                text,
                Compression::Always,
                &mut SendScratch::server(),
                &mut output,
            )
            .unwrap();
        output.len() - 2
    }
}

/// Below the threshold nothing is compressed, unless the handler says so; above it everything, unless it says not.
#[test]
fn the_handler_decides_message_by_message() {
    let config = Config::default().compression(Some(DeflateConfig::shared()));
    let running = Server::bind("127.0.0.1:0", config)
        .unwrap()
        .spawn(|_| Echo)
        .unwrap();
    let mut client = Client::open(running.local_addr(), Some(DeflateOffer::default()));
    let (agreed, is_compressed, _) = client.receive();
    assert_eq!(
        agreed,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    assert!(is_compressed);
    let long = words(50);
    for (text, expected) in [
        ("short".to_owned(), false),
        ("Always:short".to_owned(), true),
        (long.clone(), true),
        (format!("Never:{long}"), false),
        (long, true),
    ] {
        client.send(&text);
        let (got, is_compressed, _) = client.receive();
        assert_eq!((got, is_compressed), (text, expected));
    }
}

/// Off unless asked for, on either side.
#[test]
fn nothing_is_agreed_on_without_a_configuration_or_an_offer() {
    let running = Server::bind("127.0.0.1:0", Config::default())
        .unwrap()
        .spawn(|_| Echo)
        .unwrap();
    let mut client = Client::open(running.local_addr(), Some(DeflateOffer::default()));
    assert_eq!(client.receive(), ("nothing".to_owned(), false, 7));
    let config = Config::default().compression(Some(DeflateConfig::shared()));
    let running = Server::bind("127.0.0.1:0", config)
        .unwrap()
        .spawn(|_| Echo)
        .unwrap();
    let mut client = Client::open(running.local_addr(), None);
    assert_eq!(client.receive(), ("nothing".to_owned(), false, 7));
}

/// The mailbox shows what was agreed on, takes contexts over in what it sends to one, and has the switch.
#[test]
fn a_mailbox_compresses() {
    let server = Config::default()
        .compression(Some(DeflateConfig::dedicated()))
        .logging(LoggingSettings::default());
    let mailbox = Mailbox::start("127.0.0.1:0", MailboxConfig::default().server(server)).unwrap();
    let mut client = Client::open(mailbox.local_addr(), Some(DeflateOffer::default()));
    client.send(&words(30));
    let received = mailbox.next(PATIENCE).unwrap().unwrap();
    assert_eq!(received.payload, words(30).into_bytes());
    let compression = received.connection.compression.unwrap();
    assert_eq!(compression.to_string(), "permessage-deflate");
    let text = words(60);
    let mut lengths = Vec::new();
    for _ in 0..2 {
        mailbox.send(received.id, Message::Text(&text)).unwrap();
        let (got, is_compressed, length) = client.receive();
        assert_eq!((got, is_compressed), (text.clone(), true));
        lengths.push(length);
    }
    assert!(
        lengths[1] * 4 < lengths[0],
        "the second refers to the first: {lengths:?}"
    );
    mailbox
        .send_with(
            received.id,
            Message::Text(&text),
            Compression::Never,
            PATIENCE,
        )
        .unwrap();
    assert_eq!(client.receive(), (text.clone(), false, text.len()));
    assert_eq!(
        mailbox.broadcast(Message::Text(&text), None).unwrap().sent,
        [received.id]
    );
    assert!(client.receive().1);
    mailbox
        .broadcast_with(Message::Text(&text), None, Compression::Never)
        .unwrap();
    assert_eq!(client.receive(), (text, false, words(60).len()));
    let (lines, _) = mailbox.log(100).unwrap();
    let log = lines.join("\n");
    assert!(log.contains(", permessage-deflate"), "{log}");
    assert!(
        log.contains("compression of 32 bytes and more at level "),
        "{log}"
    );
}

//! tungstenite on mio: `serve MODE` with its default buffers, `serve MODE small` with a read buffer of 4 KiB; its codec, and
//! its client on a blocking socket.

use std::{
    env,
    io::{self, Read, Write},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use tungstenite::{
    Error, HandshakeError, Message, WebSocket,
    handshake::{
        MidHandshake,
        server::{NoCallback, ServerHandshake},
    },
    protocol::{Role, WebSocketConfig, WebSocketContext},
};
use ws_tests::bench::{
    client::{self, EchoClient},
    codec::{self, EchoCodec, Sink},
    server::{Mode, listen},
    traffic::Kind,
};

const LISTENER: Token = Token(usize::MAX);
/// Of the variant that wants little memory.
const SMALL: usize = 4 << 10;

type Accepting = MidHandshake<ServerHandshake<TcpStream, NoCallback>>;

enum Connection {
    Accepting(Accepting),
    Open(WebSocket<TcpStream>),
}

fn main() -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => serve(&arguments[1..]),
        Some("codec") => {
            codec::main(&mut Codec::default(), &arguments[1..]);
            Ok(())
        }
        Some("client") => {
            client::main(&arguments[1..], |port, kind, payloads| {
                Box::new(Client::open(port, kind, payloads).expect("an echo server is there"))
            });
            Ok(())
        }
        _ => panic!("usage: serve MODE [small], codec …, client …"),
    }
}

fn serve(arguments: &[String]) -> io::Result<()> {
    let mode = arguments.first().and_then(|name| Mode::named(name));
    let broadcast = match mode {
        Some(Mode::Echo) => false,
        Some(Mode::Broadcast) => true,
        other => panic!("echo and broadcast, not {other:?}"),
    };
    let config = if arguments.get(1).is_some_and(|word| word == "small") {
        WebSocketConfig::default().read_buffer_size(SMALL)
    } else {
        WebSocketConfig::default()
    };
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut messages = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, config, &mut connections)?;
                continue;
            }
            let index = event.token().0;
            let connection = connections[index].take();
            connections[index] = connection.and_then(|connection| match connection {
                Connection::Accepting(accepting) => opened(accepting.handshake()),
                open @ Connection::Open(_) => Some(open),
            });
            let Some(Connection::Open(open)) = &mut connections[index] else {
                continue;
            };
            let going_on = read(open, broadcast, &mut messages);
            for message in messages.drain(..) {
                for other in connections.iter_mut().flatten() {
                    if let Connection::Open(open) = other {
                        let _ = open.write(Message::clone(&message));
                    }
                }
            }
            if broadcast {
                for other in connections.iter_mut().flatten() {
                    if let Connection::Open(open) = other {
                        let _ = open.flush();
                    }
                }
            }
            if !going_on {
                connections[index] = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    config: WebSocketConfig,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nodelay(true)?;
        let free = connections.iter().rposition(Option::is_none);
        let index = free.unwrap_or(connections.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(index), interest)?;
        let connection = opened(tungstenite::accept_with_config(stream, Some(config)));
        match free {
            Some(index) => connections[index] = connection,
            None => connections.push(connection),
        }
    }
    Ok(())
}

fn opened(
    result: Result<WebSocket<TcpStream>, HandshakeError<ServerHandshake<TcpStream, NoCallback>>>,
) -> Option<Connection> {
    match result {
        Ok(open) => Some(Connection::Open(open)),
        Err(HandshakeError::Interrupted(accepting)) => Some(Connection::Accepting(accepting)),
        Err(HandshakeError::Failure(_)) => None,
    }
}

/// Takes what is there and answers with one flush; whether the connection goes on.
fn read(open: &mut WebSocket<TcpStream>, broadcast: bool, messages: &mut Vec<Message>) -> bool {
    loop {
        match open.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) if broadcast => {
                messages.push(message);
            }
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                if !would_block(&open.write(message)) {
                    return false;
                }
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => return false,
        }
    }
    would_block(&open.flush())
}

/// Whether it went well, or will.
fn would_block(result: &Result<(), Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(Error::Io(error)) => error.kind() == io::ErrorKind::WouldBlock,
        Err(_) => false,
    }
}

#[derive(Debug)]
struct Codec(WebSocketContext);

impl Default for Codec {
    fn default() -> Self {
        Self(WebSocketContext::new(Role::Server, None))
    }
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], output: &mut Sink) {
        let mut stream = Slice { input, output };
        loop {
            match self.0.read(&mut stream) {
                Ok(message) => self.0.write(&mut stream, message).expect("it takes all"),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.0.flush(&mut stream).expect("it takes all");
    }
}

struct Client {
    socket: WebSocket<std::net::TcpStream>,
    /// Made once: sending a clone does not copy the payload.
    messages: Vec<Message>,
}

impl Client {
    fn open(port: u16, kind: Kind, payloads: Vec<Vec<u8>>) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        let opened = tungstenite::client(format!("ws://127.0.0.1:{port}/"), stream);
        let (socket, _) = opened.map_err(|error| io::Error::other(error.to_string()))?;
        let message = |payload| match kind {
            Kind::Binary => Ok(Message::binary(payload)),
            Kind::Ascii | Kind::Mixed => String::from_utf8(payload).map(Message::text),
        };
        let messages = payloads.into_iter().map(message);
        Ok(Self {
            socket,
            messages: messages
                .collect::<Result<_, _>>()
                .map_err(io::Error::other)?,
        })
    }
}

impl EchoClient for Client {
    fn echo(&mut self, number: usize) {
        let message = &self.messages[number];
        self.socket.send(message.clone()).expect("it is open");
        let answer = self.socket.read().expect("it is open");
        assert!(answer == *message, "the echo differs");
    }
}

/// A stream of what is there already.
struct Slice<'a> {
    input: &'a [u8],
    output: &'a mut Sink,
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Slice<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

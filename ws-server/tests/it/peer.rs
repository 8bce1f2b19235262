//! A client made of a plain socket and ws-core's halves.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use ws_core::{
    CloseCode, CloseFrame, Event, Limits, MaskingKeys, Pressure, Receiver, Role, Scratch,
    SendScratch, Sender,
};

/// What a client received, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// The server closed its side in order.
    End,
    Reset,
}

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    receiver: Receiver,
    sender: Sender,
    scratch: Scratch,
    send_scratch: SendScratch,
    got: std::collections::VecDeque<Got>,
    /// Answers pings and Closes.
    pub(crate) is_polite: bool,
}

impl Peer {
    /// Connects and completes the opening handshake.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::try_open(address, "/").unwrap_or_else(|answer| panic!("refused: {answer}"))
    }

    /// Connects; a refusal is the whole answer.
    pub(crate) fn try_open(address: SocketAddr, path: &str) -> Result<Self, String> {
        let mut stream = connect(address);
        stream.write_all(request(path).as_bytes()).unwrap();
        let head = read_head(&mut stream);
        if !head.starts_with("HTTP/1.1 101 ") {
            let mut body = String::new();
            stream.read_to_string(&mut body).unwrap();
            return Err(head + &body);
        }
        Ok(Self::new(stream))
    }

    /// Takes over a connection whose opening handshake is done.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            receiver: Receiver::new(Role::Client),
            sender: Sender::new(Role::Client),
            scratch: Scratch::new(Limits::default().max_message_bytes(64 << 20)),
            send_scratch: SendScratch::client(Box::new(Keys(1))),
            got: std::collections::VecDeque::new(),
            is_polite: true,
        }
    }

    pub(crate) fn send(&mut self, got: &Got) {
        let bytes = self.encode(got);
        self.stream.write_all(&bytes).unwrap();
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.send(&Got::Text(text.into()));
    }

    /// Encodes a frame without sending it.
    pub(crate) fn encode(&mut self, got: &Got) -> Vec<u8> {
        let (sender, scratch) = (&mut self.sender, &mut self.send_scratch);
        let mut output = Vec::new();
        match got {
            Got::Text(text) => sender.encode_text(text, scratch, &mut output),
            Got::Binary(data) => sender.encode_binary(data, scratch, &mut output),
            Got::Ping(payload) => sender.encode_ping(payload, scratch, &mut output),
            Got::Pong(payload) => sender.encode_pong(payload, scratch, &mut output),
            Got::Close(code, reason) => {
                let code = CloseCode::new(*code);
                sender.encode_close(Some(CloseFrame { code, reason }), scratch, &mut output)
            }
            Got::End | Got::Reset => Ok(()),
        }
        .unwrap();
        output
    }

    /// Waits for the next event.
    pub(crate) fn next(&mut self) -> Got {
        loop {
            if let Some(got) = self.got.pop_front() {
                return got;
            }
            let mut buffer = vec![0; 64 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Got::End,
                Ok(count) => self.receive(&mut buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Got::Reset,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) {
        let mut output = Vec::new();
        let mut receive = self.receiver.receive(bytes, &mut self.scratch);
        while let Some(event) = receive.next() {
            self.got.push_back(match event.unwrap() {
                Event::Text(text) => Got::Text(text.into()),
                Event::Binary(data) => Got::Binary(data.into()),
                Event::Ping(payload) => Got::Ping(payload.into()),
                Event::Pong(payload) => Got::Pong(payload.into()),
                Event::Close(None) => Got::Close(1005, String::new()),
                Event::Close(Some(frame)) => Got::Close(frame.code.as_u16(), frame.reason.into()),
            });
            if let Some(reply) = receive.take_reply()
                && self.is_polite
            {
                let (sender, scratch) = (&mut self.sender, &mut self.send_scratch);
                sender
                    .encode_reply(reply, Pressure::Clear, scratch, &mut output)
                    .unwrap();
            }
        }
        // The server may have closed already.
        let _ = self.stream.write_all(&output);
    }

    /// Closes with 1000 and waits for the answer; returns it.
    pub(crate) fn close(&mut self) -> Got {
        self.send(&Got::Close(1000, String::new()));
        loop {
            if let got @ (Got::Close(..) | Got::End | Got::Reset) = self.next() {
                return got;
            }
        }
    }
}

/// Connects with a timeout that only a hanging test reaches.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

pub(crate) fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// Reads up to the empty line, and no further.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the head ends early");
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Sends `request` and returns everything that comes until the server closes in order.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

struct Keys(u32);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> [u8; 4] {
        self.0 = self.0.wrapping_mul(0x9e37_79b1).wrapping_add(1);
        self.0.to_be_bytes()
    }
}

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

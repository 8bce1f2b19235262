//! A WebSocket client of the plainest sort: a blocking socket and the client halves of ws-core.
//!
//! As any real client it looks at what has arrived before it sends.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use ws_core::handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits};
use ws_core::{
    CloseCode, CloseFrame, Event, Limits, Pressure, Receiver, Role, Scratch, SendScratch, Sender,
};

use crate::support::PATIENCE;

/// What a peer received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

/// The connection is closed; nothing was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

pub(crate) struct Peer {
    stream: TcpStream,
    receiver: Receiver,
    sender: Sender,
    scratch: Scratch,
    send_scratch: SendScratch,
    got: VecDeque<Got>,
    ended: bool,
    answers: bool,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr, target: &str) -> io::Result<Self> {
        Self::connect_as(address, &ClientRequest::new(&address.to_string(), target))
    }

    /// Returns when the 101 has been read.
    pub(crate) fn connect_as(address: SocketAddr, request: &ClientRequest) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut handshake =
            ClientHandshake::new(request, *b"0123456789abcdef").map_err(io::Error::other)?;
        stream.write_all(handshake.request())?;
        let mut buffer = [0; 1024];
        let rest = loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err(io::Error::other(handshake.receive_eof()));
            }
            let step = handshake.receive(&buffer[..read], &HeadLimits::default());
            if let ClientStep::Done { consumed, .. } = step.map_err(io::Error::other)? {
                break buffer[consumed..read].to_vec();
            }
        };
        let mut key = 0u32;
        let keys = move || {
            key = key.wrapping_add(0x9e37_79b9);
            key.to_ne_bytes()
        };
        let mut peer = Self {
            stream,
            receiver: Receiver::new(Role::Client),
            sender: Sender::new(Role::Client),
            scratch: Scratch::new(
                Limits::default()
                    .max_message_bytes(64 << 20)
                    .max_frame_bytes(64 << 20),
            ),
            send_scratch: SendScratch::client(Box::new(keys)),
            got: VecDeque::new(),
            ended: false,
            answers: true,
        };
        peer.handle(rest);
        Ok(peer)
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Makes it a peer that does not answer pings and Close frames.
    pub(crate) fn never_answers(&mut self) {
        self.answers = false;
    }

    pub(crate) fn send_text(&mut self, text: &str) -> Result<(), Closed> {
        let mut output = Vec::new();
        self.check_open()?;
        self.sender
            .encode_text(text, &mut self.send_scratch, &mut output)
            .map_err(|_| Closed)?;
        self.write(&output)
    }

    pub(crate) fn send_binary(&mut self, data: &[u8]) -> Result<(), Closed> {
        let mut output = Vec::new();
        self.check_open()?;
        self.sender
            .encode_binary(data, &mut self.send_scratch, &mut output)
            .map_err(|_| Closed)?;
        self.write(&output)
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), Closed> {
        let mut output = Vec::new();
        self.check_open()?;
        self.sender
            .encode_ping(payload, &mut self.send_scratch, &mut output)
            .map_err(|_| Closed)?;
        self.write(&output)
    }

    /// The next thing received; waits for it. `None` when the connection has ended.
    pub(crate) fn receive(&mut self) -> Option<Got> {
        while self.got.is_empty() && !self.ended {
            self.read();
        }
        self.got.pop_front()
    }

    /// Sends Close 1000 and returns when the answer to it is there; data that comes before it is kept.
    pub(crate) fn close(&mut self) -> Result<(), Closed> {
        self.begin_close()?;
        while !self.receiver.close_received() && !self.ended {
            self.read();
        }
        if self.receiver.close_received() {
            Ok(())
        } else {
            Err(Closed)
        }
    }

    /// Sends Close 1000 and does not wait.
    pub(crate) fn begin_close(&mut self) -> Result<(), Closed> {
        self.begin_close_after(&[])
    }

    /// Sends messages and Close 1000 behind them at once, so that one read brings all, and does not wait.
    pub(crate) fn begin_close_after(&mut self, texts: &[&str]) -> Result<(), Closed> {
        let mut output = Vec::new();
        self.check_open()?;
        for text in texts {
            self.sender
                .encode_text(text, &mut self.send_scratch, &mut output)
                .map_err(|_| Closed)?;
        }
        let frame = CloseFrame {
            code: CloseCode::NORMAL,
            reason: "bye",
        };
        self.sender
            .encode_close(Some(frame), &mut self.send_scratch, &mut output)
            .map_err(|_| Closed)?;
        self.write(&output)
    }

    /// Answers everything until the server ends the TCP connection.
    pub(crate) fn run_to_end(&mut self) {
        while !self.ended {
            self.read();
        }
    }

    /// Takes in what has arrived; an error if that ends the connection.
    fn check_open(&mut self) -> Result<(), Closed> {
        let mut buffer = [0; 4096];
        loop {
            // Each time: an answer to what was read is written while blocking.
            self.stream.set_nonblocking(true).unwrap();
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(0) | Err(_) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.handle(buffer[..read].to_vec()),
            }
        }
        self.stream.set_nonblocking(false).unwrap();
        if self.ended || self.receiver.close_received() {
            Err(Closed)
        } else {
            Ok(())
        }
    }

    fn read(&mut self) {
        let mut buffer = vec![0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(read) => {
                buffer.truncate(read);
                self.handle(buffer);
            }
            Err(error) => {
                let waited = matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                );
                assert!(!waited, "the server sent nothing for {PATIENCE:?}");
                self.ended = true;
            }
        }
    }

    fn handle(&mut self, mut input: Vec<u8>) {
        let mut output = Vec::new();
        let mut receive = self.receiver.receive(&mut input, &mut self.scratch);
        while let Some(event) = receive.next() {
            match event.expect("the server keeps to the protocol") {
                Event::Text(text) => self.got.push_back(Got::Text(text.to_owned())),
                Event::Binary(data) => self.got.push_back(Got::Binary(data.to_owned())),
                Event::Ping(_) => {}
                Event::Pong(payload) => self.got.push_back(Got::Pong(payload.to_owned())),
                Event::Close(frame) => self
                    .got
                    .push_back(Got::Close(frame.map(|frame| frame.code.as_u16()))),
            }
            if let Some(reply) = receive.take_reply().filter(|_| self.answers) {
                let scratch = &mut self.send_scratch;
                self.sender
                    .encode_reply(reply, Pressure::Clear, scratch, &mut output)
                    .unwrap();
            }
        }
        drop(receive);
        // A server that has gone takes no answer.
        let _ = self.write(&output);
    }

    fn write(&mut self, output: &[u8]) -> Result<(), Closed> {
        self.stream.set_nonblocking(false).unwrap();
        self.stream.write_all(output).map_err(|_| {
            self.ended = true;
            Closed
        })
    }
}

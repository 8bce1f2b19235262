//! A connection's bytes, with or without TLS, and its opening handshake.

use std::io::{self, Read, Write};

use mio::net::TcpStream;
use ws_core::tls::{ClientTls, Tls};

/// A socket that does not block, after the opening handshake.
pub(crate) struct Wire {
    stream: TcpStream,
    tls: Option<Box<Encrypted>>,
}

struct Encrypted {
    tls: Tls,
    /// For the socket.
    output: Vec<u8>,
    /// From the server, and not read yet.
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Plaintext that is encrypted at a time.
const PIECE: usize = 64 << 10;

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

impl Wire {
    /// Connects to a port of this machine, without TLS.
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        Self::opened(shake_hands(port)?, None)
    }

    /// The same with TLS; the certificate is not verified.
    pub(crate) fn open_tls(port: u16, config: &ClientTls) -> io::Result<Self> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        let tls = Tls::client(config, "localhost").map_err(io::Error::other)?;
        let mut encrypted = Box::new(Encrypted {
            tls,
            output: Vec::new(),
            plaintext: Vec::new(),
            ciphertext: vec![0; 128 << 10],
        });
        encrypted.encrypt(b"")?;
        while encrypted.tls.is_handshaking() {
            encrypted.exchange(&mut stream)?;
        }
        encrypted.encrypt(REQUEST)?;
        while !encrypted.plaintext.ends_with(b"\r\n\r\n") {
            encrypted.exchange(&mut stream)?;
        }
        check_head(&encrypted.plaintext)?;
        encrypted.plaintext.clear();
        Self::opened(stream, Some(encrypted))
    }

    /// A blocking socket whose opening handshake is done.
    pub(crate) fn opened_plain(stream: std::net::TcpStream) -> io::Result<Self> {
        Self::opened(stream, None)
    }

    fn opened(stream: std::net::TcpStream, tls: Option<Box<Encrypted>>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        Ok(Self { stream, tls })
    }

    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Bytes taken; 0 if the socket is full.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(encrypted) = &mut self.tls else {
            return or_nothing(self.stream.write(bytes));
        };
        encrypted.flush(&mut self.stream)?;
        if !encrypted.output.is_empty() {
            return Ok(0);
        }
        let piece = &bytes[..bytes.len().min(PIECE)];
        encrypted.encrypt(piece)?;
        encrypted.flush(&mut self.stream)?;
        Ok(piece.len())
    }

    /// Sends what is encrypted already, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(encrypted) => encrypted.flush(&mut self.stream),
            None => Ok(()),
        }
    }

    /// Bytes received, and whether nothing more is there for now.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let Some(encrypted) = &mut self.tls else {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(closed()),
                read => or_nothing(read)?,
            };
            return Ok((count, count < buffer.len()));
        };
        let mut is_drained = false;
        if encrypted.plaintext.is_empty() {
            let count = match self.stream.read(&mut encrypted.ciphertext) {
                Ok(0) => return Err(closed()),
                read => or_nothing(read)?,
            };
            is_drained = count < encrypted.ciphertext.len();
            encrypted.decrypt(count)?;
        }
        let count = encrypted.plaintext.len().min(buffer.len());
        buffer[..count].copy_from_slice(&encrypted.plaintext[..count]);
        encrypted.plaintext.drain(..count);
        Ok((count, is_drained && encrypted.plaintext.is_empty()))
    }
}

impl Encrypted {
    fn encrypt(&mut self, plaintext: &[u8]) -> io::Result<()> {
        let sent = self.tls.send(plaintext, &mut self.output);
        sent.map_err(io::Error::other)
    }

    fn decrypt(&mut self, count: usize) -> io::Result<()> {
        let received = self.tls.receive(
            &self.ciphertext[..count],
            &mut self.plaintext,
            &mut self.output,
        );
        received.map_err(io::Error::other)
    }

    fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while !self.output.is_empty() {
            match or_nothing(stream.write(&self.output))? {
                0 => break,
                count => drop(self.output.drain(..count)),
            }
        }
        Ok(())
    }

    /// Blocking: sends what is due and takes what comes.
    fn exchange(&mut self, stream: &mut std::net::TcpStream) -> io::Result<()> {
        stream.write_all(&self.output)?;
        self.output.clear();
        let count = stream.read(&mut self.ciphertext)?;
        if count == 0 {
            return Err(closed());
        }
        self.decrypt(count)
    }
}

/// Connects to a port of this machine and does the opening handshake; the socket blocks.
pub(crate) fn shake_hands(port: u16) -> io::Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.write_all(REQUEST)?;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(closed()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    check_head(&head)?;
    Ok(stream)
}

fn check_head(head: &[u8]) -> io::Result<()> {
    if head.starts_with(b"HTTP/1.1 101 ") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(head);
    Err(io::Error::other(format!("no WebSocket: {text}")))
}

fn or_nothing(done: io::Result<usize>) -> io::Result<usize> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        done => done,
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server has closed")
}

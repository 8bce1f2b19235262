//! A connection with nothing around it: one blocking socket, with or without TLS, and `ws_core`; no thread, no poll,
//! one open file.
//!
//! For holding thousands of them, and for saying exactly what is sent when.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    sync::OnceLock,
};

use socket2::{Domain, Socket, Type};
use ws_core::{
    CloseCode, CloseFrame, Connection, Event, Limits, Pressure, Role, Scratch, SendScratch,
    handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits},
    tls::{ClientTls, Tls, TlsConfigError},
};

use crate::{figures::open_files, process::Process, wait::TIMEOUT};

/// What all connections of a thread share.
#[derive(Debug)]
pub struct Shared {
    scratch: Scratch,
    send_scratch: SendScratch,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for Shared {
    fn default() -> Self {
        let mut number = 0_u32;
        // Predictable keys: these programs talk to nobody but a server under test.
        let keys = move || {
            number = number.wrapping_add(0x9E37_79B9);
            number.to_be_bytes()
        };
        Self {
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::client(Box::new(keys)),
            input: vec![0; 65_536],
            output: Vec::new(),
        }
    }
}

/// A blocking socket, with or without TLS.
#[derive(Debug)]
pub struct Transport {
    stream: TcpStream,
    tls: Option<Box<Tls>>,
    /// Decrypted, and not read yet.
    plaintext: Vec<u8>,
    /// Bytes that are sent at a time; all without it.
    piece: Option<usize>,
}

impl Transport {
    /// Connects to `HOST:PORT`.
    ///
    /// # Errors
    /// What the socket says.
    pub fn connect(host: &str) -> io::Result<Self> {
        Self::new(TcpStream::connect(host)?)
    }

    /// The same from another address of this machine.
    ///
    /// # Errors
    /// What the socket says.
    pub fn connect_from(source: IpAddr, target: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect(&target.into())?;
        Self::new(socket.into())
    }

    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            tls: None,
            plaintext: Vec::new(),
            piece: None,
        })
    }

    /// Begins TLS with a server called `name`; the first read or write goes on with it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if `name` cannot be one.
    pub fn start_tls(&mut self, config: &ClientTls, name: &str) -> io::Result<()> {
        self.tls = Some(Box::new(Tls::client(config, name).map_err(invalid)?));
        Ok(())
    }

    /// Sends so many bytes at a time, each in a record of its own.
    pub fn in_pieces(&mut self, bytes: usize) {
        self.piece = Some(bytes);
    }

    /// The socket itself.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The TLS connection, if there is one.
    pub fn tls(&mut self) -> Option<&mut Tls> {
        self.tls.as_deref_mut()
    }

    /// Does the TLS handshake.
    ///
    /// # Errors
    /// What the socket says, [`io::ErrorKind::InvalidData`] for what TLS says.
    pub fn finish_handshake(&mut self) -> io::Result<()> {
        // With nothing to encrypt, it says hello.
        let _ = self.write(b"")?;
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            if self.receive()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Sends close_notify, if there is TLS, and ends the sending side.
    ///
    /// # Errors
    /// What the socket says.
    pub fn shutdown(&mut self) -> io::Result<()> {
        let mut output = Vec::new();
        if let Some(tls) = &mut self.tls {
            tls.close(&mut output);
        }
        self.send(&output)?;
        self.stream.shutdown(Shutdown::Write)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let piece = self.piece.unwrap_or(usize::MAX);
        bytes
            .chunks(piece)
            .try_for_each(|part| self.stream.write_all(part))
    }

    /// Reads from the socket into `plaintext`; the number of bytes on the wire.
    fn receive(&mut self) -> io::Result<usize> {
        let mut input = [0; 16_384];
        let count = self.stream.read(&mut input)?;
        let Some(tls) = &mut self.tls else {
            self.plaintext.extend_from_slice(&input[..count]);
            return Ok(count);
        };
        if count == 0 && tls.is_cut_by_eof() {
            let text = "the stream was cut off without close_notify";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        let mut output = Vec::new();
        let result = tls.receive(&input[..count], &mut self.plaintext, &mut output);
        self.send(&output)?;
        result.map_err(invalid)?;
        Ok(count)
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.stream.read(buffer);
        }
        while self.plaintext.is_empty() && self.receive()? > 0 {}
        let count = buffer.len().min(self.plaintext.len());
        buffer[..count].copy_from_slice(&self.plaintext[..count]);
        self.plaintext.drain(..count);
        Ok(count)
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(self.piece.unwrap_or(usize::MAX))];
        let Some(tls) = &mut self.tls else {
            return self.stream.write(bytes);
        };
        let mut output = Vec::new();
        tls.send(bytes, &mut output).map_err(invalid)?;
        self.send(&output)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open connection.
#[derive(Debug)]
pub struct RawConnection {
    stream: Transport,
    connection: Connection,
}

impl RawConnection {
    /// Connects to `ws://HOST:PORT/…` or `wss://…` and does the opening handshake. Certificates are not verified: these
    /// programs talk to nobody but a server under test.
    ///
    /// # Errors
    /// What the socket says; [`io::ErrorKind::InvalidData`] for everything that the server says wrong.
    pub fn open(url: &str) -> io::Result<Self> {
        let (host, target) =
            split(url).ok_or_else(|| invalid(format!("{url} is no WebSocket address")))?;
        let mut transport = Transport::connect(host)?;
        if url.starts_with("wss://") {
            static CLIENT: OnceLock<Result<ClientTls, TlsConfigError>> = OnceLock::new();
            let client = CLIENT.get_or_init(|| ClientTls::dangerous_without_verification(None));
            transport.start_tls(
                client.as_ref().map_err(|error| invalid(error.clone()))?,
                "localhost",
            )?;
        }
        Self::open_over(transport, host, target)
    }

    /// Does the opening handshake over a connection.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_over(mut stream: Transport, host: &str, target: &str) -> io::Result<Self> {
        if stream.tls().is_some() {
            stream.finish_handshake()?;
        }
        Self::open_with(stream, &ClientRequest::new(host, target))
    }

    /// The same with any request; TLS is done.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_with(mut stream: Transport, request: &ClientRequest) -> io::Result<Self> {
        let mut handshake = ClientHandshake::new(request, *b"sixteen bytes ok").map_err(invalid)?;
        stream.write_all(handshake.request())?;
        let mut input = [0; 1024];
        loop {
            let count = stream.read(&mut input)?;
            if count == 0 {
                return Err(invalid(handshake.receive_eof()));
            }
            match handshake
                .receive(&input[..count], &HeadLimits::default())
                .map_err(invalid)?
            {
                ClientStep::NeedMore => {}
                ClientStep::Done { consumed, .. } if consumed == count => break,
                other => return Err(invalid(format!("more than a handshake came: {other:?}"))),
            }
        }
        Ok(Self {
            stream,
            connection: Connection::new(Role::Client),
        })
    }

    /// Sends `text` and waits for the same text; pings are answered meanwhile.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn echo(&mut self, text: &str, shared: &mut Shared) -> io::Result<()> {
        self.send(text, shared)?;
        self.expect(&[text], shared)
    }

    /// Sends `text`.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn send(&mut self, text: &str, shared: &mut Shared) -> io::Result<()> {
        shared.output.clear();
        self.encode(text, shared)?;
        self.stream.write_all(&shared.output)
    }

    /// The frames of `texts`, for a caller who sends them bit by bit.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn frames(&mut self, texts: &[&str], shared: &mut Shared) -> io::Result<Vec<u8>> {
        shared.output.clear();
        for text in texts {
            self.encode(text, shared)?;
        }
        Ok(std::mem::take(&mut shared.output))
    }

    fn encode(&mut self, text: &str, shared: &mut Shared) -> io::Result<()> {
        let (_, sender) = self.connection.split();
        let encoded = sender.encode_text(text, &mut shared.send_scratch, &mut shared.output);
        encoded.map_err(invalid)
    }

    /// Waits for these texts in this order; pings are answered meanwhile.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn expect(&mut self, texts: &[&str], shared: &mut Shared) -> io::Result<()> {
        let come = Cell::new(0);
        self.receive_until(shared, |event| {
            match event {
                Event::Text(answer) if texts.get(come.get()) == Some(answer) => {
                    come.set(come.get() + 1);
                }
                Event::Ping(_) => {}
                other => {
                    let (number, other) = (come.get() + 1, format!("{other:.200?}"));
                    let text = format!(
                        "message {number} of {} came back as {other:.300}",
                        texts.len()
                    );
                    return Err(invalid(text));
                }
            }
            Ok(come.get() == texts.len())
        })
    }

    /// Sends `text` and returns the text that comes back.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn ask(&mut self, text: &str, shared: &mut Shared) -> io::Result<String> {
        self.send(text, shared)?;
        let answer = RefCell::new(String::new());
        self.receive_until(shared, |event| match event {
            Event::Text(text) => {
                answer.replace((*text).to_owned());
                Ok(true)
            }
            Event::Ping(_) => Ok(false),
            other => Err(invalid(format!("{text:?} was answered by {other:?}"))),
        })?;
        Ok(answer.into_inner())
    }

    /// Answers the pings that have come, without waiting for more.
    ///
    /// # Errors
    /// As for [`open`](Self::open); also when anything else has come.
    pub fn answer_pings(&mut self, shared: &mut Shared) -> io::Result<()> {
        self.stream.socket().set_nonblocking(true)?;
        let result = self.receive_until(shared, |event| match event {
            Event::Ping(_) => Ok(false),
            other => Err(invalid(format!("{other:.100?} came unasked"))),
        });
        self.stream.socket().set_nonblocking(false)?;
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    /// The connection below.
    pub fn transport(&mut self) -> &mut Transport {
        &mut self.stream
    }

    /// Closes with 1000, and waits for the answer and for the end of the stream.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn close(mut self, shared: &mut Shared) -> io::Result<()> {
        shared.output.clear();
        let frame = CloseFrame {
            code: CloseCode::NORMAL,
            reason: "",
        };
        let (_, sender) = self.connection.split();
        let (scratch, output) = (&mut shared.send_scratch, &mut shared.output);
        sender
            .encode_close(Some(frame), scratch, output)
            .map_err(invalid)?;
        self.stream.write_all(&shared.output)?;
        self.receive_until(shared, |event| match event {
            Event::Close(Some(frame)) if frame.code == CloseCode::NORMAL => Ok(true),
            Event::Ping(_) => Ok(false),
            other => Err(invalid(format!("Close 1000 was answered by {other:?}"))),
        })?;
        match self.stream.read(&mut shared.input)? {
            0 => Ok(()),
            count => Err(invalid(format!("{count} bytes came after the Close"))),
        }
    }

    /// Reads until `is_last` says so of an event.
    fn receive_until(
        &mut self,
        shared: &mut Shared,
        is_last: impl Fn(&Event<'_>) -> io::Result<bool>,
    ) -> io::Result<()> {
        let Shared {
            scratch,
            send_scratch,
            input,
            output,
        } = shared;
        loop {
            let count = self.stream.read(input)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            output.clear();
            let mut done = false;
            let (receiver, sender) = self.connection.split();
            let mut receive = receiver.receive(&mut input[..count], scratch);
            while let Some(event) = receive.next() {
                done |= is_last(&event.map_err(invalid)?)?;
                if let Some(reply) = receive.take_reply() {
                    sender
                        .encode_reply(reply, Pressure::Clear, send_scratch, output)
                        .map_err(invalid)?;
                }
            }
            self.stream.write_all(output)?;
            if done {
                return Ok(());
            }
        }
    }
}

/// The open files of a server without a connection.
///
/// Its ready line comes before the last of them is opened, the first echo after; so one connection comes and goes.
pub fn files_at_rest(server: &Process, url: &str) -> usize {
    let files = || open_files(server.id()).unwrap_or(0);
    let mut shared = Shared::default();
    let first = RawConnection::open(url).and_then(|mut first| {
        first.echo("ready?", &mut shared)?;
        Ok((files(), first.close(&mut shared)?))
    });
    match first {
        Ok((with_one, ())) => with_one - 1,
        Err(error) => panic!(
            "the first connection failed: {error}\n{}",
            server.stderr_so_far()
        ),
    }
}

/// `HOST:PORT` and the path of a `ws://` or `wss://` address.
pub fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("ws")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_an_address() {
        assert_eq!(split("ws://127.0.0.1:5/a/b"), Some(("127.0.0.1:5", "/a/b")));
        assert_eq!(split("ws://127.0.0.1:5"), Some(("127.0.0.1:5", "")));
        assert_eq!(split("wss://[::1]:5/a"), Some(("[::1]:5", "/a")));
        assert_eq!(split("http://x/"), None);
    }
}

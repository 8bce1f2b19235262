//! A connection with nothing around it: one blocking socket and `ws_core`, no thread, no poll, one open file.
//!
//! For holding thousands of them, and for saying exactly what is sent when.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use ws_core::{
    CloseCode, CloseFrame, Connection, Event, Limits, Pressure, Role, Scratch, SendScratch,
    handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits},
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

/// An open connection.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    connection: Connection,
}

impl RawConnection {
    /// Connects to `ws://HOST:PORT/…` and does the opening handshake.
    ///
    /// # Errors
    /// What the socket says; [`io::ErrorKind::InvalidData`] for everything that the server says wrong.
    pub fn open(url: &str) -> io::Result<Self> {
        let (host, target) =
            split(url).ok_or_else(|| invalid(format!("{url} is no ws:// address")))?;
        let mut stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let request = ClientRequest::new(host, target);
        let mut handshake =
            ClientHandshake::new(&request, *b"sixteen bytes ok").map_err(invalid)?;
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
        shared.output.clear();
        let (_, sender) = self.connection.split();
        sender
            .encode_text(text, &mut shared.send_scratch, &mut shared.output)
            .map_err(invalid)?;
        self.stream.write_all(&shared.output)?;
        self.receive_until(shared, |event| match event {
            Event::Text(answer) if *answer == text => Ok(true),
            Event::Ping(_) => Ok(false),
            other => Err(invalid(format!("{text:?} came back as {other:?}"))),
        })
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

/// `HOST:PORT` and the path of a `ws://` address.
pub fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("ws://")?;
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
        assert_eq!(split("http://x/"), None);
    }
}

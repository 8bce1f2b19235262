//! The floor's server: one thread, one buffer for reading, one for writing.

use std::io::{self, Read as _, Write as _};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use ws_tests::bench::server::{Mode, listen};

use super::codec;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    is_open: bool,
    /// An unfinished head or frame.
    partial: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

pub(crate) fn serve(mode: &str) -> io::Result<()> {
    let broadcast = match Mode::named(mode) {
        Some(Mode::Echo) => false,
        Some(Mode::Broadcast) => true,
        _ => panic!("the floor has echo and broadcast, not {mode:?}"),
    };
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut input = vec![0; 512 << 10];
    let mut output = Vec::with_capacity(1 << 20);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections)?;
                continue;
            }
            let index = event.token().0;
            let Some(connection) = connections[index].as_mut() else {
                continue;
            };
            output.clear();
            let served = connection.serve(&mut input, &mut output);
            let served = match served {
                Ok(()) if broadcast && !output.is_empty() => {
                    for other in connections.iter_mut().flatten() {
                        // One that cannot be written to says so when its turn comes.
                        let _ = other.send(&output);
                    }
                    Ok(())
                }
                Ok(()) => connection.send(&output),
                Err(error) => Err(error),
            };
            if served.is_err() {
                connections[index] = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nodelay(true)?;
        let free = connections.iter().rposition(Option::is_none);
        let index = free.unwrap_or(connections.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(index), interest)?;
        let connection = Some(Connection {
            stream,
            is_open: false,
            partial: Vec::new(),
            unsent: Vec::new(),
        });
        match free {
            Some(index) => connections[index] = connection,
            None => connections.push(connection),
        }
    }
    Ok(())
}

impl Connection {
    /// Reads once (again only if the buffer was filled) and appends the answers.
    fn serve(&mut self, input: &mut [u8], output: &mut Vec<u8>) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.send(&[])?;
            if !self.unsent.is_empty() {
                return Ok(());
            }
        }
        loop {
            // What has begun to come stands before what comes; a message that is too long for it moves out.
            let kept = self.partial.len();
            if kept >= input.len() / 2 {
                return self.serve_long(input, output);
            }
            input[..kept].copy_from_slice(&self.partial);
            self.partial.clear();
            let count = match self.stream.read(&mut input[kept..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            let end = kept + count;
            let taken = self.take(&mut input[..end], output)?;
            self.partial.extend_from_slice(&input[taken..end]);
            if self.partial.is_empty() {
                self.partial = Vec::new();
            }
            if end < input.len() {
                return Ok(());
            }
        }
    }

    fn serve_long(&mut self, input: &mut [u8], output: &mut Vec<u8>) -> io::Result<()> {
        if let Some((header, length)) = codec::measure(&self.partial) {
            self.partial
                .reserve((header + length).saturating_sub(self.partial.len()));
        }
        loop {
            let count = match self.stream.read(input) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.partial.extend_from_slice(&input[..count]);
            let taken = codec::turn(&mut self.partial, output);
            self.partial.drain(..taken);
            if count < input.len() {
                if self.partial.is_empty() {
                    self.partial = Vec::new();
                }
                return Ok(());
            }
        }
    }

    fn take(&mut self, input: &mut [u8], output: &mut Vec<u8>) -> io::Result<usize> {
        if self.is_open {
            if input.first() == Some(&0x88) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            return Ok(codec::turn(input, output));
        }
        let Some(answer) = ws_bench_peers::answer(input) else {
            return Ok(0);
        };
        self.is_open = true;
        self.stream.write_all(answer.as_bytes())?;
        Ok(input.len())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            let sent = write(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..sent);
            return Ok(());
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = write(&mut self.stream, bytes)?;
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}

fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

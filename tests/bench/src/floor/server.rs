//! The floor's server: one thread, one buffer for reading, one for writing. Over TLS it is rustls and nothing else.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    sync::Arc,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use rustls::{ServerConfig, ServerConnection, crypto::ring};
use ws_tests::bench::server::{Mode, listen};

use super::codec;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    is_open: bool,
    /// An unfinished head or frame.
    partial: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

/// Ciphertext that is read at a time; what it says always has room in half of the buffer.
const CIPHERTEXT: usize = 256 << 10;

pub(crate) fn serve(words: &[String]) -> io::Result<()> {
    let mode = words.first().and_then(|name| Mode::named(name));
    let broadcast = mode == Some(Mode::Broadcast);
    let config = match (mode, words) {
        (Some(Mode::Tls), [_, chain, key]) => Some(tls(chain, key)?),
        (Some(Mode::Echo | Mode::Broadcast), _) => None,
        _ => panic!("usage: serve echo|broadcast, serve tls CHAIN KEY"),
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
    let mut ciphertext = vec![0; CIPHERTEXT];
    let mut output = Vec::with_capacity(1 << 20);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, config.as_ref(), &mut connections)?;
                continue;
            }
            let index = event.token().0;
            let Some(connection) = connections[index].as_mut() else {
                continue;
            };
            output.clear();
            let served = connection.serve(&mut input, &mut ciphertext, &mut output);
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
    config: Option<&Arc<ServerConfig>>,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nodelay(true)?;
        let free = connections.iter().rposition(Option::is_none);
        let index = free.unwrap_or(connections.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(index), interest)?;
        let tls = config.map(|config| ServerConnection::new(Arc::clone(config)));
        let mut tls = tls.transpose().map_err(io::Error::other)?;
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(None);
        }
        let connection = Some(Connection {
            stream,
            tls: tls.map(Box::new),
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
    fn serve(
        &mut self,
        input: &mut [u8],
        ciphertext: &mut [u8],
        output: &mut Vec<u8>,
    ) -> io::Result<()> {
        if self.is_behind() {
            self.send(&[])?;
            if self.is_behind() {
                return Ok(());
            }
        }
        loop {
            // What has begun to come stands before what comes; a message that is too long for it moves out.
            let kept = self.partial.len();
            if kept >= input.len() / 2 {
                return self.serve_long(input, ciphertext, output);
            }
            input[..kept].copy_from_slice(&self.partial);
            self.partial.clear();
            let (count, is_drained) = self.receive(&mut input[kept..], ciphertext)?;
            let end = kept + count;
            let taken = self.take(&mut input[..end], output)?;
            self.partial.extend_from_slice(&input[taken..end]);
            if self.partial.is_empty() {
                self.partial = Vec::new();
            }
            if is_drained {
                return Ok(());
            }
        }
    }

    fn serve_long(
        &mut self,
        input: &mut [u8],
        ciphertext: &mut [u8],
        output: &mut Vec<u8>,
    ) -> io::Result<()> {
        if let Some((header, length)) = codec::measure(&self.partial) {
            let missing = (header + length).saturating_sub(self.partial.len());
            self.partial.reserve(missing);
        }
        loop {
            let (count, is_drained) = self.receive(input, ciphertext)?;
            self.partial.extend_from_slice(&input[..count]);
            let taken = codec::turn(&mut self.partial, output);
            self.partial.drain(..taken);
            if self.partial.is_empty() {
                self.partial = Vec::new();
            }
            if is_drained {
                return Ok(());
            }
        }
    }

    /// Bytes received, and whether no more are there for now.
    fn receive(&mut self, room: &mut [u8], ciphertext: &mut [u8]) -> io::Result<(usize, bool)> {
        let Some(tls) = &mut self.tls else {
            let count = read(&mut self.stream, room)?;
            return Ok((count, count < room.len()));
        };
        let count = read(&mut self.stream, ciphertext)?;
        let (mut rest, mut filled) = (&ciphertext[..count], 0);
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            tls.process_new_packets().map_err(io::Error::other)?;
            // With nothing to read it would block; 0 is close_notify.
            while let Ok(count @ 1..) = tls.reader().read(&mut room[filled..]) {
                filled += count;
            }
        }
        flush(tls, &mut self.stream)?;
        Ok((filled, count < ciphertext.len()))
    }

    fn is_behind(&self) -> bool {
        !self.unsent.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
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
        self.send(answer.as_bytes())?;
        Ok(input.len())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            return flush(tls, &mut self.stream);
        }
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

/// 0 if nothing is there.
fn read(stream: &mut TcpStream, room: &mut [u8]) -> io::Result<usize> {
    match stream.read(room) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        read => read,
    }
}

/// Sends what is encrypted, as far as the socket takes it.
fn flush(tls: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn tls(chain: &str, key: &str) -> io::Result<Arc<ServerConfig>> {
    let (chain, key) = (fs::read(chain)?, fs::read(key)?);
    let chain = rustls_pemfile::certs(&mut &chain[..]).collect::<Result<Vec<_>, _>>()?;
    let key = rustls_pemfile::private_key(&mut &key[..])?;
    let key = key.ok_or_else(|| io::Error::other("no key"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

//! The load generator: one thread, frames made before the clock runs, every byte that comes back compared.
//!
//! It sends a batch of `depth` messages on each connection, and the next one when the last byte of the batch has come
//! back. So a server that answers a batch with one write is asked with one write, and every other one as well.

mod broadcast;
mod churn;
pub(crate) mod compressed;
mod paced;
mod wire;

use std::{
    io,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};
use ws_tests::bench::traffic::Traffic;

pub(crate) use self::{
    churn::churn,
    wire::{Wire, shake_hands},
};

/// A server that does not answer for so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Open connections to one server, and what goes over them.
pub(crate) struct Load {
    poll: Poll,
    events: Events,
    connections: Vec<Open>,
    traffic: Traffic,
    depth: u64,
    input: Vec<u8>,
}

/// How far a connection is, in bytes of its two streams and in messages.
struct Open {
    wire: Wire,
    messages: u64,
    sent: u64,
    sent_goal: u64,
    received: u64,
    received_goal: u64,
}

impl Load {
    pub(crate) fn new(wires: Vec<Wire>, traffic: Traffic, depth: u64) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for (index, mut wire) in wires.into_iter().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(wire.source(), Token(index), interest)?;
            connections.push(Open {
                wire,
                messages: 0,
                sent: 0,
                sent_goal: 0,
                received: 0,
                received_goal: 0,
            });
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            connections,
            traffic,
            depth,
            input: vec![0; 512 << 10],
        })
    }

    /// Echoes for this long and then until all is back; returns how many messages.
    pub(crate) fn echo(&mut self, time: Duration) -> io::Result<u64> {
        let start = Instant::now();
        let mut busy = self.connections.len();
        for connection in &mut self.connections {
            connection.begin(self.depth, &self.traffic)?;
        }
        let mut messages = 0;
        while busy > 0 {
            wait(&mut self.poll, &mut self.events)?;
            let is_over = start.elapsed() >= time;
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                let done = connection.go_on(event, &mut self.input, &self.traffic)?;
                if !done {
                    continue;
                }
                messages += self.depth;
                if is_over {
                    busy -= 1;
                } else {
                    connection.begin(self.depth, &self.traffic)?;
                }
            }
        }
        Ok(messages)
    }
}

fn wait(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    poll.poll(events, Some(PATIENCE))?;
    if events.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("nothing came for {PATIENCE:?}"),
        ));
    }
    Ok(())
}

impl Open {
    /// Sends the next batch, as far as the socket takes it.
    fn begin(&mut self, messages: u64, traffic: &Traffic) -> io::Result<()> {
        self.expect(messages, traffic);
        self.sent_goal += traffic.requests.position(self.messages)
            - traffic.requests.position(self.messages - messages);
        self.send(traffic)
    }

    /// The next messages come without being asked for.
    fn expect(&mut self, messages: u64, traffic: &Traffic) {
        self.messages += messages;
        self.received_goal = traffic.echoes.position(self.messages);
    }

    fn send(&mut self, traffic: &Traffic) -> io::Result<()> {
        while self.sent < self.sent_goal {
            let bytes = traffic.requests.slice(self.sent, self.sent_goal);
            match self.wire.send(bytes)? {
                0 => return Ok(()),
                count => self.sent += count as u64,
            }
        }
        self.wire.flush()
    }

    /// Whether this was the end of a batch.
    fn go_on(
        &mut self,
        event: &mio::event::Event,
        input: &mut [u8],
        traffic: &Traffic,
    ) -> io::Result<bool> {
        if event.is_writable() {
            self.send(traffic)?;
        }
        if !event.is_readable() || self.received == self.received_goal {
            return Ok(false);
        }
        loop {
            let (count, is_drained) = self.wire.receive(input)?;
            if !traffic.echoes.has(self.received, &input[..count]) {
                let text = format!(
                    "the echo differs within {count} bytes from {}",
                    self.received
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            self.received += count as u64;
            if self.received > self.received_goal {
                let text = format!(
                    "{} bytes more than asked for",
                    self.received - self.received_goal
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            if self.received == self.received_goal {
                return Ok(true);
            }
            if is_drained {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use ws_server::Config;
    use ws_tests::{bench::traffic::Kind, echo::EchoServer};

    use super::*;

    fn open(port: u16, connections: usize) -> Load {
        let wires = (0..connections)
            .map(|_| Wire::open(port).unwrap())
            .collect();
        Load::new(wires, Traffic::new(Kind::Mixed, 1000, 4), 2).unwrap()
    }

    #[test]
    fn echoes_come_back_in_both_ways() {
        let server = EchoServer::start(Config::default());
        let mut load = open(server.address().port(), 3);
        let messages = load.echo(Duration::from_millis(20)).unwrap();
        assert!(messages >= 6 && messages.is_multiple_of(2), "{messages}");
        let times = load.paced(1_000, Duration::from_millis(50)).unwrap();
        assert_eq!(times.len(), 50);
    }

    #[test]
    fn one_wrong_byte_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut input = [0; 65_536];
            let _ = stream.read(&mut input);
            stream.write_all(b"HTTP/1.1 101 Yes\r\n\r\n").unwrap();
            let mut answer = Traffic::new(Kind::Mixed, 1000, 4).echoes.bytes().to_vec();
            answer[700] ^= 1;
            let _ = stream.read(&mut input);
            let _ = stream.write_all(&answer[..1500]);
            let _ = stream.read(&mut input);
        });
        let error = open(port, 1).echo(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
}

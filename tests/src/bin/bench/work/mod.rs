//! One turn of each kind of work: here of what a server is asked by the load generator.

mod alone;
mod client;
mod memory;

use std::{
    io,
    time::{Duration, Instant},
};

use ws_core::tls::ClientTls;
use ws_tests::bench::{
    server::Mode,
    traffic::{Kind, Traffic},
};

pub(crate) use self::{
    alone::{Codec, Instructions, Linearity, WakeUp},
    client::Client,
    memory::Memory,
};
use crate::{
    cells::Work,
    load::{self, Load, Wire, compressed},
    results::Sample,
    stage::Place,
    statistics::quantile,
    turns::{Turn, cpu_of},
};

/// Different messages of a cell: enough that one taken for another shows.
const MESSAGES: usize = 16;
/// But not more bytes than this, which stay in the generator's cache.
const MESSAGE_BYTES: usize = 2 << 20;

/// Echoes as fast as the server can.
pub(crate) struct Echo {
    load: Load,
    pids: Vec<u32>,
}

impl Echo {
    /// `work` is an echo.
    pub(crate) fn open(work: Work, servers: &[Place]) -> io::Result<Self> {
        let Work::Echo {
            mode,
            kind,
            size,
            connections,
            depth,
            ..
        } = work
        else {
            return Err(io::Error::other("no echo"));
        };
        let count = (MESSAGE_BYTES / size).clamp(1, MESSAGES);
        let ports: Vec<_> = servers.iter().map(|server| server.port).collect();
        let (wires, traffic) = if mode == Mode::Deflate {
            compressed::open(ports[0], connections, size, count)?
        } else {
            (
                open_at(mode, &ports, connections)?,
                Traffic::new(kind, size, count),
            )
        };
        Ok(Self {
            load: Load::new(wires, traffic, depth)?,
            pids: servers.iter().map(|server| server.pid).collect(),
        })
    }
}

/// Opens so many connections, without compression.
fn open(mode: Mode, port: u16, connections: usize) -> io::Result<Vec<Wire>> {
    open_at(mode, &[port], connections)
}

/// Opens so many connections, to one port after the other.
fn open_at(mode: Mode, ports: &[u16], connections: usize) -> io::Result<Vec<Wire>> {
    let tls = match mode {
        Mode::Tls => {
            Some(ClientTls::dangerous_without_verification(None).map_err(io::Error::other)?)
        }
        _ => None,
    };
    let ports = ports.iter().cycle().take(connections);
    ports
        .map(|port| match &tls {
            Some(tls) => Wire::open_tls(*port, tls),
            None => Wire::open(*port),
        })
        .collect()
}

impl Turn for Echo {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let ((messages, seconds), cpu) = cpu_of(&self.pids, || {
            let start = Instant::now();
            Ok((self.load.echo(time)?, start.elapsed().as_secs_f64()))
        })?;
        let messages = messages as f64;
        Ok(Sample::new(cpu / 1e3 / messages).with("messages_a_second", messages / seconds))
    }
}

/// One sends to all.
pub(crate) struct Broadcast {
    load: Load,
    pid: u32,
    connections: usize,
}

impl Broadcast {
    pub(crate) fn open(connections: usize, depth: u64, server: Place) -> io::Result<Self> {
        let wires = open(Mode::Echo, server.port, connections)?;
        Ok(Self {
            load: Load::new(wires, Traffic::new(Kind::Binary, 125, MESSAGES), depth)?,
            pid: server.pid,
            connections,
        })
    }
}

impl Turn for Broadcast {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let (messages, cpu) = cpu_of(&[self.pid], || self.load.broadcast(time))?;
        Ok(Sample::new(
            cpu / 1e3 / (messages as f64 * self.connections as f64),
        ))
    }
}

/// Connections that come and go.
pub(crate) struct Churn(pub(crate) Place);

impl Turn for Churn {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let (count, cpu) = cpu_of(&[self.0.pid], || load::churn(self.0.port, time))?;
        Ok(Sample::new(cpu / 1e3 / count as f64))
    }
}

/// Echoes at a fixed rate.
pub(crate) struct Latency {
    load: Load,
    pid: u32,
    rate: u32,
}

impl Latency {
    pub(crate) fn open(
        connections: usize,
        size: usize,
        rate: u32,
        server: Place,
    ) -> io::Result<Self> {
        let wires = open(Mode::Echo, server.port, connections)?;
        Ok(Self {
            load: Load::new(wires, Traffic::new(Kind::Binary, size, MESSAGES), 1)?,
            pid: server.pid,
            rate,
        })
    }
}

impl Turn for Latency {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let (mut taken, cpu) = cpu_of(&[self.pid], || self.load.paced(self.rate, time))?;
        taken.sort_unstable();
        let sorted: Vec<_> = taken
            .iter()
            .map(|nanoseconds| *nanoseconds as f64 / 1e3)
            .collect();
        let at = |part| quantile(&sorted, part).unwrap_or(f64::NAN);
        Ok(Sample::new(at(0.99))
            .with("p50", at(0.5))
            .with("p99.9", at(0.999))
            .with("server_load_percent", cpu / 1e7 / time.as_secs_f64()))
    }
}

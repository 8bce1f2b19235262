//! One turn of each kind of work.

use std::{
    io,
    process::Command,
    time::{Duration, Instant},
};

use ws_core::tls::ClientTls;
use ws_tests::{
    bench::{
        codec::messages_in_call,
        server::Mode,
        traffic::{Kind, Traffic},
    },
    figures::resident_bytes,
};

use crate::{
    callgrind,
    cells::Work,
    load::{self, Load, Wire, compressed},
    options::Options,
    ours,
    peers::{Peer, Server},
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
    pid: u32,
}

impl Echo {
    /// `work` is an echo.
    pub(crate) fn open(work: Work, server: Place) -> io::Result<Self> {
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
        let (wires, traffic) = if mode == Mode::Deflate {
            compressed::open(server.port, connections, size, count)?
        } else {
            (
                open(mode, server.port, connections)?,
                Traffic::new(kind, size, count),
            )
        };
        Ok(Self {
            load: Load::new(wires, traffic, depth)?,
            pid: server.pid,
        })
    }
}

/// Opens so many connections, without compression.
fn open(mode: Mode, port: u16, connections: usize) -> io::Result<Vec<Wire>> {
    let tls = match mode {
        Mode::Tls => {
            Some(ClientTls::dangerous_without_verification(None).map_err(io::Error::other)?)
        }
        _ => None,
    };
    (0..connections)
        .map(|_| match &tls {
            Some(tls) => Wire::open_tls(port, tls),
            None => Wire::open(port),
        })
        .collect()
}

impl Turn for Echo {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let ((messages, seconds), cpu) = cpu_of(self.pid, || {
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
        let (messages, cpu) = cpu_of(self.pid, || self.load.broadcast(time))?;
        Ok(Sample::new(
            cpu / 1e3 / (messages as f64 * self.connections as f64),
        ))
    }
}

/// Connections that come and go.
pub(crate) struct Churn(pub(crate) Place);

impl Turn for Churn {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let (count, cpu) = cpu_of(self.0.pid, || load::churn(self.0.port, time))?;
        Ok(Sample::new(cpu / 1e3 / count as f64))
    }
}

/// Echoes at a fixed rate.
pub(crate) struct Latency {
    load: Load,
    pid: u32,
    rate: u32,
}

/// Shorter turns would leave nothing beyond the 99.9th percentile.
const PACED_TIMES: u32 = 4;

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
        let time = time * PACED_TIMES;
        let (mut taken, cpu) = cpu_of(self.pid, || self.load.paced(self.rate, time))?;
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

/// Connections that have echoed once and are idle then.
pub(crate) struct Memory {
    mode: Mode,
    connections: usize,
    server: Server,
}

/// Open before anything is measured: what a server makes once is not what a connection costs.
const FIRST: usize = 500;
/// Of an idle connection's only message.
const SMALL: usize = 125;

impl Memory {
    pub(crate) fn new(mode: Mode, connections: usize, server: Server) -> Self {
        Self {
            mode,
            connections,
            server,
        }
    }

    fn hold(&self, connections: usize) -> io::Result<Load> {
        let port = self.server.port;
        let (wires, traffic) = if self.mode == Mode::Deflate {
            compressed::open(port, connections, SMALL, 1)?
        } else {
            (
                open(self.mode, port, connections)?,
                Traffic::new(Kind::Binary, SMALL, 1),
            )
        };
        let mut load = Load::new(wires, traffic, 1)?;
        load.echo(Duration::ZERO)?;
        Ok(load)
    }
}

impl Turn for Memory {
    fn turn(&mut self, _: Duration) -> io::Result<Sample> {
        let pid = self.server.process.id();
        let resident = || {
            let bytes = cpu_of(pid, || Ok(resident_bytes(pid)))?.0;
            bytes.ok_or_else(|| io::Error::other("the server has ended"))
        };
        let _first = self.hold(FIRST)?;
        let before = resident()?;
        let _idle = self.hold(self.connections)?;
        let growth = resident()?.saturating_sub(before);
        Ok(Sample::new(growth as f64 / self.connections as f64))
    }
}

/// The mailbox's threads, or bare ones.
pub(crate) struct WakeUp(pub(crate) &'static str);

impl Turn for WakeUp {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let who = if self.0 == "mailbox" {
            "mailbox"
        } else {
            "bare"
        };
        let seconds = (time * PACED_TIMES).as_secs_f64().to_string();
        let output = Command::new("taskset")
            .args(["-c", "0,1"])
            .arg(ours::program())
            .args(["wakeup", who, &seconds])
            .output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let mut figures = printed.split_whitespace().flat_map(str::parse::<f64>);
        let (Some(median), Some(high)) = (figures.next(), figures.next()) else {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(text.into_owned()));
        };
        Ok(Sample::new(high).with("p50", median))
    }
}

/// Each turn is a process of its own, so that no codec sits in a better place than another for the whole run.
pub(crate) struct Codec {
    command: Command,
    size: usize,
}

/// Of a codec's turn; it takes the median of many pieces by itself.
const CODEC_TIME: Duration = Duration::from_millis(20);

impl Codec {
    pub(crate) fn new(peer: &Peer, kind: Kind, size: usize, options: &Options) -> Self {
        let mut command = peer.codec(options);
        let seconds = CODEC_TIME.as_secs_f64().to_string();
        command.args([&size.to_string(), kind.name(), "for", &seconds]);
        Self { command, size }
    }
}

impl Turn for Codec {
    fn turn(&mut self, _: Duration) -> io::Result<Sample> {
        let output = self.command.output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let nanoseconds: f64 = printed.trim().parse().map_err(|_| {
            let text = String::from_utf8_lossy(&output.stderr);
            io::Error::other(text.trim().to_owned())
        })?;
        Ok(Sample::new(nanoseconds).with("GB_a_second", self.size as f64 / nanoseconds))
    }
}

/// The same codecs in valgrind.
pub(crate) struct Instructions {
    words: Vec<String>,
    size: usize,
}

impl Instructions {
    pub(crate) fn new(peer: &Peer, kind: Kind, size: usize, options: &Options) -> Self {
        let mut words = peer.bare_codec(options);
        words.extend([size.to_string(), kind.name().to_owned()]);
        Self { words, size }
    }
}

impl Turn for Instructions {
    fn turn(&mut self, _: Duration) -> io::Result<Sample> {
        callgrind::codec(&self.words, messages_in_call(self.size)).map(Sample::new)
    }
}

//! One turn of each kind of work.

use std::{
    io,
    process::Command,
    time::{Duration, Instant},
};

use ws_core::tls::ClientTls;
use ws_tests::bench::{
    codec::messages_in_call,
    server::Mode,
    traffic::{Kind, Traffic},
};

use crate::{
    callgrind,
    cells::Work,
    load::{Load, Wire},
    options::Options,
    peers::Peer,
    results::Sample,
    stage::Place,
    turns::{Turn, cpu_of},
};

/// Different messages of a cell: enough that one taken for another shows.
const MESSAGES: usize = 16;
/// But not more bytes than this, which stay in the generator's cache.
const MESSAGE_BYTES: usize = 2 << 20;

struct Echo {
    load: Load,
    pid: u32,
}

/// `work` is an echo.
pub(crate) fn echo(work: Work, server: Place) -> io::Result<Box<dyn Turn>> {
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
    let wires = open(mode, server.port, connections)?;
    let load = Load::new(wires, Traffic::new(kind, size, count), depth)?;
    Ok(Box::new(Echo {
        load,
        pid: server.pid,
    }))
}

/// Opens so many connections.
pub(crate) fn open(mode: Mode, port: u16, connections: usize) -> io::Result<Vec<Wire>> {
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

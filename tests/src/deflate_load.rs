//! A load of compressed messages on echo servers, for figures: what is sent is compressed before the clock runs, what
//! comes back is counted.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    ops::AddAssign,
    time::{Duration, Instant},
};

use ws_core::{
    Compression, Connection, Event, Limits, MaskingKeys, Role, Scratch, SendScratch,
    extension::{DeflateConfig, DeflateOffer, DeflateParameters},
    handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits},
};

use crate::figures::cpu_seconds;

/// Different messages that are sent in turns, so that no context holds the next one whole.
const MESSAGES: usize = 64;
/// Connections of a load.
const CONNECTIONS: usize = 8;
/// Compressed bytes on their way on one connection: little enough for every socket's buffers, so that the load can send
/// them all before it reads.
const BYTES_ON_THEIR_WAY: usize = 32 << 10;
/// The most messages on their way on one connection.
const MOST_ON_THEIR_WAY: usize = 16;

/// What a turn of a load has come to.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Sample {
    /// Messages sent and answered.
    pub messages: u64,
    /// Bytes of their answers' payloads on the wire.
    pub wire_bytes: u64,
    /// By the clock.
    pub seconds: f64,
    /// Of the server's process, user and system.
    pub cpu_seconds: f64,
}

impl Sample {
    /// Megabytes of text a second, for messages of so many bytes.
    pub fn per_second(&self, size: usize) -> f64 {
        self.megabytes(size) / self.seconds
    }

    /// Megabytes of text for each second of the server's CPU.
    pub fn per_cpu_second(&self, size: usize) -> f64 {
        self.megabytes(size) / self.cpu_seconds
    }

    /// Bytes of an answer's payload on the wire.
    pub fn answer_bytes(&self) -> u64 {
        self.wire_bytes / self.messages.max(1)
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn megabytes(&self, size: usize) -> f64 {
        self.messages as f64 * size as f64 / 1e6
    }
}

impl AddAssign for Sample {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.wire_bytes += other.wire_bytes;
        self.seconds += other.seconds;
        self.cpu_seconds += other.cpu_seconds;
    }
}

/// Connections to one server, and the messages for it.
#[derive(Debug)]
pub struct Load {
    connections: Vec<Loaded>,
    /// Whole frames.
    frames: Vec<Vec<u8>>,
    on_their_way: usize,
    next: usize,
}

impl Load {
    /// Opens connections, each of which has got a message back that was inflated and compared.
    pub fn open(url: &str, size: usize) -> Self {
        Self::open_many(url, size, CONNECTIONS)
    }

    /// The same with one connection.
    pub fn open_one(url: &str, size: usize) -> Self {
        Self::open_many(url, size, 1)
    }

    fn open_many(url: &str, size: usize, count: usize) -> Self {
        let texts: Vec<_> = (0..MESSAGES)
            .map(|number| json_text(size, number))
            .collect();
        let (mut connections, mut frames) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (loaded, encoded) = Loaded::open(url, &texts)
                .unwrap_or_else(|error| panic!("cannot load {url}: {error}"));
            connections.push(loaded);
            frames = encoded;
        }
        let largest = frames.iter().map(Vec::len).max().unwrap_or(1);
        Self {
            connections,
            frames,
            on_their_way: (BYTES_ON_THEIR_WAY / largest).clamp(1, MOST_ON_THEIR_WAY),
            next: 0,
        }
    }

    /// Sends and receives for this long; CPU is that of process `server`.
    pub fn run(&mut self, server: u32, time: Duration) -> Sample {
        let cpu =
            || cpu_seconds(server).unwrap_or_else(|| panic!("no figures of process {server}"));
        let (start, cpu_start) = (Instant::now(), cpu());
        let mut sample = Sample::default();
        let mut batch = Vec::new();
        while start.elapsed() < time {
            batch.clear();
            for _ in 0..self.on_their_way {
                batch.extend_from_slice(&self.frames[self.next]);
                self.next = (self.next + 1) % self.frames.len();
            }
            for connection in &mut self.connections {
                connection.send(&batch);
            }
            for connection in &mut self.connections {
                for _ in 0..self.on_their_way {
                    sample.wire_bytes += connection.receive();
                    sample.messages += 1;
                }
            }
        }
        sample.seconds = start.elapsed().as_secs_f64();
        sample.cpu_seconds = cpu() - cpu_start;
        sample
    }
}

/// One connection, after its first message.
#[derive(Debug)]
struct Loaded {
    stream: TcpStream,
    input: Vec<u8>,
    start: usize,
    end: usize,
}

impl Loaded {
    /// Also gives the frames of all texts, each of which stands for itself.
    fn open(url: &str, texts: &[String]) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let (stream, agreed) = connect(url, true)?;
        let mut loaded = Self {
            stream,
            input: vec![0; 256 << 10],
            start: 0,
            end: 0,
        };
        let mut connection =
            Connection::with_deflate(Role::Client, &agreed, &DeflateConfig::shared());
        let frames = encode(&agreed, texts)?;
        loaded.send(&frames[0]);
        loaded.expect(&mut connection, &texts[0])?;
        Ok((loaded, frames))
    }

    /// Reads the first answer as a client does.
    fn expect(&mut self, connection: &mut Connection, text: &str) -> io::Result<()> {
        let mut scratch = Scratch::new(Limits::default());
        let (receiver, _) = connection.split();
        loop {
            let count = self.stream.read(&mut self.input)?;
            let mut receive = receiver.receive(&mut self.input[..count], &mut scratch);
            match receive.next() {
                None if count > 0 => {}
                Some(Ok(Event::Text(answer))) if answer == text => return Ok(()),
                _ => return Err(io::Error::other("the first message did not come back")),
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let sent = self.stream.write_all(bytes);
        sent.unwrap_or_else(|error| panic!("cannot send: {error}"));
    }

    /// Takes one data frame, or the frames of one message; returns the bytes of its payload.
    fn receive(&mut self) -> u64 {
        let mut total = 0;
        loop {
            let (first, second) = (self.byte(), self.byte());
            let length = match second & 0x7F {
                126 => (0..2).fold(0, |length, _| length << 8 | u64::from(self.byte())),
                127 => (0..8).fold(0, |length, _| length << 8 | u64::from(self.byte())),
                length => u64::from(length),
            };
            self.skip(length);
            let is_control = first & 0x08 > 0;
            if is_control {
                continue;
            }
            total += length;
            if first & 0x80 > 0 {
                return total;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.fill();
        self.start += 1;
        self.input[self.start - 1]
    }

    fn skip(&mut self, mut count: u64) {
        while count > 0 {
            self.fill();
            let here = (self.end - self.start) as u64;
            let step = here.min(count);
            self.start += usize::try_from(step).unwrap_or_default();
            count -= step;
        }
    }

    fn fill(&mut self) {
        if self.start < self.end {
            return;
        }
        let read = self.stream.read(&mut self.input);
        let count = read.unwrap_or_else(|error| panic!("cannot receive: {error}"));
        assert!(count > 0, "the server has closed the connection");
        (self.start, self.end) = (0, count);
    }
}

/// Connects and does the opening handshake; what was agreed on. The client takes no context over, and the server does not
/// either unless it may.
///
/// # Errors
/// What the socket says, or that there is no compression.
pub fn connect(url: &str, may_take_over: bool) -> io::Result<(TcpStream, DeflateParameters)> {
    let (host, path) = crate::raw::split(url)
        .ok_or_else(|| io::Error::other(format!("{url} is no address of a WebSocket")))?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(crate::wait::TIMEOUT))?;
    stream.set_write_timeout(Some(crate::wait::TIMEOUT))?;
    let offer = DeflateOffer {
        client_no_context_takeover: true,
        server_no_context_takeover: !may_take_over,
        ..DeflateOffer::default()
    };
    let request = ClientRequest::new(host, path).deflate(offer);
    let mut handshake =
        ClientHandshake::new(&request, *b"sixteen bytes ok").map_err(io::Error::other)?;
    stream.write_all(handshake.request())?;
    let mut input = [0; 16 << 10];
    loop {
        let count = stream.read(&mut input)?;
        match handshake.receive(&input[..count], &HeadLimits::default()) {
            Ok(ClientStep::NeedMore) if count > 0 => {}
            Ok(ClientStep::Done {
                deflate: Some(agreed),
                ..
            }) => return Ok((stream, agreed.parameters())),
            other => return Err(io::Error::other(format!("no compression: {other:?}"))),
        }
    }
}

/// The frames of texts, each of which stands for itself and can go on every connection.
///
/// # Errors
/// A text that is too long.
pub fn encode(agreed: &DeflateParameters, texts: &[String]) -> io::Result<Vec<Vec<u8>>> {
    let mut connection = Connection::with_deflate(Role::Client, agreed, &DeflateConfig::shared());
    let mut scratch = SendScratch::client(Box::new(SameKey));
    let (_, sender) = connection.split();
    let encode = |text: &String| {
        let mut frame = Vec::new();
        let encoded = sender.encode_text_with(text, Compression::Always, &mut scratch, &mut frame);
        encoded.map(|()| frame).map_err(io::Error::other)
    };
    texts.iter().map(encode).collect()
}

/// The same bytes can then go on every connection.
struct SameKey;

impl MaskingKeys for SameKey {
    fn next_key(&mut self) -> [u8; 4] {
        *b"mask"
    }
}

/// Records as services send them: the same keys again and again, values that differ.
pub fn json_text(size: usize, number: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("[");
    let mut value = number.wrapping_mul(0x9E37_79B9).wrapping_add(12_345);
    while text.len() < size {
        value = value.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let (id, price) = ((value >> 8) % 100_000, (value >> 24) % 10_000);
        let name = [
            "anna", "boris", "chen", "dora", "emil", "frida", "gül", "hana",
        ][(value >> 16) % 8];
        let is_open = value >> 20 & 1 == 1;
        // Into a String this cannot fail.
        let _ = write!(
            text,
            r#"{{"id":{id},"customer":"{name}","price":{}.{:02},"open":{is_open},"tags":["web","{:x}"]}},"#,
            price / 100,
            price % 100,
            value & 0xFFFF
        );
    }
    let mut end = size;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

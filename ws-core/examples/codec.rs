//! What the protocol alone costs: parse, unmask, check and echo messages of a client, without a socket.
//!
//! `cargo run --release -p ws-core --example codec` prints a table; with a size, a kind and a number of messages
//! (`-- 16 binary 100000`) only that work is done, for a profiler. Instructions for one message are the difference of
//! two such runs: `valgrind --tool=callgrind target/release/examples/codec 16 binary 100000`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement needs a clock and tells what it found"
)]

use std::{env, error::Error, hint::black_box, str::FromStr, time::Instant};

use ws_core::{Connection, Event, Limits, Role, Scratch, SendScratch};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [bytes, kind, count] = &arguments[..] {
        let mut echo = Echo::new(bytes.parse()?, kind.parse()?)?;
        for _ in 0..count.parse::<usize>()?.div_ceil(echo.messages) {
            echo.round()?;
        }
        return Ok(());
    }
    println!("{:>9} {:>7} {:>10} {:>7}", "bytes", "kind", "ns", "GB/s");
    for bytes in [16, 125, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20] {
        for kind in [Kind::Binary, Kind::Ascii, Kind::Mixed] {
            let mut echo = Echo::new(bytes, kind)?;
            let seconds = echo.measure()?;
            println!(
                "{bytes:>9} {:>7} {:>10.1} {:>7.2}",
                format!("{kind:?}"),
                seconds * 1e9,
                bytes as f64 / seconds / 1e9
            );
        }
    }
    Ok(())
}

const LONG_BYTES: usize = 16 << 10;

/// What the messages carry.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Binary,
    Ascii,
    /// Latin, Cyrillic and Chinese letters and an emoji.
    Mixed,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "binary" => Ok(Self::Binary),
            "ascii" => Ok(Self::Ascii),
            "mixed" => Ok(Self::Mixed),
            other => Err(format!("{other} is none of binary, ascii, mixed")),
        }
    }
}

/// A server's connection, and what a client sent to it in one go.
struct Echo {
    connection: Connection,
    scratch: Scratch,
    send_scratch: SendScratch,
    wire: Vec<u8>,
    messages: usize,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Echo {
    /// As many messages as one read brings: 64 KiB, or one message.
    fn new(bytes: usize, kind: Kind) -> Result<Self, Box<dyn Error>> {
        let mut key = 0x9E37_79B9_u32;
        let mut client_scratch = SendScratch::client(Box::new(move || {
            key = key.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35F);
            key.to_be_bytes()
        }));
        let mut client = Connection::new(Role::Client);
        let (_, sender) = client.split();
        let text = match kind {
            Kind::Binary | Kind::Ascii => "The quick brown fox jumps over the lazy dog. ",
            Kind::Mixed => "Grüße, привет, 你好 and hello 🙂. ",
        };
        let mut message = String::new();
        for letter in text.chars().cycle() {
            if message.len() + letter.len_utf8() > bytes {
                break;
            }
            message.push(letter);
        }
        message.extend(std::iter::repeat_n('.', bytes - message.len()));
        let messages = ((64 << 10) / (bytes + 14)).clamp(1, 256);
        let mut wire = Vec::new();
        for _ in 0..messages {
            match kind {
                Kind::Binary => {
                    sender.encode_binary(message.as_bytes(), &mut client_scratch, &mut wire)?;
                }
                Kind::Ascii | Kind::Mixed => {
                    sender.encode_text(&message, &mut client_scratch, &mut wire)?;
                }
            }
        }
        Ok(Self {
            connection: Connection::new(Role::Server),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::server(),
            input: wire.clone(),
            wire,
            messages,
            output: Vec::new(),
        })
    }

    /// Echoes what the client sent; copying it to where a socket would put it is part of the work.
    fn round(&mut self) -> Result<(), Box<dyn Error>> {
        self.input.copy_from_slice(&self.wire);
        self.output.clear();
        let (receiver, sender) = self.connection.split();
        let mut receive = receiver.receive(&mut self.input, &mut self.scratch);
        while let Some(event) = receive.next() {
            // A long payload is written from where it lies, behind its head.
            let rest = match event? {
                Event::Text(text) if text.len() >= LONG_BYTES => {
                    sender.encode_text_head(text, &mut self.send_scratch, &mut self.output)?
                }
                Event::Binary(data) if data.len() >= LONG_BYTES => {
                    sender.encode_binary_head(data, &mut self.send_scratch, &mut self.output)?
                }
                Event::Text(text) => {
                    sender.encode_text(text, &mut self.send_scratch, &mut self.output)?;
                    continue;
                }
                Event::Binary(data) => {
                    sender.encode_binary(data, &mut self.send_scratch, &mut self.output)?;
                    continue;
                }
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => continue,
            };
            black_box((&self.output, rest));
            self.output.clear();
        }
        black_box(&self.output);
        Ok(())
    }

    /// Seconds for one message: the median of many short measurements.
    fn measure(&mut self) -> Result<f64, Box<dyn Error>> {
        let bytes = self.wire.len();
        let rounds = ((1 << 20) / bytes).max(1);
        let mut seconds = Vec::new();
        for _ in 0..101 {
            let begun = Instant::now();
            for _ in 0..rounds {
                self.round()?;
            }
            seconds.push(begun.elapsed().as_secs_f64() / (rounds * self.messages) as f64);
        }
        seconds.sort_by(f64::total_cmp);
        Ok(seconds[seconds.len() / 2])
    }
}

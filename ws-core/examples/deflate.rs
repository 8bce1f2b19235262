//! What permessage-deflate costs: time for each message, bytes on the wire, memory for each connection.
//!
//! `cargo run --release -p ws-core --example deflate`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement needs a clock and tells what it found"
)]

use std::{error::Error, fmt::Write, time::Instant};

use ws_core::{
    Connection, Event, Limits, Role, Scratch, SendScratch,
    extension::{DeflateConfig, DeflateParameters},
};

fn main() -> Result<(), Box<dyn Error>> {
    let presets = [
        ("shared", DeflateConfig::shared()),
        ("compact", DeflateConfig::compact()),
        ("dedicated", DeflateConfig::dedicated()),
    ];
    for (name, config) in presets {
        for level in [1, 2, 6] {
            let config = config.clone().level(level).threshold(0);
            for bytes in [125, 256, 1024, 16 << 10, 1 << 20] {
                measure(name, &config, bytes)?;
            }
        }
    }
    Ok(())
}

/// Seconds that this thread had a processor where Linux tells, else seconds: others may use the machine as well.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> f64 {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        nanoseconds.map_or_else(|| self.0.elapsed().as_secs_f64(), |count| count / 1e9)
    }
}

/// Compresses and inflates messages of a feed, and prints a line.
fn measure(name: &str, config: &DeflateConfig, bytes: usize) -> Result<(), Box<dyn Error>> {
    let parameters = DeflateParameters {
        server_no_context_takeover: !config.own_context_takeover,
        client_no_context_takeover: !config.peer_context_takeover,
        server_max_window_bits: config.own_window_bits,
        client_max_window_bits: config.peer_window_bits,
    };
    let mut server = Connection::with_deflate(Role::Server, &parameters, config);
    let mut client = Connection::with_deflate(Role::Client, &parameters, config);
    let mut send_scratch = SendScratch::server();
    let mut scratch = Scratch::new(Limits::default());
    let clock = Clock(Instant::now());
    let messages = feed(bytes);
    let rounds = ((256 << 20) / (bytes * messages.len() + 5000 * messages.len())).max(2);
    let mut output = Vec::new();
    let (mut sent, mut wire) = (0, 0);
    let (mut compressing, mut inflating) = (0.0, 0.0);
    for _ in 0..rounds {
        output.clear();
        let begun = clock.now();
        for message in &messages {
            let (_, sender) = server.split();
            sender.encode_text(message, &mut send_scratch, &mut output)?;
            sent += message.len();
        }
        compressing += clock.now() - begun;
        wire += output.len();
        let begun = clock.now();
        let (receiver, _) = client.split();
        let mut receive = receiver.receive(&mut output, &mut scratch);
        let mut received = 0;
        while let Some(event) = receive.next() {
            match event? {
                Event::Text(text) => received += text.len(),
                other => return Err(format!("{other:?} was not sent").into()),
            }
        }
        inflating += clock.now() - begun;
        drop(receive);
        if received != bytes * messages.len() {
            return Err("not everything arrived".into());
        }
    }
    let count = (rounds * messages.len()) as f64;
    let megabytes = sent as f64 / 1e6;
    let (_, sender) = server.split();
    let held = sender.held_bytes();
    let (receiver, _) = client.split();
    println!(
        "{name:9} level {} {bytes:8} B -> {:5.1} %  {:8.2} us {:7.1} MB/s to compress  {:8.2} us {:7.1} MB/s to inflate  \
         {held:6} + {:5} B a connection",
        config.level,
        100.0 * wire as f64 / sent as f64,
        compressing * 1e6 / count,
        megabytes / compressing,
        inflating * 1e6 / count,
        megabytes / inflating,
        receiver.held_bytes(),
    );
    Ok(())
}

/// Messages of a market feed as JSON, alike and never the same.
fn feed(bytes: usize) -> Vec<String> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let symbols = ["AAPL", "MSFT", "GOOG", "AMZN", "TSLA", "NVDA"];
    let count = (1 << 20) / bytes;
    std::iter::repeat_with(|| {
        let mut message = String::with_capacity(bytes + 200);
        while message.len() < bytes {
            let symbol = symbols[usize::try_from(random(6)).unwrap_or_default()];
            let side = if random(2) == 0 { "buy" } else { "sell" };
            let written = write!(
                message,
                "{{\"id\":{},\"symbol\":\"{symbol}\",\"price\":{}.{:02},\"volume\":{},\"side\":\"{side}\",\
                 \"time\":\"2026-11-22T{:02}:{:02}:{:02}Z\"}}",
                random(100_000),
                random(1000),
                random(100),
                random(5000),
                random(24),
                random(60),
                random(60),
            );
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        message.truncate(bytes);
        message
    })
    .take(count.clamp(2, 512))
    .collect()
}

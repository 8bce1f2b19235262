//! `soak WS MINUTES CONNECTIONS`: a mixed echo load of ws-client against `WS serve --echo`. Each message carries its
//! number and a checksum, connections come and go, and memory and open files of both sides are watched.
//! The last line is the result. `cargo xtask soak` runs it.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{
    env,
    hash::{DefaultHasher, Hasher as _},
    process,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use ws_client::{Client, CloseCode, Message};
use ws_tests::{
    figures::{open_files, resident_bytes, slope},
    payload,
    process::Process,
    raw,
    wait::{self, TIMEOUT},
};

/// Figures are taken so often, and one line in six is printed.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
const PRINT_EVERY: usize = 6;
/// This part of the time is warm-up: caches and arenas fill.
const WARM_UP: f64 = 0.25;
/// Messages on their way at once on one connection.
const DEPTH: u64 = 8;
/// A connection is closed and opened anew after so many batches.
const BATCHES: u64 = 60;
/// 16 B to 256 KiB; small ones are frequent.
const SIZES: [usize; 10] = [16, 16, 64, 125, 126, 1_000, 4_096, 20_000, 65_536, 262_144];
/// Growth over the measured part beyond this fails the run; the slope is printed in any case.
const MOST_GROWTH_BYTES: f64 = 16.0 * 1024.0 * 1024.0;

#[derive(Debug, Default)]
struct Totals {
    messages: AtomicU64,
    bytes: AtomicU64,
    connections: AtomicU64,
}

struct Sample {
    seconds: f64,
    server_bytes: f64,
    server_files: f64,
    own_bytes: f64,
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [ws, minutes, connections] = &arguments[..] else {
        panic!("usage: soak WS MINUTES CONNECTIONS")
    };
    let number = |text: &String| {
        text.parse()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    };
    let (minutes, connections): (u64, u64) = (number(minutes), number(connections));
    assert!(
        minutes > 0 && connections > 0,
        "1 minute or more, 1 connection or more"
    );
    let time = Duration::from_secs(minutes * 60);

    let (server, url) = Process::echo_server_of(ws);
    let files_at_start = raw::files_at_rest(&server, &url);
    let totals = Totals::default();
    let clock = Instant::now();
    let deadline = clock + time;
    let samples = thread::scope(|scope| {
        let (failed, failure) = mpsc::channel::<String>();
        for connection in 0..connections {
            let (url, totals, failed) = (&url, &totals, failed.clone());
            scope.spawn(move || {
                if let Err(text) = load(url, connection, deadline, totals) {
                    let _ = failed.send(format!("connection {connection}: {text}"));
                }
            });
        }
        drop(failed);
        watch(&server, &totals, clock, &failure)
    });

    let quiet = wait::until(TIMEOUT, || files(&server) <= files_at_start);
    let (messages, bytes) = (totals.messages.into_inner(), totals.bytes.into_inner());
    let measured: Vec<_> = samples
        .iter()
        .filter(|sample| sample.seconds >= time.as_secs_f64() * WARM_UP)
        .collect();
    let line = |value: fn(&Sample) -> f64| {
        let points: Vec<_> = measured
            .iter()
            .map(|sample| (sample.seconds, value(sample)))
            .collect();
        slope(&points)
    };
    let server_slope = line(|sample| sample.server_bytes);
    let span = time.as_secs_f64() * (1.0 - WARM_UP);
    println!(
        "{messages} messages, {:.1} GiB, {} connections, each echo verified; RSS slope: server {:+.1} KiB/min, \
         client {:+.1} KiB/min; server files: slope {:+.2}/min, {} after, {files_at_start} at the start",
        bytes as f64 / f64::from(1 << 30),
        totals.connections.into_inner(),
        server_slope * 60.0 / 1024.0,
        line(|sample| sample.own_bytes) * 60.0 / 1024.0,
        line(|sample| sample.server_files) * 60.0,
        files(&server),
    );
    assert!(messages > 0, "not one message came back");
    assert!(
        quiet,
        "the server still has files open that it did not have at the start"
    );
    assert!(
        server_slope * span <= MOST_GROWTH_BYTES,
        "the server's memory grows"
    );
}

/// Takes the figures until every thread of the load has ended; panics at the first failure.
fn watch(
    server: &Process,
    totals: &Totals,
    clock: Instant,
    failure: &mpsc::Receiver<String>,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    loop {
        match failure.recv_timeout(SAMPLE_EVERY) {
            // A panic would wait for the other threads of the scope, which have minutes to go.
            Ok(text) => {
                println!("FAILED: {text}\n{}", server.stderr_so_far());
                process::exit(1);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return samples,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        let sample = Sample {
            seconds: clock.elapsed().as_secs_f64(),
            server_bytes: resident_bytes(server.id()).unwrap_or(0) as f64,
            server_files: files(server) as f64,
            own_bytes: resident_bytes(process::id()).unwrap_or(0) as f64,
        };
        if samples.len() % PRINT_EVERY == 0 {
            println!(
                "{:6.0} s: {} messages, server {:.1} MiB and {} files, client {:.1} MiB",
                sample.seconds,
                totals.messages.load(Ordering::Relaxed),
                sample.server_bytes / f64::from(1 << 20),
                sample.server_files,
                sample.own_bytes / f64::from(1 << 20),
            );
        }
        samples.push(sample);
    }
}

fn files(server: &Process) -> usize {
    open_files(server.id()).unwrap_or(0)
}

/// One connection after the other, until the deadline.
fn load(url: &str, connection: u64, deadline: Instant, totals: &Totals) -> Result<(), String> {
    let text = |error: ws_client::Error| error.to_string();
    let mut number = 0;
    while Instant::now() < deadline {
        let mut client = Client::connect(url).map_err(text)?;
        totals.connections.fetch_add(1, Ordering::Relaxed);
        for _ in 0..BATCHES {
            if Instant::now() >= deadline {
                break;
            }
            for next in number..number + DEPTH {
                match next.is_multiple_of(3) {
                    true => client
                        .send_text(&text_message(connection, next))
                        .map_err(text)?,
                    false => client
                        .send_binary(&message(connection, next))
                        .map_err(text)?,
                }
            }
            for next in number..number + DEPTH {
                let answer = receive(&mut client)?;
                let size = verify(&answer, connection, next)?;
                totals.messages.fetch_add(1, Ordering::Relaxed);
                totals.bytes.fetch_add(size, Ordering::Relaxed);
            }
            number += DEPTH;
        }
        client.close(CloseCode::NORMAL, "").map_err(text)?;
    }
    Ok(())
}

fn receive(client: &mut Client) -> Result<Message, String> {
    loop {
        match client.receive(TIMEOUT) {
            Ok(Some(Message::Ping(_) | Message::Pong(_))) => {}
            Ok(Some(message)) => return Ok(message),
            Ok(None) => return Err(format!("nothing came back within {TIMEOUT:?}")),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Number and checksum in front, each of 8 bytes, then payload of a size that differs from message to message.
fn message(connection: u64, number: u64) -> Vec<u8> {
    let mix = (connection * 7 + number * 3) % SIZES.len() as u64;
    let size = SIZES[usize::try_from(mix).unwrap_or(0)];
    let payload = payload::binary(
        size - 16,
        usize::try_from(connection * 1_000 + number).unwrap_or(0),
    );
    let mut message = number.to_be_bytes().to_vec();
    message.extend_from_slice(&checksum(number, &payload).to_be_bytes());
    message.extend_from_slice(&payload);
    message
}

/// The same as text: two hexadecimal digits for a byte.
fn text_message(connection: u64, number: u64) -> String {
    data_encoding::HEXLOWER.encode(&message(connection, number))
}

fn checksum(number: u64, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(number);
    hasher.write(payload);
    hasher.finish()
}

/// Whether `answer` is the echo of message `number`: kind, number, checksum. Returns its size on the wire.
fn verify(answer: &Message, connection: u64, number: u64) -> Result<u64, String> {
    let is_text = matches!(answer, Message::Text(_));
    let bytes = match answer {
        Message::Text(text) => {
            let decoded = data_encoding::HEXLOWER.decode(text.as_bytes());
            &decoded.map_err(|error| format!("message {number} came back damaged: {error}"))?
        }
        Message::Binary(data) => data,
        other => return Err(format!("message {number} came back as {other:?}")),
    };
    let (head, payload) = bytes
        .split_at_checked(16)
        .ok_or("a message came back too short")?;
    let same = head[..8] == number.to_be_bytes()
        && head[8..] == checksum(number, payload).to_be_bytes()
        && is_text == number.is_multiple_of(3);
    if same {
        Ok(bytes.len() as u64 * if is_text { 2 } else { 1 })
    } else {
        Err(format!(
            "message {number} of connection {connection} did not come back as it was sent"
        ))
    }
}

//! What the servers and this program hold, from the first minute to the last.

use std::{
    process,
    sync::{atomic::Ordering, mpsc},
    time::Duration,
};

use ws_tests::{
    figures::{open_files, resident_bytes, slope},
    process::Process,
    raw,
    wait::{self, TIMEOUT},
};

use crate::Load;

/// Figures are taken so often, and one line in twelve is printed.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
const PRINT_EVERY: usize = 12;
/// This part of the time is warm-up: caches, pools and the allocator's heap fill.
const WARM_UP: f64 = 0.15;
/// A server may grow by so much in an hour, which is measured in a run of [`LONG`] or more (L-1).
const MOST_BYTES_AN_HOUR: f64 = MEBIBYTE;
const LONG: Duration = Duration::from_secs(45 * 60);
/// And by so much in single steps, which do not tilt the slope, from the first tenth of that time to the last.
const MOST_BYTES_IN_STEPS: f64 = 4.0 * MEBIBYTE;
/// In a long run this part of the messages that the rate asks for must have come back.
const LEAST_OF_RATE: f64 = 0.97;
/// In a shorter one the allocator's heap breathes by more: so much in all.
const MOST_BYTES_IN_A_SHORT_RUN: f64 = 8.0 * MEBIBYTE;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A server under load.
#[derive(Debug)]
pub(crate) struct Watched {
    name: &'static str,
    process: Process,
    pub(crate) url: String,
    files_at_start: usize,
}

impl Watched {
    pub(crate) fn new(name: &'static str, process: Process, url: String) -> Self {
        let files_at_start = raw::files_at_rest(&process, &url);
        Self {
            name,
            process,
            url,
            files_at_start,
        }
    }

    fn held(&self) -> Held {
        Held {
            bytes: resident_bytes(self.process.id()).unwrap_or(0) as f64,
            files: open_files(self.process.id()).unwrap_or(0),
        }
    }
}

#[derive(Debug)]
struct Held {
    bytes: f64,
    files: usize,
}

/// The figures of one moment.
#[derive(Debug)]
pub(crate) struct Sample {
    seconds: f64,
    servers: Vec<Held>,
    own_bytes: f64,
}

/// Takes the figures until every thread of the load has ended; ends the program at the first failure.
pub(crate) fn watch(
    servers: &[Watched],
    load: &Load,
    failure: &mpsc::Receiver<String>,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    loop {
        match failure.recv_timeout(SAMPLE_EVERY) {
            // A panic would wait for the other threads of the scope, which have minutes to go.
            Ok(text) => {
                println!("FAILED: {text}");
                for server in servers {
                    let printed = server.process.stderr_so_far();
                    let last = printed.lines().rev().take(20).collect::<Vec<_>>();
                    println!("{}, the last line first: {}", server.name, last.join("\n"));
                }
                process::exit(1);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return samples,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        let sample = Sample {
            seconds: load.start.elapsed().as_secs_f64(),
            servers: servers.iter().map(Watched::held).collect(),
            own_bytes: resident_bytes(process::id()).unwrap_or(0) as f64,
        };
        if samples.len() % PRINT_EVERY == 0 {
            let held = servers.iter().zip(&sample.servers).map(|(server, held)| {
                let bytes = held.bytes / MEBIBYTE;
                format!("{} {bytes:.1} MiB and {} files", server.name, held.files)
            });
            println!(
                "{:6.0} s: {} messages, {}, client {:.1} MiB",
                sample.seconds,
                load.totals.messages.load(Ordering::Relaxed),
                held.collect::<Vec<_>>().join(", "),
                sample.own_bytes / MEBIBYTE,
            );
        }
        samples.push(sample);
    }
}

/// Prints what came of it, and panics if a server grew or kept files.
pub(crate) fn judge(servers: &[Watched], samples: &[Sample], load: Load) {
    let is_quiet =
        |server: &Watched| wait::until(TIMEOUT, || server.held().files <= server.files_at_start);
    let quiet = servers.iter().all(is_quiet);
    let seconds = load.options.time.as_secs_f64();
    let measured = samples
        .iter()
        .filter(|sample| sample.seconds >= seconds * WARM_UP);
    let measured: Vec<_> = measured.collect();
    let a_minute = |value: &dyn Fn(&Sample) -> f64| {
        let points = measured
            .iter()
            .map(|sample| (sample.seconds, value(sample)));
        slope(&points.collect::<Vec<_>>()) * 60.0
    };
    let totals = load.totals;
    let messages = totals.messages.into_inner();
    let mut line = format!(
        "{messages} messages, {:.1} GiB, {} connections, {} faults in {:.0} min, each echo verified; client {:+.1} KiB/min",
        totals.bytes.into_inner() as f64 / f64::from(1 << 30),
        totals.connections.into_inner(),
        totals.faults.into_inner(),
        seconds / 60.0,
        a_minute(&|sample| sample.own_bytes) / 1024.0,
    );
    let mut grown = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let bytes_a_minute = a_minute(&|sample| sample.servers[index].bytes);
        let files_a_minute = a_minute(&|sample| sample.servers[index].files as f64);
        let most = samples.iter().map(|sample| sample.servers[index].bytes);
        let tenth = measured.len().div_ceil(10);
        let (first, last) = (&measured[..tenth], &measured[measured.len() - tenth..]);
        let [first, last] =
            [first, last].map(|part| median(part.iter().map(|sample| sample.servers[index].bytes)));
        line += &format!(
            "; {}: {:+.1} KiB/min, {:.1} MiB after the warm-up, {:.1} at the end, {:.1} at most, files {:+.2}/min, {} after and {} before",
            server.name,
            bytes_a_minute / 1024.0,
            first / MEBIBYTE,
            last / MEBIBYTE,
            most.fold(0.0, f64::max) / MEBIBYTE,
            files_a_minute,
            server.held().files,
            server.files_at_start,
        );
        let grows = if load.options.time >= LONG {
            bytes_a_minute * 60.0 > MOST_BYTES_AN_HOUR
                || last - first > MOST_BYTES_IN_STEPS
                || files_a_minute > 0.0
        } else {
            bytes_a_minute * seconds / 60.0 * (1.0 - WARM_UP) > MOST_BYTES_IN_A_SHORT_RUN
        };
        if grows {
            grown.push(server.name);
        }
    }
    println!("{line}");
    let rate = load.options.rate.filter(|_| load.options.time >= LONG);
    let least = rate.map_or(1.0, |rate| LEAST_OF_RATE * rate * seconds);
    assert!(
        messages as f64 >= least,
        "{messages} messages came back, at least {least:.0}"
    );
    assert!(
        quiet,
        "a server still has files open that it did not have at the start"
    );
    assert!(grown.is_empty(), "memory or files grow: {grown:?}");
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

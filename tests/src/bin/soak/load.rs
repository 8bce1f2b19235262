//! One place of the load: a connection after the other, until the time is over.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use ws_client::{Client, CloseCode, Config, ConnectRequest, Message};
use ws_tests::wait::TIMEOUT;

use crate::{Load, fault, message};

/// Messages on their way at once on one connection, at most.
const DEPTH: u64 = 8;
/// A connection is closed and opened anew after so many batches, if no churn is asked for.
const BATCHES: u64 = 60;

/// When the next batch is due, and when the connection ends.
#[derive(Debug)]
struct Pace {
    /// From one message to the next.
    interval: Option<Duration>,
    due: Instant,
    /// How long a connection lives, on average.
    life: Option<Duration>,
    seed: u64,
}

impl Pace {
    fn new(load: &Load, connection: u64) -> Self {
        // `rate` and `churn` are of all connections together.
        let each = |of_all: Option<f64>| {
            of_all.map(|of_all| Duration::from_secs_f64(load.options.connections as f64 / of_all))
        };
        let mut pace = Self {
            interval: each(load.options.rate),
            due: Instant::now(),
            life: each(load.options.churn),
            seed: connection.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        };
        // Or all would send in the same moment.
        let part = pace.random();
        pace.due += pace.interval.unwrap_or_default().mul_f64(part);
        pace
    }

    /// At least 0 and below 1.
    fn random(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// When a connection that is opened now is to be closed.
    fn end_of_life(&mut self) -> Option<Instant> {
        let life = self.life?.mul_f64(0.5 + self.random());
        Some(Instant::now() + life)
    }

    /// Notes a batch; who is late does not hurry later.
    fn sent(&mut self, messages: u64) {
        if let Some(interval) = self.interval {
            self.due = Instant::now().max(self.due + interval.mul_f64(messages as f64));
        }
    }
}

/// Runs connection `connection` against the server at `url`.
pub(crate) fn run(load: &Load, url: &str, connection: u64) -> Result<(), String> {
    let text = |error: ws_client::Error| error.to_string();
    // Thousands share two cores with whatever else the machine does.
    let config = Config::default()
        .connect_timeout(TIMEOUT)
        .send_timeout(TIMEOUT)
        .close_timeout(TIMEOUT);
    let mut request = ConnectRequest::new(url).map_err(text)?.config(config);
    if request.is_secure() {
        request = request.tls(load.tls.clone());
    }
    let deadline = load.start + load.options.time;
    let mut pace = Pace::new(load, connection);
    let (mut number, mut faults) = (0, 0);
    while Instant::now() < deadline {
        let mut client = Client::connect_with(&request).map_err(text)?;
        load.totals.connections.fetch_add(1, Ordering::Relaxed);
        let end = pace.end_of_life();
        for batch in 0.. {
            let is_old = end.map_or(batch == BATCHES, |end| Instant::now() >= end);
            if is_old || !idle(&mut client, pace.due.min(end.unwrap_or(pace.due)), deadline)? {
                break;
            }
            if pace.due > Instant::now() {
                continue;
            }
            let count = if pace.interval.is_some() {
                1 + (connection + batch) % DEPTH
            } else {
                DEPTH
            };
            exchange(load, &mut client, connection, number..number + count)?;
            pace.sent(count);
            number += count;
            // The first one earlier or later, or short runs of many connections would have none.
            let due = (number * load.options.fault_percent + connection % 100) / 100;
            while faults < due {
                fault::run(url, connection + faults).map_err(|error| error.to_string())?;
                load.totals.faults.fetch_add(1, Ordering::Relaxed);
                faults += 1;
            }
        }
        client.close(CloseCode::NORMAL, "").map_err(text)?;
    }
    Ok(())
}

/// Waits until `due`, answering pings; `false` once the deadline is over.
fn idle(client: &mut Client, due: Instant, deadline: Instant) -> Result<bool, String> {
    loop {
        let left = due.min(deadline).saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Instant::now() < deadline);
        }
        match client.receive(left) {
            Ok(None | Some(Message::Ping(_) | Message::Pong(_))) => {}
            Ok(Some(message)) => return Err(format!("came unasked: {message:.40?}")),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Sends all these messages, then verifies that all come back in their order.
fn exchange(
    load: &Load,
    client: &mut Client,
    connection: u64,
    numbers: std::ops::Range<u64>,
) -> Result<(), String> {
    for number in numbers.clone() {
        message::send(client, connection, number).map_err(|error| error.to_string())?;
    }
    for number in numbers {
        let answer = receive(client)?;
        let size = message::verify(&answer, connection, number)?;
        load.totals.messages.fetch_add(1, Ordering::Relaxed);
        load.totals.bytes.fetch_add(size, Ordering::Relaxed);
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

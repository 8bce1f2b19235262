//! A client under measurement: `client PORT SIZE KIND` connects to an echo server; for each number of seconds on a line of
//! standard input it echoes for so long, and prints how many messages came back. In between it sleeps, so that its CPU time
//! can be read.

use std::{
    io,
    time::{Duration, Instant},
};

use super::traffic::Kind;

/// What is measured: encode, mask, send, receive, check.
pub trait EchoClient {
    /// Sends message `number` of those it was made with, and waits until it is back.
    ///
    /// # Panics
    /// If what comes back is not what was sent.
    fn echo(&mut self, number: usize);
}

/// Different messages: enough that one taken for another shows.
const MESSAGES: usize = 16;
/// But not more bytes than this.
const MESSAGE_BYTES: usize = 2 << 20;

/// Runs the command line's arguments after `client`; `open` connects to a port of the loopback address.
///
/// # Panics
/// If an echo is wrong, or the arguments are.
#[expect(clippy::print_stdout, reason = "the count is the purpose")]
pub fn main(
    arguments: &[String],
    open: impl FnOnce(u16, Kind, Vec<Vec<u8>>) -> Box<dyn EchoClient>,
) {
    let usage = "client PORT SIZE KIND";
    let [port, size, kind] = arguments else {
        panic!("{usage}")
    };
    let (Ok(port), Ok(size), Some(kind)) = (port.parse(), size.parse(), Kind::named(kind)) else {
        panic!("{usage}")
    };
    let count = MESSAGE_BYTES
        .checked_div(size)
        .unwrap_or(MESSAGES)
        .clamp(1, MESSAGES);
    let payloads = (0..count).map(|number| kind.payload(size, number));
    let mut client = open(port, kind, payloads.collect());
    for line in io::stdin().lines().map_while(Result::ok) {
        let seconds: f64 = line
            .parse()
            .unwrap_or_else(|_| panic!("{line:?} are no seconds"));
        let time = Duration::from_secs_f64(seconds);
        let start = Instant::now();
        let mut echoes = 0;
        while start.elapsed() < time {
            client.echo(echoes % count);
            echoes += 1;
        }
        println!("{echoes}");
    }
}

//! A codec without sockets: whole masked frames in, the frames of their echoes out.
//!
//! `codec SIZE KIND for SECONDS` prints nanoseconds a message, `codec SIZE KIND calls N` only works: for callgrind.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::traffic::{Kind, Traffic};

/// What is measured: parse, unmask, check, encode.
pub trait EchoCodec {
    /// Takes whole masked frames of a client, and sends the server's frames that carry each message back.
    ///
    /// `input` stays as it is: each codec copies it into a buffer of its own, as a read from a socket would. It is the
    /// same at each call.
    fn echo(&mut self, input: &[u8], output: &mut Sink);
}

/// Where the frames go. Taking them costs nothing: what a socket would do is not the codec's.
#[derive(Debug, Default)]
pub struct Sink {
    count: usize,
    /// While the codec is tried out.
    kept: Option<Vec<u8>>,
}

impl Sink {
    /// Takes the next bytes of the stream.
    #[inline]
    pub fn take(&mut self, bytes: &[u8]) {
        self.count += black_box(bytes).len();
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }
}

/// The input of one call: what a read may bring.
const CALL_BYTES: usize = 64 << 10;
/// The most messages in it.
const MOST_MESSAGES: usize = 64;
/// The time is taken in pieces of at least this.
const PIECE: Duration = Duration::from_micros(500);

/// Messages in one call.
pub fn messages_in_call(size: usize) -> usize {
    (CALL_BYTES / size.max(1)).clamp(1, MOST_MESSAGES)
}

/// Runs the command line's arguments after `codec`.
///
/// # Panics
/// If the codec gets it wrong, or the arguments are.
#[expect(clippy::print_stdout, reason = "the figure is the purpose")]
pub fn main(codec: &mut dyn EchoCodec, arguments: &[String]) {
    let usage = "codec SIZE KIND (for SECONDS | calls N)";
    let [size, kind, what, amount] = arguments else {
        panic!("{usage}")
    };
    let (Ok(size), Some(kind)) = (size.parse(), Kind::named(kind)) else {
        panic!("{usage}")
    };
    let mut work = Work::new(codec, kind, size);
    match (what.as_str(), amount.parse::<f64>(), amount.parse::<u64>()) {
        ("for", Ok(seconds), _) => println!("{:.3}", work.time(Duration::from_secs_f64(seconds))),
        ("calls", _, Ok(calls)) => (0..calls).for_each(|_| work.call()),
        _ => panic!("{usage}"),
    }
}

struct Work<'a> {
    codec: &'a mut dyn EchoCodec,
    traffic: Traffic,
    output: Sink,
}

impl<'a> Work<'a> {
    /// Also tries it out.
    fn new(codec: &'a mut dyn EchoCodec, kind: Kind, size: usize) -> Self {
        let mut work = Self {
            codec,
            traffic: Traffic::new(kind, size, messages_in_call(size)),
            output: Sink::default(),
        };
        for _ in 0..3 {
            work.output.kept = Some(Vec::new());
            work.call();
            assert!(
                work.output.kept.take().as_deref() == Some(work.traffic.echoes.bytes()),
                "the echoes are not what was sent"
            );
        }
        work
    }

    fn call(&mut self) {
        self.output.count = 0;
        self.codec
            .echo(self.traffic.requests.bytes(), &mut self.output);
        assert_eq!(
            self.output.count,
            self.traffic.echoes.bytes().len(),
            "not every message came back"
        );
    }

    /// Nanoseconds a message.
    fn time(&mut self, time: Duration) -> f64 {
        let messages = self.traffic.requests.count() as f64;
        median_nanoseconds(|| self.call(), time) / messages
    }
}

/// Calls it again and again for this long; the median of pieces of time, as others use the machine as well.
pub fn median_nanoseconds(mut call: impl FnMut(), time: Duration) -> f64 {
    let mut piece = |calls: u32| {
        let begun = Instant::now();
        (0..calls).for_each(|_| call());
        begun.elapsed()
    };
    let mut calls = 1;
    while piece(calls) < PIECE {
        calls *= 2;
    }
    let mut pieces = Vec::new();
    let start = Instant::now();
    while pieces.is_empty() || start.elapsed() < time {
        pieces.push(piece(calls));
    }
    pieces.sort_unstable();
    pieces[pieces.len() / 2].as_secs_f64() * 1e9 / f64::from(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wrong;

    impl EchoCodec for Wrong {
        fn echo(&mut self, input: &[u8], output: &mut Sink) {
            output.take(input);
        }
    }

    #[test]
    fn a_codec_that_gets_it_wrong_is_found_out() {
        let arguments = ["16", "binary", "calls", "1"].map(str::to_owned);
        assert!(std::panic::catch_unwind(|| main(&mut Wrong, &arguments)).is_err());
    }
}

//! Programs that print their figure by themselves.

use std::{io, process::Command, time::Duration};

use ws_tests::bench::{codec::messages_in_call, traffic::Kind};

use crate::{
    callgrind, cells::Tenfold, instructions, options::Options, ours, peers::Peer, results::Sample,
    turns::Turn,
};

/// The mailbox's threads, or bare ones.
pub(crate) struct WakeUp(pub(crate) &'static str);

impl Turn for WakeUp {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let who = if self.0 == "mailbox" {
            "mailbox"
        } else {
            "bare"
        };
        let seconds = time.as_secs_f64().to_string();
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

/// How many times the instructions of a server grow with its work.
pub(crate) struct Linearity(pub(crate) Tenfold);

impl Turn for Linearity {
    fn turn(&mut self, _: Duration) -> io::Result<Sample> {
        instructions::times_for_ten(self.0).map(Sample::new)
    }
}

//! What is measured: one cell is one piece of work for everybody who can do it.

mod list;

use std::time::Duration;

use ws_tests::bench::{server::Mode, traffic::Kind};

pub(crate) use self::list::cells;
use crate::{options::Options, peers::Peer};

/// A cell.
#[derive(Debug)]
pub(crate) struct Cell {
    /// As in `echo/binary/16 B/50c/d1`.
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) peers: Vec<&'static Peer>,
}

impl Cell {
    /// About how long it takes, for the time that is left of a run.
    pub(crate) fn expected(&self, options: &Options) -> Duration {
        self.work.expected(options) * u32::try_from(self.peers.len()).unwrap_or(1)
    }
}

/// What is done; its figure is what it says, and less is better.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Server CPU for each message, in microseconds.
    Echo {
        mode: Mode,
        kind: Kind,
        size: usize,
        connections: usize,
        depth: u64,
        /// Of the server: one core, or both.
        cores: &'static str,
    },
    /// Server CPU for each delivery, in microseconds.
    Broadcast { connections: usize, depth: u64 },
    /// Server CPU for opening, one echo and closing, in microseconds.
    Churn,
    /// 99th percentile of the time from when a message was due to its echo, in microseconds.
    Latency {
        connections: usize,
        size: usize,
        /// Messages a second.
        rate: u32,
    },
    /// Growth of the server's memory for each idle connection, in bytes.
    Memory { mode: Mode, connections: usize },
    /// Client CPU for each message that comes back, in microseconds.
    Client { kind: Kind, size: usize },
    /// Nanoseconds for each message.
    Codec { kind: Kind, size: usize },
    /// Instructions for each message.
    Instructions { kind: Kind, size: usize },
    /// How many times the instructions for ten times the work.
    Linearity(Tenfold),
    /// 99th percentile of the time from a client to the mailbox's consumer and back, in microseconds.
    WakeUp,
}

/// What there is ten times as much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenfold {
    Messages,
    Connections,
}

impl Tenfold {
    pub(crate) const ALL: [Self; 2] = [Self::Messages, Self::Connections];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Connections => "connections",
        }
    }
}

impl Work {
    /// What its figure is.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Echo { .. } | Self::Client { .. } => "CPU µs per message",
            Self::Broadcast { .. } => "CPU µs per delivery",
            Self::Churn => "CPU µs per connection",
            Self::Latency { .. } | Self::WakeUp => "p99, µs",
            Self::Memory { .. } => "bytes per connection",
            Self::Codec { .. } => "ns per message",
            Self::Instructions { .. } => "instructions per message",
            Self::Linearity(_) => "times the instructions",
        }
    }

    /// Whether it comes out the same every time, so that once is enough.
    pub(crate) fn is_exact(self) -> bool {
        matches!(
            self,
            Self::Memory { .. } | Self::Instructions { .. } | Self::Linearity(_)
        )
    }

    /// Whether its level differs between processes of one server, for as long as they live: where the memory of long
    /// messages comes to lie does.
    pub(crate) fn is_moody(self) -> bool {
        matches!(self, Self::Echo { size, .. } if size >= 1 << 20)
    }

    /// How long a turn is.
    pub(crate) fn turn(self, options: &Options) -> Duration {
        match self {
            // Shorter turns would leave nothing beyond the 99.9th percentile.
            Self::Latency { .. } | Self::WakeUp => options.turn * PERCENTILE_TIMES,
            _ => options.turn,
        }
    }

    /// About how long it takes for each peer, on a machine of 2026.
    fn expected(self, options: &Options) -> Duration {
        let rounds = u32::try_from(options.rounds).unwrap_or(1);
        let turns = (self.turn(options) + Duration::from_millis(3)) * rounds;
        let each = match self {
            Self::Codec { .. } => return Duration::from_millis(40) * rounds,
            Self::Instructions { .. } => return Duration::from_secs(4),
            Self::Linearity(_) => return Duration::from_secs(8),
            Self::Memory { mode, connections } => {
                let connection = if mode == Mode::Tls { 2_000 } else { 250 };
                return Duration::from_micros(connection) * low_half(connections);
            }
            Self::Client { .. } | Self::WakeUp | Self::Churn => 1,
            Self::Echo { connections, .. }
            | Self::Broadcast { connections, .. }
            | Self::Latency { connections, .. } => connections,
        };
        turns + Duration::from_millis(50) + Duration::from_micros(200) * low_half(each)
    }
}

fn low_half(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A turn whose figure is a percentile takes so many times as long as another.
const PERCENTILE_TIMES: u32 = 5;

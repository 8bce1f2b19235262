//! `ws bench`.

use std::time::Duration;

use clap::Args;

use super::TargetArgs;
use crate::duration;

/// `ws bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Where and how to connect.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Open this many connections
    #[arg(short, long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Send messages of this many bytes, at most 16777216
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub(crate) size: u32,
    /// Send for this time [default: 10, with --messages as long as it takes]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) duration: Option<Duration>,
    /// Send this many messages, on all connections together
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,
    /// Send this many messages a second, on all connections together, at most 1000000 [default: as many as come back]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    /// Let this many messages of a connection be on their way at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) depth: u32,
    /// Send binary messages instead of text
    #[arg(short, long)]
    pub(crate) binary: bool,
}

pub(super) const BENCH_EXAMPLES: &str = "\
Examples:
  ws bench ws://127.0.0.1:9894                              ten connections for ten seconds
  ws bench ws://127.0.0.1:9894 -c 1000 --size 1024 --binary
  ws bench wss://intranet/echo -k --rate 5000 --duration 60 latency at a rate that the clock keeps
  ws bench ws://127.0.0.1:9894 -n 1000000 --depth 64 --json one line of JSON";

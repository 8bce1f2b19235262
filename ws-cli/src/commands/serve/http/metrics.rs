//! `ws serve --metrics PATH`: what the server does, for Prometheus.
//!
//! Each loop counts for itself ([`super::counters`]), and whoever asks adds up.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ws_server::{Limit, Statistics};

use super::counters::{CAUSES, CODES, Counters, TRAFFIC};
use super::exposition::{Exposition, Kind};

/// Everything that is shown.
pub(in super::super) struct Metrics {
    loops: Vec<Arc<Counters>>,
    statistics: Statistics,
    pool_size: usize,
    memory_limit: usize,
    started: SystemTime,
}

impl Metrics {
    pub(in super::super) fn new(
        loops: Vec<Arc<Counters>>,
        statistics: Statistics,
        pool_size: usize,
        memory_limit: usize,
    ) -> Self {
        Self {
            loops,
            statistics,
            pool_size,
            memory_limit,
            started: SystemTime::now(),
        }
    }

    fn sum(&self, counter: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        let counters = self.loops.iter().map(|counters| counter(counters));
        counters.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Writes all metrics.
    pub(super) fn render(&self) -> String {
        let mut text = Exposition::default();
        self.write_connections(&mut text);
        self.write_messages(&mut text);
        self.write_limits(&mut text);
        self.write_process(&mut text);
        text.finish()
    }

    fn write_connections(&self, text: &mut Exposition) {
        // First the ends, so that none is counted whose beginning is not.
        let codes: Vec<u64> = (0..CODES.len())
            .map(|index| self.sum(|counters| &counters.codes[index]))
            .collect();
        let opened = self.sum(|counters| &counters.opened);
        let open = opened.saturating_sub(codes.iter().sum());
        text.single(
            "ws_connections_open",
            Kind::Gauge,
            "WebSocket connections open now.",
            open,
        );
        text.single(
            "ws_connections_opened_total",
            Kind::Counter,
            "WebSocket connections that were opened.",
            opened,
        );
        text.single(
            "ws_sockets_accepted_total",
            Kind::Counter,
            "TCP or Unix connections that were accepted, whatever became of them.",
            self.statistics.accepted(),
        );
        let answers = self.statistics.answers();
        let refused: u64 = answers
            .iter()
            .filter_map(|(status, count)| (*status >= 400).then_some(count))
            .sum();
        text.single(
            "ws_connections_refused_total",
            Kind::Counter,
            "Requests that were answered with an HTTP status of 400 or more.",
            refused,
        );
        text.family(
            "ws_http_answers_total",
            Kind::Counter,
            "HTTP answers other than 101, by status.",
            answers
                .iter()
                .map(|(status, count)| ([("status", status.to_string())], count)),
        );
        text.family(
            "ws_connections_closed_total",
            Kind::Counter,
            "WebSocket connections that ended, by the close code of the first Close frame; 1006 without one.",
            CODES
                .iter()
                .zip(codes)
                .map(|(code, count)| ([("code", (*code).into())], count)),
        );
        text.family(
            "ws_connections_ended_total",
            Kind::Counter,
            "WebSocket connections that ended, by who or what ended them.",
            CAUSES.iter().enumerate().map(|(index, cause)| {
                let count = self.sum(|counters| &counters.causes[index]);
                ([("cause", (*cause).into())], count)
            }),
        );
        text.single(
            "ws_programs_started_total",
            Kind::Counter,
            "Programs of --exec that were started.",
            self.sum(|counters| &counters.programs),
        );
    }

    fn write_messages(&self, text: &mut Exposition) {
        let labels = |(direction, kind): (&str, &str)| {
            [
                ("direction", direction.to_owned()),
                ("type", kind.to_owned()),
            ]
        };
        text.family(
            "ws_messages_total",
            Kind::Counter,
            "Messages, pings and pongs, seen from the server; answers to pings are not counted.",
            TRAFFIC.iter().enumerate().map(|(index, name)| {
                let count = self.sum(|counters| &counters.messages[index].count);
                (labels(*name), count)
            }),
        );
        text.family(
            "ws_message_bytes_total",
            Kind::Counter,
            "Their payloads, uncompressed and without framing.",
            TRAFFIC.iter().enumerate().map(|(index, name)| {
                let bytes = self.sum(|counters| &counters.messages[index].bytes);
                (labels(*name), bytes)
            }),
        );
    }

    fn write_limits(&self, text: &mut Exposition) {
        let limits = Limit::ALL
            .iter()
            .map(|limit| (limit_name(*limit), self.statistics.limit_hits(*limit)));
        let slow = self.sum(|counters| &counters.slow);
        text.family(
            "ws_limit_hits_total",
            Kind::Counter,
            "How often a limit was reached.",
            limits
                .chain([("slow_reader", slow)])
                .map(|(name, count)| ([("limit", name.to_owned())], count)),
        );
        text.single(
            "ws_connections_limit",
            Kind::Gauge,
            "Connections that there may be at the same time.",
            self.pool_size,
        );
        text.single(
            "ws_memory_bytes",
            Kind::Gauge,
            "Bytes of messages under assembly, send queues and held input.",
            self.statistics.memory_bytes(),
        );
        text.single(
            "ws_memory_limit_bytes",
            Kind::Gauge,
            "The budget of those bytes.",
            self.memory_limit,
        );
    }

    fn write_process(&self, text: &mut Exposition) {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        text.family(
            "ws_build_info",
            Kind::Gauge,
            "The version of ws.",
            [([("version", version)], 1)],
        );
        text.single(
            "ws_workers",
            Kind::Gauge,
            "Event loops, each a thread.",
            self.loops.len(),
        );
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        text.single(
            "process_start_time_seconds",
            Kind::Gauge,
            "When the server started, in seconds since 1970.",
            started.as_secs_f64(),
        );
        // Only where the system tells: a made-up zero would be worse than nothing.
        if let Some(bytes) = resident_bytes() {
            text.single(
                "process_resident_memory_bytes",
                Kind::Gauge,
                "Memory of the process that is resident.",
                bytes,
            );
        }
    }
}

/// Linux tells it in a file.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Accept => "accept",
        Limit::Connections => "connections",
        Limit::HandshakeTimeout => "handshake_timeout",
        Limit::Memory => "memory",
        Limit::UnfinishedHandshakes => "unfinished_handshakes",
        _ => "other",
    }
}

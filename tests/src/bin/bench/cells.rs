//! What is measured: one cell is one piece of work for everybody who can do it.

use ws_tests::bench::{server::Mode, traffic::Kind};

use crate::{
    options::Options,
    peers::{PEERS, Part, Peer},
};

/// A cell.
#[derive(Debug)]
pub(crate) struct Cell {
    /// As in `echo/binary/16 B/50c/d1`.
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) peers: Vec<&'static Peer>,
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
    /// Nanoseconds for each message.
    Codec { kind: Kind, size: usize },
    /// Instructions for each message.
    Instructions { kind: Kind, size: usize },
    /// 99th percentile of the time from a client to the mailbox's consumer and back, in microseconds.
    WakeUp,
}

impl Work {
    /// What its figure is.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Echo { .. } => "CPU µs per message",
            Self::Broadcast { .. } => "CPU µs per delivery",
            Self::Churn => "CPU µs per connection",
            Self::Latency { .. } | Self::WakeUp => "p99, µs",
            Self::Memory { .. } => "bytes per connection",
            Self::Codec { .. } => "ns per message",
            Self::Instructions { .. } => "instructions per message",
        }
    }

    /// Whether it comes out the same every time, so that once is enough.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Self::Memory { .. } | Self::Instructions { .. })
    }
}

const SIZES: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 1 << 20];
const CONNECTIONS: [usize; 3] = [1, 50, 500];
const DEPTHS: [u64; 2] = [1, 16];
/// More than this on its way at once, in bytes, would measure the machine's memory.
const MOST_ON_ITS_WAY: usize = 256 << 20;
/// Of one process here, with 20,000 open files.
const MOST_CONNECTIONS: usize = 19_000;
const ONE_CORE: &str = "0";
const BOTH_CORES: &str = "0,1";
/// Messages a second over all connections: about 30 % of what a server thread can do at 10 µs a message.
const RATE: u32 = 30_000;

/// The cells that are asked for, in the order of the document.
pub(crate) fn cells(options: &Options) -> Vec<Cell> {
    let mut cells = Cells {
        options,
        list: Vec::new(),
    };
    cells.codecs();
    cells.echoes();
    cells.others();
    cells.variants();
    cells.list
}

struct Cells<'a> {
    options: &'a Options,
    list: Vec<Cell>,
}

impl Cells<'_> {
    fn add(&mut self, name: String, work: Work, takes_part: impl Fn(&Peer) -> bool) {
        if !self.options.wants(&name) {
            return;
        }
        let peers: Vec<_> = PEERS
            .iter()
            .filter(|peer| takes_part(peer) && peer.is_wanted(self.options))
            .filter(|peer| peer.missing(self.options).is_none())
            .collect();
        self.list.push(Cell { name, work, peers });
    }

    fn codecs(&mut self) {
        for size in SIZES {
            for kind in Kind::ALL {
                let name = format!("{}/{}", kind.name(), bytes(size));
                self.add(
                    format!("codec/{name}"),
                    Work::Codec { kind, size },
                    Peer::has_codec,
                );
                let is_counted = size <= 16 << 10 && kind != Kind::Ascii;
                if is_counted && !(self.options.quick && size > 16) {
                    let has_codec = |peer: &Peer| peer.has_codec() && peer.part != Part::Limit;
                    self.add(
                        format!("instructions/{name}"),
                        Work::Instructions { kind, size },
                        has_codec,
                    );
                }
            }
        }
    }

    fn echoes(&mut self) {
        for kind in Kind::ALL {
            for size in SIZES {
                for connections in CONNECTIONS {
                    for depth in DEPTHS {
                        self.echo(kind, size, connections, depth);
                    }
                }
            }
        }
    }

    fn echo(&mut self, kind: Kind, size: usize, connections: usize, depth: u64) {
        let on_its_way = usize::try_from(depth).unwrap_or(usize::MAX) * connections * size;
        // Text differs from binary in what is done for each byte, not for each connection.
        let is_left_out = kind != Kind::Binary && connections != 50;
        let is_too_long_now = self.options.quick && (connections != 50 || kind == Kind::Ascii);
        if on_its_way > MOST_ON_ITS_WAY || is_left_out || is_too_long_now {
            return;
        }
        let name = format!(
            "echo/{}/{}/{connections}c/d{depth}",
            kind.name(),
            bytes(size)
        );
        let work = Work::Echo {
            mode: Mode::Echo,
            kind,
            size,
            connections,
            depth,
            cores: ONE_CORE,
        };
        self.add(name, work, |peer| serves(peer, Mode::Echo));
    }

    fn others(&mut self) {
        for (mode, kind) in [(Mode::Tls, Kind::Binary), (Mode::Deflate, Kind::Ascii)] {
            for (size, depth) in [(125, 1), (1 << 10, 16), (16 << 10, 16)] {
                let name = format!("{}/{}/50c/d{depth}", mode.name(), bytes(size));
                let work = Work::Echo {
                    mode,
                    kind,
                    size,
                    connections: 50,
                    depth,
                    cores: ONE_CORE,
                };
                self.add(name, work, |peer| serves(peer, mode));
            }
        }
        let receivers = if self.options.quick { 200 } else { 1_000 };
        for depth in DEPTHS {
            let work = Work::Broadcast {
                connections: receivers,
                depth,
            };
            self.add(
                format!("broadcast/125 B/{receivers}c/d{depth}"),
                work,
                |peer| serves(peer, Mode::Broadcast),
            );
        }
        self.add("churn".to_owned(), Work::Churn, |peer| {
            serves(peer, Mode::Echo)
        });
        let work = Work::Latency {
            connections: 50,
            size: 125,
            rate: RATE,
        };
        self.add(format!("latency/125 B/50c/{RATE} a second"), work, |peer| {
            serves(peer, Mode::Echo)
        });
        let connections = if self.options.quick { 1_000 } else { 10_000 };
        for mode in [Mode::Echo, Mode::Tls, Mode::Deflate] {
            let kind = if mode == Mode::Echo {
                "plain"
            } else {
                mode.name()
            };
            let work = Work::Memory { mode, connections };
            self.add(format!("memory/{kind}/{connections}c"), work, |peer| {
                serves(peer, mode) || (mode == Mode::Echo && peer.name == "mailbox")
            });
        }
        if !self.options.quick {
            let work = Work::Memory {
                mode: Mode::Echo,
                connections: MOST_CONNECTIONS,
            };
            self.add(format!("memory/plain/{MOST_CONNECTIONS}c"), work, |peer| {
                peer.part == Part::Ours
            });
        }
    }

    /// Cells of ours alone, beside ours in the loop.
    fn variants(&mut self) {
        for (variant, cores) in [
            ("mailbox", ONE_CORE),
            ("mailbox", BOTH_CORES),
            ("two workers", BOTH_CORES),
        ] {
            for (size, depth) in [(16, 1), (16, 16), (1 << 10, 16)] {
                let place = if cores == ONE_CORE {
                    "one core"
                } else {
                    "both cores"
                };
                let name = format!("{variant}/{place}/{}/50c/d{depth}", bytes(size));
                let work = Work::Echo {
                    mode: Mode::Echo,
                    kind: Kind::Binary,
                    size,
                    connections: 50,
                    depth,
                    cores,
                };
                self.add(name, work, |peer| {
                    peer.part == Part::Ours || peer.name == variant
                });
            }
        }
        self.add("wake-up".to_owned(), Work::WakeUp, |peer| {
            peer.name == "mailbox" || peer.name == "bare channel"
        });
    }
}

fn serves(peer: &Peer, mode: Mode) -> bool {
    peer.serves(mode) && matches!(peer.part, Part::Ours | Part::Floor | Part::Registry)
}

fn bytes(size: usize) -> String {
    match size {
        _ if size >= 1 << 20 => format!("{} MiB", size >> 20),
        _ if size >= 1 << 10 => format!("{} KiB", size >> 10),
        _ => format!("{size} B"),
    }
}

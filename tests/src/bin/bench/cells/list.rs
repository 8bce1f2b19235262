//! The cells of a run.

use ws_tests::bench::{server::Mode, traffic::Kind};

use super::{Cell, Tenfold, Work};
use crate::{
    options::Options,
    peers::{PEERS, Part, Peer, TWO_SERVERS, TWO_WORKERS},
};

const SIZES: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 1 << 20];
const CONNECTIONS: [usize; 3] = [1, 50, 500];
const DEPTHS: [u64; 2] = [1, 16];
/// More than this on its way at once, in bytes, would measure the machine's memory.
const MOST_ON_ITS_WAY: usize = 256 << 20;
/// Of one process here, with 20,000 open files.
const MOST_CONNECTIONS: usize = 19_000;
const ONE_CORE: &str = "0";
const BOTH_CORES: &str = "0,1";
/// Messages a second over all connections: about 30 % of what our server's core can do with one message in flight on each.
const RATE: u32 = 60_000;

/// The cells that are asked for, in the order of the document.
pub(crate) fn cells(options: &Options) -> Vec<Cell> {
    let mut cells = Cells {
        options,
        list: Vec::new(),
    };
    cells.codecs();
    cells.echoes();
    cells.others();
    cells.clients();
    cells.memory();
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

    /// In the cell that was added last the ratios are to this peer.
    fn put_first(&mut self, name: &str) {
        if let Some(cell) = self.list.last_mut() {
            cell.peers.sort_by_key(|peer| peer.name != name);
        }
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
                // Ours of all sizes are in `instructions.json`.
                if size == 16 && kind != Kind::Ascii {
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
        // Text differs from binary in what is done for each byte, not for each connection, and shows most where many
        // messages share a system call.
        let is_left_out = match kind {
            Kind::Binary => false,
            Kind::Mixed => connections != 50,
            Kind::Ascii => connections != 50 || depth == 1 && size != 1 << 20,
        };
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
        // Interpreters are far behind in each of them: once for each size will do.
        self.add(name, work, |peer| {
            serves(peer, Mode::Echo) && (connections == 50 || !peer.is_script())
        });
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
        // At this rate interpreters would only fall behind.
        self.add(format!("latency/125 B/50c/{RATE} a second"), work, |peer| {
            serves(peer, Mode::Echo) && !peer.is_script()
        });
    }

    fn clients(&mut self) {
        for kind in [Kind::Binary, Kind::Mixed] {
            for size in SIZES {
                if kind == Kind::Binary || size == 1 << 10 || size == 1 << 20 {
                    let name = format!("client/{}/{}", kind.name(), bytes(size));
                    self.add(name, Work::Client { kind, size }, Peer::is_client);
                }
            }
        }
    }

    fn memory(&mut self) {
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
                peer.part == Part::Ours || peer.name == "mailbox"
            });
        }
    }

    /// Cells of ours alone, beside ours in the loop.
    fn variants(&mut self) {
        for (variant, cores) in [
            ("mailbox", ONE_CORE),
            ("mailbox", BOTH_CORES),
            (TWO_WORKERS, ONE_CORE),
            (TWO_WORKERS, BOTH_CORES),
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
                    let is_twin = variant == TWO_WORKERS && peer.name == TWO_SERVERS;
                    peer.part == Part::Ours || peer.name == variant || is_twin
                });
                if variant == TWO_WORKERS {
                    self.put_first(variant);
                }
            }
        }
        self.add("wake-up".to_owned(), Work::WakeUp, |peer| {
            peer.name == "mailbox" || peer.name == "bare channel"
        });
        for tenfold in Tenfold::ALL {
            self.add(
                format!("linearity/{}", tenfold.name()),
                Work::Linearity(tenfold),
                |peer| peer.part == Part::Ours,
            );
        }
    }
}

fn serves(peer: &Peer, mode: Mode) -> bool {
    let is_server = matches!(
        peer.part,
        Part::Ours | Part::Floor | Part::Registry | Part::Apart
    );
    peer.serves(mode) && is_server
}

fn bytes(size: usize) -> String {
    match size {
        _ if size >= 1 << 20 => format!("{} MiB", size >> 20),
        _ if size >= 1 << 10 => format!("{} KiB", size >> 10),
        _ => format!("{size} B"),
    }
}

//! Who has his turn when: A B C …, B C … A, until all rounds are done.

use std::{collections::BTreeMap, io, thread, time::Duration};

use ws_tests::{bench::server::Mode, figures::cpu_nanoseconds};

use crate::{
    cells::{Cell, Work},
    peers::{FLOOR, GENERATOR_CORE, Peer, SERVER_CORE},
    results::{Answer, Sample},
    stage::Stage,
    work,
};

/// Before the clock runs: caches, and whatever a server makes at the first message.
const WARM_UP: Duration = Duration::from_millis(20);
/// After a turn, for the server to fall asleep: only then its CPU time is exact.
const SETTLE: Duration = Duration::from_millis(1);

/// Of processes of each peer, where the level of a cell differs between them.
const SETS: usize = 3;

/// Something that can be done again and again.
pub(crate) trait Turn {
    /// Does it for about this long.
    fn turn(&mut self, time: Duration) -> io::Result<Sample>;
}

/// All rounds of a cell: for each peer its samples, or why there are none.
pub(crate) fn run(cell: &Cell, stage: &mut Stage<'_>) -> BTreeMap<&'static str, Answer> {
    let (rounds, time) = if cell.work.is_exact() {
        (1, Duration::ZERO)
    } else {
        (stage.options.rounds, cell.work.turn(stage.options))
    };
    let mut players = Vec::new();
    let mut answers = BTreeMap::new();
    for peer in &cell.peers {
        match prepare(peer, cell.work, stage) {
            Ok(turn) => players.push(Player::new(peer, turn)),
            Err(error) => drop(answers.insert(peer.name, Answer::Failed(short(&error)))),
        }
    }
    let sets = if cell.work.is_moody() { SETS } else { 1 };
    for round in 0..rounds {
        let count = players.len().max(1);
        players.rotate_left(usize::from(round > 0) % count);
        let is_new_set = round > 0 && round % rounds.div_ceil(sets) == 0;
        players.retain_mut(|player| {
            let ready = if is_new_set {
                player.renew(cell.work, stage)
            } else {
                Ok(())
            };
            let failed = ready.and_then(|()| player.play(time)).err();
            if let Some(error) = &failed {
                stage.forget(player.peer.name);
                answers.insert(player.peer.name, Answer::Failed(short(error)));
            }
            failed.is_none()
        });
    }
    for player in players {
        answers.insert(player.peer.name, Answer::Samples(player.samples));
    }
    answers
}

struct Player {
    peer: &'static Peer,
    turn: Box<dyn Turn>,
    is_warm: bool,
    samples: Vec<Sample>,
}

impl Player {
    fn new(peer: &'static Peer, turn: Box<dyn Turn>) -> Self {
        Self {
            peer,
            turn,
            is_warm: false,
            samples: Vec::new(),
        }
    }

    /// Goes on with another process of its server.
    fn renew(&mut self, work: Work, stage: &mut Stage<'_>) -> io::Result<()> {
        stage.end(self.peer.name);
        self.turn = prepare(self.peer, work, stage)?;
        self.is_warm = false;
        Ok(())
    }

    fn play(&mut self, time: Duration) -> io::Result<()> {
        if !self.is_warm && !time.is_zero() {
            self.turn.turn(WARM_UP)?;
        }
        self.is_warm = true;
        self.samples.push(self.turn.turn(time)?);
        Ok(())
    }
}

/// Its words in one line, without the stack that a program prints.
fn short(error: &io::Error) -> String {
    let text = error.to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("==") && !line.is_empty());
    let lines: Vec<_> = lines
        .take_while(|line| !line.starts_with("stack backtrace"))
        .collect();
    lines.join(" / ").chars().take(300).collect()
}

fn prepare(peer: &'static Peer, work: Work, stage: &mut Stage<'_>) -> io::Result<Box<dyn Turn>> {
    Ok(match work {
        Work::Echo { mode, cores, .. } => {
            let servers = stage.servers(peer, mode, cores)?;
            Box::new(work::Echo::open(work, &servers)?)
        }
        Work::Broadcast { connections, depth } => {
            let server = stage.server(peer, Mode::Broadcast, SERVER_CORE)?;
            Box::new(work::Broadcast::open(connections, depth, server)?)
        }
        Work::Churn => Box::new(work::Churn(stage.server(peer, Mode::Echo, SERVER_CORE)?)),
        Work::Latency {
            connections,
            size,
            rate,
        } => {
            let server = stage.server(peer, Mode::Echo, SERVER_CORE)?;
            Box::new(work::Latency::open(connections, size, rate, server)?)
        }
        Work::Memory { mode, connections } => {
            let server = stage.fresh(peer, mode, SERVER_CORE)?;
            Box::new(work::Memory::new(mode, connections, server))
        }
        Work::Codec { kind, size } => Box::new(work::Codec::new(peer, kind, size, stage.options)),
        Work::Instructions { kind, size } => {
            Box::new(work::Instructions::new(peer, kind, size, stage.options))
        }
        Work::WakeUp => Box::new(work::WakeUp(peer.name)),
        Work::Client { kind, size } => {
            let server = stage.server(&FLOOR, Mode::Echo, GENERATOR_CORE)?;
            Box::new(work::Client::open(peer, kind, size, server, stage.options)?)
        }
        Work::Linearity(tenfold) => Box::new(work::Linearity(tenfold)),
    })
}

/// CPU time of a server's processes while something is done, in nanoseconds.
pub(crate) fn cpu_of<T>(
    pids: &[u32],
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<(T, f64)> {
    let cpu = || {
        thread::sleep(SETTLE);
        let each = pids.iter().map(|pid| cpu_nanoseconds(*pid));
        let sum: Option<u64> = each.sum();
        sum.ok_or_else(|| io::Error::other("the server has ended"))
    };
    let before = cpu()?;
    let done = work()?;
    Ok((done, (cpu()? - before) as f64))
}

//! Who has his turn when: A B C …, B C … A, until all rounds are done; and three times as many, over three processes of
//! each, where the limit of a target lies between the quartiles.

use std::{collections::BTreeMap, io, thread, time::Duration};

use ws_tests::{bench::server::Mode, figures::cpu_nanoseconds};

use crate::{
    cells::{Cell, Work},
    peers::{FLOOR, GENERATOR_CORE, Peer, SERVER_CORE},
    results::{Answer, Sample},
    stage::Stage,
    statistics::Spread,
    targets, work,
};

/// Before the clock runs: caches, and whatever a server makes at the first message.
const WARM_UP: Duration = Duration::from_millis(20);
/// After a turn, for the server to fall asleep: only then its CPU time is exact.
const SETTLE: Duration = Duration::from_millis(1);

/// Of each peer, where the level of a cell differs between them or more rounds are needed.
const PROCESSES: usize = 3;

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
    let mut game = Game {
        cell,
        stage,
        time,
        answers: BTreeMap::new(),
    };
    let mut players = game.players();
    let processes = if cell.work.is_moody() { PROCESSES } else { 1 };
    let part = rounds.div_ceil(processes);
    game.play(&mut players, rounds, |round| round > 0 && round % part == 0);
    let (mut undecided, decided): (Vec<_>, Vec<_>) = game.undecided(players);
    if undecided.len() > 1 {
        game.play(&mut undecided, (PROCESSES - 1) * rounds, |round| {
            round % rounds == 0
        });
    }
    for player in undecided.into_iter().chain(decided) {
        let answer = Answer::Samples(player.samples);
        game.answers.insert(player.peer.name, answer);
    }
    game.answers
}

struct Game<'a, 'b> {
    cell: &'a Cell,
    stage: &'a mut Stage<'b>,
    time: Duration,
    answers: BTreeMap<&'static str, Answer>,
}

impl Game<'_, '_> {
    fn players(&mut self) -> Vec<Player> {
        let mut players = Vec::new();
        for peer in &self.cell.peers {
            match prepare(peer, self.cell.work, self.stage) {
                Ok(turn) => players.push(Player::new(peer, turn)),
                Err(error) => drop(
                    self.answers
                        .insert(peer.name, Answer::Failed(short(&error))),
                ),
            }
        }
        players
    }

    /// `begins_anew`: before which rounds each goes on with another process of its server.
    fn play(
        &mut self,
        players: &mut Vec<Player>,
        rounds: usize,
        begins_anew: impl Fn(usize) -> bool,
    ) {
        for round in 0..rounds {
            let count = players.len().max(1);
            players.rotate_left(usize::from(round > 0) % count);
            players.retain_mut(|player| {
                let ready = if begins_anew(round) {
                    player.renew(self.cell.work, self.stage)
                } else {
                    Ok(())
                };
                let failed = ready.and_then(|()| player.play(self.time)).err();
                if let Some(error) = &failed {
                    self.stage.forget(player.peer.name);
                    let answer = Answer::Failed(short(error));
                    self.answers.insert(player.peer.name, answer);
                }
                failed.is_none()
            });
        }
    }

    /// Ours and those that it is held against by a limit that lies between the quartiles of its ratio to them: so few
    /// rounds do not tell whether it is kept, wherever the median is. And the others.
    fn undecided(&self, players: Vec<Player>) -> (Vec<Player>, Vec<Player>) {
        let Some(ours) = self.cell.peers.first() else {
            return (Vec::new(), players);
        };
        let is_ours = |player: &Player| player.peer.name == ours.name;
        let Some(figures) = players.iter().find(|player| is_ours(player)) else {
            return (Vec::new(), players);
        };
        let figures: Vec<f64> = figures.figures().collect();
        players.into_iter().partition(|player| {
            let limit = targets::most_times(&self.cell.name, player.peer);
            let ratios = figures.iter().zip(player.figures());
            let spread = Spread::of(ratios.map(|(ours, other)| ours / other));
            is_ours(player)
                || limit
                    .zip(spread)
                    .is_some_and(|(limit, spread)| (spread.low..=spread.high).contains(&limit))
        })
    }
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

    fn figures(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.figure)
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

//! What the worlds of a run have seen together.

use std::{fmt::Write as _, time::Duration};

use super::{
    fault::Fault,
    monitor::Monitor,
    pairs::Pairs,
    run::{LEAST_KINDS, LEAST_MESSAGES},
    world::World,
};

/// What one world, or many, have seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) worlds: u64,
    pub(crate) turns: u64,
    clients: u64,
    opened: u64,
    pub(crate) messages: u64,
    refused: u64,
    virtual_time: Duration,
    tls: u64,
    compressed: u64,
    /// Hits of each fault, and worlds that had any.
    faults: [(u64, u64); Fault::ALL.len()],
    pub(crate) pairs: Pairs,
}

impl Figures {
    pub(crate) fn of(world: &World, monitor: Monitor) -> Self {
        let entries = &world.ledger.entries;
        assert!(world.ledger.messages >= LEAST_MESSAGES && entries.len() >= 3);
        assert!(world.faults.kinds() >= LEAST_KINDS);
        Self {
            worlds: 1,
            turns: monitor.turns,
            clients: entries.len() as u64,
            opened: entries.iter().map(|entry| u64::from(entry.opened)).sum(),
            messages: world.ledger.messages,
            refused: world.ledger.refused,
            virtual_time: world.now,
            tls: u64::from(world.profile.tls.is_some()),
            compressed: u64::from(world.profile.config.compression.is_some()),
            faults: world.faults.hits.map(|hits| (hits, u64::from(hits > 0))),
            pairs: monitor.pairs,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.turns += other.turns;
        self.clients += other.clients;
        self.opened += other.opened;
        self.messages += other.messages;
        self.refused += other.refused;
        self.virtual_time += other.virtual_time;
        self.tls += other.tls;
        self.compressed += other.compressed;
        for (sum, one) in self.faults.iter_mut().zip(&other.faults) {
            sum.0 += one.0;
            sum.1 += one.1;
        }
        self.pairs.add(&other.pairs);
    }

    /// All of it, in lines.
    pub(crate) fn report(&self) -> String {
        let mut text = String::new();
        for (fault, (hits, worlds)) in Fault::ALL.iter().zip(self.faults) {
            let _ = writeln!(text, "fault {:?}: {hits} in {worlds} worlds", fault.0);
        }
        text += &self.pairs.table();
        let hours = self.virtual_time.as_secs_f64() / 3600.0;
        let (reached, possible) = self.pairs.reached();
        let faults: u64 = self.faults.iter().map(|(hits, _)| hits).sum();
        let _ = write!(
            text,
            "simulated {} seeds ({} with TLS, {} with compression), {hours:.1} hours of virtual time, {} turns, {} clients, {} opened, \
             {} messages ({} refused by full queues), {faults} faults of {} kinds, {reached} of {possible} possible pairs",
            self.worlds,
            self.tls,
            self.compressed,
            self.turns,
            self.clients,
            self.opened,
            self.messages,
            self.refused,
            Fault::ALL.len()
        );
        text
    }
}

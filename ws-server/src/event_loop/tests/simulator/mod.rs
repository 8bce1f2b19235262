//! The simulator: several endpoints and the real loop over a mock [`Net`](crate::net::Net), a virtual clock and one seed.
//!
//! ```text
//!   seed ─> Profile, Faults ─> World: peers ─ pipes ─ MockNet ─> EventLoop, Witness
//!                                └──── Ledger: what was sent and got ────┘
//!   after every turn: Monitor checks the loop, and counts what came to which State (Pairs)
//! ```
//!
//! A world lives until its peers have exchanged enough messages through enough kinds of faults; then the faults stop,
//! and it must end within the times of its configuration.

mod counted;
mod dice;
mod fault;
mod figures;
mod input;
mod ledger;
mod monitor;
mod net;
mod outcome;
mod pairs;
mod peer;
mod pipe;
mod profile;
mod rare;
mod run;
mod state;
mod wish;
mod witness;
mod world;

pub(crate) use self::{
    dice::Dice,
    figures::Figures,
    net::MockNet,
    pipe::Pipe,
    profile::tls,
    run::run,
    world::{Order, World},
};

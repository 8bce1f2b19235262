//! The loop over a mock [`Net`](crate::net::Net): figures of its own, and the simulator's worlds.

mod budget;
mod seeds;
mod simulator;

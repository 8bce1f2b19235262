//! The loop over a mock [`Net`](crate::net::Net): figures of its own, and the worlds of the simulator.

mod accepting;
mod answering;
mod budget;
mod churn;
mod closing;
mod ends;
mod idle;
mod long;
mod pings;
mod seeds;
mod simulator;
mod starving;
mod stopping;
mod tls;

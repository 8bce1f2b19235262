//! Scenario tests of the sans-IO core: no socket, no clock but the one that a test turns.

mod chunking;
mod differential;
mod hostile;
mod pair;
mod scenario;
mod vectors;
mod wire;

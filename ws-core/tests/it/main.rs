//! Scenario tests of the sans-IO core.

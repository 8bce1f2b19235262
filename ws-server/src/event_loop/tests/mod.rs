//! Tests of the loop over a mock `Net`.

//! The `ws` command.

fn main() {}

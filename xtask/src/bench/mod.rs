//! `bench`, `bench WHAT`: figures of ours beside those of others, in one run.

pub(crate) mod deflate;
pub(crate) mod instructions;
pub(crate) mod peers;
pub(crate) mod plain;
mod uwebsockets;

use crate::{Failure, flags::Flags, report::Report};

/// One benchmark, as commands are run.
type Benchmark = fn(&mut Flags, &mut Report) -> Result<(), Failure>;

/// The benchmark of this name.
pub(crate) fn named(what: &str) -> Result<Benchmark, Failure> {
    match what {
        "" => Ok(peers::run),
        "deflate" => Ok(deflate::run),
        "instructions" => Ok(instructions::run),
        "plain" => Ok(plain::run),
        other => Err(format!(
            "bench {other:?}: there are `bench`, `bench deflate`, `bench instructions` and `bench plain`"
        )),
    }
}

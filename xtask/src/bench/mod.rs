//! `bench WHAT`: figures of ours beside those of others, in one run.

pub(crate) mod deflate;
pub(crate) mod instructions;

use crate::{Failure, flags::Flags, report::Report};

/// One benchmark, as commands are run.
type Benchmark = fn(&mut Flags, &mut Report) -> Result<(), Failure>;

/// The benchmark of this name.
pub(crate) fn named(what: &str) -> Result<Benchmark, Failure> {
    match what {
        "deflate" => Ok(deflate::run),
        "instructions" => Ok(instructions::run),
        other => Err(format!(
            "bench {other:?}: there are `bench deflate` and `bench instructions`"
        )),
    }
}

//! `ws send`: one message out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::dial::{close_frame, dial};
use super::exchange::{Exchange, Rules, Source, patience};
use crate::args::SendArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::Output;
use crate::signals::Signals;
use crate::stdin::Outgoing;

/// Runs the command.
pub(crate) fn run(args: &SendArgs, signals: &Signals, output: &mut Output) -> Result<Exit, Stop> {
    let close = close_frame(&args.dial)?;
    let message = message(args)?;
    let dialled = dial(&args.dial, signals, output)?;
    let patience = patience(args.wait, args.dial.count, Duration::ZERO);
    let rules = Rules {
        patience,
        count: args.dial.count,
        max_time: args.dial.max_time,
        close,
    };
    Exchange::new(dialled, Source::One(Some(message)), rules, signals, output).run()
}

/// The message, read before anything is dialled.
fn message(args: &SendArgs) -> Result<Outgoing, Failure> {
    match (&args.text, &args.file) {
        (Some(text), _) if args.dial.binary => Ok(Outgoing::Binary(text.clone().into_bytes())),
        (Some(text), _) => Ok(Outgoing::Text(text.clone())),
        (None, Some(path)) => {
            let bytes = read(path).map_err(|error| {
                Failure::new(
                    Exit::Other,
                    "usage",
                    format!("cannot read {}: {error}", path.display()),
                )
            })?;
            Outgoing::new(bytes, args.dial.binary, || path.display().to_string())
        }
        (None, None) => Err(Failure::usage(
            "nothing to send; give the message after the URL, or --file FILE (- is stdin)",
        )),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

//! `ws send`: one message out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::dial::{close_frame, prepare};
use super::exchange::{Exchange, Rules, Source, patience};
use crate::args::SendArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::outgoing::Outgoing;
use crate::output::Output;
use crate::signals::Signals;

/// Runs the command.
pub(crate) fn run(args: &SendArgs, signals: &Signals, output: &mut Output) -> Result<Exit, Stop> {
    let close = close_frame(&args.dial)?;
    let message = message(args)?;
    let mut dialler = prepare(&args.dial, signals, output)?;
    let dialled = dialler.dial(output)?;
    let patience = patience(args.wait, args.dial.count, Duration::ZERO);
    let rules = Rules {
        patience,
        count: args.dial.count,
        ping: None,
        close,
    };
    Exchange::new(
        dialler,
        dialled,
        Source::One(Some(message)),
        rules,
        signals,
        output,
    )
    .run()
}

/// The message, read before anything is dialled.
fn message(args: &SendArgs) -> Result<Outgoing, Failure> {
    let binary = args.dial.binary;
    let path = match (&args.text, &args.data, &args.file) {
        (None, None, Some(path)) => path,
        (None, Some(data), None) if data.starts_with('@') => Path::new(&data[1..]),
        (Some(text), None, None) | (None, Some(text), None) => {
            return Ok(match binary {
                true => Outgoing::Binary(text.clone().into_bytes()),
                false => Outgoing::Text(text.clone()),
            });
        }
        _ => {
            return Err(Failure::usage(
                "nothing to send; give the message after the URL, or --file FILE (- is stdin)",
            ));
        }
    };
    let bytes = read(path).map_err(|error| {
        let text = format!("cannot read {}: {error}", path.display());
        Failure::new(Exit::Other, "usage", text)
    })?;
    Outgoing::new(bytes, binary, || path.display().to_string())
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

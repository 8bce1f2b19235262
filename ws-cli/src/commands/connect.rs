//! `ws connect`: stdin out, messages in.

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::dial::{Dialler, close_frame, prepare};
use super::exchange::{Exchange, Rules, Source, patience};
use crate::args::ConnectArgs;
use crate::duration::Patience;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::framing::Delimiter;
use crate::output::Output;
use crate::prompt::{self, Typing};
use crate::signals::Signals;
use crate::stdin::{Messages, Reading};

/// Silence after the end of stdin that counts as the end.
const WAIT: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) fn run(
    args: &ConnectArgs,
    signals: &Signals,
    output: &mut Output,
) -> Result<Exit, Stop> {
    let close = close_frame(&args.dial)?;
    let mut dialler = prepare(&args.dial, signals, output)?;
    let dialled = dialler.dial(output)?;
    let source = source(args, &dialler, signals, output)?;
    let patience = match source {
        Source::Nothing => Patience::Forever,
        _ => patience(args.wait, args.dial.count, WAIT),
    };
    let rules = Rules {
        patience,
        count: args.dial.count,
        ping: args.ping,
        close,
    };
    Exchange::new(dialler, dialled, source, rules, signals, output).run()
}

fn source(
    args: &ConnectArgs,
    dialler: &Dialler<'_>,
    signals: &Signals,
    output: &mut Output,
) -> Result<Source, Failure> {
    if args.no_stdin {
        return Ok(Source::Nothing);
    }
    let waker = dialler.waker();
    let wake = move || waker.wake();
    let delimiter = args.dial.show.delimiter;
    let binary = args.dial.binary;
    if delimiter.is_none() && output.is_terminal() && !output.is_json() && prompt::is_possible() {
        output.status(format_args!(
            "each line is sent as one message, /help shows commands; Ctrl-D ends, Ctrl-C stops"
        ));
        output.mark_incoming();
        let typing = Typing {
            binary,
            coloured: output.colour().applies(true),
        };
        return Ok(Source::Messages(prompt::start(typing, signals, wake)?));
    }
    if io::stdin().is_terminal() {
        output.status(format_args!(
            "each line is sent as one message; Ctrl-D ends, Ctrl-C stops"
        ));
    }
    let reading = Reading {
        delimiter: delimiter.unwrap_or(Delimiter::Newline),
        binary,
        commands: args.commands,
    };
    Ok(Source::Messages(Messages::from_stdin(reading, wake)?))
}

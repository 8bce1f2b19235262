//! `ws connect`: stdin out, messages in.

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::dial::{close_frame, dial};
use super::exchange::{Exchange, Rules, Source, patience};
use crate::args::ConnectArgs;
use crate::duration::Patience;
use crate::exit::Exit;
use crate::failure::Stop;
use crate::output::Output;
use crate::signals::Signals;
use crate::stdin::StdinLines;

/// Silence after the end of stdin that counts as the end.
const WAIT: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) fn run(
    args: &ConnectArgs,
    signals: &Signals,
    output: &mut Output,
) -> Result<Exit, Stop> {
    let close = close_frame(&args.dial)?;
    let dialled = dial(&args.dial, signals, output)?;
    if !args.no_stdin && io::stdin().is_terminal() {
        output.status(format_args!(
            "each line is sent as one message; Ctrl-D ends, Ctrl-C stops"
        ));
    }
    let source = if args.no_stdin {
        Source::Nothing
    } else {
        let interrupter = dialled.client.interrupter();
        Source::Stdin(StdinLines::start(args.dial.binary, move || {
            interrupter.interrupt()
        })?)
    };
    let patience = match source {
        Source::Nothing => Patience::Forever,
        _ => patience(args.wait, args.dial.count, WAIT),
    };
    let rules = Rules {
        patience,
        count: args.dial.count,
        max_time: args.dial.max_time,
        close,
    };
    Exchange::new(dialled, source, rules, signals, output).run()
}

//! `ws serve`: every message printed, sent back, passed on to others or to a program.
//!
//! ```text
//! run ─ guard: who is let in ─ address ─ Server ─ one Serving (handler) a loop ─ reporter ─ stdout, stderr
//!                                                    └ mode: print, echo, broadcast, exec
//! ```

mod address;
mod broadcast;
mod echo;
mod exec;
mod guard;
mod handler;
mod loops;
mod print;
mod reporter;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use ws_server::{Config, ErrorKind, Server};

use self::address::parse_address;
use self::broadcast::Rooms;
use self::exec::{Programs, Recipe};
use self::handler::{Mode, Serving};
use self::loops::Loops;
use self::reporter::{Ended, Reporter};
use crate::args::{Preset, ServeArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Event, Line, Output};
use crate::signals::{Signal, Signals};

/// How long clients may take to answer the Close at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the command until a signal stops it.
pub(crate) fn run(args: &ServeArgs, signals: &Signals, output: &mut Output) -> Result<Exit, Stop> {
    let addresses = parse_address(&args.address)?;
    let recipe = Recipe::new(args)?;
    let mut config = Config::default()
        .max_connections(args.pool_size())
        .workers(args.workers)
        .compression(args.compress.map(Preset::config));
    if args.broadcast.is_some() {
        config = Rooms::bound(config);
    }
    let config = guard::apply(args, config)?;
    let server = Server::bind(&addresses[..], config).map_err(|error| failure(&error))?;
    let stopper = server.stopper();
    signals.on_signal({
        let stopper = stopper.clone();
        move || stopper.stop(STOP_TIMEOUT)
    });
    let address = server.local_addr().to_string();
    output.event(&Line {
        direction: None,
        peer: None,
        event: Event::Listening { address: &address },
    })?;
    output.flush()?;
    let scheme = if args.tls_cert.is_some() { "wss" } else { "ws" };
    output.status(format_args!(
        "listening on {scheme}://{address}/ ({}; Ctrl-C stops)",
        mode_name(args)
    ));

    let ended = Arc::new(Ended::new(stopper, STOP_TIMEOUT));
    let loops = Arc::new(Loops::new(server.config().workers));
    let statistics = server.statistics();
    let programs = recipe.map(|recipe| {
        let recipe = recipe.at_port(Some(server.local_addr().port()));
        let limit = args.pool_size();
        Arc::new(exec::Shared::new(recipe, Arc::clone(&loops), limit))
    });
    let handler = |index| Serving {
        mode: match (args.broadcast, &programs) {
            (Some(audience), _) => Mode::Broadcast(Rooms::new(
                audience,
                index,
                Arc::clone(&loops),
                statistics.clone(),
            )),
            (None, Some(programs)) => {
                Mode::Exec(Programs::new(Arc::clone(programs), index, output.another()))
            }
            (None, None) if args.echo => Mode::Echo,
            (None, None) => Mode::Print,
        },
        reporter: Reporter::new(output.another(), Arc::clone(&ended)),
    };
    let mut running = server.spawn(handler).map_err(|error| failure(&error))?;
    loops.connect(&running);
    let result = running.wait().map_err(|error| failure(&error));
    if let Some(programs) = &programs {
        programs.wait_for_all();
    }
    result?;
    match (ended.take(), signals.received()) {
        (Some(stop), _) => Err(stop),
        (None, Some(Signal::Interrupt)) => Ok(Exit::Interrupted),
        (None, _) => Ok(Exit::Done),
    }
}

/// What the ready line calls the mode.
fn mode_name(args: &ServeArgs) -> &'static str {
    match (args.broadcast, &args.exec) {
        (Some(_), _) => "broadcast",
        (None, Some(_)) => "a program for each connection",
        (None, None) if args.echo => "echo",
        (None, None) => "print",
    }
}

/// One line, one word and one exit code for an error of the server.
fn failure(error: &ws_server::Error) -> Failure {
    let word = error.error_code();
    let exit = match word {
        "usage" => Exit::Usage,
        "resolve" => Exit::Resolve,
        _ => Exit::Other,
    };
    let mut text = error.to_string();
    if let Some(source) = error
        .source()
        .filter(|_| error.kind() != ErrorKind::PortInUse)
    {
        text.push_str(": ");
        text.push_str(&source.to_string());
    }
    if let Some(hint) = error.hint() {
        text.push_str("; ");
        text.push_str(hint);
    }
    Failure::new(exit, word, text)
}

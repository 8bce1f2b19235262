//! `ws serve`: every message printed, sent back, passed on to others or to a program.
//!
//! ```text
//! run ─ guard: who is let in ─ address ─ Server ─ factory: one Serving (handler) a loop ─ reporter ─ stdout, stderr
//!                                                             ├ mode: print, echo, broadcast, exec
//!                                                             └ http: metrics, files, the test page
//! ```

mod address;
mod broadcast;
mod echo;
mod exec;
mod factory;
mod guard;
mod handler;
mod http;
mod loops;
mod print;
mod reporter;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use ws_server::{Config, ErrorKind, ListenAddress, Server};

use self::address::parse_address;
use self::broadcast::Rooms;
use self::exec::Recipe;
use self::factory::Factory;
use self::http::Files;
use self::reporter::Ended;
use crate::args::{Preset, ServeArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Event, Line, Output};
use crate::signals::{Signal, Signals};

/// How long clients may take to answer the Close at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the command until a signal stops it.
pub(crate) fn run(args: &ServeArgs, signals: &Signals, output: &mut Output) -> Result<Exit, Stop> {
    if args.metrics.as_ref() == Some(&args.health) {
        let text = format!(
            "--metrics and --health are both {}; give them two paths",
            args.health
        );
        return Err(Failure::usage(text).into());
    }
    let recipe = Recipe::new(args)?;
    let files = args.files.as_deref().map(Files::new).transpose()?;
    let mut config = Config::default()
        .max_connections(args.pool_size())
        .workers(args.workers)
        .compression(args.compress.map(Preset::config))
        .health_path(args.health.clone());
    if args.broadcast.is_some() {
        config = Rooms::bound(config);
    }
    let server = bind(args, guard::apply(args, config)?)?;
    let stopper = server.stopper();
    signals.on_signal({
        let stopper = stopper.clone();
        move || stopper.stop(STOP_TIMEOUT)
    });
    let (address, url) = shown_address(&server);
    output.event(&Line {
        direction: None,
        peer: None,
        event: Event::Listening { address: &address },
    })?;
    output.flush()?;
    output.status(format_args!(
        "listening on {url} ({}; Ctrl-C stops)",
        mode_name(args)
    ));

    let ended = Arc::new(Ended::new(stopper, STOP_TIMEOUT));
    let factory = Factory::new(args, output, &server, Arc::clone(&ended), recipe, files);
    let mut running = server
        .spawn(|index| factory.handler(index))
        .map_err(|error| failure(&error))?;
    factory.connect(&running);
    let result = running.wait();
    factory.wait_for_programs();
    result.map_err(|error| failure(&error))?;
    match (ended.take(), signals.received()) {
        (Some(stop), _) => Err(stop),
        (None, Some(Signal::Interrupt)) => Ok(Exit::Interrupted),
        (None, _) => Ok(Exit::Done),
    }
}

fn bind(args: &ServeArgs, config: Config) -> Result<Server, Failure> {
    let bound = match &args.unix {
        Some(path) => Server::bind_unix(path, config),
        None => Server::bind(&parse_address(&args.address)?[..], config),
    };
    bound.map_err(|error| failure(&error))
}

/// Where the server listens, in JSON lines and in the ready line.
fn shown_address(server: &Server) -> (String, String) {
    match server.address() {
        ListenAddress::Unix(path) => {
            let address = format!("unix:{}", path.display());
            (address.clone(), address)
        }
        address => {
            let scheme = if server.config().tls.is_some() {
                "wss"
            } else {
                "ws"
            };
            (address.to_string(), format!("{scheme}://{address}/"))
        }
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
